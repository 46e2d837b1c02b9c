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

use datafusion::prelude::SessionContext;

use super::files::{digest, list, register_store};
use super::{Opened, Skipped, SourceError, identity};

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
    let mut files = list(ctx, &url, "").await.map_err(SourceError::List)?;
    if url.is_collection() && url.get_glob().is_none() {
        files.retain(|file| is_event_log(file.location.as_ref()));
    }
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

/// Windows does not mind the case of a name.
fn is_event_log(name: &str) -> bool {
    let start = name.len().saturating_sub(EXTENSION.len());
    name.get(start..)
        .is_some_and(|end| end.eq_ignore_ascii_case(EXTENSION))
}
