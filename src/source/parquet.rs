//! Parquet: a file, a directory (with Hive partitions or without) or a glob.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use object_store::ObjectMeta;
use sha2::{Digest, Sha256};
use url::Url;

use super::{Opened, SourceError};
use crate::blame::{Blame, blame_of};

const EXTENSION: &str = ".parquet";

pub(super) async fn open(
    ctx: &SessionContext,
    location: &str,
    shown: &str,
    options: &HashMap<String, String>,
) -> Result<Opened, SourceError> {
    let url = listing_url(location, shown)?;
    if url.scheme() != "file" {
        let (store, _) = object_store::parse_url_opts(url.get_url(), options).map_err(SourceError::Store)?;
        ctx.register_object_store(url.object_store().as_ref(), store.into());
    }
    let state = ctx.state();
    let extension = if location.ends_with(EXTENSION) || url.is_collection() { EXTENSION } else { "" };
    let format = ParquetFormat::default().with_options(state.default_table_options().parquet);
    let listing = ListingOptions::new(Arc::new(format))
        .with_file_extension(extension);
    let files = survey(ctx, &url, extension).await?;
    if files.is_empty() {
        return Err(SourceError::Missing { what: "Parquet file" });
    }
    let partitions = listing.infer_partitions(&state, &url).await.map_err(SourceError::Parquet)?;
    let partitions = partitions.into_iter().map(|name| (name, DataType::Utf8)).collect();
    let listing = listing.with_table_partition_cols(partitions);
    let schema = match listing.infer_schema(&state, &url).await {
        Ok(schema) => schema,
        Err(error) => return Err(culprit(ctx, &url, files).await.unwrap_or(SourceError::Parquet(error))),
    };
    let config = ListingTableConfig::new(url).with_listing_options(listing).with_schema(schema);
    let table = ListingTable::try_new(config).map_err(SourceError::Parquet)?;
    let bytes = files.iter().map(|file| file.size).sum();
    Ok(Opened { provider: Arc::new(table), version: digest(&files), files: files.len(), bytes })
}

/// Splits a location into what to list and the pattern to keep; a folder ends in `/`.
fn listing_url(location: &str, shown: &str) -> Result<ListingTableUrl, SourceError> {
    let wrong = || SourceError::Location { location: shown.to_owned() };
    if !location.contains("://") {
        return ListingTableUrl::parse(location).map_err(|_| wrong());
    }
    let is_file = location.ends_with(EXTENSION);
    let (folder, glob) = match location.find(['*', '?', '[']) {
        Some(first) => {
            let cut = location[..first].rfind('/').map_or(first, |slash| slash + 1);
            (location[..cut].to_owned(), Some(&location[cut..]))
        }
        None if is_file || location.ends_with('/') => (location.to_owned(), None),
        None => (format!("{location}/"), None),
    };
    let url = Url::parse(&folder).map_err(|_| wrong())?;
    let glob = glob.map(glob::Pattern::new).transpose().map_err(|_| wrong())?;
    ListingTableUrl::try_new(url, glob).map_err(|_| wrong())
}

/// The files in the order of their names; a file without a byte is none.
async fn survey(ctx: &SessionContext, url: &ListingTableUrl, extension: &str) -> Result<Vec<ObjectMeta>, SourceError> {
    let list = async {
        let store = ctx.runtime_env().object_store(url)?;
        let state = ctx.state();
        let files = url.list_all_files(&state, store.as_ref(), extension).await?;
        files.try_collect::<Vec<_>>().await
    };
    let mut files = match list.await {
        Ok(files) => files,
        Err(error) if blame_of(&error) == Blame::Data => Vec::new(),
        Err(error) => return Err(SourceError::Parquet(error)),
    };
    files.retain(|file| file.size > 0);
    files.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(files)
}

/// Identifies the files by their names, sizes and times.
fn digest(files: &[ObjectMeta]) -> String {
    let mut digest = Sha256::new();
    for file in files {
        let seen = format!("{} {} {}\n", file.location, file.size, file.last_modified.timestamp_micros());
        digest.update(seen.as_bytes());
    }
    crate::hex(&digest.finalize()[..8])
}

/// The first file whose schema cannot be read: the reader of them all does not say which it was.
async fn culprit(ctx: &SessionContext, url: &ListingTableUrl, files: Vec<ObjectMeta>) -> Option<SourceError> {
    let store = ctx.runtime_env().object_store(url).ok()?;
    let (state, format) = (ctx.state(), ParquetFormat::default());
    for file in files {
        let name = match url.strip_prefix(&file.location).map(|parts| parts.collect::<Vec<_>>().join("/")) {
            Some(inside) if !inside.is_empty() => inside,
            _ => file.location.filename().unwrap_or_default().to_owned(),
        };
        if let Err(source) = format.infer_schema(&state, &store, &[file]).await {
            return Some(match blame_of(&source) {
                Blame::Data => SourceError::ParquetFile { file: name, source },
                _ => SourceError::Parquet(source),
            });
        }
    }
    None
}
