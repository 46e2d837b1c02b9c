//! Data Collector API, webhooks, files and stdout.

use super::servers::{DataCollector, Fault, Server, Shape, Webhook};
use super::{add_findings, ids, send_to};
use crate::kit::{AS_OF, Dir, JOB, Said, read_parquet};

/// The workspace's key of the published test vector.
const KEY: &str =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A run with a secret in the environment.
fn run(dir: &Dir, variable: &str, secret: &str) -> Said {
    let mut command = dir.command();
    command.args(["run", JOB, "--as-of", AS_OF]);
    Said::by(command.env(variable, secret))
}

#[track_caller]
fn arrived(dir: &Dir, mut arrived: Vec<String>) {
    let mut expected = ids(dir);
    expected.sort();
    arrived.sort();
    assert_eq!(arrived, expected);
}

#[test]
fn the_data_collector_takes_what_is_signed_and_the_run_warns_that_its_support_has_ended() {
    let service = Server::start(DataCollector::new("workspace", KEY));
    let dir = Dir::new();
    send_to(
        &dir,
        &format!(
            "type = \"log_analytics_legacy\"\nworkspace_id = \"workspace\"\nshared_key = \"${{env:WORKSPACE_KEY}}\"\nendpoint = \"{}\"",
            service.url()
        ),
    );
    let said = run(&dir, "WORKSPACE_KEY", KEY);
    assert_eq!(said.code, 0, "{said:#?}");
    assert!(
        said.stderr
            .contains("support of the HTTP Data Collector API ended"),
        "{}",
        said.stderr
    );
    arrived(&dir, service.all_ids("FindingId"));
    assert_eq!(service.refused(), [""; 0]);
    assert_eq!(service.violations(), []);
    let request = service.requests().remove(0);
    assert_eq!(
        request.header("Log-Type").as_deref(),
        Some("AnomalousProcessExecutionResult")
    );
    assert_eq!(
        request.header("time-generated-field").as_deref(),
        Some("AsOf")
    );
}

#[test]
fn a_webhook_gets_an_array_or_an_object_signed_with_headers_of_its_own() {
    for (batch, shape) in [("array", Shape::Array), ("one", Shape::Object)] {
        let service = Webhook::new(WHSEC, shape)
            .demanding("X-Api-Key", "blue")
            .deduping();
        let service = Server::start(service);
        let dir = Dir::new();
        send_to(
            &dir,
            &format!(
                "type = \"webhook\"\nurl = \"{}/hook\"\nbatch = \"{batch}\"\nsecret = \"${{env:HOOK}}\"\nheaders = {{ X-Api-Key = \"${{env:HOOK_KEY}}\" }}",
                service.url()
            ),
        );
        // The answer is lost: the receiver keeps one of two that have the same `webhook-id`.
        service.behave([Fault::CutAfterAccept]);
        let mut command = dir.command();
        command.args(["run", JOB, "--as-of", AS_OF]);
        let said = Said::by(command.env("HOOK", WHSEC).env("HOOK_KEY", "blue"));
        said.succeeds();
        arrived(&dir, service.all_ids("finding_id"));
        assert_eq!(service.refused(), [""; 0]);
    }
}

#[test]
fn files_of_json_lines_and_parquet_hold_each_finding_once_however_often_it_is_sent() {
    let dir = Dir::new();
    send_to(&dir, "type = \"ndjson\"\nlocation = \"../out/lines\"");
    send_to(
        &dir,
        "type = \"parquet\"\nlocation = \"../out/rows\"\nshape = \"sentinel_anomalies\"",
    );
    dir.run(&[]).succeeds();
    add_findings(&dir, 100, 20);
    // What became of the chunks is not noted, as when the sender is killed: they are sent again.
    dir.crannog(&["send", JOB, "--list"]).succeeds();
    let outbox = dir.path("out/outbox");
    let log = std::fs::read_dir(outbox.join("_delta_log"))
        .unwrap()
        .count();
    dir.crannog(&["send", JOB]).succeeds();
    for entry in std::fs::read_dir(outbox.join("_delta_log"))
        .unwrap()
        .map(Result::unwrap)
    {
        let name = entry.file_name().into_string().unwrap();
        let version = name.trim_end_matches(".json").parse::<usize>();
        if version.is_ok_and(|version| version >= log) {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    let said = dir.crannog(&["send", JOB]);
    assert!(
        said.succeeds()
            .stdout
            .contains("sent to ndjson: 100 findings"),
        "{}",
        said.stdout
    );
    let files = |folder: &str| {
        let entries = std::fs::read_dir(dir.path(folder)).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    let lines = files("out/lines").into_iter().flat_map(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        text.lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .collect::<Vec<_>>()
    });
    let id = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap().to_owned();
    arrived(&dir, lines.map(|row| id(&row, "finding_id")).collect());
    let rows = files("out/rows")
        .into_iter()
        .flat_map(|file| read_parquet(&file));
    arrived(&dir, rows.map(|row| id(&row, "FindingId")).collect());
}

#[test]
fn stdout_takes_the_findings_and_what_there_is_to_say_goes_to_stderr() {
    let dir = Dir::new();
    send_to(&dir, "type = \"ndjson\"\nlocation = \"-\"");
    let said = dir.run(&[]);
    assert_eq!(said.code, 0, "{said:#?}");
    let rows = said
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    arrived(
        &dir,
        rows.map(|row| row["finding_id"].as_str().unwrap().to_owned())
            .collect(),
    );
    assert!(said.stderr.contains("sent to ndjson: "), "{}", said.stderr);
}
