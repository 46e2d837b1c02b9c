//! A table of rows that stayed on the cluster.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Statistics};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use super::keep::{Folder, KeptFile};

/// The rows of these files. How many there are is known before one is read.
#[derive(Clone, Debug)]
pub(crate) struct KeptRows {
    schema: SchemaRef,
    folder: Folder,
    files: Vec<KeptFile>,
}

impl KeptRows {
    pub(super) fn new(schema: SchemaRef, folder: Folder, files: Vec<KeptFile>) -> Self {
        Self {
            schema,
            folder,
            files,
        }
    }

    /// How many rows.
    pub(crate) fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// How many bytes their files have.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// What reads them in at most so many partitions.
    pub(super) fn read(
        &self,
        partitions: usize,
        projection: Option<&Vec<usize>>,
        predicate: Option<Arc<dyn PhysicalExpr>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.files.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema.project(columns)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let mut source = ParquetSource::new(Arc::clone(&self.schema));
        if let Some(predicate) = predicate {
            source = source.with_predicate(predicate);
        }
        let files = self.files.iter().map(KeptFile::read);
        let files = FileGroup::new(files.collect::<Result<_>>()?);
        let config = FileScanConfigBuilder::new(self.folder.store_url()?, Arc::new(source))
            .with_file_groups(files.split_files(partitions))
            .with_projection_indices(projection.cloned())?
            .with_statistics(self.counted())
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn counted(&self) -> Statistics {
        let exact =
            |number: u64| usize::try_from(number).map_or(Precision::Absent, Precision::Exact);
        Statistics {
            num_rows: exact(self.rows()),
            total_byte_size: exact(self.bytes()),
            column_statistics: Statistics::unknown_column(&self.schema),
        }
    }
}

#[async_trait]
impl TableProvider for KeptRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.counted())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let predicate = match conjunction(filters.to_vec()) {
            Some(filter) => {
                let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
                Some(state.create_physical_expr(filter, &schema)?)
            }
            None => None,
        };
        let partitions = state.config().target_partitions();
        self.read(partitions, projection, predicate, limit)
    }
}
