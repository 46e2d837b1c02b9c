//! What a person sees while a run works: a line for each stage, with rows and megabytes a second.

use std::future::Future;
use std::iter::Sum;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

/// How much a stage has read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Volume {
    /// Rows out of the files it reads; out of the stage itself where it reads from memory.
    pub rows: u64,
    /// Bytes out of files; 0 where it reads from memory.
    pub bytes: u64,
}

impl Sum for Volume {
    fn sum<I: Iterator<Item = Self>>(volumes: I) -> Self {
        volumes.fold(Self::default(), |a, b| Self {
            rows: a.rows + b.rows,
            bytes: a.bytes + b.bytes,
        })
    }
}

/// A finished stage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stage {
    /// The SQL file's name, or what the model did.
    pub name: String,
    /// Wall time.
    pub seconds: f64,
    /// Processor time, of all threads.
    pub cpu_seconds: f64,
    /// Rows it read from files; rows it made where it reads from memory.
    pub rows: u64,
    /// Bytes it read from files.
    pub bytes: u64,
}

/// When a stage began, on the wall and on the processors.
#[derive(Clone, Copy)]
struct Clock {
    wall: Instant,
    cpu: ProcessTime,
}

impl Clock {
    fn start() -> Self {
        Self {
            wall: Instant::now(),
            cpu: ProcessTime::now(),
        }
    }
}

/// Shows stages as they run, on a terminal, and remembers how long each took.
#[derive(Debug)]
pub struct Progress {
    visible: bool,
    stages: Vec<Stage>,
}

impl Progress {
    /// `visible`: draw on stderr, which should then be a terminal.
    pub fn new(visible: bool) -> Self {
        Self {
            visible,
            stages: Vec::new(),
        }
    }

    /// The stages so far.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Runs `work` as the stage `name`, asking `volume` now and then how far it is.
    pub async fn watch<T, E>(
        &mut self,
        name: &str,
        work: impl Future<Output = Result<T, E>>,
        volume: impl Fn() -> Volume,
    ) -> Result<T, E> {
        let told = |elapsed| describe(&volume(), elapsed);
        self.watch_told(name, work, &volume, told).await
    }

    /// The same for work elsewhere, of which something else is `told` while it lasts.
    pub async fn watch_told<T, E>(
        &mut self,
        name: &str,
        work: impl Future<Output = Result<T, E>>,
        volume: impl Fn() -> Volume,
        told: impl Fn(Duration) -> String,
    ) -> Result<T, E> {
        let started = Clock::start();
        let bar = self.bar(name);
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        tokio::pin!(work);
        let result = loop {
            tokio::select! {
                result = &mut work => break result,
                _ = ticks.tick() => bar.set_message(told(started.wall.elapsed())),
            }
        };
        self.finish(&bar, name, started, volume(), result)
    }

    /// Runs `work`, which reads `rows` from memory, as the stage `name`.
    pub fn stage<T, E>(
        &mut self,
        name: &str,
        rows: usize,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let started = Clock::start();
        let bar = self.bar(name);
        bar.enable_steady_tick(Duration::from_millis(100));
        let result = work();
        self.finish(
            &bar,
            name,
            started,
            Volume {
                rows: rows as u64,
                bytes: 0,
            },
            result,
        )
    }

    fn bar(&self, name: &str) -> ProgressBar {
        if !self.visible {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{spinner} {prefix:<16} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        ProgressBar::new_spinner()
            .with_style(style)
            .with_prefix(name.to_owned())
    }

    #[expect(clippy::print_stderr, reason = "progress is what stderr is for")]
    fn finish<T, E>(
        &mut self,
        bar: &ProgressBar,
        name: &str,
        started: Clock,
        volume: Volume,
        result: Result<T, E>,
    ) -> Result<T, E> {
        let elapsed = started.wall.elapsed();
        bar.finish_and_clear();
        if result.is_ok() {
            if self.visible {
                eprintln!("  {name:<16} {}", describe(&volume, elapsed));
            }
            let seconds = elapsed.as_secs_f64();
            let cpu_seconds = started.cpu.elapsed().as_secs_f64();
            tracing::info!(
                stage = name,
                seconds,
                cpu_seconds,
                rows = volume.rows,
                bytes = volume.bytes,
                "stage finished"
            );
            self.stages.push(Stage {
                name: name.to_owned(),
                seconds,
                cpu_seconds,
                rows: volume.rows,
                bytes: volume.bytes,
            });
        }
        result
    }
}

fn describe(volume: &Volume, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    let rows = format!("{:>12} rows", HumanCount(volume.rows).to_string());
    let speed = if volume.bytes > 0 {
        format!(
            "{:>9.1} MB/s",
            volume.bytes as f64 / 1e6 / seconds.max(1e-3)
        )
    } else {
        " ".repeat(14)
    };
    format!("{rows} {speed} {seconds:>8.2} s")
}
