//! The files of a location, whatever is in them: where they are listed, which there are, and what identifies them.

use std::collections::HashMap;
use std::path::Path;

use datafusion::common::TableReference;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use object_store::ObjectMeta;
use object_store::path::Path as StorePath;
use sha2::{Digest, Sha256};
use url::Url;

use super::SourceError;
use crate::blame::{Blame, blame_of};
use crate::stores::environment;

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
    // The engine remembers what it listed by the path alone, and two stores may have the same one.
    let store = TableReference::bare(url.object_store().to_string());
    Ok(url.with_table_ref(store))
}

/// The store of a folder, registered, and the folder's path in it: what every process calls it that reaches the store.
pub(crate) fn register_folder(
    ctx: &SessionContext,
    location: &str,
    options: &HashMap<String, String>,
) -> Result<(String, String), SourceError> {
    if !location.contains("://") {
        let path = StorePath::from_absolute_path(location);
        let path = path.map_err(|_| SourceError::Location {
            location: location.to_owned(),
        })?;
        return Ok(("file://".to_owned(), path.to_string()));
    }
    let folder = format!("{}/", location.trim_end_matches('/'));
    let url = register_store(ctx, &folder, location, false, options)?;
    let store = url.object_store().as_str().trim_end_matches('/').to_owned();
    Ok((store, url.prefix().to_string()))
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

/// What tells a file from another one of its name: its size, its time, and what its store says of it.
pub(super) fn stamp(file: &ObjectMeta) -> String {
    format!(
        "{} {} {} {}",
        file.size,
        file.last_modified.timestamp_micros(),
        file.e_tag.as_deref().unwrap_or_default(),
        file.version.as_deref().unwrap_or_default()
    )
}

/// The files in the order of their paths, those without a byte too; none where nothing is.
pub(super) async fn list(
    ctx: &SessionContext,
    url: &ListingTableUrl,
    extension: &str,
) -> Result<Vec<ObjectMeta>, DataFusionError> {
    let listed = async {
        let store = ctx.runtime_env().object_store(url)?;
        let state = ctx.state();
        let files = url
            .list_all_files(&state, store.as_ref(), extension)
            .await?;
        files.try_collect::<Vec<_>>().await
    };
    let mut files = match listed.await {
        Err(error) if blame_of(&error) == Blame::Data => Vec::new(),
        listed => listed?,
    };
    files.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(files)
}

/// What a person calls a file: its path from the location on.
pub(super) fn file_name(url: &ListingTableUrl, file: &ObjectMeta) -> String {
    match url
        .strip_prefix(&file.location)
        .map(|parts| parts.collect::<Vec<_>>().join("/"))
    {
        Some(inside) if !inside.is_empty() => inside,
        _ => file.location.filename().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;
    use object_store::path::Path;

    use super::*;

    #[tokio::test]
    async fn a_folder_of_one_store_is_not_the_folder_of_that_name_in_another() {
        let ctx = SessionContext::new();
        for bucket in ["one", "two"] {
            let location = format!("s3://{bucket}/events");
            let url = register_store(&ctx, &location, &location, false, &HashMap::new()).unwrap();
            let store = InMemory::new();
            let file = Path::from(format!("events/{bucket}.parquet"));
            store.put(&file, "rows".into()).await.unwrap();
            ctx.register_object_store(url.object_store().as_ref(), Arc::new(store));
            let files = list(&ctx, &url, "").await.unwrap();
            assert_eq!(files.len(), 1);
            assert_eq!(files[0].location, file);
        }
    }
}
