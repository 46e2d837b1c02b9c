//! One commit to a Delta table, made once: another writer's may come first, and a store may have taken ours though its answer
//! was lost, so that a second try would add its rows again.

use deltalake::kernel::transaction::TransactionError;
use deltalake::{DeltaTable, DeltaTableError};
use serde_json::{Value, json};

/// How often a commit that lost a race is tried again from the table's new state.
const TRIES: usize = 15;

/// By which a commit is known again: a key of its metadata, and a text of nobody else's.
#[derive(Clone, Debug)]
pub(crate) struct CommitId(String);

impl CommitId {
    fn new() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    /// As the commit's metadata must have it.
    pub(crate) fn metadata(self) -> (String, Value) {
        ("commit_id".to_owned(), json!(self.0))
    }
}

/// Commits by `write`, which is called with the table as it is now; the version that it made.
pub(crate) async fn commit_once<W>(
    table: &mut DeltaTable,
    write: impl Fn(DeltaTable, CommitId) -> W,
) -> Result<u64, DeltaTableError>
where
    W: Future<Output = Result<DeltaTable, DeltaTableError>>,
{
    let id = CommitId::new();
    let mut tries = 1;
    loop {
        let error = match write(table.clone(), id.clone()).await {
            Ok(written) => {
                *table = written;
                return Ok(table.version().unwrap_or_default());
            }
            Err(error) => error,
        };
        match find(table, &id).await {
            Ok(Some(version)) => return Ok(version),
            Ok(None) if lost_a_race(&error) && tries < TRIES => tries += 1,
            _ => return Err(error),
        }
    }
}

/// Another writer was quicker, or was taken for one.
pub(crate) fn lost_a_race(error: &DeltaTableError) -> bool {
    use TransactionError::{CommitConflict, MaxCommitAttempts};
    matches!(
        error,
        DeltaTableError::VersionAlreadyExists(_)
            | DeltaTableError::Transaction {
                source: CommitConflict(_) | MaxCommitAttempts(_)
            }
    )
}

/// Brings the table up to date, and looks for a commit among those that are new.
async fn find(table: &mut DeltaTable, id: &CommitId) -> Result<Option<u64>, DeltaTableError> {
    let first = table.version().map_or(0, |version| version + 1);
    table.load().await?;
    let log = table.log_store();
    for version in first..=table.version().unwrap_or_default() {
        let commit = log.read_commit_entry(version).await?;
        if commit.is_some_and(|commit| String::from_utf8_lossy(&commit).contains(&id.0)) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use arrow::array::{Int64Array, RecordBatch};
    use deltalake::kernel::transaction::{CommitConflictError, CommitProperties};
    use deltalake::{DeltaTableBuilder, ensure_table_uri};
    use tempfile::TempDir;

    use super::*;

    #[tokio::test]
    async fn a_commit_whose_answer_is_lost_is_not_made_again() {
        let (_folder, mut table) = table().await;
        let version = commit_once(&mut table, |table, id| async move {
            append(table, id).await?;
            Err(DeltaTableError::generic("the answer is lost"))
        });
        assert_eq!(version.await.unwrap(), 1);
        assert_eq!(table.version(), Some(1));
    }

    #[tokio::test]
    async fn a_commit_that_takes_itself_for_another_writers_is_not_made_again() {
        let (_folder, mut table) = table().await;
        let version = commit_once(&mut table, |table, id| async move {
            append(table, id).await?;
            Err(conflict())
        });
        assert_eq!(version.await.unwrap(), 1);
        assert_eq!(table.version(), Some(1));
    }

    #[tokio::test]
    async fn a_commit_that_lost_a_race_is_tried_again_on_the_new_version() {
        let (_folder, mut table) = table().await;
        let tries = &AtomicUsize::new(0);
        let version = commit_once(&mut table, |table, id| async move {
            if tries.fetch_add(1, Ordering::SeqCst) == 0 {
                append(table, CommitId::new()).await?;
                return Err(conflict());
            }
            append(table, id).await
        });
        assert_eq!(version.await.unwrap(), 2);
        assert_eq!(tries.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_commit_that_is_not_there_is_an_error() {
        let (_folder, mut table) = table().await;
        let lost = |_, _| async { Err(DeltaTableError::generic("the store is gone")) };
        let error = commit_once(&mut table, lost).await.unwrap_err();
        assert!(error.to_string().contains("the store is gone"), "{error}");
        assert_eq!(table.version(), Some(0));
    }

    /// A table with one row.
    async fn table() -> (TempDir, DeltaTable) {
        let folder = TempDir::new().unwrap();
        let url = ensure_table_uri(folder.path().to_str().unwrap()).unwrap();
        let table = DeltaTableBuilder::from_url(url).unwrap().build().unwrap();
        let table = append(table, CommitId::new()).await.unwrap();
        (folder, table)
    }

    async fn append(table: DeltaTable, id: CommitId) -> Result<DeltaTable, DeltaTableError> {
        let one = Arc::new(Int64Array::from(vec![1]));
        let rows = RecordBatch::try_from_iter([("n", one as _)]).unwrap();
        let properties = CommitProperties::default().with_metadata([id.metadata()]);
        table.write([rows]).with_commit_properties(properties).await
    }

    fn conflict() -> DeltaTableError {
        let source = TransactionError::CommitConflict(CommitConflictError::ConcurrentAppend);
        DeltaTableError::Transaction { source }
    }
}
