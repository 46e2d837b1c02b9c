//! The demo: a made-up fleet's process creation events, with a few intrusions hidden in them.
//!
//! `write` makes a Delta table `process_execution`, partitioned by `date` with one commit a day, and
//! beside it `process_execution_labels.parquet` with the groups of the planted events. The events
//! have the shape of Windows event 4688: machines run all day, people mostly 08 to 18 from Monday
//! to Friday, few programs make most events.
//!
//! Equal parameters give equal rows, whatever the number of threads. Memory stays bounded: a few
//! chunks of a day are held at a time.

mod calendar;
mod chunks;
mod columns;
mod error;
mod events;
mod fleet;
mod intrusion;
mod labels;
mod params;
mod persona;
mod programs;
mod random;
mod roster;
mod table;
mod template;
pub mod trail;
mod vocabulary;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::DemoError;
pub use params::{DemoParams, InvalidParam};

use chunks::DayChunks;
use events::Events;
use table::DemoTable;

/// What was written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoSummary {
    /// Events in the table.
    pub rows: u64,
    /// Days that the events are spread over.
    pub days: u32,
    /// Hosts in the fleet.
    pub hosts: u32,
    /// Planted groups; fewer than asked for only when a tiny fleet has no room for them.
    pub intrusions: u32,
    /// Size of the table on disk.
    pub bytes: u64,
    /// The folder of the Delta table.
    pub table: PathBuf,
    /// The Parquet file of the planted groups.
    pub labels: PathBuf,
}

/// Writes a demo into a folder, in place of an earlier one there; tells `progress` the rows so far.
pub async fn write(
    dir: &Path,
    params: &DemoParams,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<DemoSummary, DemoError> {
    params.validate()?;
    let first_day = params.first_day()?;
    let table_path = dir.join("process_execution");
    let labels_path = dir.join("process_execution_labels.parquet");

    let mut table = DemoTable::create(&table_path, params).await?;
    let events = Arc::new(Events::new(params));
    labels::write(&labels_path, &labels::batch(&events, first_day))?;

    let mut rows = 0;
    for day in events.days(params.rows, first_day, params.days) {
        // A day without rows would be a commit without files.
        if day.n_chunks() == 0 {
            continue;
        }
        let mut chunks = DayChunks::new(Arc::clone(&events), day);
        while let Some(batches) = chunks.next().await {
            for batch in batches {
                rows += batch.num_rows() as u64;
                table.write(batch).await?;
                progress(rows);
            }
        }
        table.commit().await?;
    }

    Ok(DemoSummary {
        rows,
        days: params.days,
        hosts: params.hosts,
        intrusions: events.intrusions.len() as u32,
        bytes: table.bytes()?,
        table: table_path,
        labels: labels_path,
    })
}

#[cfg(test)]
mod tests;
