//! The Logs Ingestion API: what arrives, whatever the service does, and who the sender says it is.

use std::process::Command;
use std::time::{Duration, Instant};

use super::servers::{Fault, Proof, Verdict};
use super::{Azure, SECRET, add_findings, ids};
use crate::kit::{AS_OF, JOB, Said};

#[test]
fn the_findings_of_a_run_arrive_once_and_another_run_of_it_sends_nothing() {
    let azure = Azure::new();
    let said = azure.run();
    let count = ids(&azure.dir).len();
    let told = format!("sent to log_analytics: {count} findings in 1 chunk\n");
    assert!(said.succeeds().stdout.contains(&told), "{}", said.stdout);
    azure.all_arrived();
    let row = azure.logs.rows().remove(0).value;
    assert_eq!(row["Job"], "process_execution");
    assert_eq!(row["Activity"], "create");
    assert_eq!(row["TimeGenerated"], "2026-03-11T00:00:00Z");
    assert_eq!(row["EventTime"], "2026-03-10T00:00:00Z");
    assert_eq!(row["DetectStart"], "2026-03-10T00:00:00Z");
    assert_eq!(row["DetectEnd"], "2026-03-11T00:00:00Z");
    let requests = azure.logs.requests().len();
    azure.run().succeeds();
    azure.send().succeeds();
    assert_eq!(azure.logs.requests().len(), requests);
}

#[test]
fn what_the_service_does_not_take_is_sent_again_until_it_does() {
    let azure = Azure::new();
    azure.run().succeeds();
    add_findings(&azure.dir, 3_000, 2_000);
    azure.logs.behave([
        Fault::Status(503),
        Fault::StatusRetryAfter(429, 1),
        Fault::CutBeforeAnswer,
        Fault::StatusRetryAt(429, Duration::from_secs(2)),
        Fault::Status(500),
        Fault::CutMidBody,
        Fault::Slow(Duration::from_millis(300)),
        Fault::Status(408),
    ]);
    azure.send().succeeds();
    azure.all_arrived();
}

#[test]
fn what_was_taken_though_the_answer_was_lost_is_sent_again_with_the_same_ids() {
    let azure = Azure::new();
    azure.logs.behave([Fault::CutAfterAccept]);
    azure.run().succeeds();
    azure.all_arrived();
    assert_eq!(
        azure.logs.all_ids("FindingId").len(),
        2 * ids(&azure.dir).len()
    );
}

#[test]
fn as_long_as_the_service_asks_nothing_is_sent() {
    let azure = Azure::new();
    azure.run().succeeds();
    add_findings(&azure.dir, 3_000, 2_000);
    let before = azure.logs.requests().len();
    // Whatever was under way with the one that is told to wait may come to its end.
    let slow = Fault::Slow(Duration::from_millis(200));
    azure.logs.behave([
        Fault::StatusRetryAfter(429, 3),
        slow.clone(),
        slow.clone(),
        slow,
    ]);
    azure.send().succeeds();
    azure.all_arrived();
    let times: Vec<_> = azure.logs.requests()[before..]
        .iter()
        .map(|request| request.at)
        .collect();
    let since = |time: &Instant| time.duration_since(times[0]);
    let meanwhile = times[4..]
        .iter()
        .filter(|time| since(time) < Duration::from_millis(2_900));
    assert_eq!(
        meanwhile.count(),
        0,
        "{:?}",
        times.iter().map(since).collect::<Vec<_>>()
    );
}

#[test]
fn a_chunk_that_is_too_large_is_halved_and_a_finding_that_is_too_large_is_cut_and_says_so() {
    let azure = Azure::new();
    azure.run().succeeds();
    add_findings(&azure.dir, 3, 200_000);
    azure.logs.behave([Fault::TooLarge, Fault::TooLarge]);
    azure.send().succeeds();
    azure.all_arrived();
    let rows = azure.logs.rows().into_iter().map(|row| row.value);
    let long: Vec<_> = rows
        .filter(|row| row["Computer"].as_str().unwrap().starts_with("host-"))
        .collect();
    assert_eq!(long.len(), 3);
    for row in long {
        let lines = row["CommandLines"].as_array().unwrap();
        assert!(
            lines[0].as_str().unwrap().ends_with(" bytes cut)"),
            "{lines:?}"
        );
    }
}

#[test]
fn a_token_that_is_not_taken_any_more_is_asked_for_anew_once() {
    let azure = Azure::new();
    azure.run().succeeds();
    add_findings(&azure.dir, 5, 10);
    azure.entra.rules().lifetime = Duration::ZERO; // what it gives is never good
    let said = azure.send();
    said.fails(
        4,
        "
        error: not delivered: sink `log_analytics` (5 wait): it answers 401 Unauthorized: [..]
        hint: nothing is lost: `crannog send JOB` and the next run send what waits
        ",
    );
    assert_eq!(
        azure.entra.requests().len(),
        3,
        "one for the run, two for what was sent"
    );
    azure.entra.rules().lifetime = Duration::from_secs(3600);
    azure.send().succeeds();
    assert!(azure.logs.answered_twice("FindingId").is_empty());
}

