//! What people have said of findings: rules that allow, and labels of rows that somebody has looked at.
//!
//! What a rule or a label allows is judged like all else, written, and says by whose word it is suppressed; it takes no
//! place in the budget and is sent to nobody. What is labelled malicious is judged, and not learnt from.

mod error;
mod labels;
mod rule;
mod table;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{BooleanArray, DictionaryArray, RecordBatch, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Int32Type, Schema};
use chrono::{DateTime, Utc};
use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;
use sha2::{Digest, Sha256};

pub use error::FeedbackError;
pub use labels::Label;
pub use rule::Rule;
pub use write::{NewLabel, add_label};

use crate::error::Error;
use crate::job::{FeedbackFormat, FeedbackTable, Job};
use crate::{session, source};
use labels::Labels;
use table::Rows;

/// The column of a row that says by whose word it is suppressed.
pub const SUPPRESSED_BY: &str = "suppressed_by";

/// What has been said for one job, as a run heeds it.
#[derive(Clone, Debug, Default)]
pub struct Feedback {
    rules: Vec<Rule>,
    labels: Option<Labels>,
    digest: Option<String>,
}

impl Feedback {
    /// Reads the job's rules and labels. Rules that are expired as of this instant say nothing, and are told.
    ///
    /// # Errors
    /// A table that is not there (labels may be: nobody has labelled anything yet) or says what it may not.
    pub async fn open(job: &Job, as_of: DateTime<Utc>) -> Result<Self, Error> {
        let mut hasher = Sha256::new();
        let mut rules = Vec::new();
        if let Some(table) = &job.feedback.allow {
            let read = read_rules(job, table, &mut hasher).await;
            rules = read.map_err(|error| blame(table, error))?;
        }
        let (heeded, expired): (Vec<_>, Vec<_>) =
            rules.into_iter().partition(|rule| !rule.is_expired(as_of));
        for rule in expired {
            tracing::warn!(
                "rule `{}` of {} is expired, and suppresses nothing: {}",
                rule.name,
                rule.author,
                rule.reason
            );
        }
        let mut labels = None;
        if let Some(table) = &job.feedback.labels {
            let read = read_labels(job, table, &mut hasher).await;
            labels = read.map_err(|error| blame(table, error))?;
        }
        let is_said = job.feedback.allow.is_some() || job.feedback.labels.is_some();
        Ok(Self {
            rules: heeded,
            labels,
            digest: is_said.then(|| crate::hex(&hasher.finalize()[..8])),
        })
    }

    /// Whether what is said fits the judged rows.
    ///
    /// # Errors
    /// A rule about a column that they have not.
    pub fn check(&self, job: &Job, rows: &Schema) -> Result<(), Error> {
        for rule in &self.rules {
            if let Some(column) = rule
                .columns()
                .find(|column| rows.field_with_name(column).is_err())
            {
                let error = FeedbackError::UnknownColumn {
                    name: format!("rule `{}`", rule.name),
                    column: column.to_owned(),
                    known: rows
                        .fields()
                        .iter()
                        .map(|field| field.name().clone())
                        .collect(),
                };
                return Err(match &job.feedback.allow {
                    Some(table) => blame(table, error),
                    None => error.into(),
                });
            }
        }
        Ok(())
    }

    /// Whether the findings say what is suppressed.
    ///
    /// # Errors
    /// The job's last file leaves the column out.
    pub fn check_findings(job: &Job, findings: &Schema) -> Result<(), Error> {
        let table = job.feedback.allow.as_ref().or(job.feedback.labels.as_ref());
        match table.filter(|_| findings.field_with_name(SUPPRESSED_BY).is_err()) {
            Some(table) => Err(blame(table, FeedbackError::Unmarked)),
            None => Ok(()),
        }
    }

    /// Whether nobody has said anything that suppresses.
    pub fn is_silent(&self) -> bool {
        self.rules.is_empty() && self.labels.is_none()
    }

    /// Tells what was said from what was said another time; `None` where the job asks nobody.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Which of these rows are labelled malicious; `None` if none is.
    pub fn malicious(&self, rows: &[RecordBatch]) -> Result<Option<BooleanBuffer>, FeedbackError> {
        let malicious = match &self.labels {
            Some(labels) => labels.malicious(rows)?,
            None => None,
        };
        let (count, all) = malicious
            .as_ref()
            .map_or((0, 0), |rows| (rows.count_set_bits(), rows.len()));
        if count > all / 2 {
            tracing::warn!("{count} of {all} rows are labelled malicious, and are not learnt from");
        }
        Ok(malicious)
    }

