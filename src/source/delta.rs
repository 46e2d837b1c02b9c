//! A Delta table, at its latest version or a pinned one.

use std::collections::HashMap;

use datafusion::prelude::SessionContext;
use deltalake::{DeltaTableBuilder, DeltaTableError, ensure_table_uri};

use super::{Opened, SourceError};

pub(super) async fn open(
    ctx: &SessionContext,
    location: &str,
    shown: &str,
    version: Option<u64>,
    options: HashMap<String, String>,
) -> Result<Opened, SourceError> {
    let missing = SourceError::Missing { what: "Delta table" };
    if !location.contains("://") && !std::path::Path::new(location).is_dir() {
        return Err(missing); // deltalake would create the folder
    }
    let url = ensure_table_uri(location)
        .map_err(|_| SourceError::Location { location: shown.to_owned() })?;
    let mut builder = DeltaTableBuilder::from_url(url).map_err(SourceError::Delta)?.with_storage_options(options);
    if let Some(version) = version {
        builder = builder.with_version(version);
    }
    let table = match builder.load().await {
        Ok(table) => table,
        Err(DeltaTableError::NotATable(_)) => return Err(missing),
        Err(error) => return Err(SourceError::Delta(error)),
    };
    table.update_datafusion_session(&ctx.state()).map_err(SourceError::Delta)?;
    let (mut files, mut bytes) = (0, 0);
    for file in table.snapshot().map_err(SourceError::Delta)?.log_data().iter() {
        files += 1;
        bytes += u64::try_from(file.size()).unwrap_or(0);
    }
    let version = table.version().map(|version| version.to_string()).unwrap_or_default();
    let provider = table.table_provider().await.map_err(SourceError::Register)?;
    Ok(Opened { provider, version, files, bytes })
}

pub(super) fn hint(error: &DeltaTableError) -> Option<String> {
    let text = chain(error);
    let hint = if text.contains("eature") {
        "this table uses a feature that cannot be read here; rewrite it without, or read a copy"
    } else if text.contains("version") && !text.contains("json") {
        "leave `version` out for the latest, or name one that is still in the table's log"
    } else if text.contains("ermission") {
        "the account that runs this may not read the table"
    } else {
        "the table's _delta_log may be half-written: restore it, or pin an earlier `version`"
    };
    Some(hint.to_owned())
}

fn chain(error: &DeltaTableError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
