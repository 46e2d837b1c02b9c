//! Windows event logs: which events become rows, and what their columns hold.

use std::fs;

use serde_json::{Value as Json, json};

use crate::kit::event_log::{
    HEADER, LoggedEvent, event_log, leave_open, seal, security_4624, security_4688, sysmon_1, text,
};
use crate::kit::{Dir, Value, batch, event, write_delta};

const TIME: &str = "2026-03-10T09:15:00.1234567Z";
const CMD: &str = r"C:\Windows\System32\cmd.exe";

/// A folder whose job reads event logs from `data/logs`.
fn dir() -> Dir {
    let dir = Dir::without_events();
    dir.edit_job(
        "\"delta\"\nlocation = \"../data/process_execution\"",
        "\"evtx\"\nlocation = \"../data/logs\"",
    );
    dir
}

fn write(dir: &Dir, name: &str, chunks: &[&[LoggedEvent]]) {
    dir.write(&format!("data/logs/{name}"), "");
    fs::write(dir.path(&format!("data/logs/{name}")), event_log(chunks)).unwrap();
}

/// These columns of all rows, from one log with these events.
#[track_caller]
fn rows(events: &[LoggedEvent], columns: &str) -> Vec<Json> {
    let dir = dir();
    write(&dir, "Security.evtx", &[events]);
    dir.query(&format!(
        "SELECT {columns} FROM process_execution ORDER BY EventRecordID"
    ))
}

const SIX: &str = "TimeGenerated, Account, AccountType, Computer, Process, CommandLine";

#[test]
fn a_4688_of_the_security_log_is_a_row() {
    let start = security_4688(TIME, "ws-1.contoso.com", "alice", CMD, "cmd.exe /c whoami");
    assert_eq!(
        rows(&[start], SIX),
        [json!({
            "TimeGenerated": "2026-03-10T09:15:00.123456Z",
            "Account": r"CONTOSO\alice",
            "AccountType": "User",
            "Computer": "ws-1.contoso.com",
            "Process": "cmd.exe",
            "CommandLine": "cmd.exe /c whoami",
        })]
    );
}

#[test]
fn a_1_of_sysmon_is_a_row() {
    let ping = r"C:\Windows\SysWOW64\PING.EXE";
    let start = sysmon_1(
        TIME,
        "WS-1",
        r"NT AUTHORITY\SYSTEM",
        ping,
        "ping  -n 6 ::1 ",
    );
    assert_eq!(
        rows(&[start], SIX),
        [json!({
            "TimeGenerated": "2026-03-10T09:15:00.123456Z",
            "Account": r"NT AUTHORITY\SYSTEM",
            "AccountType": "Machine",
            "Computer": "WS-1",
            "Process": "PING.EXE",
            "CommandLine": "ping  -n 6 ::1 ",
        })]
    );
}

#[test]
fn an_event_of_another_kind_is_left_out() {
    let start = security_4688(TIME, "ws-1", "alice", CMD, "cmd.exe");
    let of_another = LoggedEvent {
        provider: "Acme",
        ..start.clone()
    };
    let end = LoggedEvent {
        id: 5,
        ..sysmon_1(TIME, "ws-1", "alice", CMD, "")
    };
    let events = [security_4624(TIME, "ws-1"), of_another, start, end];
    let left = rows(
        &events,
        "EventRecordID, EventID, Provider, Channel, _source_file",
    );
    assert_eq!(
        left,
        [json!({
            "EventRecordID": 3,
            "EventID": 4688,
            "Provider": "Microsoft-Windows-Security-Auditing",
            "Channel": "Security",
            "_source_file": "Security.evtx",
        })]
    );
}

#[test]
fn what_is_left_out_is_counted() {
    let dir = dir();
    let events = [1, 2, 3].map(|_| security_4624(TIME, "ws-1"));
    write(&dir, "Security.evtx", &[&events]);
    let plan = dir.query("EXPLAIN ANALYZE SELECT Account FROM process_execution");
    let plan = plan[0]["plan"].as_str().unwrap();
    assert!(plan.contains("records_left_out=3"), "{plan}");
}

