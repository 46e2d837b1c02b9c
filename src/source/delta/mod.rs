//! A Delta table, at its latest version or a pinned one.

mod bounds;
mod changes;
mod snapshot;
mod source;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::prelude::SessionContext;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError, ensure_table_uri};

pub use changes::UnknownChanges;
pub(crate) use changes::{AddedFile, Changes};
pub(crate) use source::DeltaSource;

use super::history::Log;
use super::{Opened, Skipped, SourceError, identity};
use crate::blame::Blame;

async fn load(
    location: &str,
    shown: &str,
    version: Option<u64>,
    options: &HashMap<String, String>,
) -> Result<DeltaTable, SourceError> {
    let missing = SourceError::Missing {
        what: "Delta table",
    };
    if !location.contains("://") && !std::path::Path::new(location).is_dir() {
        return Err(missing); // deltalake would create the folder
    }
    let url = ensure_table_uri(location).map_err(|_| SourceError::Location {
        location: shown.to_owned(),
    })?;
    let builder = || {
        DeltaTableBuilder::from_url(url.clone())
            .map(|builder| builder.with_storage_options(options.clone()))
    };
    let table = match version {
        Some(version) => builder().map_err(SourceError::Delta)?.with_version(version),
        None => builder().map_err(SourceError::Delta)?,
    };
    match (table.load().await, version) {
        (Ok(table), _) => Ok(table),
        (Err(DeltaTableError::NotATable(_)), _) => Err(missing),
        (Err(error), None) => Err(SourceError::Delta(error)),
        (Err(error), Some(version)) => {
            let latest = builder()
                .map_err(SourceError::Delta)?
                .load()
                .await
                .ok()
                .and_then(|table| table.version());
            Err(match latest {
                Some(latest) if latest < version => SourceError::NoVersion { version, latest },
                _ => SourceError::Delta(error),
            })
        }
    }
}

pub(super) async fn open(
    ctx: &SessionContext,
    location: &str,
    shown: &str,
    version: Option<u64>,
    options: &HashMap<String, String>,
    on_cluster: bool,
) -> Result<Opened, SourceError> {
    let table = load(location, shown, version, options).await?;
    table
        .update_datafusion_session(&ctx.state())
        .map_err(SourceError::Delta)?;
    let (mut files, mut bytes) = (0, 0);
    for file in table
        .snapshot()
        .map_err(SourceError::Delta)?
        .log_data()
        .iter()
    {
        files += 1;
        bytes += u64::try_from(file.size()).unwrap_or(0);
    }
    let id = table
        .snapshot()
        .map_err(SourceError::Delta)?
        .metadata()
        .id()
        .to_owned();
    let identity = identity(&[location, &id]);
    let version = table
        .version()
        .map(|version| version.to_string())
        .unwrap_or_default();
    let provider = table
        .table_provider()
        .await
        .map_err(SourceError::Register)?;
    let files_alone = match on_cluster {
        true => snapshot::as_files(ctx, &table, &provider.schema(), location, options)?,
        false => None,
    };
    let provider = files_alone.unwrap_or(provider);
    Ok(Opened {
        log: Log::Delta(Box::new(table)),
        provider,
        nullable_partitions: Vec::new(),
        identity,
        version,
        files,
        bytes,
        skipped: Skipped::default(),
    })
}

/// The paths of a table's files in a version of it.
pub(super) async fn paths_in(
    table: &DeltaTable,
    version: u64,
) -> Result<BTreeSet<String>, SourceError> {
    let mut table = table.clone();
    let loaded = table.load_version(version).await;
    loaded.map_err(SourceError::Delta)?;
    let snapshot = table.snapshot().map_err(SourceError::Delta)?;
    let files = snapshot.log_data();
    let paths = files.iter().map(|file| file.path().into_owned());
    Ok(paths.collect())
}

/// Some files of a table as they were in a version of it.
pub(super) async fn files_of(
    table: &DeltaTable,
    version: u64,
    paths: Vec<String>,
) -> Result<Arc<dyn TableProvider>, SourceError> {
    let mut table = table.clone();
    if table.version() != Some(version) {
        let loaded = table.load_version(version).await;
        loaded.map_err(SourceError::Delta)?;
    }
    let provider = table.table_provider().with_file_paths(paths).await;
    provider.map_err(SourceError::Register)
}

/// What to do about a table that cannot be opened; the kernel tells its reasons in words alone.
pub(super) fn hint(error: &DeltaTableError, blame: Blame) -> Option<String> {
    let text = error.to_string();
    let hint = if blame == Blame::Outside {
        "may the account that runs this read the table, and does the storage answer?"
    } else if text.contains("Unsupported: ") {
        "this table uses a feature that cannot be read here; rewrite it without, or read a copy"
    } else {
        "the table's _delta_log may be half-written or cleaned up: restore it, or set `version` to one that is whole"
    };
    Some(hint.to_owned())
}
