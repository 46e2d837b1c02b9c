//! The Parquet files of a source as they were listed, each of which can be read alone.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::{ListingTableUrl, PartitionedFile};
use datafusion::datasource::table_schema::TableSchema;
use object_store::ObjectMeta;

use super::files::ParquetFiles;
use crate::source::files::{file_name, stamp};

/// The files of a source.
pub(in crate::source) struct Listed {
    pub(super) url: ListingTableUrl,
    pub(super) format: Arc<dyn FileFormat>,
    /// The columns of all files, without Hive's folders.
    pub(super) schema: SchemaRef,
    pub(super) files: Vec<ObjectMeta>,
}

impl Listed {
    /// Each file with its name, from the location on, and what tells it from another one of that name.
    pub(in crate::source) fn files(&self) -> impl Iterator<Item = (String, String, &ObjectMeta)> {
        let files = self.files.iter();
        files.map(|file| (file_name(&self.url, file), stamp(file), file))
    }

    /// The rows of one file.
    pub(in crate::source) fn rows(&self, file: &ObjectMeta) -> Arc<dyn TableProvider> {
        Arc::new(ParquetFiles {
            url: self.url.clone(),
            format: Arc::clone(&self.format),
            schema: TableSchema::builder(Arc::clone(&self.schema)).build(),
            files: vec![PartitionedFile::from(file.clone())],
        })
    }
}
