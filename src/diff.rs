//! Two runs of a job side by side: which findings appeared, which vanished, and which moved.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::compute::kernels::cmp::neq;
use arrow::compute::{cast, concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use datafusion::common::TableReference;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, SessionContext};

use crate::error::{Error, Result};
use crate::job::Job;
use crate::saved::{self, Which};
use crate::session;

/// The columns in which a finding that is in both runs can have moved, where the job writes them.
const PLACES: [&str; 2] = ["rank", "anomaly_score"];

/// What is different between two runs.
#[derive(Debug)]
pub struct Diff {
    /// A row for each finding that differs: `change` (`appeared`, `moved` or `vanished`), the job's keys, and of `rank` and
    /// `anomaly_score` the value `_before` and the one `_after`; of each `change` the strangest first.
    pub rows: RecordBatch,
    /// Findings that are in both and in one place.
    pub same: usize,
}

/// What is different in the findings of the run `after`, seen from the run `before`, each by its id. A finding is known by
/// its `finding_id`.
pub async fn diff(job: &Job, before: &str, after: &str) -> Result<Diff> {
    let ctx = session::connect(job)?;
    let mut schemas = Vec::new();
    for (name, id) in [("before", before), ("after", after)] {
        let report = saved::report(job, Which::Run(id)).await?;
        let rows = saved::findings(job, &report).await?;
        schemas.push(keep(&ctx, name, rows).await.map_err(stopped)?);
    }
    let text = query(job, &schemas);
    let rows = async {
        let rows = ctx.sql(&text).await?;
        let schema = Arc::clone(rows.schema().inner());
        Ok(concat_batches(&schema, &rows.collect().await?)?)
    };
    let rows: RecordBatch = rows.await.map_err(stopped)?;
    let differ = differing(&rows).map_err(|error| stopped(error.into()))?;
    Ok(Diff {
        same: rows.num_rows() - differ.num_rows(),
        rows: differ,
    })
}

/// Keeps rows in memory as a table of the session.
async fn keep(
    ctx: &SessionContext,
    name: &str,
    rows: DataFrame,
) -> Result<SchemaRef, DataFusionError> {
    let schema = Arc::clone(rows.schema().inner());
    let rows = rows.collect_partitioned().await?;
    let table = MemTable::try_new(Arc::clone(&schema), rows)?;
    ctx.register_table(TableReference::bare(name), Arc::new(table))?;
    Ok(schema)
}

fn query(job: &Job, schemas: &[SchemaRef]) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let is_there = |name: &&str| {
        let mut schemas = schemas.iter();
        schemas.all(|schema| schema.field_with_name(name).is_ok())
    };
    let keys = job.features.keys.iter().map(String::as_str);
    let keys: Vec<_> = keys.filter(is_there).map(quoted).collect();
    let places: Vec<_> = PLACES.into_iter().filter(is_there).collect();
    let moved = places
        .iter()
        .map(|place| format!("(before.{place} IS DISTINCT FROM after.{place})"));
    let moved = moved.chain(["false".to_owned()]).collect::<Vec<_>>();
    let change = format!(
        "CASE WHEN before.finding_id IS NULL THEN 'appeared'
              WHEN after.finding_id IS NULL THEN 'vanished'
              WHEN {} THEN 'moved'
              ELSE 'same' END AS change",
        moved.join(" OR ")
    );
    let shown_keys = keys
        .iter()
        .map(|key| format!("coalesce(after.{key}, before.{key}) AS {key}"));
    let shown_places = places.iter().flat_map(|place| {
        ["before", "after"].map(|side| format!("{side}.{place} AS {place}_{side}"))
    });
    let columns: Vec<_> = [change]
        .into_iter()
        .chain(shown_keys)
        .chain(shown_places)
        .collect();
    let strangest = places.contains(&"rank");
    let strangest = strangest.then_some("coalesce(rank_after, rank_before)");
    let order = ["change"].into_iter().chain(strangest);
    let order = order.chain(keys.iter().map(String::as_str));
    format!(
        "SELECT {} FROM before FULL JOIN after ON before.finding_id = after.finding_id ORDER BY {}",
        columns.join(", "),
        order.collect::<Vec<_>>().join(", ")
    )
}

fn differing(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let change = cast(rows.column(0), &DataType::Utf8)?;
    filter_record_batch(rows, &neq(&change, &StringArray::new_scalar("same"))?)
}

fn stopped(source: DataFusionError) -> Error {
    Error::Step {
        step: "diff".to_owned(),
        source,
    }
}
