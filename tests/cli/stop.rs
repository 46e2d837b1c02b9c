//! A scheduler may stop a run whenever it likes: by a signal, or by a time given in advance.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::kit::{AS_OF, Dir, JOB, Said};

/// A run of the job whose source is in a store that takes calls and never answers.
fn run_that_waits(dir: &Dir, silent: &TcpListener, more: &[&str]) -> Command {
    let store = format!(
        "sources.process_execution.options={{ aws_endpoint = \"http://{}\", aws_allow_http = \"true\", \
         aws_access_key_id = \"a\", aws_secret_access_key = \"b\", aws_region = \"eu-north-1\" }}",
        silent.local_addr().unwrap()
    );
    let location = "sources.process_execution.location=s3://lake/process_execution";
    let mut command = dir.command();
    command
        .args([
            "run", JOB, "--as-of", AS_OF, "--set", location, "--set", &store,
        ])
        .args(more);
    command
}

/// A run that grows a forest for many seconds, without looking up, on the job's own events.
fn run_that_works(dir: &Dir) -> Command {
    let mut command = dir.command();
    let trees = "isolation_forest.n_estimators=300000";
    command
        .args(["--log-format", "json", "run", JOB, "--as-of", AS_OF])
        .args(["--set", trees]);
    command
}

fn start(command: &mut Command) -> Child {
    let pipes = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    pipes.spawn().unwrap()
}

fn send(signal: &str, to: &Child) {
    let sent = Command::new("kill")
        .args([signal, &to.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

fn end_of(mut run: Child) -> Said {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let (mut out, mut err) = (run.stdout.take().unwrap(), run.stderr.take().unwrap());
    out.read_to_string(&mut stdout).unwrap();
    err.read_to_string(&mut stderr).unwrap();
    let code = run.wait().unwrap().code().unwrap_or(-1);
    Said {
        code,
        stdout,
        stderr,
    }
}

#[test]
fn sigterm_ends_a_run_with_143_and_sigint_with_130() {
    let dir = Dir::new();
    for (signal, code, words) in [
        ("-TERM", 143, "error: stopped by SIGTERM"),
        ("-INT", 130, "error: stopped by SIGINT"),
    ] {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let run = start(&mut run_that_waits(&dir, &silent, &[]));
        let call = silent.accept().unwrap(); // it is at work, and waits for an answer
        send(signal, &run);
        end_of(run).fails(code, words);
        drop(call);
    }
    dir.findings_are_as_before();
}

#[test]
fn a_run_that_takes_longer_than_its_timeout_is_stopped() {
    let dir = Dir::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let said = Said::by(&mut run_that_waits(&dir, &silent, &["--timeout", "300ms"]));
    said.fails(
        1,
        "error: stopped after 300ms
           hint: give it a longer `--timeout`, or more threads",
    );
    dir.findings_are_as_before();
}

#[test]
fn a_second_signal_ends_a_run_that_does_not_look_up() {
    let dir = Dir::new();
    let mut run = start(&mut run_that_works(&dir));
    let mut log = BufReader::new(run.stderr.take().unwrap()).lines();
    log.find(|line| line.as_ref().unwrap().contains("order by keys"))
        .expect("the rows are put in order before the forest grows")
        .unwrap();
    send("-TERM", &run);
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        run.try_wait().unwrap().is_none(),
        "its forest was grown too early"
    );
    let told_again = Instant::now();
    send("-TERM", &run);
    assert_eq!(run.wait().unwrap().code(), Some(143));
    assert!(
        told_again.elapsed() < Duration::from_secs(4),
        "it waited for its forest"
    );
    dir.findings_are_as_before();
}

#[test]
fn an_answer_that_is_there_and_only_printed_ends_at_a_signal() {
    let dir = Dir::new();
    // A pipe that nobody reads is full soon.
    let mut command = dir.command();
    let sql = "SELECT repeat('x', 200) AS x, a.\"Computer\" FROM process_execution AS a, process_execution AS b";
    command.args([
        "query", sql, "--job", JOB, "--as-of", AS_OF, "--format", "csv",
    ]);
    let mut query = start(&mut command);
    let mut first = [0; 1];
    query
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    send("-INT", &query);
    assert_eq!(query.wait().unwrap().code(), Some(130));
}
