//! Words for a person, objects for a machine, each on its own stream.

use serde_json::Value;

use crate::kit::{AS_OF, Dir, Event, JOB, Said, batch, event, write_delta};

#[test]
fn a_run_shows_the_strangest_first_and_what_it_did() {
    let dir = Dir::new();
    let said = dir.run(&["--show", "2"]);
    let lines: Vec<_> = said.succeeds().stdout.lines().collect();
    assert!(
        lines[1].contains("interval") && lines[1].contains("anomaly_score"),
        "{}",
        said.stdout
    );
    assert!(
        lines[3].contains("mallory") && lines[3].contains("mimikatz.exe"),
        "{}",
        said.stdout
    );
    assert_eq!(
        lines.iter().filter(|line| line.starts_with('│')).count(),
        3,
        "a head and two findings"
    );
    assert_eq!(
        lines[6],
        "10 findings from 2026-03-10 00:00 to 2026-03-11 00:00 (UTC), of 28 rows judged in all (25 anomalies: anomaly_score above 0.5000)"
    );
    assert_eq!(lines[7], "written to out/anomalies, version 2");
    assert!(lines[8].starts_with("run "), "{}", said.stdout);
}

#[test]
fn a_run_can_be_told_to_show_nothing() {
    let dir = Dir::new();
    let said = dir.run(&["--show", "0"]);
    assert!(!said.succeeds().stdout.contains('│'), "{}", said.stdout);
}

#[test]
fn a_run_tells_a_machine_one_object_and_nothing_else() {
    let dir = Dir::new();
    let said = dir.run(&["--format", "json"]);
    let report: Value = serde_json::from_str(&said.succeeds().stdout).unwrap();
    assert_eq!(said.stdout.lines().count(), 1);
    assert_eq!(report["job"], "process_execution");
    assert_eq!(report["as_of"], "2026-03-11T00:00:00Z");
    assert_eq!(report["detect_start"], "2026-03-10T00:00:00Z");
    assert_eq!(report["sources"][0]["version"], "0");
    assert_eq!(report["sinks"][0]["version"], 2);
    assert_eq!(report["isolation_forest"]["n_estimators"], 100);
    assert_eq!(report["isolation_forest"]["n_samples"], 28);
    assert_eq!(report["findings"], dir.findings().rows.len());
    assert_eq!(report["run_id"], dir.findings().rows[0]["run_id"]);
}

#[test]
fn the_report_lies_beside_the_output_table() {
    let dir = Dir::new();
    let said = dir.run(&["--format", "json"]);
    let said: Value = serde_json::from_str(&said.succeeds().stdout).unwrap();
    let kept = std::fs::read_to_string(dir.path("out/run_results.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), said);
}

#[test]
fn a_log_for_a_machine_has_one_object_a_line_for_each_stage() {
    let dir = Dir::new();
    let said = dir.run(&["--log-format", "json"]);
    assert_eq!(said.code, 0);
    let lines: Vec<Value> = said
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let stages: Vec<_> = lines
        .iter()
        .filter_map(|line| line["stage"].as_str())
        .collect();
    assert_eq!(
        stages,
        [
            "grouped",
            "computers",
            "accounts",
            "account_types",
            "processes",
            "indexed",
            "order by keys",
            "isolation forest",
            "anomalies",
            "evidence",
            "write"
        ]
    );
}

#[test]
fn an_error_in_a_log_for_a_machine_is_an_object_too() {
    let dir = Dir::without_events();
    let said = dir.run(&["--log-format", "json"]);
    assert_eq!(
        (said.code, said.stderr.lines().count()),
        (3, 1),
        "{}",
        said.stderr
    );
    let line: Value = serde_json::from_str(&said.stderr).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(
        line["message"],
        "source `process_execution` at `data/process_execution`: there is no Delta table"
    );
    assert!(
        line["hint"]
            .as_str()
            .unwrap()
            .starts_with("look at `location`"),
        "{line}"
    );
}

#[test]
fn check_tells_what_would_be_read() {
    let dir = Dir::new();
    let said = dir.check(&[]);
    let lines: Vec<_> = said.succeeds().stdout.lines().collect();
    assert!(
        lines[0].starts_with("process_execution  data/process_execution  version 0  1 file  "),
        "{}",
        said.stdout
    );
    assert_eq!(
        lines[1],
        "jobs/process_execution.toml: process_execution is in order"
    );
    dir.findings_are_as_before();
}

#[test]
fn check_reads_no_data() {
    let dir = Dir::new();
    std::fs::remove_file(dir.data_file()).unwrap();
    dir.check(&[]).succeeds();
    assert_eq!(dir.run(&[]).code, 3);
}

#[test]
fn words_of_an_attacker_cannot_move_the_terminal() {
    let dir = Dir::without_events();
    let evil = Event {
        account: Some("root\u{1b}[2J\u{1b}]0;owned\u{7}"),
        command_line: Some("calc\u{202e}fdp.exe\r\nERROR: all is well\u{200b}\u{0}"),
        ..event("2026-03-10T23:00:00Z", "db-1", "", "evil\u{9b}31m.exe")
    };
    let mut events = vec![evil; 30];
    events.extend((0..9).map(|hour| {
        event(
            &format!("2026-03-09T{hour:02}:00:00Z"),
            "web-1",
            "alice",
            "cmd.exe",
        )
    }));
    events.push(event("2026-03-10T01:00:00Z", "web-1", "alice", "cmd.exe"));
    write_delta(&dir.events(), &batch(&events), &[]);
    let shown = [
        dir.run(&["--set", "isolation_forest.contamination=0.4"]),
        dir.crannog(&[
            "query",
            "SELECT * FROM process_execution",
            "--job",
            JOB,
            "--as-of",
            AS_OF,
        ]),
    ];
    for said in shown {
        let text = &said.succeeds().stdout;
        assert!(text.contains("evil"), "{text}");
        let harmful = |c: char| {
            (c.is_control() && c != '\n')
                || ('\u{200b}'..='\u{200f}').contains(&c)
                || ('\u{202a}'..='\u{202e}').contains(&c)
        };
        assert!(!text.contains(harmful), "{text:?}");
        assert!(
            !text.lines().any(|line| line.starts_with("ERROR")),
            "{text}"
        );
    }
}

#[test]
fn words_of_an_attacker_cannot_hide_in_an_error() {
    let dir = Dir::without_events();
    let evil = event(
        "2026-03-10T23:00:00Z",
        "db-1",
        "alice",
        "evil\u{1b}[31m\u{202e}.exe",
    );
    write_delta(
        &dir.events(),
        &batch(&[
            evil.clone(),
            Event {
                account: Some("bob"),
                ..evil
            },
        ]),
        &[],
    );
    let keys = "features.keys=[\"interval\", \"Computer\", \"Process\"]";
    let said = dir.run(&["--set", keys]);
    assert_eq!(said.code, 3);
    assert!(
        said.stderr
            .contains("Process = evil\\u{1b}[31m\\u{202e}.exe"),
        "{}",
        said.stderr
    );
    assert!(
        !said.stderr.contains(['\u{1b}', '\u{202e}']),
        "{}",
        said.stderr
    );
}

#[test]
fn help_and_version_are_results() {
    let dir = Dir::bare();
    for (word, text) in [
        ("--help", "SQL-defined anomaly detection"),
        ("--version", "crannog "),
    ] {
        let said = dir.crannog(&[word]);
        assert!(said.succeeds().stdout.starts_with(text), "{}", said.stdout);
    }
    let said: Said = dir.crannog(&["rum"]);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    assert!(said.stderr.contains("run"), "{}", said.stderr);
}