#[test]
fn computers_and_services_of_windows_are_machines() {
    let accounts = [
        (r"CONTOSO\WS-1$", "Machine"),
        (r"NT AUTHORITY\SYSTEM", "Machine"),
        (r"nt authority\Local Service", "Machine"),
        (r"NT AUTHORITY\NETWORK SERVICE", "Machine"),
        (r"NT SERVICE\MSSQLSERVER", "Machine"),
        (r"Font Driver Host\UMFD-0", "Machine"),
        (r"Window Manager\DWM-1", "Machine"),
        (r"NT AUTHORITY\ANONYMOUS LOGON", "User"),
        (r"CONTOSO\SYSTEM", "User"),
        (r"CONTOSO\svc_sql$01", "User"),
        (r"Ünïted\Ällan", "User"),
    ];
    let starts = accounts.map(|(account, _)| sysmon_1(TIME, "ws-1", account, CMD, ""));
    let expected = accounts.map(|(name, kind)| json!({"Account": name, "AccountType": kind}));
    assert_eq!(rows(&starts, "Account, AccountType"), expected);
}

#[test]
fn who_is_nobody_stays_nobody() {
    let start = security_4688(TIME, "ws-1", "-", "Registry", "");
    let start = start.with("SubjectDomainName", text("-"));
    assert_eq!(
        rows(&[start], "Account, AccountType, Process, CommandLine"),
        [
            json!({"Account": r"-\-", "AccountType": "User", "Process": "Registry", "CommandLine": ""})
        ]
    );
}

#[test]
fn a_command_line_that_windows_did_not_log_is_empty() {
    let start = security_4688(TIME, "ws-1", "alice", CMD, "cmd.exe");
    let starts = [
        start.clone().without("CommandLine"),
        start.with("CommandLine", Value::Null),
    ];
    let empty = json!({"CommandLine": ""});
    assert_eq!(rows(&starts, "CommandLine"), [empty.clone(), empty]);
}

#[test]
fn text_of_any_script_is_kept() {
    let path = r"C:\Användare\Ωμέγα\программа 🦀.exe";
    let line = "\u{202e}exe.fdp\" <b>&amp; 'a' \\\" \t 日本語 \u{1b}[31m";
    let start = security_4688(TIME, "ws-1", "Łukasz", path, line);
    assert_eq!(
        rows(&[start], "Account, Process, CommandLine"),
        [json!({"Account": r"CONTOSO\Łukasz", "Process": "программа 🦀.exe", "CommandLine": line})]
    );
}

#[test]
fn half_a_character_of_utf_16_is_no_reason_to_lose_an_event() {
    let dir = dir();
    let mut log = event_log(&[&[security_4688(TIME, "ws-1", "alice", CMD, "cmd.exe 🦀")]]);
    let crab: Vec<_> = "🦀".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let at = log.windows(4).position(|bytes| bytes == crab).unwrap();
    log[at + 2..at + 4].copy_from_slice(b"!\0");
    seal(&mut log, 0);
    dir.write("data/logs/Security.evtx", "");
    fs::write(dir.path("data/logs/Security.evtx"), log).unwrap();
    let rows = dir.query("SELECT CommandLine FROM process_execution");
    assert_eq!(rows, [json!({"CommandLine": "cmd.exe \u{fffd}!"})]);
}

#[test]
fn the_fields_of_an_event_are_columns_by_their_own_names() {
    let starts = [
        security_4688(TIME, "ws-1", "alice", CMD, "cmd.exe"),
        sysmon_1(TIME, "ws-1", r"CONTOSO\bob", CMD, "cmd.exe"),
    ];
    let columns = "SubjectUserSid, SubjectUserName, NewProcessId, NewProcessName, ProcessId, Image, User, ParentImage";
    assert_eq!(
        rows(&starts, columns),
        [
            json!({
                "SubjectUserSid": "S-1-5-21-1-2-3-1104", "SubjectUserName": "alice", "NewProcessId": "0x1a2c",
                "NewProcessName": CMD, "ProcessId": "0x264", "Image": null, "User": null, "ParentImage": null,
            }),
            json!({
                "SubjectUserSid": null, "SubjectUserName": null, "NewProcessId": null, "NewProcessName": null,
                "ProcessId": "6700", "Image": CMD, "User": r"CONTOSO\bob",
                "ParentImage": r"C:\Windows\explorer.exe",
            }),
        ]
    );
}

