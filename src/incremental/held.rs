//! What a table says that it holds: which days, by which rule, up to which state of each source.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::datatypes::Date32Type;
use chrono::{DateTime, NaiveDate, Utc};
use deltalake::kernel::Transaction;
use deltalake::{DeltaTable, DeltaTableError};
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::KeptError;
use crate::source::Taken;

/// In whose name it is said: the version of this application is the rule that made the rows.
pub(super) const RULE: &str = "crannog.step";
const FIRST: &str = "crannog.step/first";
const END: &str = "crannog.step/end";

const FILE_LISTS: &str = "_sources";

/// What a table holds.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) days: Range<NaiveDate>,
    /// Up to where each source's rows are in it.
    pub(super) taken: BTreeMap<String, Taken>,
}

impl Held {
    /// What the table holds that this rule has made of these sources.
    pub(super) async fn by(
        table: &DeltaTable,
        rule: i64,
        sources: &[String],
    ) -> Result<Option<Self>, KeptError> {
        if marked(table, RULE).await? != Some(rule) {
            return Ok(None);
        }
        let day = |days: i64| {
            let days = i32::try_from(days).ok()?;
            Date32Type::to_naive_date_opt(days)
        };
        let (first, end) = (marked(table, FIRST).await?, marked(table, END).await?);
        let (Some(first), Some(end)) = (first.and_then(day), end.and_then(day)) else {
            return Ok(None);
        };
        let mut taken = BTreeMap::new();
        for source in sources {
            let Some(version) = marked(table, &mark_of(source)).await? else {
                return Ok(None);
            };
            let files = files(table, source, version).await?;
            taken.insert(source.clone(), Taken { version, files });
        }
        Ok(Some(Self {
            days: first..end,
            taken,
        }))
    }

    /// The same, for a commit.
    pub(super) fn marks(&self, rule: i64) -> Vec<Transaction> {
        let days = [(FIRST, self.days.start), (END, self.days.end)];
        let days = days.map(|(name, day)| {
            let number = Date32Type::from_naive_date(day);
            Transaction::new(name, i64::from(number))
        });
        let taken = self.taken.iter();
        let taken = taken.map(|(source, taken)| Transaction::new(mark_of(source), taken.version));
        let rule = Transaction::new(RULE, rule);
        [rule].into_iter().chain(days).chain(taken).collect()
    }

    /// Stores the lists of files that the marks name, and those of the table `before` do not: before a commit that names them.
    pub(super) async fn keep_file_lists(
        &self,
        table: &DeltaTable,
        before: Option<&Self>,
    ) -> Result<(), KeptError> {
        let store = table.log_store().object_store(None);
        for (source, taken) in &self.taken {
            if before.and_then(|held| held.taken.get(source)) == Some(taken) {
                continue;
            }
            if let Some(files) = &taken.files {
                let list = file_list(source, taken.version);
                store.put(&list, files.clone().into()).await?;
            }
        }
        Ok(())
    }
}

async fn marked(table: &DeltaTable, application: &str) -> Result<Option<i64>, KeptError> {
    let log = table.log_store();
    let version = table
        .snapshot()?
        .transaction_version(log.as_ref(), application);
    Ok(version.await?)
}

/// The lists of files that were stored before a time, but for those that the table names now.
pub(crate) async fn old_file_lists(
    table: &DeltaTable,
    before: DateTime<Utc>,
) -> Result<Vec<Path>, DeltaTableError> {
    let store = table.log_store().object_store(None);
    let lists = store.list(Some(&Path::from(FILE_LISTS)));
    let lists: Vec<_> = lists.try_collect().await.map_err(DeltaTableError::from)?;
    let mut named = BTreeMap::new();
    let mut old = Vec::new();
    for list in lists {
        let name = list.location.filename().unwrap_or_default();
        let Some((source, _)) = name.rsplit_once('-') else {
            continue;
        };
        if !named.contains_key(source) {
            let log = table.log_store();
            let version = table
                .snapshot()?
                .transaction_version(log.as_ref(), mark_of(source));
            let list = version.await?.map(|version| file_list(source, version));
            named.insert(source.to_owned(), list);
        }
        let is_named = named[source].as_ref() == Some(&list.location);
        if !is_named && list.last_modified < before {
            old.push(list.location);
        }
    }
    Ok(old)
}

/// The files of a source that were taken; `None` of a Delta table, whose log tells.
async fn files(
    table: &DeltaTable,
    source: &str,
    version: i64,
) -> Result<Option<String>, KeptError> {
    let store = table.log_store().object_store(None);
    match store.get(&file_list(source, version)).await {
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        found => {
            let bytes = found?.bytes().await?;
            Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
        }
    }
}

fn mark_of(source: &str) -> String {
    format!("{RULE}/source/{source}")
}

/// Readers of Delta tables, and those who clean them up, leave what begins with `_` alone.
fn file_list(source: &str, version: i64) -> Path {
    Path::from(format!("{FILE_LISTS}/{source}-{version:016x}.json"))
}
