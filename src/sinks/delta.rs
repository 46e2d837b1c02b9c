//! A Delta table of findings, partitioned by day: a run replaces exactly its detect interval, in one commit.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use chrono::TimeDelta;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, ident, lit};
use datafusion::scalar::ScalarValue;
use deltalake::delta_datafusion::create_session;
use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake::kernel::transaction::CommitProperties;
use deltalake::operations::create::CreateBuilder;
use deltalake::parquet::basic::{Compression, ZstdLevel};
use deltalake::parquet::file::properties::WriterProperties;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError, ensure_table_uri};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::commit::{CommitId, commit_once};
use super::error::SinkError;
use super::finding::DATE;
use crate::fault;
use crate::job::{Bucket, DeltaTarget, Job, resolve_options};
use crate::output_file::can_write;
use crate::put_if_absent;
use crate::run_id::RunId;

/// A table of findings, there or to be made.
#[derive(Debug)]
pub struct DeltaSink {
    shown: String,
    table: DeltaTable,
    schema: SchemaRef,
}

/// What a sink took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// Where, as a person may see it.
    pub location: String,
    /// The version that the write made.
    pub version: u64,
    /// Findings written.
    pub rows: usize,
}

/// Where findings would go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    /// Where, as a person may see it.
    pub location: String,
    /// The version that is there; `None` where no table is.
    pub version: Option<u64>,
}

impl DeltaSink {
    /// Where its findings would go.
    pub fn target(&self) -> Target {
        Target {
            location: self.shown.clone(),
            version: self.table.version(),
        }
    }

    /// The columns of a finding in it.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Opens the table, or looks whether one can be made there, for rows of this schema.
    pub(super) async fn open(
        job: &Job,
        target: &DeltaTarget,
        schema: &SchemaRef,
    ) -> Result<Self, SinkError> {
        let table = open(target).await?;
        if table.version().is_some() {
            check_is_ours(&table, job, schema)?;
        }
        Ok(Self {
            shown: target.location.to_string(),
            table,
            schema: Arc::clone(schema),
        })
    }

    /// Tries whether the store is safe for commits.
    pub(super) async fn prove(&self) -> Result<(), SinkError> {
        Ok(put_if_absent::prove(&self.table).await?)
    }

    /// Replaces what the table holds of the run's detect interval with `rows`.
    pub(super) async fn replace(
        mut self,
        job: &Job,
        run: &RunId,
        rows: &[RecordBatch],
    ) -> Result<Receipt, SinkError> {
        if self.table.version().is_none() {
            self.create(job).await?;
        }
        fault::point("before the findings' commit");
        let count = rows.iter().map(RecordBatch::num_rows).sum();
        let rows = match rows {
            [] => vec![RecordBatch::new_empty(Arc::clone(&self.schema))],
            rows => rows.to_vec(),
        };
        let version = commit_once(&mut self.table, |table, id| {
            write(table, rows.clone(), job, run, id)
        });
        let version = version.await?;
        fault::point("after the findings' commit");
        Ok(Receipt {
            version,
            location: self.shown,
            rows: count,
        })
    }

    async fn create(&mut self, job: &Job) -> Result<(), SinkError> {
        let schema: StructType = self.schema.as_ref().try_into_kernel()?;
        let new = self
            .table
            .clone()
            .create()
            .with_columns(schema.fields().cloned())
            .with_partition_columns([DATE])
            .with_table_name(job.name.clone())
            .with_comment(job.description.clone());
        if create(&mut self.table, new).await? == Made::ByAnother {
            check_is_ours(&self.table, job, &self.schema)?;
        }
        Ok(())
    }
}

/// Replaces what the table holds of the run's detect interval, in one commit.
async fn write(
    table: DeltaTable,
    rows: Vec<RecordBatch>,
    job: &Job,
    run: &RunId,
    id: CommitId,
) -> Result<DeltaTable, DeltaTableError> {
    table
        .write(rows)
        .with_save_mode(SaveMode::Overwrite)
        .with_replace_where(interval_predicate(job, run))
        .with_session_state(write_session())
        .with_writer_properties(writer_properties())
        .with_commit_properties(commit_properties(job, run, id))
        .await
}

/// The engine of a write.
pub(crate) fn write_session() -> Arc<SessionState> {
    let mut session = create_session().state();
    // Files rewritten by a commit keep plain text columns, which every reader knows.
    session
        .config_mut()
        .options_mut()
        .execution
        .parquet
        .schema_force_view_types = false;
    Arc::new(session)
}

/// How the files of a table are written.
pub(crate) fn writer_properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build()
}

/// Opens a Delta table that is to be written, or looks whether one can be made there; it then has no version.
pub(crate) async fn open(target: &DeltaTarget) -> Result<DeltaTable, SinkError> {
    let location = target.location.resolve()?;
    load(target, ensure_table_location(&location)?).await
}

/// Opens a Delta table that is there, for who may not write it; without one it has no version.
pub(crate) async fn open_to_read(target: &DeltaTarget) -> Result<DeltaTable, SinkError> {
    let location = target.location.resolve()?;
    let url = match location.contains("://") {
        true => ensure_table_location(&location)?,
        false => url::Url::from_directory_path(&location).map_err(|()| SinkError::Location)?,
    };
    load(target, url).await
}

async fn load(target: &DeltaTarget, url: url::Url) -> Result<DeltaTable, SinkError> {
    let options = resolve_options(&target.options, &target.location.place)?;
    let mut table = DeltaTableBuilder::from_url(url)?
        .with_storage_options(options)
        .build()?;
    if table.verify_deltatable_existence().await? {
        table.load().await?;
    }
    Ok(table)
}

