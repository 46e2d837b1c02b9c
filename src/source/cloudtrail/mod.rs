//! CloudTrail as AWS delivers it: a bucket or folder of JSON files, gzip or not, each a list of records.
//!
//! Records are decoded as they come, only the columns that the SQL reads, from the files of the days that it can need.
//! What a record says is never a reason to stop: a value of another type than its column's becomes text or NULL.

mod bucket;
mod days;
mod exec;
mod file;
mod record;
mod rows;
mod schema;
mod window;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use object_store::{ObjectMeta, ObjectStoreExt};

use self::bucket::{Bucket, TrailFile};
use self::days::WantedDays;
use self::exec::{CloudTrailExec, Scan};
use super::files::{digest, register_store};
use super::history::Log;
use super::source_files::SourceFile;
use super::{Opened, Skipped, SourceError, identity};

/// A trail as a table.
#[derive(Debug)]
struct CloudTrail {
    bucket: Bucket,
    /// Parts of the location's path.
    depth: usize,
    schema: SchemaRef,
    /// The files since that day, listed when the source was opened.
    files: Vec<TrailFile>,
    since: Option<NaiveDate>,
    skipped: Skipped,
}

/// Opens the trail at `location`. Its version is that of the files since `start`; SQL that wants earlier ones gets them.
pub(super) async fn open(
    ctx: &SessionContext,
    location: &str,
    shown: &str,
    options: &HashMap<String, String>,
    start: DateTime<Utc>,
    strict: bool,
) -> Result<Opened, SourceError> {
    let (bucket, depth) = find(ctx, location, shown, options).await?;
    let since = days::first_delivery(start);
    let files = bucket.since(since).await.map_err(SourceError::Store)?;
    if files.is_empty()
        && bucket
            .since(None)
            .await
            .map_err(SourceError::Store)?
            .is_empty()
    {
        return Err(missing());
    }
    let metas: Vec<ObjectMeta> = files.iter().map(|file| file.meta.clone()).collect();
    let skipped = Skipped::new(strict);
    let opened = Opened {
        log: Log::Unknown,
        nullable_partitions: Vec::new(),
        identity: identity(&[location]),
        version: digest(&metas),
        files: metas.len(),
        bytes: metas.iter().map(|file| file.size).sum(),
        skipped: skipped.clone(),
        provider: Arc::new(CloudTrail {
            bucket,
            depth,
            schema: schema::schema(),
            files,
            since,
            skipped,
        }),
    };
    Ok(opened)
}

/// The files of a trail, whenever they were delivered.
pub(crate) struct Files {
    bucket: Bucket,
    depth: usize,
    files: Vec<TrailFile>,
}

impl Files {
    pub(super) async fn open(
        ctx: &SessionContext,
        location: &str,
        options: &HashMap<String, String>,
    ) -> Result<Self, SourceError> {
        let (bucket, depth) = find(ctx, location, location, options).await?;
        let files = bucket.since(None).await.map_err(SourceError::Store)?;
        if files.is_empty() {
            return Err(missing());
        }
        Ok(Self {
            bucket,
            depth,
            files,
        })
    }

    pub(super) fn list(&self) -> Vec<SourceFile> {
        let file = |file: &TrailFile| SourceFile {
            name: file.name(self.depth),
            size: file.meta.size,
            day: file.day,
        };
        self.files.iter().map(file).collect()
    }

    pub(super) fn rows(&self, names: &[String], skipped: &Skipped) -> Arc<dyn TableProvider> {
        let names: HashSet<_> = names.iter().collect();
        let is_wanted = |file: &&TrailFile| names.contains(&file.name(self.depth));
        Arc::new(CloudTrail {
            bucket: self.bucket.clone(),
            depth: self.depth,
            schema: schema::schema(),
            files: self.files.iter().filter(is_wanted).cloned().collect(),
            since: None,
            skipped: skipped.clone(),
        })
    }
}

/// The bucket or file, and of how many parts the path of the location is.
async fn find(
    ctx: &SessionContext,
    location: &str,
    shown: &str,
    options: &HashMap<String, String>,
) -> Result<(Bucket, usize), SourceError> {
    let url = register_store(ctx, location, shown, bucket::is_json(location), options)?;
    let store = ctx
        .runtime_env()
        .object_store(&url)
        .map_err(SourceError::Register)?;
    let depth = url.prefix().parts().count();
    if url.is_collection() {
        let bucket = Bucket::open(store, url.prefix()).await;
        return Ok((bucket.map_err(SourceError::Store)?, depth));
    }
    match store.head(url.prefix()).await {
        Ok(file) => Ok((Bucket::of_file(store, file), depth - 1)),
        Err(object_store::Error::NotFound { .. }) => Err(missing()),
        Err(error) => Err(SourceError::Store(error)),
    }
}

fn missing() -> SourceError {
    SourceError::Missing {
        what: "CloudTrail file (.json.gz, .json, .jsonl or .ndjson)",
    }
}

#[async_trait]
impl TableProvider for CloudTrail {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// A filter chooses days, and no more.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>, DataFusionError> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let days = WantedDays::of(state, filters)?;
        let is_listed = self
            .since
            .is_none_or(|since| days.first().is_some_and(|first| first >= since));
        let mut files = if is_listed {
            self.files.clone()
        } else {
            self.bucket.since(days.first()).await?
        };
        files.retain(|file| file.day.is_none_or(|day| days.contains(day)));
        let columns = match projection {
            Some(columns) => columns.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let scan = Scan {
            store: Arc::clone(&self.bucket.store),
            depth: self.depth,
            schema: Arc::new(self.schema.project(&columns)?),
            columns,
            skipped: self.skipped.clone(),
        };
        let partitions = state.config().target_partitions();
        Ok(Arc::new(CloudTrailExec::new(scan, files, partitions)))
    }
}
