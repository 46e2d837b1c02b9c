//! Parquet files one by one, each with the columns of its Hive folders and its name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use chrono::NaiveDate;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::helpers::parse_partitions_for_path;
use datafusion::datasource::listing::{ListingTableUrl, PartitionedFile};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use futures::{StreamExt, stream};
use object_store::ObjectMeta;

use super::{HIVE_NULL, Location};
use crate::blame::{Blame, blame_of};
use crate::display::type_name;
use crate::source::files::file_name;
use crate::source::source_files::SourceFile;
use crate::source::{SOURCE_FILE, Skipped, SourceError};

/// Footers that are asked for at the same time.
const FOOTERS: usize = 32;

/// The files at a location, and the columns of those that were looked into.
pub(crate) struct Files {
    location: Location,
    /// Names of the Hive folders, from the outermost on.
    partitions: Vec<String>,
    columns: SchemaRef,
}

impl Files {
    pub(in crate::source) async fn open(
        ctx: &SessionContext,
        location: &str,
        options: &HashMap<String, String>,
    ) -> Result<Self, SourceError> {
        let location = Location::find(ctx, location, location, options).await?;
        let partitions = location.partitions(ctx).await?;
        for file in &location.files {
            if partition_values(&location.url, file, &partitions).is_none() {
                return Err(SourceError::Folders {
                    file: file_name(&location.url, file),
                    folders: partitions.join("=…/") + "=…",
                });
            }
        }
        Ok(Self {
            location,
            partitions,
            columns: Arc::new(Schema::empty()),
        })
    }

    pub(in crate::source) fn list(&self) -> Vec<SourceFile> {
        let files = self.location.files.iter();
        files
            .map(|file| SourceFile {
                name: file_name(&self.location.url, file),
                size: file.size,
                day: self.day(file),
            })
            .collect()
    }

    /// The day that a Hive folder names.
    fn day(&self, file: &ObjectMeta) -> Option<NaiveDate> {
        let values = partition_values(&self.location.url, file, &self.partitions)?;
        values
            .into_iter()
            .flatten()
            .find_map(|value| value.parse().ok())
    }

    fn named<'a>(&'a self, names: &'a [String]) -> impl Iterator<Item = (String, &'a ObjectMeta)> {
        let names: HashSet<_> = names.iter().collect();
        let files = self.location.files.iter();
        files
            .map(|file| (file_name(&self.location.url, file), file))
            .filter(move |(name, _)| names.contains(name))
    }

    pub(in crate::source) async fn learn_columns(
        &mut self,
        ctx: &SessionContext,
        names: &[String],
        skipped: &Skipped,
    ) -> Result<(), SourceError> {
        let state = ctx.state();
        let store = ctx
            .runtime_env()
            .object_store(&self.location.url)
            .map_err(SourceError::Parquet)?;
        let (state, store, format) = (&state, &store, &self.location.format);
        let schemas: Vec<_> = stream::iter(
            self.named(names)
                .map(|(name, file)| (name, file.clone()))
                .collect::<Vec<_>>(),
        )
        .map(|(name, file)| async move {
            let schema = format.infer_schema(state, store, &[file]).await;
            (name, schema)
        })
        .buffered(FOOTERS)
        .collect()
        .await;
        let mut columns = Columns::default();
        for (name, schema) in schemas {
            match schema {
                Ok(schema) => columns.add(&name, &schema, &self.partitions)?,
                Err(error) if blame_of(&error) == Blame::Data => {
                    skipped.skip(&name, error)?;
                }
                Err(error) => return Err(SourceError::Parquet(error)),
            }
        }
        self.columns = Arc::new(Schema::new(columns.fields));
        Ok(())
    }

    pub(in crate::source) fn rows(&self, names: &[String]) -> Arc<dyn TableProvider> {
        let text = |name: &str| -> FieldRef { Arc::new(Field::new(name, DataType::Utf8, true)) };
        let folders = self.partitions.iter().map(|name| text(name));
        let added: Vec<_> = folders.chain([text(SOURCE_FILE)]).collect();
        let files = self.named(names).map(|(name, file)| {
            let values = partition_values(&self.location.url, file, &self.partitions);
            let values = values.into_iter().flatten().chain([Some(name)]);
            PartitionedFile::from(file.clone())
                .with_partition_values(values.map(ScalarValue::Utf8).collect())
        });
        Arc::new(ParquetFiles {
            url: self.location.url.clone(),
            format: Arc::clone(&self.location.format),
            schema: TableSchema::builder(Arc::clone(&self.columns))
                .with_table_partition_cols(added)
                .build(),
            files: files.collect(),
        })
    }
}

/// The values of a file's Hive folders; `None` if it lies in others.
fn partition_values(
    url: &ListingTableUrl,
    file: &ObjectMeta,
    partitions: &[String],
) -> Option<Vec<Option<String>>> {
    let names = partitions.iter().map(String::as_str);
    let values = parse_partitions_for_path(url, &file.location, names)?;
    let values = values
        .into_iter()
        .map(|value| (value != HIVE_NULL).then(|| value.into_owned()));
    let values: Vec<_> = values.collect();
    (values.len() == partitions.len()).then_some(values)
}

/// The columns of several files, each with the first file that has it.
#[derive(Default)]
struct Columns {
    fields: Vec<Field>,
    files: Vec<String>,
}

impl Columns {
    fn add(
        &mut self,
        file: &str,
        schema: &Schema,
        partitions: &[String],
    ) -> Result<(), SourceError> {
        for field in schema.fields() {
            let column = field.name();
            if column == SOURCE_FILE || partitions.contains(column) {
                return Err(SourceError::Twice {
                    file: file.to_owned(),
                    column: column.clone(),
                });
            }
            let data_type = match field.data_type() {
                DataType::Timestamp(..) => {
                    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
                }
                data_type => data_type.clone(),
            };
            let field = Field::new(column, data_type, true);
            match self.fields.iter().position(|known| known.name() == column) {
                None => {
                    self.fields.push(field);
                    self.files.push(file.to_owned());
                }
                Some(at) => {
                    let there = self.fields[at].data_type().clone();
                    self.fields[at]
                        .try_merge(&field)
                        .map_err(|_| SourceError::Types {
                            file: file.to_owned(),
                            column: column.clone(),
                            data_type: type_name(field.data_type()),
                            other: self.files[at].clone(),
                            other_type: type_name(&there),
                        })?;
                }
            }
        }
        Ok(())
    }
}

/// Some of the files as a table.
#[derive(Debug)]
pub(super) struct ParquetFiles {
    pub(super) url: ListingTableUrl,
    pub(super) format: Arc<dyn FileFormat>,
    pub(super) schema: TableSchema,
    pub(super) files: Vec<PartitionedFile>,
}

#[async_trait]
impl TableProvider for ParquetFiles {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
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
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let source = self.format.file_source(self.schema.clone());
        let groups = FileGroup::new(self.files.clone())
            .split_files(state.config_options().execution.target_partitions);
        let scan = FileScanConfigBuilder::new(self.url.object_store(), source)
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        self.format.create_physical_plan(state, scan).await
    }
}
