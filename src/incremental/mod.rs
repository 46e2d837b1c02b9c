//! A step that is kept: its rows as a Delta table, one partition a day, of which a run computes the days that changed.
//!
//! The table says in its log, as application transactions of each commit, which rule made it, which days it holds, and up to
//! which state of each source. So a commit changes the rows and what is said of them together, and a run that ends between
//! two commits leaves a table that the next one goes on with.

mod due;
mod error;
mod held;
mod rule;
mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use datafusion::logical_expr::{cast, ident};
use datafusion::prelude::{DataFrame, SessionContext};
use deltalake::DeltaTable;
use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::operations::write::SchemaMode;
use deltalake::protocol::SaveMode;
use serde::{Deserialize, Serialize};

pub use due::Batch;
pub(crate) use due::whole_days;
pub use error::KeptError;

pub(crate) use self::held::old_file_lists;
use self::held::{Held, RULE};
use self::shape::{DAY, Shape, are_in};
use crate::driver_read::DriverRead;
use crate::error::{Error, Result};
use crate::fault;
use crate::job::{Incremental, Job, SqlFile};
use crate::put_if_absent;
use crate::sinks::{self, SinkError, lost_a_race, open_table, write_session, writer_properties};
use crate::source::{OpenSource, Taken, Touched};

/// A step's table, there or to be made.
#[derive(Debug)]
pub(crate) struct KeptStep {
    config: Incremental,
    /// The sources that the step reads.
    reads: Vec<String>,
    name: String,
    rule: i64,
    /// The step's columns, as it makes them.
    columns: SchemaRef,
    shape: Shape,
    table: DeltaTable,
    held: Option<Held>,
}

/// What a run has to compute.
#[derive(Debug)]
pub(crate) struct Due {
    /// In this order.
    pub(crate) batches: Vec<Batch>,
    /// Why nothing of the table can be used.
    pub(crate) whole: Option<String>,
    /// Why this run leaves the table alone: a source is older than what the table has of it.
    pub(crate) behind: Option<String>,
    /// Up to where the sources go.
    taken: BTreeMap<String, Taken>,
}

/// What a run did to a step that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSummary {
    /// The step.
    pub step: String,
    /// Where its table is, as a person may see it.
    pub location: String,
    /// The version that was read; `None` while the table is not there.
    pub version: Option<u64>,
    /// The days that were computed, `[first, end)`.
    pub computed: Vec<Range<NaiveDate>>,
    /// Why all days were computed, where they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<String>,
    /// Why the table was left alone and all days computed without it, where that was so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<String>,
}

/// What a run would do to a step that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptPlan {
    /// The step.
    pub step: String,
    /// Where its table is, as a person may see it.
    pub location: String,
    /// The version that is there; `None` where no table is.
    pub version: Option<u64>,
    /// Why all days would be computed, where they would.
    pub whole: Option<String>,
    /// Why the table would be left alone and all days computed without it, where that is so.
    pub behind: Option<String>,
    /// The days that would be computed, each range by one query, in this order.
    pub due: Vec<DaysDue>,
}

/// Days that one query computes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DaysDue {
    /// `[first, end)`.
    pub days: Range<NaiveDate>,
    /// Why they are computed.
    pub why: &'static str,
}

/// How a commit ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commit {
    /// The table has it.
    Done,
    /// Another run was quicker: the table is not what it was thought to be.
    Lost,
}

impl KeptStep {
    /// Opens the table of a step with these columns, or looks whether one can be made.
    pub(crate) async fn open(
        job: &Job,
        config: &Incremental,
        step: &SqlFile,
        columns: &SchemaRef,
        sources: &[OpenSource],
    ) -> Result<Self> {
        let opened = async {
            let mut kept = Self {
                reads: job
                    .sources_of(step)
                    .map(|source| source.name.clone())
                    .collect(),
                rule: rule::rule(job, step, columns, sources),
                shape: Shape::new(job, config, columns)?,
                columns: Arc::clone(columns),
                name: table_name(job, &step.name),
                config: config.clone(),
                table: open_table(&config.table).await?,
                held: None,
            };
            if kept.table.version().is_some() {
                kept.check_is_ours()?;
                kept.held = Held::by(&kept.table, kept.rule, &kept.reads).await?;
            }
            Ok(kept)
        };
        opened.await.map_err(|error| blame(config, error))
    }

