//! What SQL after the model asks of the judged rows: the filters with which it reads `scored`.
//!
//! They are learnt when the SQL is planned, before there is a row, and say which rows a cluster has to hand out.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

/// The filters of each reading; those of one reading hold all together.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked(Arc<Mutex<Vec<Vec<Expr>>>>);

impl Asked {
    /// A table without rows that remembers who asks for what.
    pub(super) fn table(&self, schema: &SchemaRef) -> Arc<dyn TableProvider> {
        Arc::new(AskedTable {
            schema: Arc::clone(schema),
            asked: self.clone(),
        })
    }

    /// The filters of each reading so far.
    pub(super) fn readings(&self) -> Vec<Vec<Expr>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[derive(Debug)]
struct AskedTable {
    schema: SchemaRef,
    asked: Asked,
}

#[async_trait]
impl TableProvider for AskedTable {
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

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut asked = self.asked.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A reading that stops somewhere does not say where: it is given all.
        asked.push(if limit.is_some() {
            Vec::new()
        } else {
            filters.to_vec()
        });
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        Ok(Arc::new(EmptyExec::new(schema)))
    }
}
