//! Findings that somebody has looked at: harmless ones do not come again, malicious ones are not learnt from.
//!
//! A label names a row by the job's keys, or some of them. A harmless one stands for what the keys say on any day, so
//! the time column is left out; a malicious one stands for the very row.

use std::collections::HashMap;

use arrow::array::{ArrayRef, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::row::{RowConverter, SortField};

use super::FeedbackError;
use super::table::Rows;
use crate::job::Job;
use crate::strict::{cast, comparable};

/// What somebody found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Harmless.
    Benign,
    /// An attack.
    Malicious,
    /// An earlier label does not count any more.
    Withdrawn,
}

impl Label {
    /// The label of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "benign" => Self::Benign,
            "malicious" => Self::Malicious,
            "withdrawn" => Self::Withdrawn,
            _ => return None,
        })
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Benign => "benign",
            Self::Malicious => "malicious",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The columns that a label has besides the keys.
const OWN: [&str; 7] = [
    "finding_id",
    "job",
    "label",
    "reason",
    "author",
    "labelled_at",
    KEYS,
];

/// The column that says which keys a label names, in a table that crannog writes: a job may get other keys.
pub(super) const KEYS: &str = "keys";

/// What that column says.
pub(super) fn keys_of(job: &Job) -> String {
    job.features.keys.join(", ")
}

/// The labels of a job.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    rows: Rows,
    /// The keys that they have, in the order of the job's.
    keys: Vec<String>,
    time_column: String,
    /// The last word on what the keys say on any day is that it is harmless.
    benign: Vec<usize>,
    /// The last word on the very row is that it is an attack.
    malicious: Vec<usize>,
}

impl Labels {
    pub fn new(job: &Job, rows: Rows) -> Result<Self, FeedbackError> {
        if rows.column("label").is_none() {
            return Err(FeedbackError::NoColumn { column: "label" });
        }
        let wrong = |name: &str, problem: String| FeedbackError::Row {
            name: name.to_owned(),
            problem,
        };
        let keys = &job.features.keys;
        if let Some(key) = keys.iter().find(|key| OWN.contains(&key.as_str())) {
            let problem = format!(
                "`{key}` is a column of every label, and a key of the job: give the key another name"
            );
            return Err(wrong("the labels", problem));
        }
        let keys: Vec<_> = keys
            .iter()
            .filter(|key| rows.column(key).is_some())
            .cloned()
            .collect();
        let time_column = job.window.time_column.clone();
        let lasting: Vec<_> = keys
            .iter()
            .filter(|key| **key != time_column)
            .cloned()
            .collect();
        if lasting.is_empty() && rows.len() > 0 {
            let problem = format!(
                "they have none of the job's keys {} but the time",
                keys_of(job)
            );
            return Err(wrong("the labels", problem));
        }
        let mut said = Vec::new();
        let mut of_other_keys = 0;
        for row in 0..rows.len() {
            let name = || format!("label {}", row + 1);
            let word = rows.value("label", row).unwrap_or_default();
            let label = Label::parse(word).ok_or_else(|| {
                wrong(
                    &name(),
                    format!("`{word}` is none of benign, malicious and withdrawn"),
                )
            })?;
            let at = rows.value("labelled_at", row).map(|text| {
                rows.instant(text)
                    .ok_or_else(|| wrong(&name(), format!("`{text}` in `labelled_at` is no time")))
            });
            let at = at.transpose()?;
            if rows
                .value("job", row)
                .is_some_and(|other| other != job.name)
            {
                continue; // a table that several jobs share
            }
            if rows
                .value(KEYS, row)
                .is_some_and(|named| named != keys_of(job))
            {
                of_other_keys += 1;
                continue;
            }
            said.push((at, row, label));
        }
        if of_other_keys > 0 {
            tracing::warn!(
                "{of_other_keys} labels say nothing any more: they name other keys than the job has now, {}",
                keys_of(job)
            );
        }
        // Of several labels the last one counts: by its time, or by its place in the file.
        said.sort_by_key(|(at, row, _)| (*at, *row));
        let last = |keys: &[String], wanted: Label| {
            let mut last: HashMap<Vec<Option<&str>>, (usize, Label)> = HashMap::new();
            for (_, row, label) in &said {
                let key = keys.iter().map(|key| rows.exact(key, *row)).collect();
                last.insert(key, (*row, *label));
            }
            let rows = last.into_values().filter(|(_, label)| *label == wanted);
            let mut rows: Vec<_> = rows.map(|(row, _)| row).collect();
            rows.sort_unstable();
            rows
        };
        Ok(Self {
            benign: last(&lasting, Label::Benign),
            malicious: last(&keys, Label::Malicious),
            rows,
            keys,
            time_column,
        })
    }

