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

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::prelude::SessionContext;
use object_store::ObjectMeta;

use super::files::{digest, file_name, list, register_store};
use super::history::Log;
use super::source_files::SourceFile;
use super::{Opened, Skipped, SourceError, identity};

const EXTENSION: &str = ".evtx";

pub(super) async fn open(
    ctx: &SessionContext,
    location: &str,
    shown: &str,
    options: &HashMap<String, String>,
    skipped: Skipped,
) -> Result<Opened, SourceError> {
    let Files { url, files } = Files::open(ctx, location, shown, options).await?;
    Ok(Opened {
        log: Log::Unknown,
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

/// The event logs at a location; at least one.
pub(crate) struct Files {
    url: ListingTableUrl,
    files: Vec<ObjectMeta>,
}

impl Files {
    pub(super) async fn open(
        ctx: &SessionContext,
        location: &str,
        shown: &str,
        options: &HashMap<String, String>,
    ) -> Result<Self, SourceError> {
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
        Ok(Self { url, files })
    }

    pub(super) fn list(&self) -> Vec<SourceFile> {
        let file = |file: &ObjectMeta| SourceFile {
            name: file_name(&self.url, file),
            size: file.size,
            day: None,
        };
        self.files.iter().map(file).collect()
    }

    pub(super) fn rows(&self, names: &[String], skipped: &Skipped) -> Arc<dyn TableProvider> {
        let names: HashSet<_> = names.iter().collect();
        let is_wanted = |file: &&ObjectMeta| names.contains(&file_name(&self.url, file));
        Arc::new(table::EvtxTable {
            url: self.url.clone(),
            files: self.files.iter().filter(is_wanted).cloned().collect(),
            skipped: skipped.clone(),
        })
    }
}

/// Windows does not mind the case of a name.
fn is_event_log(name: &str) -> bool {
    let start = name.len().saturating_sub(EXTENSION.len());
    name.get(start..)
        .is_some_and(|end| end.eq_ignore_ascii_case(EXTENSION))
}
