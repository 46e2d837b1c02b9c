//! The Delta table of an import: what it holds already, and commits that tell what they took.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use datafusion::logical_expr::ident;
use datafusion::prelude::{DataFrame, SessionContext};
use deltalake::kernel::engine::arrow_conversion::TryIntoArrow;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::kernel::{StructType, Transaction};
use deltalake::operations::write::SchemaMode;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError, ensure_table_uri};
use futures::TryStreamExt;
use serde_json::json;

use super::rows::check_columns;
use super::{Import, ImportError};
use crate::put_if_absent;
use crate::sinks::{lost_a_race, writer_properties};
use crate::source::SOURCE_FILE;

/// By which two imports at once know each other: of two commits from one version, the second is refused.
const APPLICATION: &str = "crannog.import";

/// In what is told of a commit: files that were read and have no row.
const WITHOUT_ROWS: &str = "files_without_rows";

/// The table, there or to be made.
pub(super) struct Destination<'i> {
    import: &'i Import,
    table: DeltaTable,
}

impl<'i> Destination<'i> {
    pub(super) async fn open(import: &'i Import) -> Result<Self, ImportError> {
        let failed = |source| import.failed(source);
        if !import.table.contains("://") {
            std::fs::create_dir_all(&import.table)
                .map_err(|error| failed(DeltaTableError::Io { source: error }))?;
        }
        let url = ensure_table_uri(&import.table).map_err(failed)?;
        let mut table = DeltaTableBuilder::from_url(url)
            .and_then(DeltaTableBuilder::build)
            .map_err(failed)?;
        if table.verify_deltatable_existence().await.map_err(failed)? {
            table.load().await.map_err(failed)?;
        }
        let destination = Self { import, table };
        destination.check_is_ours()?;
        let proven = put_if_absent::prove(&destination.table).await;
        proven.map_err(|source| ImportError::PutIfAbsent {
            table: import.table.clone(),
            source,
        })?;
        Ok(destination)
    }

    /// The table's version, where there is one.
    pub(super) fn version(&self) -> Option<u64> {
        self.table.version()
    }

    /// The partition column, where the table is there.
    pub(super) fn day_column(&self) -> Result<Option<String>, ImportError> {
        if self.version().is_none() {
            return Ok(None);
        }
        let snapshot = self.table.snapshot().map_err(|error| self.failed(error))?;
        Ok(snapshot.metadata().partition_columns().first().cloned())
    }

    fn failed(&self, source: DeltaTableError) -> ImportError {
        self.import.failed(source)
    }

    /// Another import was quicker.
    fn race(&self) -> ImportError {
        ImportError::Race {
            table: self.import.table.clone(),
        }
    }

    /// The table must be partitioned by one column, and its description must name this source.
    fn check_is_ours(&self) -> Result<(), ImportError> {
        if self.version().is_none() {
            return Ok(());
        }
        let snapshot = self.table.snapshot().map_err(|error| self.failed(error))?;
        let metadata = snapshot.metadata();
        let table = self.import.table.clone();
        match metadata.description() {
            Some(origin) if metadata.partition_columns().len() == 1 => {
                if origin == self.import.origin() {
                    return Ok(());
                }
                let origin = origin.to_owned();
                Err(ImportError::OtherOrigin { table, origin })
            }
            _ => Err(ImportError::NotOurs { table }),
        }
    }

    /// Sees to it that the table is there, with columns for rows of this schema. It is made empty: of two that append to it at
    /// once one is refused, which of two that make it is not.
    pub(super) async fn prepare(
        &mut self,
        schema: &StructType,
        day: &str,
    ) -> Result<(), ImportError> {
        if self.version().is_none() {
            // Else the second of two makers changes the first one's table, and does not hear of it.
            let once = CommitProperties::default().with_max_retries(0);
            let created = self
                .table
                .clone()
                .create()
                .with_commit_properties(once)
                .with_columns(schema.fields().cloned())
                .with_partition_columns([day])
                .with_comment(self.import.origin())
                .await;
            match created {
                Ok(table) => self.table = table,
                // Another import may have made it a moment ago.
                Err(error) => {
                    let loaded = self.table.load().await;
                    loaded.map_err(|_| self.failed(error))?;
                    self.check_is_ours()?;
                    // What it has taken since was not known when we looked for what is new.
                    if self.last_commit().await?.is_some() {
                        return Err(self.race());
                    }
                }
            }
        }
        let snapshot = self.table.snapshot().map_err(|error| self.failed(error))?;
        check_columns(schema, &snapshot.schema(), &self.import.table)
    }

    /// The files that the table has rows of, and those that have been found to have none.
    pub(super) async fn known_files(
        &self,
        ctx: &SessionContext,
    ) -> Result<HashSet<String>, ImportError> {
        let mut known = self.files_with_rows(ctx).await?;
        if self.version().is_none() {
            return Ok(known);
        }
        let commits: Result<Vec<_>, _> = self.table.history(None).try_collect().await;
        for commit in commits.map_err(|error| self.failed(error))? {
            let names = commit
                .info
                .get(WITHOUT_ROWS)
                .and_then(|names| names.as_array());
            let names = names.into_iter().flatten();
            known.extend(names.filter_map(|name| name.as_str().map(str::to_owned)));
        }
        Ok(known)
    }

