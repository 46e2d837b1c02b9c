//! The outbox: what is not delivered waits, and no sink holds another back.

use super::servers::{Fault, Server, Shape, Webhook};
use super::{add_findings, ids, send_to};
use crate::kit::{AS_OF, Dir, JOB, batch, event, usual, write_delta};

const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A job that sends to a webhook without a secret, and one that does not answer.
fn hooked() -> (Server<Webhook>, Dir) {
    let service = Server::start(Webhook::new(WHSEC, Shape::Array));
    let dir = Dir::new();
    send_to(&dir, &hook("webhook", &service));
    (service, dir)
}

fn hook(name: &str, service: &Server<Webhook>) -> String {
    format!(
        "name = \"{name}\"\ntype = \"webhook\"\nurl = \"{}/hook\"\nsecret = \"${{env:HOOK}}\"",
        service.url()
    )
}

fn crannog(dir: &Dir, words: &[&str]) -> crate::kit::Said {
    crate::kit::Said::by(dir.command().args(words).env("HOOK", WHSEC))
}

#[test]
fn a_sink_that_fails_holds_no_other_back_and_loses_nothing() {
    let (good, dir) = hooked();
    let bad = Server::start(Webhook::new(WHSEC, Shape::Array));
    send_to(&dir, &hook("down", &bad));
    bad.behave_by_chance(1, [(1.0, Fault::Status(400))]);
    let run = ["run", JOB, "--as-of", AS_OF];
    let said = crannog(&dir, &run);
    assert_eq!(said.code, 4, "{said:#?}");
    assert!(said.stdout.contains("sent to webhook: "), "{}", said.stdout);
    assert_eq!(good.all_ids("finding_id").len(), ids(&dir).len());
    let list = crannog(&dir, &["send", JOB, "--list"]);
    let list = &list.succeeds().stdout;
    assert!(
        list.starts_with("down  ") && list.contains("1 failure, the last: it answers 400"),
        "{list}"
    );
    // The next run sends what waits, though it finds nothing new.
    bad.behave(None::<Fault>);
    crannog(&dir, &run).succeeds();
    assert_eq!(bad.all_ids("finding_id").len(), ids(&dir).len());
    assert_eq!(good.requests().len(), 1);
    assert_eq!(
        crannog(&dir, &["send", JOB, "--list"]).succeeds().stdout,
        "nothing waits\n"
    );
}

#[test]
fn a_finding_that_changed_is_sent_as_an_update_and_one_that_did_not_is_not() {
    let (service, dir) = hooked();
    crannog(&dir, &["run", JOB, "--as-of", AS_OF]).succeeds();
    let before = service.rows().len();
    assert!(before > 1);
    // One command line more: that finding says something else, and scores may move.
    let late = event("2026-03-10T22:00:00Z", "db-1", "mallory", "mimikatz.exe");
    let late = batch(&[crate::kit::Event {
        command_line: Some("mimikatz.exe sekurlsa::logonpasswords"),
        ..late
    }]);
    crate::kit::append(&dir.events(), &late);
    crannog(&dir, &["run", JOB, "--as-of", AS_OF]).succeeds();
    let rows = service.rows();
    let again: Vec<_> = rows[before..].iter().map(|row| &row.value).collect();
    let mimikatz: Vec<_> = again
        .iter()
        .filter(|row| row["Process"] == "mimikatz.exe")
        .collect();
    assert_eq!(mimikatz.len(), 1, "{again:#?}");
    assert_eq!(mimikatz[0]["activity"], "update");
    let first = rows[..before]
        .iter()
        .find(|row| row.value["Process"] == "mimikatz.exe");
    assert_eq!(
        first.unwrap().value["finding_id"],
        mimikatz[0]["finding_id"]
    );
}

#[test]
fn a_finding_that_says_again_what_it_said_before_is_sent_again() {
    let (service, dir) = hooked();
    let late = event("2026-03-10T22:00:00Z", "db-1", "mallory", "mimikatz.exe");
    crate::kit::append(&dir.events(), &batch(&[late]));
    for version in [0, 1, 0, 0] {
        let version = format!("sources.process_execution.version={version}");
        crannog(&dir, &["run", JOB, "--as-of", AS_OF, "--set", &version]).succeeds();
    }
    let rows = service.rows().into_iter().map(|row| row.value);
    let counts = rows
        .filter(|row| row["Process"] == "mimikatz.exe")
        .map(|row| row["count"].clone());
    assert_eq!(counts.collect::<Vec<_>>(), [40, 41, 40]);
}