    /// Tries whether its store is safe for commits, by an object that is gone afterwards.
    pub(crate) async fn prove(&self) -> Result<()> {
        let proven = put_if_absent::prove(&self.table).await;
        proven
            .map_err(SinkError::from)
            .map_err(|error| blame(&self.config, error.into()))
    }

    /// Takes the table as it is now.
    pub(crate) async fn reload(&mut self) -> Result<()> {
        let reloaded = async {
            self.table.load().await?;
            self.check_is_ours()?;
            self.held = Held::by(&self.table, self.rule, &self.reads).await?;
            Ok(())
        };
        let reloaded = reloaded.await;
        reloaded.map_err(|error| blame(&self.config, error))
    }

    fn check_is_ours(&self) -> Result<(), KeptError> {
        match self.table.snapshot()?.metadata().name() {
            Some(name) if name == self.name => Ok(()),
            name => Err(KeptError::OtherTable {
                other: name.map(str::to_owned),
            }),
        }
    }

    /// What is to be computed so that the table holds the `wanted` days as the sources have them now.
    pub(crate) async fn due(
        &self,
        ctx: &SessionContext,
        sources: &[OpenSource],
        wanted: &Range<NaiveDate>,
        with_rows: impl AsyncFnOnce(&Range<NaiveDate>) -> Result<BTreeSet<NaiveDate>>,
    ) -> Result<Due> {
        let mut taken = BTreeMap::new();
        let mut days: BTreeSet<_> = due::last(wanted, self.config.lookback).collect();
        let (mut whole, mut behind) = (None, None);
        for source in sources {
            let name = &source.summary.name;
            if !self.reads.contains(name) {
                continue;
            }
            let held = self.held.as_ref().and_then(|held| held.taken.get(name));
            let since = source.history.since(ctx, held).await;
            let (now, touched) = since
                .map_err(|error| crate::source::blame(name, &source.summary.location, error))?;
            match touched {
                Touched::Days(touched) => days.extend(touched),
                Touched::All(why) if self.held.is_some() => {
                    whole.get_or_insert(format!("`{name}`: {why}"));
                }
                Touched::All(_) => {}
                Touched::Behind(why) => {
                    behind.get_or_insert(format!("`{name}`: {why}"));
                }
            }
            taken.insert(name.clone(), now);
        }
        if behind.is_some() {
            return Ok(Due {
                batches: Vec::new(),
                whole: None,
                behind,
                taken,
            });
        }
        if self.held.is_none() {
            whole = Some(match self.table.version() {
                None => "there is no table yet".to_owned(),
                Some(_) => "its rows are those of another SQL, other parameters, sources or settings of time, or of another version of the program".to_owned(),
            });
        }
        let touched = match &whole {
            Some(why) => Touched::All(why.clone()),
            None => Touched::Days(days),
        };
        let covered = self.held.as_ref().map(|held| &held.days);
        let size = self.config.batch_size;
        let with_rows = match due::hull(covered, &touched, wanted) {
            Some(due) if size.is_some() => with_rows(&due).await?,
            _ => BTreeSet::new(),
        };
        let batches = due::batches(covered, &touched, wanted, |days| {
            due::chunks(days, size, &with_rows)
        });
        Ok(Due {
            batches,
            whole,
            behind,
            taken,
        })
    }

    /// Puts rows in the place of those that the table has of a batch's days.
    pub(crate) async fn replace(
        &mut self,
        batch: &Batch,
        due: &Due,
        rows: Vec<RecordBatch>,
    ) -> Result<Commit> {
        let committed = self.try_replace(batch, due, rows).await;
        match committed {
            Err(KeptError::Delta(error)) if lost_a_race(&error) => Ok(Commit::Lost),
            Err(error) => Err(blame(&self.config, error)),
            Ok(()) => Ok(Commit::Done),
        }
    }