    /// By whose word each row is suppressed, NULL where by nobody's; `is_reported` says which rows are looked at.
    pub fn suppressed(
        &self,
        rows: &RecordBatch,
        is_reported: &BooleanArray,
    ) -> Result<DictionaryArray<Int32Type>, FeedbackError> {
        let mut by: Vec<Option<String>> = vec![None; rows.num_rows()];
        if is_reported.true_count() > 0 {
            for rule in &self.rules {
                for (by, fits) in by.iter_mut().zip(&rule.matches(rows)?) {
                    if fits == Some(true) && by.is_none() {
                        *by = Some(rule.says());
                    }
                }
            }
            let benign = self
                .labels
                .as_ref()
                .map(|labels| labels.benign(rows))
                .transpose()?;
            if let Some(benign) = benign.flatten() {
                for (by, benign) in by.iter_mut().zip(benign) {
                    if by.is_none() {
                        *by = benign;
                    }
                }
            }
        }
        let reported = by.into_iter().zip(is_reported);
        let by: Vec<_> = reported
            .map(|(by, is_reported)| by.filter(|_| is_reported == Some(true)))
            .collect();
        dictionary(&by)
    }
}

/// Texts, each kept once.
fn dictionary(texts: &[Option<String>]) -> Result<DictionaryArray<Int32Type>, FeedbackError> {
    let mut places: BTreeMap<&str, i32> = texts
        .iter()
        .flatten()
        .map(|text| (text.as_str(), 0))
        .collect();
    for (number, place) in places.values_mut().enumerate() {
        *place = i32::try_from(number).map_err(|_| FeedbackError::Row {
            name: "what suppresses".to_owned(),
            problem: "there are more of them than numbers".to_owned(),
        })?;
    }
    let keys = texts
        .iter()
        .map(|text| Some(places[text.as_deref()?]))
        .collect();
    let values = StringArray::from_iter_values(places.keys());
    Ok(DictionaryArray::try_new(keys, Arc::new(values))?)
}

/// The type of the column.
pub fn suppressed_by_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

async fn read_rules(
    job: &Job,
    table: &FeedbackTable,
    hasher: &mut Sha256,
) -> Result<Vec<Rule>, FeedbackError> {
    let zone = &job.window.timezone;
    if table.format == FeedbackFormat::Toml {
        let text = file(table)?;
        hasher.update(&text);
        let text = String::from_utf8(text).map_err(std::io::Error::other);
        return Rule::from_toml(zone, &text.map_err(FeedbackError::File)?);
    }
    let rows = read_rows(job, table, hasher)
        .await?
        .ok_or(FeedbackError::Missing)?;
    Rule::from_rows(zone, &rows)
}

async fn read_labels(
    job: &Job,
    table: &FeedbackTable,
    hasher: &mut Sha256,
) -> Result<Option<Labels>, FeedbackError> {
    match read_rows(job, table, hasher).await? {
        Some(rows) => Labels::new(job, rows).map(Some),
        None => Ok(None),
    }
}

/// The rows of a table; `None` where there is no Delta table yet.
async fn read_rows(
    job: &Job,
    table: &FeedbackTable,
    hasher: &mut Sha256,
) -> Result<Option<Rows>, FeedbackError> {
    const NAME: &str = "feedback";
    if table.format == FeedbackFormat::Csv {
        let text = file(table)?;
        hasher.update(&text);
        return Rows::from_csv(&job.window.timezone, &text).map(Some);
    }
    let ctx: SessionContext = session::connect(job)?;
    let outside = |error| FeedbackError::Table(Box::new(error));
    let is_there = source::register_output(&ctx, job, &table.target, NAME, None)
        .await
        .map_err(outside)?;
    if !is_there {
        return Ok(None);
    }
    let stopped = |source| {
        outside(Error::Step {
            step: NAME.to_owned(),
            source,
        })
    };
    let rows = ctx
        .table(TableReference::bare(NAME))
        .await
        .map_err(stopped)?;
    let schema = Arc::clone(rows.schema().inner());
    let rows = Rows::new(
        &job.window.timezone,
        &schema,
        &rows.collect().await.map_err(stopped)?,
    )?;
    rows.update(hasher);
    Ok(Some(rows))
}

fn file(table: &FeedbackTable) -> Result<Vec<u8>, FeedbackError> {
    std::fs::read(table.target.location.resolve()?).map_err(FeedbackError::File)
}

fn blame(table: &FeedbackTable, error: FeedbackError) -> Error {
    Error::Feedback {
        location: table.target.location.to_string(),
        source: Box::new(error),
    }
}
