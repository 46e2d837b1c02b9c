//! A hundred thousand findings, and senders that are killed: none is lost, and none that was answered for is sent twice.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::servers::Fault;
use super::{Azure, add_findings};
use crate::kit::{AS_OF, JOB};

const MANY: usize = 100_000;

/// What the days of such a service are like.
const BAD_DAY: [(f64, Fault); 6] = [
    (0.05, Fault::Status(503)),
    (0.05, Fault::StatusRetryAfter(429, 1)),
    (0.04, Fault::Status(429)),
    (0.03, Fault::TooLarge),
    (0.04, Fault::CutMidBody),
    (0.04, Fault::CutBeforeAnswer),
];

#[test]
fn a_hundred_thousand_findings_arrive_on_a_bad_day() {
    let azure = Azure::new();
    azure.run().succeeds();
    add_findings(&azure.dir, MANY, 100);
    azure.logs.behave_by_chance(11, BAD_DAY);
    let said = azure.send();
    // A chunk that failed six times waits for the next call.
    for _ in 0..5 {
        if said.code == 0 || azure.send().code == 0 {
            break;
        }
    }
    azure.all_arrived();
    assert!(azure.logs.rows().len() > MANY);
}

#[test]
fn senders_that_are_killed_lose_nothing() {
    let azure = Azure::new();
    azure.run().succeeds();
    add_findings(&azure.dir, 40_000, 2_800);
    azure
        .logs
        .behave_by_chance(12, [(1.0, Fault::Slow(Duration::from_millis(30)))]);
    let mut killed = 0;
    for part in 1..=6_u64 {
        let mut sender = azure.command(&["send", JOB]);
        let mut sender = quiet(&mut sender).spawn().unwrap();
        let before = azure.logs.requests().len();
        // The first look takes its time; then it is at any moment of sending.
        let patience = Instant::now() + Duration::from_secs(60);
        while azure.logs.requests().len() <= before && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(97 * part % 400));
        let _ = sender.kill();
        killed += usize::from(!sender.wait().unwrap().success());
    }
    assert_eq!(killed, 6);
    azure.logs.behave(None::<Fault>);
    azure.send().succeeds();
    let mut arrived = azure.logs.all_ids("FindingId");
    let all = arrived.len();
    arrived.sort();
    arrived.dedup();
    assert_eq!(
        arrived.len(),
        super::ids(&azure.dir).len(),
        "some were lost"
    );
    // What was answered for in the moment of a kill was not noted: four requests and what one commit of the outbox notes, of
    // some hundred and fifty.
    let rows_of_a_chunk = all / azure.logs.requests().len();
    assert!(
        azure.logs.requests().len() > 120,
        "{}",
        azure.logs.requests().len()
    );
    let again = (all - arrived.len()) / rows_of_a_chunk;
    assert!(
        again <= killed * 10,
        "{again} chunks came again after {killed} kills"
    );
    assert_eq!(azure.logs.refused(), [""; 0]);
    assert_eq!(azure.logs.violations(), []);
}

#[test]
fn a_run_that_is_killed_around_the_outboxs_commit_leaves_its_findings_to_the_next_call() {
    for point in [
        "before the findings' commit",
        "after the findings' commit",
        "before the outbox's commit",
        "after the outbox's commit",
    ] {
        let azure = Azure::new();
        // The outbox knows the sink, and nothing of the 10th.
        let before = ["run", JOB, "--as-of", "2026-03-10T00:00:00Z"];
        assert!(
            quiet(&mut azure.command(&before))
                .status()
                .unwrap()
                .success()
        );
        let mut run = azure.command(&["run", JOB, "--as-of", AS_OF]);
        let died = quiet(run.env("CRANNOG_FAULT", point)).status().unwrap();
        assert_eq!(died.code(), None, "no run came to {point:?}");
        if point == "before the findings' commit" {
            azure.run().succeeds();
        } else {
            azure.send().succeeds();
        }
        let days = azure
            .logs
            .rows()
            .into_iter()
            .map(|row| row.value["EventTime"].clone());
        let mut days: Vec<_> = days
            .map(|day| day.as_str().unwrap()[..10].to_owned())
            .collect();
        days.sort();
        days.dedup();
        assert_eq!(days, ["2026-03-09", "2026-03-10"], "after {point:?}");
        assert_eq!(
            azure.logs.answered_twice("FindingId"),
            [""; 0],
            "after {point:?}"
        );
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdout(Stdio::null()).stderr(Stdio::null())
}
