//! A table beside the sources of a job, whose format nobody has said: what lies there tells.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::DateTime;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig};
use datafusion::prelude::SessionContext;

use super::files::{list, register_store};
use super::{Reading, SourceError, as_read, open, register};
use crate::job::{Format, Job, Location, Source, Template, resolve_options};

/// Registers a Delta table, Parquet or CSV under a name. Times are as those of a source; the values of CSV are all text, an
/// empty one NULL.
pub(crate) async fn register_beside(
    ctx: &SessionContext,
    job: &Job,
    name: &str,
    location: &Location,
    options: &BTreeMap<String, Template>,
) -> Result<(), SourceError> {
    let zone = job.window.timezone.name();
    let shown = location.to_string();
    if location.resolve()?.ends_with(".csv") {
        return register_csv(ctx, name, location, &shown, options).await;
    }
    let source = |format| Source {
        name: name.to_owned(),
        format,
        location: location.clone(),
        version: None,
        time_column: None,
        options: options.clone(),
    };
    let reading = Reading {
        start: DateTime::UNIX_EPOCH,
        strict: job.engine.strict,
        on_cluster: false,
    };
    let (source, opened) = match open(ctx, &source(Format::Parquet), &shown, reading).await {
        Err(SourceError::IsDelta) => {
            let delta = source(Format::Delta);
            let opened = open(ctx, &delta, &shown, reading).await?;
            (delta, opened)
        }
        opened => (source(Format::Parquet), opened?),
    };
    register(ctx, &source, &opened, zone, false).map_err(SourceError::Register)
}

async fn register_csv(
    ctx: &SessionContext,
    name: &str,
    location: &Location,
    shown: &str,
    options: &BTreeMap<String, Template>,
) -> Result<(), SourceError> {
    let options = resolve_options(options, &location.place)?;
    let url = register_store(ctx, &location.resolve()?, shown, true, &options)?;
    let files = list(ctx, &url, "").await.map_err(SourceError::List)?;
    if files.is_empty() {
        return Err(SourceError::Missing { what: "CSV file" });
    }
    let csv = CsvFormat::default()
        .with_has_header(true)
        .with_schema_infer_max_rec(0); // a host called 0042 is not a number
    let listing = ListingOptions::new(Arc::new(csv)).with_file_extension("");
    let config = ListingTableConfig::new(url).with_listing_options(listing);
    let table = async {
        let config = config.infer_schema(&ctx.state()).await?;
        let table = Arc::new(ListingTable::try_new(config)?);
        let table = as_read(ctx, table, &[], "UTC", false)?;
        ctx.register_table(datafusion::common::TableReference::bare(name), table)
    };
    table.await.map(drop).map_err(SourceError::Register)
}