#[test]
fn a_table_that_is_made_anew_sends_nothing_twice_and_loses_nothing() {
    let service = Server::start(Webhook::new(WHSEC, Shape::Array));
    let dir = Dir::bare();
    write_delta(&dir.events(), &usual(), &[]);
    send_to(&dir, &hook("webhook", &service));
    let nights = ["2026-03-10T00:00:00Z", AS_OF];
    let mut found = Vec::new();
    // The second table comes to the version that the first one had.
    for night in nights {
        crannog(&dir, &["run", JOB, "--as-of", night]).succeeds();
        found.extend(ids(&dir));
        let gone = dir.path(&format!("out/{}", &night[..10]));
        std::fs::rename(dir.path("out/anomalies"), gone).unwrap();
    }
    crannog(&dir, &["run", JOB, "--as-of", nights[0]]).succeeds();
    let mut sent = service.all_ids("finding_id");
    sent.sort();
    found.sort();
    assert_eq!(sent, found);
}

#[test]
fn what_was_said_later_of_a_finding_does_not_come_before_what_was_not_taken() {
    let (service, dir) = hooked();
    let late = event("2026-03-10T22:00:00Z", "db-1", "mallory", "mimikatz.exe");
    crate::kit::append(&dir.events(), &batch(&[late]));
    service.behave_by_chance(1, [(1.0, Fault::Status(400))]);
    for version in [0, 1] {
        let version = format!("sources.process_execution.version={version}");
        let said = crannog(&dir, &["run", JOB, "--as-of", AS_OF, "--set", &version]);
        assert_eq!(said.code, 4);
        // The first chunk is refused; the second one may be taken, and waits for the first.
        service.behave([Fault::Status(400)]);
    }
    service.behave(None::<Fault>);
    crannog(&dir, &["send", JOB]).succeeds();
    let rows = service.rows().into_iter().map(|row| row.value);
    let counts = rows
        .filter(|row| row["Process"] == "mimikatz.exe")
        .map(|row| row["count"].clone());
    assert_eq!(counts.collect::<Vec<_>>(), [40, 41]);
}

#[test]
fn a_service_that_fails_for_one_chunk_alone_gets_the_others() {
    let (service, dir) = hooked();
    crannog(&dir, &["run", JOB, "--as-of", AS_OF]).succeeds();
    add_findings(&dir, 3_000, 1_000);
    service.behave([Fault::Status(403), Fault::Status(400)]);
    let said = crannog(&dir, &["send", JOB]);
    assert_eq!(said.code, 4, "{said:#?}");
    let there = service.all_ids("finding_id").len();
    let all = ids(&dir).len();
    assert!(there > all / 4 && there < all, "{there} of {all}");
    crannog(&dir, &["send", JOB]).succeeds();
    assert_eq!(service.answered_twice("finding_id"), [""; 0]);
    assert_eq!(service.all_ids("finding_id").len(), all);
}

#[test]
fn a_shape_that_fails_on_the_findings_holds_no_other_sink_back() {
    let (service, dir) = hooked();
    dir.write(
        "sql/bad.sql",
        "SELECT finding_id AS _finding_id, arrow_cast(\"Account\", 'Int32') AS number FROM findings",
    );
    send_to(
        &dir,
        "name = \"bad\"\ntype = \"ndjson\"\nlocation = \"../out/bad\"\nshape = \"../sql/bad.sql\"",
    );
    let said = crannog(&dir, &["run", JOB, "--as-of", AS_OF]);
    assert_eq!(said.code, 4, "{said:#?}");
    assert!(said.stderr.contains("sink `bad`"), "{}", said.stderr);
    assert_eq!(service.rows().len(), ids(&dir).len());
    dir.write(
        "sql/bad.sql",
        "SELECT finding_id AS _finding_id, \"Account\" FROM findings",
    );
    crannog(&dir, &["send", JOB]).succeeds();
    assert_eq!(std::fs::read_dir(dir.path("out/bad")).unwrap().count(), 1);
}

#[test]
fn what_waits_for_a_sink_that_the_job_has_not_any_more_is_told() {
    let (service, dir) = hooked();
    crannog(&dir, &["run", JOB, "--as-of", AS_OF, "--no-send"]).succeeds();
    dir.edit_job("name = \"webhook\"", "name = \"hook\"");
    let said = crannog(&dir, &["send", JOB]);
    assert_eq!(said.code, 0, "{said:#?}");
    assert!(
        said.stderr
            .contains("findings wait for the sink `webhook`, which the job has not"),
        "{}",
        said.stderr
    );
    assert!(service.requests().is_empty());
}

