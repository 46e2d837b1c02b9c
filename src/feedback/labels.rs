//! Findings that somebody has looked at: harmless ones do not come again, malicious ones are not learnt from.
//!
//! A label names a row by the job's keys, or some of them. A harmless one stands for what the keys say on any day, so
//! the time column is left out; a malicious one stands for the very row.

use std::collections::HashMap;

use arrow::array::{ArrayRef, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};

use super::FeedbackError;
use super::table::Rows;
use crate::job::Job;

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

/// The labels of a job.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    rows: Rows,
    /// The keys that they have, in the order of the job's.
    keys: Vec<String>,
    time_column: String,
    /// The rows that count, by their label.
    benign: Vec<usize>,
    malicious: Vec<usize>,
}

impl Labels {
    pub fn new(job: &Job, rows: Rows) -> Result<Self, FeedbackError> {
        if rows.column("label").is_none() {
            return Err(FeedbackError::NoColumn { column: "label" });
        }
        let keys = job
            .features
            .keys
            .iter()
            .filter(|key| rows.column(key).is_some());
        let keys: Vec<_> = keys.cloned().collect();
        let time_column = job.window.time_column.clone();
        if keys.iter().all(|key| *key == time_column) && rows.len() > 0 {
            return Err(FeedbackError::Row {
                name: "the labels".to_owned(),
                problem: format!(
                    "they have none of the job's keys {} but the time",
                    job.features.keys.join(", ")
                ),
            });
        }
        // Of several labels of one row the last one counts: by its time, or by its place in the file.
        let mut order: Vec<_> = (0..rows.len()).collect();
        order.sort_by_key(|row| {
            rows.value("labelled_at", *row)
                .and_then(super::table::instant)
        });
        let mut last: HashMap<Vec<Option<String>>, (usize, Label)> = HashMap::new();
        for row in order {
            let word = rows.value("label", row).unwrap_or_default();
            let label = Label::parse(word).ok_or_else(|| FeedbackError::Row {
                name: format!("label {}", row + 1),
                problem: format!("`{word}` is none of benign, malicious and withdrawn"),
            })?;
            if rows
                .value("job", row)
                .is_some_and(|other| other != job.name)
            {
                continue; // a table that several jobs share
            }
            let keys = keys
                .iter()
                .map(|key| rows.exact(key, row).map(str::to_owned));
            last.insert(keys.collect(), (row, label));
        }
        let of = |wanted: Label| {
            let mut rows: Vec<_> = last
                .values()
                .filter(|(_, label)| *label == wanted)
                .map(|(row, _)| *row)
                .collect();
            rows.sort_unstable();
            rows
        };
        Ok(Self {
            benign: of(Label::Benign),
            malicious: of(Label::Malicious),
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

    /// For each row what a finding says that is labelled benign; `None` if no row can be.
    pub fn benign(&self, rows: &RecordBatch) -> Result<Option<Vec<Option<String>>>, FeedbackError> {
        let keys: Vec<_> = self
            .keys
            .iter()
            .filter(|key| **key != self.time_column)
            .cloned()
            .collect();
        let found = self.find(&self.benign, &keys, std::slice::from_ref(rows))?;
        let says = |label: Option<usize>| {
            let text = |column| self.rows.value(column, label?).map(str::to_owned);
            let reason = text("reason")
                .map(|reason| format!(": {reason}"))
                .unwrap_or_default();
            let author = text("author")
                .map(|author| format!(" ({author})"))
                .unwrap_or_default();
            label.map(|_| format!("labelled benign{reason}{author}"))
        };
        Ok(found.map(|found| found.into_iter().map(says).collect()))
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
                .map(|field| plain(field.data_type()))
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
                crate::strict::cast(column, data_type)
            });
            let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
            let rows = converter.convert_columns(&columns)?;
            found.extend(rows.iter().map(|row| wanted.get(row.as_ref()).copied()));
        }
        Ok(Some(found))
    }
}

/// A type whose values compare as what they are.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, value) => plain(value),
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        other => other.clone(),
    }
}
