//! A label that somebody gives to a finding, as a row of the table of labels.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, Utc};
use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::operations::write::SchemaMode;
use deltalake::protocol::SaveMode;

use super::labels::{KEYS, keys_of};
use super::{FeedbackError, Label, blame};
use crate::error::Error;
use crate::job::{DeltaTarget, FeedbackFormat, Job};
use crate::sinks::{FINDING_ID, SinkError, commit_once, create, open_table};
use crate::strict::cast;

/// What the table says that it is.
const NAME: &str = "crannog.labels";

/// What somebody says of a finding.
#[derive(Clone, Debug)]
pub struct NewLabel {
    /// What it is.
    pub label: Label,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub author: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Adds a label for each of these findings, rows of the output table, to the job's table of labels.
///
/// # Errors
/// The job has no such table, or it cannot be written.
pub async fn add_label(job: &Job, findings: &RecordBatch, label: &NewLabel) -> Result<(), Error> {
    let Some(table) = &job.feedback.labels else {
        return Err(FeedbackError::NoLabels.into());
    };
    let added = match table.format {
        FeedbackFormat::Delta => add(job, &table.target, findings, label).await,
        FeedbackFormat::Csv | FeedbackFormat::Toml => Err(FeedbackError::ByHand),
    };
    added.map_err(|error| blame(table, error))
}

async fn add(
    job: &Job,
    target: &DeltaTarget,
    findings: &RecordBatch,
    label: &NewLabel,
) -> Result<(), FeedbackError> {
    let rows = rows(job, findings, label)?;
    let mut table = open_table(target).await?;
    if table.version().is_none() {
        let columns: StructType = rows
            .schema()
            .as_ref()
            .try_into_kernel()
            .map_err(SinkError::from)?;
        let new = table
            .clone()
            .create()
            .with_columns(columns.fields().cloned())
            .with_table_name(NAME);
        create(&mut table, new).await.map_err(SinkError::from)?;
    }
    let name = table
        .snapshot()
        .map_err(SinkError::from)?
        .metadata()
        .name()
        .map(str::to_owned);
    if name.as_deref() != Some(NAME) {
        return Err(FeedbackError::Row {
            name: "the table".to_owned(),
            problem: "it is there, and is no table of labels of crannog: labels are added to one of its own".to_owned(),
        });
    }
    let commit = commit_once(&mut table, |table, id| {
        let properties = CommitProperties::default()
            .with_metadata([id.metadata()])
            .with_max_retries(0);
        table
            .write([rows.clone()])
            .with_save_mode(SaveMode::Append)
            .with_schema_mode(SchemaMode::Merge) // jobs that share it may have other keys
            .with_commit_properties(properties)
            .into_future()
    });
    commit.await.map_err(SinkError::from)?;
    Ok(())
}

/// The label's columns, and the keys of each finding.
fn rows(job: &Job, findings: &RecordBatch, label: &NewLabel) -> Result<RecordBatch, FeedbackError> {
    let count = findings.num_rows();
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; count])) };
    let at = TimestampMicrosecondArray::from_value(label.at.timestamp_micros(), count)
        .with_timezone("UTC");
    let ids = findings.column(findings.schema().index_of(FINDING_ID)?);
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        (FINDING_ID, cast(ids, &DataType::Utf8)?),
        ("job", text(&job.name)),
        ("label", text(label.label.word())),
        ("reason", text(&label.reason)),
        ("author", text(&label.author)),
        ("labelled_at", Arc::new(at)),
        (KEYS, text(&keys_of(job))),
    ];
    for key in &job.features.keys {
        let column = findings.column(findings.schema().index_of(key)?);
        let stored = match column.data_type() {
            DataType::Timestamp(..) => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            _ => DataType::Utf8,
        };
        columns.push((key, cast(column, &stored)?));
    }
    let fields = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
    let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    Ok(RecordBatch::try_new(schema, columns)?)
}