    async fn try_replace(
        &mut self,
        batch: &Batch,
        due: &Due,
        rows: Vec<RecordBatch>,
    ) -> Result<(), KeptError> {
        let mut stored = self.shape.to_store(&batch.days, &rows)?;
        drop(rows);
        if stored.is_empty() {
            stored.push(RecordBatch::new_empty(Arc::clone(&self.shape.stored)));
        }
        if self.table.version().is_none() {
            self.create().await?;
        }
        let taken = match (&self.held, batch.is_current) {
            (Some(held), false) => &held.taken,
            _ => &due.taken,
        };
        let held = Held {
            days: batch.covers.clone(),
            taken: taken.clone(),
        };
        fault::point("before the step's file lists");
        held.keep_file_lists(&self.table, self.held.as_ref())
            .await?;
        fault::point("before the step's commit");
        let marks = held.marks(self.rule);
        let mut commit = CommitProperties::default().with_application_transactions(marks);
        if batch.is_fresh {
            // What another commit has put together meanwhile would stay: no version but the one that was read is replaced.
            commit = commit.with_max_retries(0);
        }
        let write = self
            .table
            .clone()
            .write(stored)
            .with_save_mode(SaveMode::Overwrite)
            .with_session_state(write_session())
            .with_writer_properties(writer_properties())
            .with_commit_properties(commit);
        let write = if batch.is_fresh {
            write.with_schema_mode(SchemaMode::Overwrite)
        } else {
            write.with_replace_where(are_in(&batch.days))
        };
        self.table = write.await?;
        fault::point("after the step's commit");
        self.held = Some(held);
        Ok(())
    }

    async fn create(&mut self) -> Result<(), KeptError> {
        let schema: StructType = self.shape.stored.as_ref().try_into_kernel()?;
        let new = self.table.clone().create();
        let new = new
            .with_columns(schema.fields().cloned())
            .with_partition_columns([DAY])
            .with_table_name(self.name.clone());
        if sinks::create(&mut self.table, new).await? == sinks::Made::ByAnother {
            self.check_is_ours()?;
        }
        fault::point("after the step's table is made");
        Ok(())
    }

    /// Looks whether rows that are not stored belong to the days that they were computed from, or, where that may be, to none.
    pub(crate) fn check(
        &self,
        days: &Range<NaiveDate>,
        rows: &[RecordBatch],
        undated: bool,
    ) -> Result<()> {
        let checked = self.shape.check(days, rows, undated);
        checked.map_err(|error| blame(&self.config, error))
    }

    /// What the table holds of these days, as the step makes it.
    pub(crate) async fn rows(
        &self,
        ctx: &SessionContext,
        days: &Range<NaiveDate>,
        on_cluster: bool,
    ) -> Result<DataFrame> {
        let read = async {
            self.table.update_datafusion_session(&ctx.state())?;
            let mut provider = self.table.table_provider().await?;
            if on_cluster {
                provider = Arc::new(DriverRead(provider));
            }
            let rows = ctx.read_table(provider)?.filter(are_in(days))?;
            let columns = self.columns.fields().iter().map(|field| {
                cast(ident(field.name()), field.data_type().clone()).alias(field.name())
            });
            Ok(rows.select(columns.collect::<Vec<_>>())?)
        };
        read.await.map_err(|error| blame(&self.config, error))
    }

    /// What is told of a run that is only planned.
    pub(crate) fn plan(&self, due: &Due) -> KeptPlan {
        let covered = self.held.as_ref().map(|held| &held.days);
        let days = due.batches.iter().map(|batch| DaysDue {
            days: batch.days.clone(),
            why: match covered.filter(|_| due.whole.is_none()) {
                Some(covered) if covered.contains(&batch.days.start) => {
                    if self.config.lookback > 0 {
                        "changed, or in the time of `lookback`"
                    } else {
                        "changed"
                    }
                }
                _ => "not computed yet",
            },
        });
        KeptPlan {
            step: self.config.step.clone(),
            location: self.location(),
            version: self.table.version(),
            whole: due.whole.clone(),
            behind: due.behind.clone(),
            due: days.collect(),
        }
    }

    /// What is told of a run.
    pub(crate) fn summary(
        &self,
        computed: Vec<Range<NaiveDate>>,
        whole: Option<String>,
        behind: Option<String>,
    ) -> KeptSummary {
        KeptSummary {
            step: self.config.step.clone(),
            location: self.location(),
            version: self.table.version(),
            computed,
            whole,
            behind,
        }
    }

    /// Where it is, as a person may see it.
    pub(crate) fn location(&self) -> String {
        self.config.table.location.to_string()
    }
}

/// What the table of a step says that it is.
pub(crate) fn table_name(job: &Job, step: &str) -> String {
    format!("{RULE} {}/{step}", job.name)
}

fn blame(config: &Incremental, error: KeptError) -> Error {
    match error {
        KeptError::Job(error) => Error::Job(error),
        error => Error::Kept {
            step: config.step.clone(),
            location: config.table.location.to_string(),
            source: Box::new(error),
        },
    }
}
