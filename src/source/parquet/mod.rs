//! Parquet: a file, a directory (with Hive partitions or without) or a glob.

mod files;
mod listed;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use object_store::ObjectMeta;

pub(crate) use files::Files;
pub(super) use listed::Listed;

use super::files::{digest, file_name, list, register_store};
use super::history::Log;
use super::{Opened, Skipped, SourceError, identity};
use crate::blame::{Blame, blame_of};

const EXTENSION: &str = ".parquet";

/// What Hive and Spark name the folder of a NULL.
pub(super) const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// What is found at a location.
struct Location {
    url: ListingTableUrl,
    format: Arc<dyn FileFormat>,
    listing: ListingOptions,
    /// In the order of their names; at least one.
    files: Vec<ObjectMeta>,
}

impl Location {
    async fn find(
        ctx: &SessionContext,
        location: &str,
        shown: &str,
        options: &HashMap<String, String>,
    ) -> Result<Self, SourceError> {
        let is_file = location.ends_with(EXTENSION);
        let url = register_store(ctx, location, shown, is_file, options)?;
        let extension = if url.get_glob().is_none() && url.is_collection() {
            EXTENSION
        } else {
            ""
        };
        let parquet = ctx.state().default_table_options().parquet;
        let format: Arc<dyn FileFormat> = Arc::new(ParquetFormat::default().with_options(parquet));
        let listing = ListingOptions::new(Arc::clone(&format)).with_file_extension(extension);
        if is_delta_table(ctx, &url).await {
            return Err(SourceError::IsDelta);
        }
        let files = survey(ctx, &url, extension).await?;
        if files.is_empty() {
            return Err(SourceError::Missing {
                what: "Parquet file",
            });
        }
        Ok(Self {
            url,
            format,
            listing,
            files,
        })
    }

    /// The names of the Hive folders, from the outermost on.
    async fn partitions(&self, ctx: &SessionContext) -> Result<Vec<String>, SourceError> {
        let partitions = self.listing.infer_partitions(&ctx.state(), &self.url).await;
        partitions.map_err(SourceError::Parquet)
    }
}

pub(super) async fn open(
    ctx: &SessionContext,
    location: &str,
    shown: &str,
    options: &HashMap<String, String>,
) -> Result<Opened, SourceError> {
    let found = Location::find(ctx, location, shown, options).await?;
    let partitions = found.partitions(ctx).await?;
    let Location {
        url,
        format,
        listing,
        files,
    } = found;
    let nullable_partitions = if files
        .iter()
        .any(|file| file.location.as_ref().contains(HIVE_NULL))
    {
        partitions.clone()
    } else {
        Vec::new()
    };
    let partitions = partitions
        .into_iter()
        .map(|name| (name, DataType::Utf8))
        .collect();
    let listing = listing.with_table_partition_cols(partitions);
    let schema = match listing.infer_schema(&ctx.state(), &url).await {
        Ok(schema) => schema,
        Err(error) => {
            return Err(culprit(ctx, &url, files)
                .await
                .unwrap_or(SourceError::Parquet(error)));
        }
    };
    let listed = Listed {
        url: url.clone(),
        format,
        schema: Arc::clone(&schema),
        files: files.clone(),
    };
    let config = ListingTableConfig::new(url)
        .with_listing_options(listing)
        .with_schema(schema);
    let table = ListingTable::try_new(config).map_err(SourceError::Parquet)?;
    let bytes = files.iter().map(|file| file.size).sum();
    Ok(Opened {
        log: Log::Parquet(Box::new(listed)),
        provider: Arc::new(table),
        nullable_partitions,
        identity: identity(&[location]),
        version: digest(&files),
        files: files.len(),
        bytes,
        skipped: Skipped::default(),
    })
}

/// A Delta table's folder also holds files that the table no longer has: only its log tells.
async fn is_delta_table(ctx: &SessionContext, url: &ListingTableUrl) -> bool {
    let Ok(store) = ctx.runtime_env().object_store(url) else {
        return false;
    };
    let log = url.prefix().clone().join("_delta_log");
    store
        .list(Some(&log))
        .next()
        .await
        .is_some_and(|first| first.is_ok())
}

/// The files in the order of their names; a file without a byte is none.
async fn survey(
    ctx: &SessionContext,
    url: &ListingTableUrl,
    extension: &str,
) -> Result<Vec<ObjectMeta>, SourceError> {
    let mut files = list(ctx, url, extension)
        .await
        .map_err(SourceError::Parquet)?;
    files.retain(|file| file.size > 0);
    for file in &files {
        let parts: Vec<_> = url
            .strip_prefix(&file.location)
            .map(Iterator::collect)
            .unwrap_or_default();
        let is_hidden =
            |part: &&str| part.starts_with('.') || (part.starts_with('_') && !part.contains('='));
        if parts.iter().any(is_hidden) {
            return Err(SourceError::Hidden {
                file: parts.join("/"),
            });
        }
    }
    Ok(files)
}

/// The first file whose schema cannot be read: the reader of them all does not say which it was.
async fn culprit(
    ctx: &SessionContext,
    url: &ListingTableUrl,
    files: Vec<ObjectMeta>,
) -> Option<SourceError> {
    let store = ctx.runtime_env().object_store(url).ok()?;
    let (state, format) = (ctx.state(), ParquetFormat::default());
    for file in files {
        let name = file_name(url, &file);
        if let Err(source) = format.infer_schema(&state, &store, &[file]).await {
            return Some(match blame_of(&source) {
                Blame::Data => SourceError::ParquetFile { file: name, source },
                _ => SourceError::Parquet(source),
            });
        }
    }
    None
}
