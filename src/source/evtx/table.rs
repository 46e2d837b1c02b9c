//! The event logs of a folder as one table of DataFusion: files, and parts of large ones, are read side by side, each a
//! few chunks at a time.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::{ListingTableUrl, PartitionedFile};
use datafusion::datasource::physical_plan::{
    FileGroup, FileOpenFuture, FileOpener, FileScanConfig, FileScanConfigBuilder, FileSource,
};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use datafusion::physical_plan::{ExecutionPlan, apply_expression_roots};
use futures::StreamExt;
use object_store::{ObjectMeta, ObjectStore};

use super::columns::{Rows, SCHEMA};
use super::reading::Reading;
use crate::source::Skipped;
use crate::source::files::file_name;

/// The files, found once: every scan reads the same.
#[derive(Debug)]
pub(super) struct EvtxTable {
    pub(super) url: ListingTableUrl,
    pub(super) files: Vec<ObjectMeta>,
    pub(super) skipped: Skipped,
}

#[async_trait]
impl TableProvider for EvtxTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&SCHEMA)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.files.iter().cloned().map(PartitionedFile::from);
        let groups = FileGroup::new(files.collect())
            .split_files(state.config_options().execution.target_partitions);
        let source = EvtxSource::new(self.url.clone(), self.skipped.clone());
        let scan = FileScanConfigBuilder::new(self.url.object_store(), Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}

/// What DataFusion asks of a format: which columns are wanted, and who opens a file.
#[derive(Clone)]
struct EvtxSource {
    schema: TableSchema,
    projection: SplitProjection,
    batch_size: usize,
    metrics: ExecutionPlanMetricsSet,
    url: ListingTableUrl,
    skipped: Skipped,
}

impl EvtxSource {
    fn new(url: ListingTableUrl, skipped: Skipped) -> Self {
        let schema = TableSchema::from(Arc::clone(&SCHEMA));
        Self {
            projection: SplitProjection::unprojected(&schema),
            schema,
            batch_size: 8192,
            metrics: ExecutionPlanMetricsSet::new(),
            url,
            skipped,
        }
    }
}

impl FileSource for EvtxSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        _scan: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let file_schema = self.schema.file_schema();
        let counter = |name| MetricBuilder::new(&self.metrics).counter(name, partition);
        let opener = EvtxOpener {
            store,
            columns: Arc::new(file_schema.project(&self.projection.file_indices)?),
            batch_size: self.batch_size,
            url: self.url.clone(),
            skipped: self.skipped.clone(),
            bytes_scanned: counter("bytes_scanned"),
            records_left_out: counter("records_left_out"),
        };
        ProjectionOpener::try_new(self.projection.clone(), Arc::new(opener), file_schema)
    }

    fn table_schema(&self) -> &TableSchema {
        &self.schema
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(Self {
            batch_size,
            ..self.clone()
        })
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        Ok(Some(Arc::new(Self {
            projection: SplitProjection::new(self.schema.file_schema(), &merged),
            ..self.clone()
        })))
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.projection.source.iter(), f)
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        "evtx"
    }
}

struct EvtxOpener {
    store: Arc<dyn ObjectStore>,
    columns: SchemaRef,
    batch_size: usize,
    url: ListingTableUrl,
    skipped: Skipped,
    bytes_scanned: Count,
    records_left_out: Count,
}

impl FileOpener for EvtxOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let range = file.range.map_or(0..u64::MAX, |range| {
            range.start.unsigned_abs()..range.end.unsigned_abs()
        });
        let reading = Reading {
            store: Arc::clone(&self.store),
            name: file_name(&self.url, &file.object_meta),
            file: file.object_meta,
            skipped: self.skipped.clone(),
            is_damaged: false,
            rows: Rows::new(Arc::clone(&self.columns)),
            batch_size: self.batch_size,
            bytes_scanned: self.bytes_scanned.clone(),
            records_left_out: self.records_left_out.clone(),
        };
        Ok(Box::pin(async move { Ok(reading.batches(range).boxed()) }))
    }
}
