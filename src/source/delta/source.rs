//! A Delta table outside of a job, from which the rows are taken that came since a version.

use std::collections::{BTreeMap, HashMap};

use datafusion::prelude::{DataFrame, SessionContext};
use deltalake::DeltaTable;
use deltalake::kernel::Add;

use super::changes::Changes;
use super::load;
use crate::source::SourceError;

/// The table at its latest version.
pub(crate) struct DeltaSource {
    table: DeltaTable,
    /// The table's own id: another table in its place has another.
    pub(crate) id: String,
    /// The latest version.
    pub(crate) version: u64,
}

/// What came since a version.
pub(crate) struct NewRows {
    /// Files that came.
    pub(crate) files: usize,
    /// Files that were there.
    pub(crate) known: usize,
    /// The rows of those that came, if there are any.
    pub(crate) rows: Option<DataFrame>,
}

impl DeltaSource {
    pub(in crate::source) async fn open(
        ctx: &SessionContext,
        location: &str,
    ) -> Result<Self, SourceError> {
        let table = load(location, location, None, &HashMap::new()).await?;
        table
            .update_datafusion_session(&ctx.state())
            .map_err(SourceError::Delta)?;
        let snapshot = table.snapshot().map_err(SourceError::Delta)?;
        let (id, version) = (snapshot.metadata().id().to_owned(), snapshot.version());
        Ok(Self { table, id, version })
    }

    /// The rows that came after the version `taken`, or all.
    ///
    /// # Errors
    /// Rows that were there at that version are gone or written anew: what is new among the others is not known.
    pub(crate) async fn since(
        &self,
        ctx: &SessionContext,
        taken: Option<u64>,
    ) -> Result<NewRows, SourceError> {
        let snapshot = self.table.snapshot().map_err(SourceError::Delta)?;
        let all = snapshot.log_data().iter().count();
        let Some(taken) = taken else {
            let provider = self.table.table_provider().await;
            let rows = provider.and_then(|provider| ctx.read_table(provider));
            return Ok(NewRows {
                files: all,
                known: 0,
                rows: Some(rows.map_err(SourceError::Register)?),
            });
        };
        let log = self.table.log_store();
        let changes = Changes::between(log.as_ref(), taken, self.version).await?;
        if let Some(file) = changes.removed.first() {
            return Err(SourceError::Rewritten {
                version: file.version,
                taken,
            });
        }
        let files = changes.added.len();
        let there = changes.added.iter().filter(|file| file.is_there).count();
        // A file whose rows have been put elsewhere since is read as of the version that it came with.
        let mut scans: BTreeMap<u64, Vec<Add>> = BTreeMap::new();
        for file in changes.added {
            let version = if file.is_there {
                self.version
            } else {
                file.version
            };
            scans.entry(version).or_default().push(file.add);
        }
        let mut rows = None;
        for (version, adds) in scans {
            let scan = self.scan(ctx, version, adds).await?;
            rows = Some(match rows {
                None => scan,
                Some(rows) => {
                    DataFrame::union_by_name(rows, scan).map_err(SourceError::Register)?
                }
            });
        }
        Ok(NewRows {
            files,
            known: all - there,
            rows,
        })
    }

    async fn scan(
        &self,
        ctx: &SessionContext,
        version: u64,
        adds: Vec<Add>,
    ) -> Result<DataFrame, SourceError> {
        let mut table = self.table.clone();
        if version != self.version {
            table
                .load_version(version)
                .await
                .map_err(SourceError::Delta)?;
        }
        let provider = table.table_provider().with_adds(adds).await;
        let rows = provider.and_then(|provider| ctx.read_table(provider));
        rows.map_err(SourceError::Register)
    }
}