#[test]
fn a_token_that_is_taken_back_while_chunks_are_sent_costs_one_more() {
    let azure = Azure::new();
    azure.run().succeeds();
    add_findings(&azure.dir, 8_000, 2_000);
    let slow = Fault::Slow(Duration::from_millis(200));
    azure.logs.behave(vec![slow; 8]);
    let sender = azure.command(&["send", JOB]).spawn();
    let before = azure.logs.requests().len();
    while azure.logs.requests().len() < before + 4 {
        std::thread::sleep(Duration::from_millis(5));
    }
    azure.tokens.revoke();
    assert!(sender.unwrap().wait().unwrap().success());
    let mut arrived = azure.logs.all_ids("FindingId");
    arrived.sort();
    arrived.dedup();
    assert_eq!(arrived.len(), ids(&azure.dir).len());
    assert!(
        azure
            .logs
            .refused()
            .iter()
            .all(|why| why.starts_with("401 "))
    );
}

#[test]
fn who_may_not_send_is_told_which_role_is_missing() {
    let azure = Azure::new();
    azure.logs.rules().forbidden = true;
    let said = azure.run();
    assert_eq!(said.code, 4, "{said:#?}");
    assert!(
        said.stderr.contains("it answers 403 Forbidden"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("`Monitoring Metrics Publisher`"),
        "{}",
        said.stderr
    );
    assert!(
        said.stdout.contains("written to out/anomalies"),
        "{}",
        said.stdout
    );
    azure.logs.rules().forbidden = false;
    azure.send().succeeds();
    let requests = azure.logs.requests();
    assert_eq!(requests.len(), 2, "what stays as it is was not tried again");
    assert_eq!(requests[1].verdict, Verdict::Accepted);
}

#[test]
fn a_redirect_is_not_followed() {
    let azure = Azure::new();
    let elsewhere = Azure::new();
    azure
        .logs
        .behave([Fault::Redirect(elsewhere.logs.url().to_owned())]);
    let said = azure.run();
    assert_eq!(said.code, 4);
    assert!(
        said.stderr.contains("a redirect is not followed"),
        "{}",
        said.stderr
    );
    assert!(elsewhere.logs.requests().is_empty());
}

#[test]
fn a_service_whose_certificate_nobody_knows_gets_no_secret() {
    let azure = Azure::new();
    let limit = ["--set", "outbox.timeout=3s"];
    let mut command = azure.command(&[&["run", JOB, "--as-of", AS_OF], limit.as_slice()].concat());
    let said = Said::by(command.env_remove("SSL_CERT_FILE"));
    assert_eq!(said.code, 4);
    assert!(said.stderr.contains("certificate"), "{}", said.stderr);
    assert!(azure.entra.requests().is_empty());
}

/// The run with these variables alone; how many findings arrived.
#[track_caller]
fn arrived_as(azure: &Azure, variables: &[(&str, &str)]) -> usize {
    let mut command = azure.dir.command();
    command.args(["run", JOB, "--as-of", AS_OF]);
    command.env("AZURE_AUTHORITY_HOST", azure.tls.url());
    command.env("SSL_CERT_FILE", azure.tls.certificate());
    command.envs(variables.iter().copied());
    Said::by(&mut command).succeeds();
    azure.all_arrived();
    azure.logs.all_ids("FindingId").len()
}

#[test]
fn a_workload_identity_shows_the_token_that_its_platform_wrote() {
    let azure = Azure::new();
    azure.entra.rules().proof = Proof::Assertion("signed-by-the-cluster".to_owned());
    azure.dir.write("token", "signed-by-the-cluster");
    let token = azure.dir.path("token");
    let variables = [
        ("AZURE_TENANT_ID", "contoso"),
        ("AZURE_CLIENT_ID", "crannog"),
        ("AZURE_FEDERATED_TOKEN_FILE", token.to_str().unwrap()),
    ];
    assert!(arrived_as(&azure, &variables) > 0);
}

#[test]
fn a_managed_identity_is_asked_of_the_service_that_runs_the_job() {
    let azure = Azure::new();
    let endpoint = format!("{}/msi/token", azure.entra.url());
    let variables = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", "identity-header"),
    ];
    assert!(arrived_as(&azure, &variables) > 0);
}

#[test]
fn without_any_other_whoever_is_signed_in_with_the_azure_cli_sends() {
    let azure = Azure::new();
    let token = azure.tokens.issue(Duration::from_secs(600));
    let answer = format!(
        r#"{{"accessToken": "{token}", "expires_on": 4102444800, "expiresOn": "2100-01-01 00:00:00.000000", "tokenType": "Bearer"}}"#
    );
    azure.dir.write(
        "bin/az",
        &format!("#!/bin/sh\ncat <<'END'\n{answer}\nEND\n"),
    );
    let run = Command::new("chmod")
        .arg("+x")
        .arg(azure.dir.path("bin/az"))
        .status();
    assert!(run.unwrap().success());
    azure
        .dir
        .edit_job("stream_name", "credential = \"azure_cli\"\nstream_name");
    let path = format!(
        "{}:{}",
        azure.dir.path("bin").display(),
        std::env::var("PATH").unwrap()
    );
    assert!(arrived_as(&azure, &[("PATH", &path)]) > 0);
}

#[test]
fn a_secret_may_lie_in_a_file_that_a_variable_names() {
    let azure = Azure::new();
    azure.dir.write("secret", &format!("{SECRET}\n"));
    let file = azure.dir.path("secret");
    let variables = [
        ("AZURE_TENANT_ID", "contoso"),
        ("AZURE_CLIENT_ID", "crannog"),
        ("AZURE_CLIENT_SECRET_FILE", file.to_str().unwrap()),
    ];
    assert!(arrived_as(&azure, &variables) > 0);
}
