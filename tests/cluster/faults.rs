//! Servers that die, stand still or have no room: a run ends right, or says that it may be tried again and leaves its table
//! as it was.

use std::process::Command;
use std::time::Duration;

use super::{PROCESSES, Run, ended, fleet, in_pieces, on, scratch_is_empty};
use crate::kit::{Dir, Servers, wait_for};

/// Enough for a step to take a second.
const ROWS: &str = "150000";

/// The run has kept the rows of so many steps on the cluster: it is in the midst of its work.
fn steps_are_kept(dir: &Dir, steps: usize) {
    wait_for("a step in the scratch folder", || {
        let runs = std::fs::read_dir(dir.path("out/scratch"))
            .into_iter()
            .flatten()
            .flatten();
        let folders = runs.flat_map(|run| {
            std::fs::read_dir(run.path())
                .into_iter()
                .flatten()
                .flatten()
        });
        folders.count() >= steps
    });
}

/// Something happens to the servers when a run has kept so many steps; the run finds what it finds when nothing happens.
#[track_caller]
fn survives(executors: usize, steps: usize, happens: impl FnOnce(&mut Servers)) {
    let dir = fleet(ROWS);
    let (expected, _) = PROCESSES.found(&dir, &[]);
    let mut servers = Servers::start(executors);
    let [flag, url] = on(&servers);
    let [set, partitions, also, cut] = &in_pieces(8);
    let run = PROCESSES.spawn(&dir, &[&flag, &url, set, partitions, also, cut]);
    steps_are_kept(&dir, steps);
    happens(&mut servers);
    let (code, said) = ended(run);
    assert_eq!(code, Some(0), "{said}\n{}", servers.said());
    assert_eq!(PROCESSES.rows(&dir), expected);
    scratch_is_empty(&dir);
}

#[test]
fn an_executor_is_killed_in_the_midst_of_a_stage() {
    survives(2, 1, |servers| servers.kill_executor(0));
}

#[test]
fn all_executors_are_killed_and_one_comes_back() {
    survives(2, 1, |servers| {
        servers.kill_executor(0);
        servers.kill_executor(1);
        std::thread::sleep(Duration::from_secs(2));
        servers.add_executor();
    });
}

#[test]
fn the_scheduler_is_killed_and_started_again() {
    survives(2, 1, |servers| {
        servers.kill_scheduler();
        servers.start_scheduler();
    });
}

#[test]
fn an_executor_stands_still_for_longer_than_it_may() {
    survives(2, 1, |servers| {
        servers.signal_executor(0, "-STOP");
        std::thread::sleep(Duration::from_secs(10));
        servers.signal_executor(0, "-CONT");
    });
}

#[test]
fn an_executor_that_is_told_to_stop_ends_its_work_first() {
    survives(2, 1, |servers| {
        servers.signal_executor(0, "-TERM");
        assert_eq!(servers.executor_ends(0), Some(0));
    });
}

/// A disk without room, as a process sees it that may write no file of more than so many blocks.
#[test]
fn executors_without_room_on_their_disks_end_a_run_that_may_be_tried_again() {
    let dir = fleet(ROWS);
    let day_before = Run {
        as_of: "2026-03-10",
        ..PROCESSES
    };
    day_before.found(&dir, &[]);
    let before = PROCESSES.rows(&dir);
    let mut servers = Servers::start(0);
    let mut full = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_crannog");
    full.args([
        "-c",
        "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"",
        program,
    ]);
    servers.add_executor_by(full);
    let [flag, url] = on(&servers);
    let [set, partitions, also, cut] = &in_pieces(2);
    let run = PROCESSES.spawn(&dir, &[&flag, &url, set, partitions, also, cut]);
    let (code, said) = ended(run);
    assert_eq!(code, Some(1), "{said}\n{}", servers.said());
    assert!(said.contains("no table was touched"), "{said}");
    assert_eq!(PROCESSES.rows(&dir), before);
    scratch_is_empty(&dir);
}
