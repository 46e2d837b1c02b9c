//! A look at what a job reads, makes and has written, with SQL of the user's own.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;

use crate::error::{Error, Result};
use crate::job::Job;
use crate::misfit::misfit;
use crate::pipeline::Pipeline;
use crate::{session, source};

/// Answers `sql`. Sources and the SQL files before the model go by their names, output tables by their folder's.
pub async fn query(job: &Job, as_of: DateTime<Utc>, sql: &str) -> Result<Vec<RecordBatch>> {
    let interval = job.window.at(as_of);
    let ctx = session::connect(job)?;
    let sources = source::register_all(&ctx, job, &interval).await?;
    Pipeline::register_views(&ctx, job, &interval).await?;
    register_outputs(&ctx, job).await?;
    let wrong = |error| misfit(&ctx, Path::new("the query"), &error);
    let parameters = session::parameters(job, &interval);
    let rows = ctx.sql_with_options(sql, session::only_queries()).await;
    let rows = rows
        .and_then(|rows| rows.with_param_values(parameters))
        .map_err(wrong)?;
    let schema = Arc::clone(rows.schema().inner());
    let answer = rows.collect().await.map_err(|source| Error::Step {
        step: "the query".to_owned(),
        source,
    })?;
    source::tell_of_skipped(sources.iter().map(|source| &source.summary));
    // An answer without rows still has columns to show.
    Ok(if answer.is_empty() {
        vec![RecordBatch::new_empty(schema)]
    } else {
        answer
    })
}

/// Output tables that are there already, unless a source or step has their name.
async fn register_outputs(ctx: &SessionContext, job: &Job) -> Result<()> {
    for target in &job.sinks {
        let location = target.location.resolve()?;
        let name = location
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        if !ctx
            .table_exist(TableReference::bare(name.as_str()))
            .unwrap_or(true)
        {
            source::register_output(ctx, job, target, &name, None).await?;
        }
    }
    Ok(())
}
