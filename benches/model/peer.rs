//! One side of `benches/model.py`: does what is asked on stdin, one JSON object a line, and answers each line with one.
//! Anything wrong ends it.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io;
use std::io::{BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use cpu_time::ProcessTime;
use crannog::forest::{FeatureMatrix, InstructionSet, IsolationForest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::params;
use super::tables::Table;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Command {
    /// Names the paths that this machine has, the fastest last.
    Paths {},
    /// Makes a table and keeps it under a name.
    Make {
        name: String,
        #[serde(flatten)]
        table: Table,
    },
    /// Fits the forest; answers with CPU seconds.
    Fit {
        table: String,
        max_samples: NonZeroUsize,
    },
    /// Scores a table with the forest; answers with CPU seconds.
    Score { table: String },
    /// Writes a table row by row, as little-endian `f32`.
    WriteTable { table: String, to: PathBuf },
    /// Writes the path-length sums of all rows, then their scores, as little-endian `f64`.
    WriteScores { table: String, to: PathBuf },
}

/// Answers commands until stdin ends.
pub fn serve() -> Result<(), Box<dyn Error>> {
    let mut peer = Peer::default();
    let mut answers = io::stdout().lock();
    for line in io::stdin().lines() {
        let answer = peer.answer(serde_json::from_str(&line?)?)?;
        writeln!(answers, "{answer}")?;
    }
    Ok(())
}

#[derive(Default)]
struct Peer {
    tables: HashMap<String, FeatureMatrix>,
    forest: Option<IsolationForest>,
}

impl Peer {
    fn answer(&mut self, command: Command) -> Result<Value, Box<dyn Error>> {
        match command {
            Command::Paths {} => {
                let available = InstructionSet::available().into_iter();
                Ok(json!({ "paths": available.map(InstructionSet::name).collect::<Vec<_>>() }))
            }
            Command::Make { name, table } => {
                self.tables.insert(name, table.make());
                Ok(json!({}))
            }
            Command::Fit { table, max_samples } => {
                let (params, x) = (params(max_samples), self.table(&table)?);
                let (forest, cpu_s) = timed(|| IsolationForest::fit(&params, x));
                self.forest = Some(forest?);
                Ok(json!({ "cpu_s": cpu_s }))
            }
            Command::Score { table } => {
                let (forest, x) = (self.forest()?, self.table(&table)?);
                let (scores, cpu_s) = timed(|| forest.score_samples(x).map(drop));
                scores?;
                Ok(json!({ "cpu_s": cpu_s }))
            }
            Command::WriteTable { table, to } => {
                write_rows(self.table(&table)?, &to)?;
                Ok(json!({}))
            }
            Command::WriteScores { table, to } => {
                let (forest, x) = (self.forest()?, self.table(&table)?);
                let values = [forest.path_lengths(x)?, forest.score_samples(x)?].concat();
                let bytes: Vec<u8> = values.into_iter().flat_map(f64::to_le_bytes).collect();
                std::fs::write(to, bytes)?;
                Ok(json!({}))
            }
        }
    }

    fn table(&self, name: &str) -> Result<&FeatureMatrix, String> {
        let table = self.tables.get(name);
        table.ok_or_else(|| format!("no table `{name}` was made"))
    }

    fn forest(&self) -> Result<&IsolationForest, &'static str> {
        self.forest.as_ref().ok_or("no forest was fitted")
    }
}

/// What the work gives, and its CPU seconds on all threads.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let started = ProcessTime::now();
    let done = work();
    (done, started.elapsed().as_secs_f64())
}

fn write_rows(x: &FeatureMatrix, to: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(to)?);
    let columns: Vec<&[f32]> = (0..x.n_features()).map(|i| x.column(i)).collect();
    for row in 0..x.n_samples() {
        for column in &columns {
            file.write_all(&column[row].to_le_bytes())?;
        }
    }
    file.flush()
}
