//! The servers themselves: how they are, and how they end.

use super::{PROCESSES, ended, fleet, on};
use crate::kit::Servers;

#[test]
fn servers_say_how_they_are() {
    let servers = Servers::start(1);
    assert_eq!(servers.ask_scheduler("/healthz").unwrap().0, 200);
    assert_eq!(servers.ask_scheduler("/readyz").unwrap().0, 200);
    assert_eq!(
        servers.ask_executor(0, "/healthz").unwrap(),
        (200, "ok\n".to_owned())
    );
    assert_eq!(
        servers.ask_executor(0, "/readyz").unwrap(),
        (200, "ready\n".to_owned())
    );
    assert_eq!(servers.ask_executor(0, "/").unwrap().0, 404);
}

#[test]
fn a_scheduler_without_executors_is_alive_and_not_ready() {
    let servers = Servers::start(0);
    assert_eq!(servers.ask_scheduler("/healthz").unwrap().0, 200);
    assert_eq!(servers.ask_scheduler("/readyz").unwrap().0, 503);
}

#[test]
fn what_a_run_leaves_with_its_executors_is_gone_when_it_ends() {
    let (dir, servers) = (fleet("8000"), Servers::start(1));
    let [flag, url] = on(&servers);
    let (code, said) = ended(PROCESSES.spawn(&dir, &[&flag, &url]));
    assert_eq!(code, Some(0), "{said}");
    crate::kit::wait_for("an empty work folder", || {
        let jobs = std::fs::read_dir(servers.work_dir(0).join("stages")).unwrap();
        jobs.flatten().all(|job| {
            !job.path().is_dir() || std::fs::read_dir(job.path()).unwrap().next().is_none()
        })
    });
}

#[test]
fn a_scheduler_that_is_told_to_stop_does_so() {
    let mut servers = Servers::start(1);
    assert_eq!(servers.stop_scheduler(), Some(0));
}

#[test]
fn an_executor_whose_port_is_taken_says_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let dir = crate::kit::Dir::bare();
    let said = dir.crannog(&["executor", "--health-port", &port, "--work-dir", "work"]);
    assert_eq!(said.code, 1);
    assert!(
        said.stderr.starts_with("error: the executor cannot run: "),
        "{said:?}"
    );
    assert!(said.stderr.contains("Address already in use"), "{said:?}");
}
