//! The files of a Delta table's version as a table of plain Parquet: a plan that every executor of a cluster can read, who
//! know nothing of Delta.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType, ident};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::prelude::SessionContext;
use deltalake::DeltaTable;
use object_store::path::Path;

use super::super::SourceError;
use super::super::files::register_folder;
use super::bounds::Bounds;

/// The table property that says under which names columns stand in files.
const COLUMN_MAPPING: &str = "delta.columnMapping.mode";

/// The table as files, its columns in the order of `made`, which is the same table's schema as Delta's own reader has it; `None`
/// if its files alone do not tell its rows: some are deleted, or columns have other names in them.
pub(in crate::source) fn as_files(
    ctx: &SessionContext,
    table: &DeltaTable,
    made: &SchemaRef,
    location: &str,
    options: &HashMap<String, String>,
) -> std::result::Result<Option<Arc<dyn TableProvider>>, SourceError> {
    let snapshot = table.snapshot().map_err(SourceError::Delta)?;
    let metadata = snapshot.metadata();
    let mapping = metadata.configuration().get(COLUMN_MAPPING);
    if mapping.is_some_and(|mode| mode != "none") {
        return Ok(None);
    }
    let (store, root) = register_folder(ctx, location, options)?;
    let is_partition = |field: &FieldRef| metadata.partition_columns().contains(field.name());
    let fields = made.fields().iter().map(plain);
    let (partitions, columns): (Vec<_>, Vec<_>) = fields.partition(is_partition);
    if partitions.iter().any(|field| field.data_type().is_binary()) {
        return Ok(None); // the log writes bytes in a way of its own
    }
    let bounds = Bounds::of(&snapshot.log_data(), made.fields().iter());
    let mut files = Vec::new();
    for file in snapshot.log_data().iter() {
        if file.deletion_vector_descriptor().is_some() {
            return Ok(None);
        }
        let values = file.partition_values_map();
        let value = |field: &FieldRef| match values.get(field.name()).cloned().flatten() {
            Some(text) if !text.is_empty() => ScalarValue::try_from_string(text, field.data_type()),
            _ => ScalarValue::try_from(field.data_type()),
        };
        let values = partitions.iter().map(value).collect::<Result<Vec<_>>>();
        files.push(File {
            path: format!("{root}/{}", file.object_store_path()),
            size: u64::try_from(file.size()).unwrap_or(0),
            partition_values: values.map_err(SourceError::Register)?,
        });
    }
    let order: Vec<_> = made
        .fields()
        .iter()
        .map(|field| ident(field.name()))
        .collect();
    let schema = TableSchema::builder(Arc::new(Schema::new(columns)))
        .with_table_partition_cols(partitions)
        .build();
    let files = SnapshotFiles {
        store,
        schema,
        files,
        bounds,
    };
    let rows = ctx.read_table(Arc::new(files));
    let rows = rows.and_then(|rows| rows.select(order));
    rows.map(|rows| Some(rows.into_view()))
        .map_err(SourceError::Register)
}

/// Text as it is: a cluster passes no views of it on.
fn plain(field: &FieldRef) -> FieldRef {
    let kind = match field.data_type() {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        _ => return Arc::clone(field),
    };
    Arc::new(Field::clone(field).with_data_type(kind))
}

#[derive(Debug)]
struct SnapshotFiles {
    store: String,
    schema: TableSchema,
    files: Vec<File>,
    bounds: Bounds,
}

#[derive(Debug)]
struct File {
    path: String,
    size: u64,
    partition_values: Vec<ScalarValue>,
}

impl File {
    fn read(&self) -> Result<PartitionedFile> {
        let location = Path::parse(&self.path).map_err(object_store::Error::from)?;
        let mut file = PartitionedFile::new(String::new(), self.size);
        file.object_meta.location = location;
        file.partition_values = self.partition_values.clone();
        Ok(file)
    }
}

#[async_trait]
impl TableProvider for SnapshotFiles {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
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
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.schema();
        let mut source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(state.default_table_options().parquet);
        let mut files: Vec<_> = self.files.iter().collect();
        if let Some(filter) = conjunction(filters.to_vec()) {
            let columns = DFSchema::try_from(Arc::clone(&schema))?;
            let filter = state.create_physical_expr(filter, &columns)?;
            let may_pass = self.bounds.may_pass(&filter, &schema);
            if may_pass.len() == files.len() {
                let mut may_pass = may_pass.into_iter();
                files.retain(|_| may_pass.next() != Some(false));
            }
            source = source.with_predicate(filter);
        }
        if files.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(schema.project(columns)?),
                None => schema,
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let files = files.into_iter().map(File::read);
        let files = FileGroup::new(files.collect::<Result<_>>()?);
        let partitions = state.config().target_partitions();
        let store = ObjectStoreUrl::parse(&self.store)?;
        let config = FileScanConfigBuilder::new(store, Arc::new(source))
            .with_file_groups(files.split_files(partitions))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
