//! What changed in a source since its rows were taken: the days whose rows are not what they were.
//!
//! A Delta table's log says which files came and went. Of Parquet files their names, sizes and times are kept, with the days
//! of each. Whatever cannot be told so touches every day.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::ident;
use datafusion::prelude::{DataFrame, SessionContext};
use deltalake::DeltaTable;
use deltalake::kernel::Add;
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::delta::{Changes, UnknownChanges, files_of, paths_in};
use super::parquet::Listed;
use super::{SourceError, as_read};
use crate::job::{Source, Zone};

/// Files that are read at the same time.
const FILES: usize = 8;

/// How a source came to be what it is.
pub(crate) struct History {
    time_column: Option<String>,
    zone: Zone,
    log: Log,
}

/// What tells of a source's changes.
pub(super) enum Log {
    Delta(Box<DeltaTable>),
    Parquet(Box<Listed>),
    Unknown,
}

/// Up to where the rows of a source were taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The version of a Delta table; of Parquet files the first bits of a digest of `files`.
    pub(crate) version: i64,
    /// The Parquet files, as JSON.
    pub(crate) files: Option<String>,
}

/// The days whose rows may be other ones than they were.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    /// These.
    Days(BTreeSet<NaiveDate>),
    /// All, for a reason.
    All(String),
    /// The source is older than what was taken of it.
    Behind(String),
}

/// A Parquet file that was taken: what tells it from another one of its name, and the days of its rows.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct TakenFile {
    stamp: String,
    days: BTreeSet<NaiveDate>,
}

type TakenFiles = BTreeMap<String, TakenFile>;

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("History")
    }
}

impl History {
    pub(super) fn new(source: &Source, log: Log, zone: &Zone) -> Self {
        Self {
            time_column: source.time_column.clone(),
            zone: zone.clone(),
            log,
        }
    }

    /// Up to where the source goes now, and which days changed since its rows were `taken`.
    pub(crate) async fn since(
        &self,
        ctx: &SessionContext,
        taken: Option<&Taken>,
    ) -> Result<(Taken, Touched), SourceError> {
        match &self.log {
            Log::Delta(table) => self.since_version(ctx, table, taken).await,
            Log::Parquet(listed) => self.since_files(ctx, listed, taken).await,
            Log::Unknown => unreachable!("a job keeps no step that reads such a source"),
        }
    }

    async fn since_version(
        &self,
        ctx: &SessionContext,
        table: &DeltaTable,
        taken: Option<&Taken>,
    ) -> Result<(Taken, Touched), SourceError> {
        let snapshot = table.snapshot().map_err(SourceError::Delta)?;
        let latest = snapshot.version();
        let now = Taken {
            version: i64::try_from(latest).unwrap_or(i64::MAX),
            files: None,
        };
        let Some(since) = taken.and_then(|taken| u64::try_from(taken.version).ok()) else {
            return Ok((now, Touched::All(NOTHING_TAKEN.to_owned())));
        };
        let log = table.log_store();
        let changes = match Changes::between(log.as_ref(), since, latest).await {
            Ok(changes) => changes,
            Err(behind @ UnknownChanges::WentBack { .. }) => {
                return Ok((now, Touched::Behind(behind.to_string())));
            }
            Err(unknown) => return Ok((now, Touched::All(unknown.to_string()))),
        };
        if let Some(version) = changes.redefined {
            let why = format!("version {version} says anew what its columns are");
            return Ok((now, Touched::All(why)));
        }
        if changes.added.is_empty() && changes.removed.is_empty() {
            return Ok((now, Touched::Days(BTreeSet::new())));
        }
        let Some(column) = &self.time_column else {
            return Ok((now, Touched::All(NO_TIME_COLUMN.to_owned())));
        };
        let there = match changes.removed.is_empty() {
            true => BTreeSet::new(),
            false => paths_in(table, since).await.unwrap_or_default(),
        };
        // A file that was not there yet, as a compaction makes it, is read where it was there last.
        let removed = changes.removed.into_iter().map(|file| {
            let was_there = there.contains(&file.path);
            let version = if was_there { since } else { file.version - 1 };
            (version, file.path)
        });
        let mut days = BTreeSet::new();
        let added = changes.added.into_iter().filter_map(|file| {
            if let Some(day) = self.only_day(&file.add, column) {
                days.insert(day);
                return None;
            }
            let version = if file.is_there { latest } else { file.version };
            Some((version, file.add.path))
        });
        let mut scans: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for (version, path) in removed.chain(added) {
            scans.entry(version).or_default().push(path);
        }
        for (version, paths) in scans {
            let read = async {
                let provider = files_of(table, version, paths).await?;
                let read = self.days_in(ctx, provider, column).await;
                read.map_err(SourceError::Register)
            };
            match read.await {
                Ok(found) => days.extend(found),
                Err(error) => {
                    tracing::debug!(%error, version, "changed files cannot be read");
                    let why =
                        format!("files that changed since version {since} cannot be read any more");
                    return Ok((now, Touched::All(why)));
                }
            }
        }
        Ok((now, Touched::Days(days)))
    }

