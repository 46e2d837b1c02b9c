//! Parquet: a file, a directory (with Hive partitions or without) or a glob.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectMeta;
use sha2::{Digest, Sha256};
use url::Url;

use super::{Opened, Skipped, SourceError, identity};
use crate::blame::{Blame, blame_of};

const EXTENSION: &str = ".parquet";

/// What Hive and Spark name the folder of a NULL.
pub(super) const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

pub(super) async fn open(
    ctx: &SessionContext,
    location: &str,
    shown: &str,
    options: &HashMap<String, String>,
) -> Result<Opened, SourceError> {
    let is_file = location.ends_with(EXTENSION);
    let url = register_store(ctx, location, shown, is_file, options)?;
    let state = ctx.state();
    let extension = if url.get_glob().is_none() && url.is_collection() {
        EXTENSION
    } else {
        ""
    };
    let format = ParquetFormat::default().with_options(state.default_table_options().parquet);
    let listing = ListingOptions::new(Arc::new(format)).with_file_extension(extension);
    if is_delta_table(ctx, &url).await {
        return Err(SourceError::IsDelta);
    }
    let files = survey(ctx, &url, extension).await?;
    if files.is_empty() {
        return Err(SourceError::Missing {
            what: "Parquet file",
        });
    }
    let partitions = listing
        .infer_partitions(&state, &url)
        .await
        .map_err(SourceError::Parquet)?;
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
    let schema = match listing.infer_schema(&state, &url).await {
        Ok(schema) => schema,
        Err(error) => {
            return Err(culprit(ctx, &url, files)
                .await
                .unwrap_or(SourceError::Parquet(error)));
        }
    };
    let config = ListingTableConfig::new(url)
        .with_listing_options(listing)
        .with_schema(schema);
    let table = ListingTable::try_new(config).map_err(SourceError::Parquet)?;
    let bytes = files.iter().map(|file| file.size).sum();
    Ok(Opened {
        provider: Arc::new(table),
        nullable_partitions,
        identity: identity(&[location]),
        version: digest(&files),
        files: files.len(),
        bytes,
        skipped: Skipped::default(),
    })
}

/// What to list at a location, its object store registered; `is_file`: a URL without a pattern names a file.
pub(super) fn register_store(
    ctx: &SessionContext,
    location: &str,
    shown: &str,
    is_file: bool,
    options: &HashMap<String, String>,
) -> Result<ListingTableUrl, SourceError> {
    let url = listing_url(location, shown, is_file)?;
    if url.scheme() != "file" {
        let settings = environment().chain(options.clone());
        let (store, _) =
            object_store::parse_url_opts(url.get_url(), settings).map_err(SourceError::Store)?;
        ctx.register_object_store(url.object_store().as_ref(), store.into());
    }
    Ok(url)
}

/// Splits a location into what to list and the pattern to keep; a folder ends in `/`.
fn listing_url(location: &str, shown: &str, is_file: bool) -> Result<ListingTableUrl, SourceError> {
    let wrong = || SourceError::Location {
        location: shown.to_owned(),
    };
    if !location.contains("://") {
        let path = Path::new(location);
        // A name that is there is taken as it is, also with `[`, `*` or `?` in it.
        let url = if path.is_dir() {
            Url::from_directory_path(path)
        } else {
            Url::from_file_path(path)
        };
        return match url {
            Ok(url) if path.exists() => ListingTableUrl::try_new(url, None).map_err(|_| wrong()),
            _ => ListingTableUrl::parse(location).map_err(|_| wrong()),
        };
    }
    let (folder, glob) = match location.find(['*', '?', '[']) {
        Some(first) => {
            let cut = location[..first]
                .rfind('/')
                .map_or(first, |slash| slash + 1);
            (location[..cut].to_owned(), Some(&location[cut..]))
        }
        None if is_file || location.ends_with('/') => (location.to_owned(), None),
        None => (format!("{location}/"), None),
    };
    let url = Url::parse(&folder).map_err(|_| wrong())?;
    let glob = glob
        .map(glob::Pattern::new)
        .transpose()
        .map_err(|_| wrong())?;
    ListingTableUrl::try_new(url, glob).map_err(|_| wrong())
}

/// The usual variables of the object stores, as their settings.
fn environment() -> impl Iterator<Item = (String, String)> {
    let stores = ["AWS_", "AZURE_", "GOOGLE_"];
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    variables
        .filter(move |(name, _)| stores.iter().any(|store| name.starts_with(store)))
        .map(|(name, value)| (name.to_lowercase(), value))
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
    let list = async {
        let store = ctx.runtime_env().object_store(url)?;
        let state = ctx.state();
        let files = url
            .list_all_files(&state, store.as_ref(), extension)
            .await?;
        files.try_collect::<Vec<_>>().await
    };
    let mut files = match list.await {
        Ok(files) => files,
        Err(error) if blame_of(&error) == Blame::Data => Vec::new(),
        Err(error) => return Err(SourceError::Parquet(error)),
    };
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
    files.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(files)
}

/// Identifies the files by their names, sizes and times.
pub(super) fn digest(files: &[ObjectMeta]) -> String {
    let mut digest = Sha256::new();
    for file in files {
        let seen = format!(
            "{} {} {}\n",
            file.location,
            file.size,
            file.last_modified.timestamp_micros()
        );
        digest.update(seen.as_bytes());
    }
    crate::hex(&digest.finalize()[..8])
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
        let name = match url
            .strip_prefix(&file.location)
            .map(|parts| parts.collect::<Vec<_>>().join("/"))
        {
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
