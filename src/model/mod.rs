//! The model of a run as a file: what it takes to judge another day's rows as that run would have.
//!
//! A forest alone is not enough. Labels became numbers by dictionaries that a later day would make otherwise, columns
//! were brought to size by means of that day, and a threshold was placed among its scores. All of it is in one file,
//! gzipped JSON, which a person can read and every later version must: its format has a number, and changes only with it.
//!
//! A file is believed in nothing: it is read within bounds, and what comes out is looked at before it becomes a forest.
//! A cut or damaged file is told by gzip's own checksum and length.

mod dictionary;
mod document;
mod error;
mod fit;
mod number;
mod store;
mod stored_type;
mod trees;

use std::collections::BTreeMap;
use std::io::{Read, Write};

use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

pub use dictionary::Dictionary;
pub use error::ModelError;
pub use store::{LoadedModel, Models, is_file};

use crate::forest::{ColumnScale, IsolationForest, TrainingScores};

/// More text than a model is: a small file can become any amount of it.
const MOST_BYTES: u64 = 64 << 20;
/// More values than a model has: each takes some tens of bytes, however short it is written.
const MOST_VALUES: usize = 4 << 20;

/// What a run judged by.
#[derive(Clone, Debug)]
pub struct SavedModel {
    /// Where it comes from.
    pub run: ModelRun,
    /// What judges.
    pub forest: IsolationForest,
    /// What was taken off each feature column and what it was divided by, where the job scales.
    pub scales: Option<Vec<ColumnScale>>,
    /// Where a score stands among those of the rows that were learnt from; none in a file of before there were any.
    pub training_scores: Option<TrainingScores>,
    /// The median of each feature column in the rows that were learnt from, where the run gave reasons; `None` of a column
    /// without values.
    pub typical: Option<Vec<Option<f64>>>,
    /// The rows of the steps that the job names as its dictionaries.
    pub dictionaries: Vec<Dictionary>,
}

/// The run that learnt it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRun {
    /// Its id.
    pub id: String,
    /// The job's name.
    pub job: String,
    /// Identifies the job file, its overrides and its SQL.
    pub job_digest: String,
    /// The run's "now".
    pub as_of: DateTime<Utc>,
    /// The first instant that was learnt from.
    pub train_start: DateTime<Utc>,
    /// The end of what was learnt from.
    pub train_end: DateTime<Utc>,
    /// What was read.
    pub sources: Vec<SourceVersion>,
    /// A digest of each SQL file before the model.
    pub steps: BTreeMap<String, String>,
    /// The values of the job's own parameters, and of those that say where a bucket begins.
    pub parameters: BTreeMap<String, String>,
    /// The version of crannog.
    pub crannog: String,
}

/// What was read of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceVersion {
    /// The name SQL knows it by.
    pub name: String,
    /// The Delta version, or a digest of the files' names, sizes and times.
    pub version: String,
}

/// Columns that a dictionary may have: they are compared with each other.
const MOST_COLUMNS: usize = 1000;

impl SavedModel {
    /// The model as the bytes of a file: the same model, the same bytes.
    ///
    /// # Errors
    /// What no file can hold, or none that would be read again.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let document = document::write(self)?;
        let mut file = Bounded {
            left: MOST_BYTES,
            values_left: MOST_VALUES,
            file: GzEncoder::new(Vec::new(), Compression::default()),
        };
        let written = serde_json::to_writer(&mut file, &document);
        if file.left == 0 {
            return Err(ModelError::TooLarge { most: MOST_BYTES });
        }
        if file.values_left == 0 {
            return Err(ModelError::TooManyValues { most: MOST_VALUES });
        }
        written.map_err(ModelError::Json)?;
        file.file.finish().map_err(ModelError::Damaged)
    }

    /// The model in the bytes of a file.
    ///
    /// # Errors
    /// Bytes that are no model, whatever they are.
    pub fn from_bytes(file: &[u8]) -> Result<Self, ModelError> {
        let text = text_of(file, MOST_BYTES)?;
        if values(&text) >= MOST_VALUES {
            return Err(ModelError::TooManyValues { most: MOST_VALUES });
        }
        document::read(&text)
    }

    /// The dictionary of that name.
    pub fn dictionary(&self, name: &str) -> Option<&Dictionary> {
        self.dictionaries.iter().find(|found| found.name == name)
    }
}

/// The text in a gzipped file, if it is no longer than `most`.
fn text_of(file: &[u8], most: u64) -> Result<Vec<u8>, ModelError> {
    if !file.starts_with(&[0x1f, 0x8b]) {
        return Err(ModelError::NoModel);
    }
    let mut text = Vec::new();
    let mut decoder = GzDecoder::new(file);
    let read = decoder.by_ref().take(most + 1).read_to_end(&mut text);
    read.map_err(ModelError::Damaged)?;
    if text.len() as u64 > most {
        return Err(ModelError::TooLarge { most });
    }
    match decoder.into_inner().is_empty() {
        true => Ok(text),
        false => Err(ModelError::Surplus),
    }
}

/// How many values a part of a text has at most, one aside: a comma stands between any two.
fn values(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b',').count()
}

/// Takes so many bytes and values, and no more.
struct Bounded<W> {
    left: u64,
    values_left: usize,
    file: W,
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = self.file.write(bytes)?;
        self.left = self.left.saturating_sub(taken as u64);
        self.values_left = self.values_left.saturating_sub(values(&bytes[..taken]));
        match self.left.min(self.values_left as u64) {
            0 => Err(std::io::ErrorKind::FileTooLarge.into()),
            _ => Ok(taken),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut file = GzEncoder::new(Vec::new(), Compression::best());
        file.write_all(text).unwrap();
        file.finish().unwrap()
    }

    #[test]
    fn a_small_file_does_not_become_any_amount_of_text() {
        let bomb = gzip(&[b'['; 1 << 20]);
        assert!(bomb.len() < 2_000);
        let refused = text_of(&bomb, 1 << 16);
        assert!(matches!(refused, Err(ModelError::TooLarge { most }) if most == 1 << 16));
        assert_eq!(text_of(&bomb, 1 << 20).unwrap().len(), 1 << 20);
    }

    #[test]
    fn a_short_text_does_not_become_any_number_of_values() {
        let names = "\"\",".repeat(MOST_VALUES);
        let text = format!("{{\"format\":\"crannog.model\",\"feature_names\":[{names}\"\"]}}");
        let read = SavedModel::from_bytes(&gzip(text.as_bytes()));
        assert!(
            matches!(read, Err(ModelError::TooManyValues { .. })),
            "{read:?}"
        );
    }

    #[test]
    fn brackets_without_end_are_no_model() {
        let read = SavedModel::from_bytes(&gzip(&[b'['; 1 << 20]));
        assert!(matches!(read, Err(ModelError::NoModel)), "{read:?}");
    }

    #[test]
    fn what_stands_behind_the_end_is_told() {
        let mut file = gzip(b"{}");
        file.push(0);
        assert!(matches!(text_of(&file, 10), Err(ModelError::Surplus)));
    }
}