    /// The one day that all rows of a file with a time are of, where the log tells: it has the least time and the greatest, the
    /// latter cut to milliseconds.
    fn only_day(&self, add: &Add, column: &str) -> Option<NaiveDate> {
        let stats: serde_json::Value = serde_json::from_str(add.stats.as_deref()?).ok()?;
        let day = |bound: &str| {
            let text = stats[bound][column].as_str()?;
            let time = DateTime::parse_from_rfc3339(text).ok()?; // a time without a zone is read
            Some(self.zone.day_of(time.with_timezone(&Utc)))
        };
        let first = day("minValues")?;
        (day("maxValues")? == first).then_some(first)
    }

    async fn since_files(
        &self,
        ctx: &SessionContext,
        listed: &Listed,
        taken: Option<&Taken>,
    ) -> Result<(Taken, Touched), SourceError> {
        let known: Option<TakenFiles> = taken
            .and_then(|taken| taken.files.as_deref())
            .and_then(|text| serde_json::from_str(text).ok());
        let is_first = known.is_none();
        let mut known = known.unwrap_or_default();
        let mut files = TakenFiles::new();
        let mut new = Vec::new();
        for (name, stamp, file) in listed.files() {
            match known.remove(&name) {
                Some(taken) if taken.stamp == stamp => {
                    files.insert(name, taken);
                }
                other => {
                    if let Some(taken) = other {
                        known.insert(name.clone(), taken); // its days are not what they were
                    }
                    new.push((name, stamp, file));
                }
            }
        }
        let is_changed = !new.is_empty() || !known.is_empty();
        let mut days: BTreeSet<_> = known.into_values().flat_map(|file| file.days).collect();
        let read = new.into_iter().map(|(name, stamp, file)| async move {
            let days = match &self.time_column {
                None => BTreeSet::new(),
                Some(column) => {
                    let rows = listed.rows(file);
                    self.days_in(ctx, rows, column).await?
                }
            };
            Ok((name, TakenFile { stamp, days }))
        });
        let read: Vec<_> = stream::iter(read).buffered(FILES).collect().await;
        for file in read {
            let (name, file): (String, TakenFile) = file.map_err(SourceError::Register)?;
            days.extend(&file.days);
            files.insert(name, file);
        }
        let text = serde_json::to_string(&files).unwrap_or_default();
        let digest = Sha256::digest(text.as_bytes());
        let first = digest[..8].try_into().map(i64::from_be_bytes);
        let now = Taken {
            version: first.unwrap_or_default() & i64::MAX,
            files: Some(text),
        };
        let touched = match &self.time_column {
            _ if is_first => Touched::All(NOTHING_TAKEN.to_owned()),
            None if is_changed => Touched::All(NO_TIME_COLUMN.to_owned()),
            _ => Touched::Days(days),
        };
        Ok((now, touched))
    }

    async fn days_in(
        &self,
        ctx: &SessionContext,
        provider: Arc<dyn TableProvider>,
        column: &str,
    ) -> Result<BTreeSet<NaiveDate>, DataFusionError> {
        let provider = as_read(ctx, provider, &[], self.zone.name(), true)?;
        days_of(ctx.read_table(provider)?, column, &self.zone).await
    }
}

const NOTHING_TAKEN: &str = "its rows have not been taken before";
const NO_TIME_COLUMN: &str = "it has changed, and no `time_column` says which days that touches";

/// The days of the rows, by a column of instants; a row without a time has none.
pub(crate) async fn days_of(
    rows: DataFrame,
    column: &str,
    zone: &Zone,
) -> Result<BTreeSet<NaiveDate>, DataFusionError> {
    let field = rows.schema().field_with_unqualified_name(column)?;
    if !matches!(field.data_type(), DataType::Timestamp(..)) {
        let found = crate::display::type_name(field.data_type());
        return Err(DataFusionError::Plan(format!(
            "`{column}` is {found}, not a time"
        )));
    }
    let mut days = BTreeSet::new();
    let mut day: Option<Range<DateTime<Utc>>> = None;
    let mut batches = rows.select([ident(column)])?.execute_stream().await?;
    while let Some(batch) = batches.try_next().await? {
        let times = batch.column(0).as_primitive::<TimestampMicrosecondType>();
        for time in times.iter().flatten() {
            let Some(time) = DateTime::from_timestamp_micros(time) else {
                continue; // no calendar has it, and no day
            };
            if day.as_ref().is_none_or(|day| !day.contains(&time)) {
                let date = zone.day_of(time);
                days.insert(date);
                let next = date.succ_opt().unwrap_or(date);
                day = Some(zone.start_of(date)..zone.start_of(next));
            }
        }
    }
    Ok(days)
}