/// Who made a table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// This run.
    Now,
    /// Another run, a moment ago.
    ByAnother,
}

/// Makes a table that was not there when it was opened.
pub(crate) async fn create(
    table: &mut DeltaTable,
    new: CreateBuilder,
) -> Result<Made, DeltaTableError> {
    // Else the second of two makers changes the first one's table, in a second version.
    let once = CommitProperties::default().with_max_retries(0);
    match new.with_commit_properties(once).await {
        Ok(made) => {
            *table = made;
            Ok(Made::Now)
        }
        Err(error) => {
            table.load().await.map_err(|_| error)?;
            Ok(Made::ByAnother)
        }
    }
}

/// What the run replaces: whole days where buckets are days, else the time inside them as well.
fn interval_predicate(job: &Job, run: &RunId) -> Expr {
    let (window, interval) = (&job.window, &run.interval);
    let moment = TimeDelta::microseconds(1);
    let date = |instant| {
        let days = arrow::datatypes::Date32Type::from_naive_date(window.timezone.date(instant));
        lit(ScalarValue::Date32(Some(days)))
    };
    let days = ident(DATE)
        .gt_eq(date(interval.detect_start))
        .and(ident(DATE).lt_eq(date(interval.detect_end - moment)));
    let starts_a_day = window.timezone.date(interval.detect_start - moment)
        < window.timezone.date(interval.detect_start);
    if window.bucket == Bucket::Day && starts_a_day {
        return days;
    }
    let time = |instant: chrono::DateTime<chrono::Utc>| {
        lit(ScalarValue::TimestampMicrosecond(
            Some(instant.timestamp_micros()),
            Some("UTC".into()),
        ))
    };
    days.and(ident(&window.time_column).gt_eq(time(interval.detect_start)))
        .and(ident(&window.time_column).lt(time(interval.detect_end)))
}

/// What the table's history says of the commit: how to make these rows again.
fn commit_properties(job: &Job, run: &RunId, id: CommitId) -> CommitProperties {
    let sources: serde_json::Map<_, _> = run
        .sources
        .iter()
        .map(|source| (source.name.clone(), json!(source.version)))
        .collect();
    let judged_by = match run.model_run() {
        Some(model) => ("model".to_owned(), json!(model)),
        None => ("isolation_forest".to_owned(), json!(job.isolation_forest)),
    };
    let metadata = [
        id.metadata(),
        ("run_id".to_owned(), json!(run.id)),
        ("job".to_owned(), json!(job.name)),
        ("job_digest".to_owned(), json!(run.job_digest)),
        ("as_of".to_owned(), json!(run.interval.as_of)),
        ("detect_start".to_owned(), json!(run.interval.detect_start)),
        ("detect_end".to_owned(), json!(run.interval.detect_end)),
        ("sources".to_owned(), serde_json::Value::Object(sources)),
        judged_by,
        ("crannog".to_owned(), json!(env!("CARGO_PKG_VERSION"))),
    ];
    CommitProperties::default().with_metadata(metadata)
}

/// The table's URL; a local folder must be a Delta table, empty, or one that can be made. Nothing is made yet.
fn ensure_table_location(location: &str) -> Result<url::Url, SinkError> {
    if location.contains("://") {
        return ensure_table_uri(location).map_err(|_| SinkError::Location);
    }
    if location.contains('%') {
        return Err(SinkError::Location); // Delta's log would read it as the start of an escape
    }
    let folder = Path::new(location);
    let there = folder.ancestors().find(|ancestor| ancestor.exists());
    if there.is_some_and(|there| !there.is_dir()) {
        return Err(SinkError::NotAFolder);
    }
    if folder.exists() && !folder.join("_delta_log").is_dir() {
        let mut entries = std::fs::read_dir(folder).map_err(SinkError::NotWritable)?;
        if entries.next().is_some() {
            return Err(SinkError::Occupied);
        }
    }
    if let Some(there) = there {
        can_write(there).map_err(SinkError::NotWritable)?;
    }
    url::Url::from_directory_path(folder).map_err(|()| SinkError::Location)
}

/// The table must have been made by a job of this name, or by nobody we know, and have our columns.
fn check_is_ours(table: &DeltaTable, job: &Job, schema: &Schema) -> Result<(), SinkError> {
    match table.snapshot()?.metadata().name() {
        Some(name) if name != job.name => {
            return Err(SinkError::OtherJob {
                other: name.to_owned(),
            });
        }
        _ => {}
    }
    let found: Schema = table.snapshot()?.schema().as_ref().try_into_arrow()?;
    let differs = |difference: String| Err(SinkError::Schema { difference });
    for field in schema.fields() {
        match found.field_with_name(field.name()) {
            Err(_) => return differs(format!("it has no `{}`", field.name())),
            Ok(there) if !there.data_type().equals_datatype(field.data_type()) => {
                let (there, ours) = (
                    crate::display::type_name(there.data_type()),
                    crate::display::type_name(field.data_type()),
                );
                return differs(format!(
                    "`{}` is {there} there, and {ours} here",
                    field.name()
                ));
            }
            Ok(_) => {}
        }
    }
    match found
        .fields()
        .iter()
        .find(|field| schema.field_with_name(field.name()).is_err())
    {
        Some(field) => differs(format!("it also has `{}`", field.name())),
        None => Ok(()),
    }
}