#[test]
fn a_sink_that_is_new_gets_what_is_found_from_then_on() {
    let dir = Dir::new();
    crannog(&dir, &["run", JOB, "--as-of", AS_OF]).succeeds();
    let service = Server::start(Webhook::new(WHSEC, Shape::Array));
    send_to(&dir, &hook("webhook", &service));
    crannog(&dir, &["run", JOB, "--as-of", "2026-03-10T00:00:00Z"]).succeeds();
    let rows = service.rows();
    assert!(!rows.is_empty());
    assert!(
        rows.iter().all(|row| row.value["date"] == "2026-03-09"),
        "{rows:#?}"
    );
}

#[test]
fn what_a_run_leaves_for_later_is_sent_by_send_and_to_one_sink_alone_if_that_is_asked() {
    let (one, dir) = hooked();
    let two = Server::start(Webhook::new(WHSEC, Shape::Array));
    send_to(&dir, &hook("two", &two));
    crannog(&dir, &["run", JOB, "--as-of", AS_OF, "--no-send"]).succeeds();
    assert!(one.requests().is_empty() && two.requests().is_empty());
    crannog(&dir, &["send", JOB, "--sink", "two"]).succeeds();
    assert!(one.requests().is_empty());
    assert_eq!(two.rows().len(), ids(&dir).len());
    crannog(&dir, &["send", JOB]).succeeds();
    assert_eq!(one.rows().len(), ids(&dir).len());
    assert_eq!(two.rows().len(), ids(&dir).len());
    crannog(&dir, &["send", JOB, "--sink", "three"]).fails(
        2,
        "
        error: outbox `out/outbox`: the job has no sink `three` that findings are sent to
        hint: a sink's name is its `name`, or its `type` where it has none
        ",
    );
}

#[test]
fn a_chunk_that_is_never_taken_can_be_given_up() {
    let (service, dir) = hooked();
    service.behave_by_chance(1, [(1.0, Fault::Status(400))]);
    assert_eq!(crannog(&dir, &["run", JOB, "--as-of", AS_OF]).code, 4);
    let list = crannog(&dir, &["send", JOB, "--list", "--format", "json"]).stdout;
    let waiting: serde_json::Value = serde_json::from_str(&list).unwrap();
    let chunk = waiting["chunk"].as_str().unwrap();
    let said = crannog(&dir, &["send", JOB, "--discard", &chunk[..8]]);
    assert!(
        said.succeeds().stdout.starts_with("given up: webhook"),
        "{}",
        said.stdout
    );
    let requests = service.requests().len();
    crannog(&dir, &["send", JOB]).succeeds();
    assert_eq!(service.requests().len(), requests);
    crannog(&dir, &["send", JOB, "--discard", chunk]).fails(
        2,
        &format!("error: outbox `out/outbox`: no chunk that waits has the id `{chunk}`\nhint: `crannog send JOB --list` names those that wait"),
    );
}

#[test]
fn two_that_send_at_once_send_nothing_twice() {
    let (service, dir) = hooked();
    crannog(&dir, &["run", JOB, "--as-of", AS_OF]).succeeds();
    add_findings(&dir, 5_000, 500);
    service.behave_by_chance(
        3,
        [(0.5, Fault::Slow(std::time::Duration::from_millis(100)))],
    );
    let send = || {
        dir.command()
            .args(["send", JOB])
            .env("HOOK", WHSEC)
            .spawn()
            .unwrap()
    };
    let started: Vec<_> = (0..3).map(|_| send()).collect();
    for mut one in started {
        assert!(one.wait().unwrap().success());
    }
    assert_eq!(service.answered_twice("finding_id"), [""; 0]);
    assert_eq!(service.rows().len(), ids(&dir).len());
}

#[test]
fn maintain_keeps_the_outbox_small_and_what_it_knows() {
    let (service, dir) = hooked();
    crannog(&dir, &["run", JOB, "--as-of", AS_OF]).succeeds();
    let said = crannog(&dir, &["maintain", JOB, "--retention", "0s"]);
    assert!(
        said.succeeds().stdout.contains("out/outbox: "),
        "{}",
        said.stdout
    );
    let states = crate::kit::read_delta(&dir.path("out/outbox")).rows;
    assert_eq!(states.len(), 1, "{states:#?}");
    assert_eq!(states[0]["state"], "delivered");
    crannog(&dir, &["run", JOB, "--as-of", AS_OF]).succeeds();
    assert_eq!(service.requests().len(), 1);
}
