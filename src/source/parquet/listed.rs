//! The Parquet files of a source as they were listed, each of which can be read alone.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::DataFusionError;
use object_store::ObjectMeta;

use crate::source::files::{file_name, stamp};

/// The files of a source.
pub(in crate::source) struct Listed {
    pub(super) url: ListingTableUrl,
    /// Without Hive's folders: they are no columns of a file.
    pub(super) listing: ListingOptions,
    /// The columns of all files.
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
    pub(in crate::source) fn rows(
        &self,
        file: &ObjectMeta,
    ) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let mut url = self.url.get_url().clone();
        url.set_path(file.location.as_ref());
        let config = ListingTableConfig::new(ListingTableUrl::try_new(url, None)?)
            .with_listing_options(self.listing.clone())
            .with_schema(Arc::clone(&self.schema));
        Ok(Arc::new(ListingTable::try_new(config)?))
    }
}
