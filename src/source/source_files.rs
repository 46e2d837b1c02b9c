//! The files of a source one by one: which there are, and the rows of any of them, each with the name of its file.
//!
//! A Delta table is not among them: its files are its own affair, and its log says what came when ([`super::DeltaSource`]).

use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;

use super::{Skipped, SourceError, cloudtrail, evtx, parquet};
use crate::blame::{Blame, blame_of};

/// A file of a source.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    /// What its rows have in `_source_file`: its path from the location on.
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u64,
    /// The day of its rows, or nearly so, where its path tells.
    pub(crate) day: Option<NaiveDate>,
}

/// All files of a source that was found.
pub(crate) enum SourceFiles {
    /// A trail.
    CloudTrail(cloudtrail::Files),
    /// A folder of event logs.
    Evtx(evtx::Files),
    /// A folder of Parquet files.
    Parquet(parquet::Files),
}

impl SourceFiles {
    /// Each file, in the order of their paths.
    pub(crate) fn list(&self) -> Vec<SourceFile> {
        match self {
            Self::CloudTrail(files) => files.list(),
            Self::Evtx(files) => files.list(),
            Self::Parquet(files) => files.list(),
        }
    }

    /// Learns which columns these files have, where that is not the same for all; a file that does not tell is skipped.
    pub(crate) async fn learn_columns(
        &mut self,
        ctx: &SessionContext,
        names: &[String],
        skipped: &Skipped,
    ) -> Result<(), SourceError> {
        match self {
            Self::CloudTrail(_) | Self::Evtx(_) => Ok(()),
            Self::Parquet(files) => files.learn_columns(ctx, names, skipped).await,
        }
    }

    /// Those of these files that cannot be read to their end, each with what is wrong: all are read for it.
    pub(crate) async fn broken(
        &self,
        ctx: &SessionContext,
        names: &[String],
    ) -> Result<Vec<(String, String)>, DataFusionError> {
        let skipped = Skipped::listing();
        if !matches!(self, Self::Parquet(_)) {
            drain(ctx, self.rows(names, &skipped)).await?;
            return Ok(skipped.files());
        }
        // The reader of Parquet stops at a broken file and does not say which it was.
        for name in names {
            match drain(ctx, self.rows(std::slice::from_ref(name), &skipped)).await {
                Err(error) if blame_of(&error) == Blame::Data => {
                    let listed = skipped.skip(name, error);
                    listed.map_err(|error| DataFusionError::External(Box::new(error)))?;
                }
                drained => drained?,
            }
        }
        Ok(skipped.files())
    }

    /// A table of the rows of these files.
    pub(crate) fn rows(&self, names: &[String], skipped: &Skipped) -> Arc<dyn TableProvider> {
        match self {
            Self::CloudTrail(files) => files.rows(names, skipped),
            Self::Evtx(files) => files.rows(names, skipped),
            Self::Parquet(files) => files.rows(names),
        }
    }
}

/// Reads all rows, and forgets them.
async fn drain(ctx: &SessionContext, table: Arc<dyn TableProvider>) -> Result<(), DataFusionError> {
    let mut rows = ctx.read_table(table)?.execute_stream().await?;
    while rows.try_next().await?.is_some() {}
    Ok(())
}
