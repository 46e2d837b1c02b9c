//! A scheduler and executors of a cluster, real processes on loopback, gone after the test.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// As long as any of them takes to be there on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The servers.
pub struct Servers {
    scheduler: Option<Child>,
    port: u16,
    executors: Vec<(Child, Ports)>,
    folder: TempDir,
}

/// Where an executor listens.
#[derive(Clone, Copy)]
struct Ports {
    flight: u16,
    health: u16,
}

impl Servers {
    /// A scheduler and so many executors of two threads, all ready.
    pub fn start(executors: usize) -> Self {
        let mut servers = Self {
            scheduler: None,
            port: free_port(),
            executors: Vec::new(),
            folder: TempDir::with_prefix("crannog-cluster-").unwrap(),
        };
        servers.start_scheduler();
        for _ in 0..executors {
            servers.add_executor();
        }
        servers
    }

    /// How a run is told of it.
    pub fn url(&self) -> String {
        format!("df://127.0.0.1:{}", self.port)
    }

    /// What the scheduler says at a path.
    pub fn ask_scheduler(&self, path: &str) -> Option<(u16, String)> {
        ask(self.port, path)
    }

    /// What an executor says at a path.
    pub fn ask_executor(&self, number: usize, path: &str) -> Option<(u16, String)> {
        ask(self.executors[number].1.health, path)
    }

    pub fn start_scheduler(&mut self) {
        let mut command = crannog();
        command.args(["scheduler", "--executor-timeout", "6s", "--drain", "30s"]);
        command.args(["--port", &self.port.to_string()]);
        self.scheduler = Some(self.spawn(&mut command, "scheduler"));
        let port = self.port;
        wait_for("the scheduler", || ask(port, "/healthz").is_some());
    }

    /// Another executor, ready.
    pub fn add_executor(&mut self) {
        self.add_executor_by(crannog());
    }

    /// The same, started by a command that ends in the program.
    pub fn add_executor_by(&mut self, mut command: Command) {
        let ports = Ports {
            flight: free_port(),
            health: free_port(),
        };
        let number = self.executors.len();
        command.args(["executor", "--scheduler", &self.url()]);
        command.args(["--threads", "2"]);
        for (name, port) in [("--port", ports.flight), ("--health-port", ports.health)] {
            command.args([name, &port.to_string()]);
        }
        command.arg("--work-dir").arg(self.work_dir(number));
        let name = format!("executor-{number}");
        let child = self.spawn(&mut command, &name);
        self.executors.push((child, ports));
        wait_for("an executor", || {
            ask(ports.health, "/readyz").is_some_and(|(status, _)| status == 200)
        });
    }

    /// Where an executor has what goes from stage to stage.
    pub fn work_dir(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("work-{number}"))
    }

    pub fn kill_executor(&mut self, number: usize) {
        let (child, _) = &mut self.executors[number];
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub fn kill_scheduler(&mut self) {
        let mut child = self.scheduler.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends a signal to an executor.
    pub fn signal_executor(&self, number: usize, signal: &str) {
        send(&self.executors[number].0, signal);
    }

    /// How an executor ended, which it does now.
    pub fn executor_ends(&mut self, number: usize) -> Option<i32> {
        self.executors[number].0.wait().unwrap().code()
    }

    /// Tells the scheduler to stop, and how it ended.
    pub fn stop_scheduler(&mut self) -> Option<i32> {
        let mut child = self.scheduler.take().unwrap();
        send(&child, "-TERM");
        child.wait().unwrap().code()
    }

    /// What all of them have said: what to read when a test fails.
    pub fn said(&self) -> String {
        let mut said = String::new();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                said += &format!("--- {}\n{text}\n", path.display());
            }
        }
        said
    }

    fn spawn(&self, command: &mut Command, name: &str) -> Child {
        let log = |suffix: &str| log_file(self.folder.path(), &format!("{name}.{suffix}.log"));
        command
            .stdout(log("out"))
            .stderr(log("err"))
            .spawn()
            .unwrap()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in self
            .executors
            .iter_mut()
            .map(|(child, _)| child)
            .chain(&mut self.scheduler)
        {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            println!("{}", self.said());
        }
    }
}

fn crannog() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crannog"));
    command.env_remove("RUST_LOG");
    command
}

fn log_file(folder: &Path, name: &str) -> Stdio {
    Stdio::from(
        File::options()
            .create(true)
            .append(true)
            .open(folder.join(name))
            .unwrap(),
    )
}

fn send(child: &Child, signal: &str) {
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args([signal, &id])
            .status()
            .unwrap()
            .success()
    );
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Waits until something is so.
#[track_caller]
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what} is not there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A status and a text, by HTTP.
fn ask(port: u16, path: &str) -> Option<(u16, String)> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).ok()?;
    connection
        .set_read_timeout(Some(Duration::from_secs(5)))
        .ok()?;
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let (_, text) = answer.split_once("\r\n\r\n")?;
    Some((status, text.to_owned()))
}
