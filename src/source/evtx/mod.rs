//! Windows event logs (`.evtx`): a file, a directory or a glob, each process start in them as one row.
//!
//! The columns are always the same: the six of a job on process executions, and the event's own fields by their own names,
//! so that SQL can say otherwise. Events of other kinds are left out. What is damaged is named and left out
//! ([`Skipped`]); whatever else its file holds is read.

mod columns;
mod event_log;
mod process_start;
mod reading;
mod table;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use object_store::ObjectMeta;

use super::parquet::{digest, register_store};
use super::{Opened, Skipped, SourceError, identity};
use crate::blame::{Blame, blame_of};

const EXTENSION: &str = ".evtx";

/// A file that a strict job does not take.
#[derive(Debug, thiserror::Error)]
#[error("`{file}` is damaged: {reason}")]
pub struct DamagedLog {
    file: String,
    reason: String,
}

pub(super) async fn open(
    ctx: &SessionContext,
    location: &str,
    shown: &str,
    options: &HashMap<String, String>,
    skipped: Skipped,
) -> Result<Opened, SourceError> {
    let is_file = is_event_log(location);
    let url = register_store(ctx, location, shown, is_file, options)?;
    let files = match list(ctx, &url).await {
        Ok(files) => files,
        Err(error) if blame_of(&error) == Blame::Data => Vec::new(),
        Err(error) => return Err(SourceError::List(error)),
    };
    if files.is_empty() {
        return Err(SourceError::Missing {
            what: "Windows event log (`.evtx`)",
        });
    }
    Ok(Opened {
        nullable_partitions: Vec::new(),
        identity: identity(&[location]),
        version: digest(&files),
        files: files.len(),
        bytes: files.iter().map(|file| file.size).sum(),
        provider: Arc::new(table::EvtxTable {
            url,
            files,
            skipped: skipped.clone(),
        }),
        skipped,
    })
}

/// The event logs in the order of their names; also those without a byte, which are damaged.
async fn list(
    ctx: &SessionContext,
    url: &ListingTableUrl,
) -> Result<Vec<ObjectMeta>, DataFusionError> {
    let store = ctx.runtime_env().object_store(url)?;
    let state = ctx.state();
    let files = url.list_all_files(&state, store.as_ref(), "").await?;
    let mut files: Vec<_> = files.try_collect().await?;
    if url.is_collection() && url.get_glob().is_none() {
        files.retain(|file| is_event_log(file.location.as_ref()));
    }
    files.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(files)
}

/// Windows does not mind the case of a name.
fn is_event_log(name: &str) -> bool {
    let start = name.len().saturating_sub(EXTENSION.len());
    name.get(start..)
        .is_some_and(|end| end.eq_ignore_ascii_case(EXTENSION))
}

/// What a person calls a file: its path from the location on.
fn file_name(url: &ListingTableUrl, file: &ObjectMeta) -> String {
    match url
        .strip_prefix(&file.location)
        .map(|parts| parts.collect::<Vec<_>>().join("/"))
    {
        Some(inside) if !inside.is_empty() => inside,
        _ => file.location.filename().unwrap_or_default().to_owned(),
    }
}