    /// Which rows are labelled malicious; `None` if none is.
    pub fn malicious(&self, rows: &[RecordBatch]) -> Result<Option<BooleanBuffer>, FeedbackError> {
        let found = self.find(&self.malicious, &self.keys, rows)?;
        Ok(found.map(|found| {
            let mut is_one = BooleanBufferBuilder::new(found.len());
            found
                .iter()
                .for_each(|label| is_one.append(label.is_some()));
            is_one.finish()
        }))
    }

    /// For each row what a finding says that is labelled benign, unless that very row is labelled malicious; `None` if no
    /// row can be.
    pub fn benign(&self, rows: &RecordBatch) -> Result<Option<Vec<Option<String>>>, FeedbackError> {
        let keys = self.keys.iter().filter(|key| **key != self.time_column);
        let keys: Vec<_> = keys.cloned().collect();
        let rows = std::slice::from_ref(rows);
        let Some(found) = self.find(&self.benign, &keys, rows)? else {
            return Ok(None);
        };
        let malicious = self.malicious(rows)?;
        let says = |(row, label): (usize, Option<usize>)| {
            let label =
                label.filter(|_| !malicious.as_ref().is_some_and(|rows| rows.value(row)))?;
            let text = |column| self.rows.value(column, label);
            let reason = text("reason")
                .map(|reason| format!(": {reason}"))
                .unwrap_or_default();
            let author = text("author")
                .map(|author| format!(" ({author})"))
                .unwrap_or_default();
            Some(format!("labelled benign{reason}{author}"))
        };
        Ok(Some(found.into_iter().enumerate().map(says).collect()))
    }

    /// For each row the label that has its keys.
    fn find(
        &self,
        labels: &[usize],
        keys: &[String],
        rows: &[RecordBatch],
    ) -> Result<Option<Vec<Option<usize>>>, FeedbackError> {
        let Some(first) = rows.first().filter(|_| !labels.is_empty()) else {
            return Ok(None);
        };
        let types = keys.iter().map(|key| {
            first
                .schema()
                .field_with_name(key)
                .map(|field| comparable(field.data_type()))
        });
        let types = types.collect::<Result<Vec<_>, _>>()?;
        let fields = types
            .iter()
            .map(|data_type| SortField::new(data_type.clone()));
        let converter = RowConverter::new(fields.collect())?;
        let wanted = keys
            .iter()
            .zip(&types)
            .map(|(key, data_type)| self.rows.values(key, labels, data_type));
        let wanted = converter.convert_columns(&wanted.collect::<Result<Vec<_>, _>>()?)?;
        let wanted: HashMap<Vec<u8>, usize> = wanted
            .iter()
            .map(|row| row.as_ref().to_vec())
            .zip(labels.iter().copied())
            .collect();
        let mut found = Vec::new();
        for batch in rows {
            let columns = keys.iter().zip(&types).map(|(key, data_type)| {
                let column = batch
                    .column_by_name(key)
                    .expect("the keys are columns of the rows");
                cast(column, data_type)
            });
            let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
            let rows = converter.convert_columns(&columns)?;
            found.extend(rows.iter().map(|row| wanted.get(row.as_ref()).copied()));
        }
        Ok(Some(found))
    }
}