#[test]
fn logs_are_found_in_folders_whatever_windows_calls_them() {
    let dir = dir();
    for (name, computer) in [
        ("Microsoft-Windows-Sysmon%4Operational.evtx", "a"),
        ("dc-1/Security.EVTX", "b"),
        ("dc-1/old logs/Archive-Security-2026-03-10.evtx", "c"),
    ] {
        write(&dir, name, &[&[sysmon_1(TIME, computer, "eve", CMD, "")]]);
    }
    dir.write("data/logs/notes.txt", "not ours");
    let found = dir.query("SELECT Computer, _source_file FROM process_execution ORDER BY 1");
    assert_eq!(
        found,
        [
            json!({"Computer": "a", "_source_file": "Microsoft-Windows-Sysmon%4Operational.evtx"}),
            json!({"Computer": "b", "_source_file": "dc-1/Security.EVTX"}),
            json!({"Computer": "c", "_source_file": "dc-1/old logs/Archive-Security-2026-03-10.evtx"}),
        ]
    );
}

#[test]
fn a_log_of_eleven_megabytes_is_read_in_parts_and_each_event_once() {
    let dir = dir();
    let starts: Vec<_> = (0..180)
        .map(|n| [sysmon_1(TIME, "ws-1", "eve", CMD, &format!("cmd.exe {n}"))])
        .collect();
    let chunks: Vec<_> = starts.iter().map(<[LoggedEvent; 1]>::as_slice).collect();
    write(&dir, "Security.evtx", &chunks);
    let answer = |sql: &str| {
        let four = ["--set", "engine.threads=4", "--format", "csv"];
        let said = dir.crannog(&[&["query", sql, "--job", crate::kit::JOB], &four[..]].concat());
        said.succeeds().stdout.clone()
    };
    let count = "SELECT count(*) AS n, count(DISTINCT CommandLine) AS lines FROM process_execution";
    assert_eq!(answer(count), "n,lines\n180,180\n");
    let plan = answer(&format!("EXPLAIN {count}"));
    assert!(plan.contains("file_groups={4 groups"), "{plan}");
}

#[test]
fn a_log_that_was_open_when_it_was_copied_is_read() {
    let dir = dir();
    let mut log = event_log(&[&[security_4688(TIME, "ws-1", "alice", CMD, "")]]);
    log[HEADER + 52] ^= 1; // a checksum of an earlier moment
    leave_open(&mut log);
    dir.write("data/logs/Security.evtx", "");
    fs::write(dir.path("data/logs/Security.evtx"), log).unwrap();
    let rows = dir.query("SELECT Account FROM process_execution");
    assert_eq!(rows, [json!({"Account": r"CONTOSO\alice"})]);
}

#[test]
fn the_job_finds_in_logs_what_it_finds_in_a_table() {
    let (logs, table) = (dir(), Dir::without_events());
    let mut events = Vec::new();
    let mut starts = Vec::new();
    let mut start = |time: &str, user: &'static str, account, process: &'static str| {
        let mut event = event(time, "ws-1", account, process);
        event.command_line = Some("x");
        events.push(event);
        starts.push(security_4688(
            time,
            "ws-1",
            user,
            &format!(r"C:\bin\{process}"),
            "x",
        ));
    };
    for day in ["2026-03-08", "2026-03-09", "2026-03-10"] {
        for hour in 9..17 {
            let time = format!("{day}T{hour:02}:15:00Z");
            start(&time, "alice", r"CONTOSO\alice", "explorer.exe");
            start(&time, "bob", r"CONTOSO\bob", "cmd.exe");
        }
    }
    start(
        "2026-03-10T23:00:00Z",
        "mallory",
        r"CONTOSO\mallory",
        "mimikatz.exe",
    );
    write_delta(&table.events(), &batch(&events), &[]);
    let chunks: Vec<_> = starts.chunks(20).collect();
    write(&logs, "a.evtx", &chunks[..2]);
    write(&logs, "b.evtx", &chunks[2..]);

    let of_any_run = |dir: &Dir| {
        dir.run(&[]).succeeds();
        let mut rows = dir.findings().rows;
        for row in &mut rows {
            row.as_object_mut().unwrap().remove("run_id");
        }
        rows
    };
    let found = of_any_run(&logs);
    assert!(found.iter().any(|row| row["Process"] == "mimikatz.exe"));
    assert_eq!(found, of_any_run(&table));
}
