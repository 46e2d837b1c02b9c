//! The table of labels as it is written: a Delta table, Parquet, CSV, or what a `SELECT` over the job makes.

use std::collections::BTreeSet;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, TimeUnit};
use chrono::{DateTime, Utc};
use datafusion::common::{ParamValues, TableReference};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, cast, ident};
use datafusion::prelude::{DataFrame, SessionContext};

use super::EvaluateError;
use crate::error::{Error, Result};
use crate::functions::local_time;
use crate::job::{Interval, Job, JobError, Location, SqlFile};
use crate::misfit::misfit;
use crate::nearest::nearest;
use crate::pipeline::Pipeline;
use crate::session;
use crate::source::{SourceError, register_all, register_beside};
use crate::strict::comparable;

/// Whether a row is an attack; which; and of what kind.
pub(super) const LABEL: &str = "label";
pub(super) const ATTACK: &str = "attack";
pub(super) const SUBSET: &str = "subset";

/// What the name of a SQL file ends in.
const SQL: &str = ".sql";

/// The labels, and where they are from.
pub(super) struct LabelTable {
    pub location: String,
    batches: Vec<RecordBatch>,
    columns: Vec<String>,
}

/// Labels of one job's rows: the columns that are keys of it, each of the type that it has there, then `label`, `attack` and
/// `subset` as text, those that there are.
pub(super) struct KeyedLabels {
    pub keys: Vec<String>,
    pub batches: Vec<RecordBatch>,
}

impl LabelTable {
    /// Reads the labels that the job names, as of the run's time; of their columns those that `jobs` have a use for.
    pub async fn read(job: &Job, as_of: DateTime<Utc>, jobs: &[&Job]) -> Result<Self> {
        let Some(location) = &job.evaluation.labels else {
            return Err(Error::Job(JobError::Value {
                place: job.document.place("evaluation"),
                message: "there are no labels: give `--labels TABLE`, or write `[evaluation] labels = \"labels.parquet\"`".to_owned(),
            }));
        };
        let shown = location.to_string();
        let ctx = session::connect(job)?;
        let path = location.resolve()?;
        let rows = match path.ends_with(SQL) {
            true => select(&ctx, job, &job.window.at(as_of), Path::new(&path)).await?,
            false => table(&ctx, job, location, &shown).await?,
        };
        let columns: Vec<_> = names(&rows);
        let keys = jobs.iter().flat_map(|job| &job.features.keys);
        let wanted: BTreeSet<_> = keys
            .map(String::as_str)
            .chain([LABEL, ATTACK, SUBSET])
            .collect();
        let passed_over = columns
            .iter()
            .filter(|name| !wanted.contains(name.as_str()));
        for name in passed_over {
            let wanted = wanted
                .iter()
                .copied()
                .filter(|wanted| !columns.iter().any(|name| name == wanted));
            if let Some(meant) = nearest(name, wanted) {
                tracing::warn!(
                    "labels `{shown}`: the column `{name}` is passed over; did you mean `{meant}`?"
                );
            }
        }
        let used = columns.iter().filter(|name| wanted.contains(name.as_str()));
        let used: Vec<_> = used.map(ident).collect();
        let batches = match used.is_empty() {
            true => Vec::new(),
            false => {
                let read = async { rows.select(used)?.collect().await };
                read.await.map_err(|source| unreadable(&shown, source))?
            }
        };
        Ok(Self {
            location: shown,
            batches,
            columns,
        })
    }

    /// The labels as a job's keys have them; `features`: the columns of its rows.
    ///
    /// # Errors
    /// No column is a key; a value is not of the key's type.
    pub async fn keyed(&self, job: &Job, features: &[&Field]) -> Result<KeyedLabels> {
        let is_there = |key: &&&Field| self.columns.contains(key.name());
        let keys: Vec<_> = features.iter().filter(is_there).collect();
        if keys.is_empty() {
            return Err(EvaluateError::NoKey {
                location: self.location.clone(),
                job: job.name.clone(),
                keys: job.features.keys.clone(),
                columns: self.columns.clone(),
            }
            .into());
        }
        let mut keyed = KeyedLabels {
            keys: keys.iter().map(|key| key.name().clone()).collect(),
            batches: Vec::new(),
        };
        if self.batches.is_empty() {
            return Ok(keyed);
        }
        let ctx = session::connect(job)?;
        let read = async {
            let rows = ctx.read_batches(self.batches.clone())?;
            let zone = job.window.timezone.name();
            let columns = keys.iter().map(|key| {
                let given = rows.schema().field_with_unqualified_name(key.name())?;
                Ok(as_key(given, key.data_type(), zone).alias(key.name().as_str()))
            });
            let columns: Vec<_> = columns.collect::<Result<_, DataFusionError>>()?;
            let others = [LABEL, ATTACK, SUBSET].into_iter();
            let others = others.filter(|name| self.columns.iter().any(|column| column == name));
            let others = others.map(|name| cast(ident(name), DataType::Utf8).alias(name));
            rows.select(columns.into_iter().chain(others).collect::<Vec<_>>())?
                .collect()
                .await
        };
        keyed.batches = read
            .await
            .map_err(|source| unreadable(&self.location, source))?;
        Ok(keyed)
    }
}

/// A column of labels as the job has it. A time without a zone, a date too, is local time of the job, as in its sources.
fn as_key(given: &Field, key: &DataType, zone: &str) -> Expr {
    let column = ident(given.name());
    match (given.data_type(), key) {
        (
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, None),
            DataType::Timestamp(..),
        ) => {
            let local = cast(column, DataType::Timestamp(TimeUnit::Microsecond, None));
            cast(local_time(local, zone), key.clone())
        }
        _ => cast(column, comparable(key)),
    }
}

/// What a `SELECT` makes of the job's sources and steps.
async fn select(
    ctx: &SessionContext,
    job: &Job,
    interval: &Interval,
    path: &Path,
) -> Result<DataFrame> {
    let file = SqlFile::load(path, &job.document.place("evaluation.labels"))?;
    register_all(ctx, job, interval).await?;
    Pipeline::register_views(ctx, job, interval).await?;
    let parameters = session::parameters(job, interval).into_iter();
    let parameters = ParamValues::from(parameters.collect::<std::collections::HashMap<_, _>>());
    let rows = ctx
        .sql_with_options(&file.text, session::only_queries())
        .await;
    rows.and_then(|rows| rows.with_param_values(parameters))
        .map_err(|error| misfit(ctx, &file.path, &error))
}

async fn table(
    ctx: &SessionContext,
    job: &Job,
    location: &Location,
    shown: &str,
) -> Result<DataFrame> {
    const NAME: &str = "labels";
    let opened = register_beside(ctx, job, NAME, location, &job.evaluation.options).await;
    opened.map_err(|error| match error {
        SourceError::Job(error) => Error::Job(error),
        error => Error::from(EvaluateError::Open {
            location: shown.to_owned(),
            source: Box::new(error),
        }),
    })?;
    let rows = ctx.table(TableReference::bare(NAME)).await;
    rows.map_err(|source| unreadable(shown, source))
}

fn names(rows: &DataFrame) -> Vec<String> {
    let fields = rows.schema().fields().iter();
    fields.map(|field| field.name().clone()).collect()
}

fn unreadable(location: &str, source: DataFusionError) -> Error {
    Error::from(EvaluateError::Read {
        location: location.to_owned(),
        source,
    })
}
