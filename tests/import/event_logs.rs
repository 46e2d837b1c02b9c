//! Windows event logs: taken once, also those in which no process starts.

use std::fs;

use super::{SOURCE, TABLE, dir, import, imported, source, takes};
use crate::kit::event_log::{LoggedEvent, event_log, security_4624, security_4688};
use crate::kit::{Dir, read_delta};

const ADDED: &str = "\"date\"";

fn start(time: &str, user: &str) -> LoggedEvent {
    security_4688(
        time,
        "ws-1",
        user,
        r"C:\Windows\System32\cmd.exe",
        "cmd.exe",
    )
}

fn write(dir: &Dir, name: &str, bytes: &[u8]) {
    dir.write(&format!("{SOURCE}/{name}"), "");
    fs::write(dir.path(SOURCE).join(name), bytes).unwrap();
}

#[test]
fn a_log_is_taken_once() {
    let dir = dir("evtx");
    let late = [
        start("2026-03-10T23:59:59Z", "a"),
        start("2026-03-11T00:00:00Z", "b"),
    ];
    write(&dir, "dc-1/Security.evtx", &event_log(&[&late]));
    let logon = security_4624("2026-03-10T09:00:00Z", "ws-1");
    write(&dir, "dc-2/Security%4.evtx", &event_log(&[&[logon]]));
    takes(&import(&dir, "evtx", &[]), "2 files", 0);
    takes(&import(&dir, "evtx", &[]), "0 files", 2);
    assert_eq!(imported(&dir, "evtx", ADDED), source(&dir));

    write(
        &dir,
        "dc-3/Security.evtx",
        &event_log(&[&[start("2026-03-12T00:00:00Z", "c")]]),
    );
    takes(&import(&dir, "evtx", &[]), "1 file", 2);
    assert_eq!(imported(&dir, "evtx", ADDED), source(&dir));
    let rows = read_delta(&dir.path(TABLE)).rows;
    let days: Vec<_> = rows
        .iter()
        .map(|row| row["date"].as_str().unwrap())
        .collect();
    let mut days = days;
    days.sort_unstable();
    assert_eq!(days, ["2026-03-10", "2026-03-11", "2026-03-12"]);
}

#[test]
fn damaged_logs_are_left_until_they_are_whole() {
    let dir = dir("evtx");
    let log = event_log(&[
        &[start("2026-03-10T09:00:00Z", "a")],
        &[start("2026-03-10T09:00:00Z", "b")],
    ]);
    write(&dir, "good.evtx", &log);
    let broken: Vec<_> = (0..5).map(|number| format!("bad-{number}.evtx")).collect();
    for name in &broken {
        write(&dir, name, &log[..log.len() - 700]);
    }
    write(&dir, "empty.evtx", b"");
    let said = import(&dir, "evtx", &["--strict"]);
    assert!(
        said.code == 3 && said.stderr.contains("restore the file or remove it"),
        "{said:#?}"
    );
    let said = import(&dir, "evtx", &[]);
    assert!(
        said.stdout
            .starts_with("1 file taken, 0 known already, 6 left, "),
        "{said:#?}"
    );
    assert_eq!(said.stderr.lines().count(), 6, "{said:#?}");
    for name in &broken {
        write(&dir, name, &log);
    }
    fs::remove_file(dir.path(SOURCE).join("empty.evtx")).unwrap();
    takes(&import(&dir, "evtx", &[]), "5 files", 1);
    assert_eq!(imported(&dir, "evtx", ADDED), source(&dir));
}