    /// The files that the table has rows of.
    pub(super) async fn files_with_rows(
        &self,
        ctx: &SessionContext,
    ) -> Result<HashSet<String>, ImportError> {
        if self.version().is_none() {
            return Ok(HashSet::new());
        }
        self.table
            .update_datafusion_session(&ctx.state())
            .map_err(|error| self.failed(error))?;
        let provider = self
            .table
            .table_provider()
            .await
            .map_err(ImportError::Read)?;
        let rows = ctx.read_table(provider).map_err(ImportError::Read)?;
        if !rows.schema().has_column_with_unqualified_name(SOURCE_FILE) {
            return Err(ImportError::NotOurs {
                table: self.import.table.clone(),
            });
        }
        let names = async {
            rows.select([ident(SOURCE_FILE)])?
                .distinct()?
                .collect()
                .await
        };
        let mut files = HashSet::new();
        for batch in names.await.map_err(ImportError::Read)? {
            let names = cast(batch.column(0), &DataType::Utf8)
                .map_err(|error| ImportError::Read(error.into()))?;
            files.extend(names.as_string::<i32>().iter().flatten().map(str::to_owned));
        }
        Ok(files)
    }

    /// The version of the Delta table with this id up to which the rows have been taken; `None` before the first time.
    pub(super) async fn taken_version(&self, id: &str) -> Result<Option<u64>, ImportError> {
        if self.last_commit().await?.is_none() {
            return Ok(None);
        }
        let version = self.transaction(&application_of(id)).await?;
        match version.and_then(|version| u64::try_from(version).ok()) {
            Some(version) => Ok(Some(version)),
            None => Err(ImportError::OtherTable {
                table: self.import.table.clone(),
            }),
        }
    }

    /// Appends rows in one commit; `taken`: they are all that is new of a Delta table, by its id, up to a version.
    pub(super) async fn append(
        &mut self,
        rows: DataFrame,
        taken: Option<(&str, u64)>,
    ) -> Result<(), ImportError> {
        let mut transactions = Vec::new();
        if let Some((id, version)) = taken {
            let version = i64::try_from(version).unwrap_or(i64::MAX);
            transactions.push(Transaction::new(application_of(id), version));
        }
        let commit = CommitProperties::default();
        self.commit(rows, commit, transactions).await
    }

    /// Takes note of files that have no rows.
    pub(super) async fn note_without_rows(
        &mut self,
        ctx: &SessionContext,
        files: &[String],
    ) -> Result<(), ImportError> {
        let note = [(WITHOUT_ROWS.to_owned(), json!(files))];
        let commit = CommitProperties::default().with_metadata(note);
        let rows = self.no_rows(ctx)?;
        self.commit(rows, commit, Vec::new()).await
    }

    /// No rows, of the table's own columns.
    pub(super) fn no_rows(&self, ctx: &SessionContext) -> Result<DataFrame, ImportError> {
        let snapshot = self.table.snapshot().map_err(|error| self.failed(error))?;
        let schema: Result<Schema, _> = snapshot.schema().as_ref().try_into_arrow();
        let schema = schema.map_err(|error| self.failed(error.into()))?;
        let none = arrow::array::RecordBatch::new_empty(Arc::new(schema));
        ctx.read_batch(none).map_err(ImportError::Read)
    }

    async fn commit(
        &mut self,
        rows: DataFrame,
        commit: CommitProperties,
        mut transactions: Vec<Transaction>,
    ) -> Result<(), ImportError> {
        let last = self.last_commit().await?;
        transactions.push(Transaction::new(APPLICATION, last.unwrap_or(0) + 1));
        let day = self.day_column()?;
        let (state, plan) = rows.into_parts();
        let written = self
            .table
            .clone()
            .write(std::iter::empty::<arrow::array::RecordBatch>())
            .with_input_plan(plan)
            .with_session_state(Arc::new(state))
            .with_save_mode(SaveMode::Append)
            .with_schema_mode(SchemaMode::Merge)
            .with_partition_columns(day)
            .with_writer_properties(writer_properties())
            .with_commit_properties(commit.with_application_transactions(transactions))
            .await;
        self.table = written.map_err(|error| match lost_a_race(&error) {
            true => self.race(),
            false => self.failed(error),
        })?;
        Ok(())
    }

    /// The number of the last commit of an import; `None` before the first.
    async fn last_commit(&self) -> Result<Option<i64>, ImportError> {
        self.transaction(APPLICATION).await
    }

    async fn transaction(&self, application: &str) -> Result<Option<i64>, ImportError> {
        if self.version().is_none() {
            return Ok(None);
        }
        let snapshot = self.table.snapshot().map_err(|error| self.failed(error))?;
        let log = self.table.log_store();
        let version = snapshot
            .transaction_version(log.as_ref(), application)
            .await;
        version.map_err(|error| self.failed(error))
    }
}

/// Under which name the version of a Delta table is kept up to which its rows have been taken.
fn application_of(id: &str) -> String {
    format!("{APPLICATION}/{id}")
}
