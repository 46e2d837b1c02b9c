//! Steps that are kept: the days that changed are computed and stored, the rest of the run's time is computed and not stored.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use datafusion::common::ParamValues;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{Expr, ident, lit};
use datafusion::prelude::{DataFrame, SessionContext};

use super::{Pipeline, bare, stopped};
use crate::error::{Error, Result};
use crate::incremental::{Commit, Due, KeptError, KeptPlan, KeptStep, whole_days};
use crate::job::{Interval, Job, JobError, SqlFile};
use crate::progress::{Progress, Volume};
use crate::session;
use crate::source::days_of;

/// How often a commit that lost a race is tried again from the table's new state.
const TRIES: usize = 5;

/// A part of the run's time.
struct Part {
    time: Range<DateTime<Utc>>,
    /// Whether rows without a time belong to it.
    and_undated: bool,
}

impl Pipeline<'_> {
    /// Opens the table of a step that is kept, where the job keeps it.
    pub(super) async fn open_kept(&mut self, file: &SqlFile, columns: &SchemaRef) -> Result<()> {
        if let Some(config) = self.job.kept(&file.name) {
            check_sources(&self.ctx, self.job, file).await?;
            let kept = KeptStep::open(self.job, config, file, columns, &self.sources).await?;
            self.kept.push((file.name.clone(), kept));
        }
        Ok(())
    }

    /// Tries whether the stores of the steps that are kept are safe for commits.
    pub async fn prove(&self) -> Result<()> {
        for (_, kept) in &self.kept {
            kept.prove().await?;
        }
        Ok(())
    }

    /// The rows of a step in the run's time; of one that is kept, after its table has been brought up to date.
    pub(super) async fn rows(
        &mut self,
        file: &SqlFile,
        progress: &mut Progress,
    ) -> Result<DataFrame> {
        let kept = self.kept.iter().position(|(name, _)| *name == file.name);
        let Some(kept) = kept else {
            return self.query(file).await;
        };
        let (_, mut kept) = self.kept.swap_remove(kept);
        let days = whole_days(&self.job.window, &self.interval);
        if !self.refresh(&mut kept, file, &days, progress).await? {
            return self.query(file).await;
        }
        let mut rows = Vec::new();
        if !days.is_empty() {
            rows.push(kept.rows(&self.ctx, &days, self.is_on_cluster()).await?);
            let from = (file.name.clone(), kept.location());
            self.from_tables.push(from);
        }
        for part in self.parts(&days) {
            rows.push(self.unkept(&kept, file, &part, progress).await?);
        }
        let rows = rows.into_iter().map(Ok);
        let rows = rows.reduce(|rows, more| rows?.union(more?));
        let rows = rows.expect("the last part of the run's time is always there");
        rows.map_err(|error| stopped(file, error))
    }

    /// The rows of a part of time whose rows are not kept.
    async fn unkept(
        &self,
        kept: &KeptStep,
        file: &SqlFile,
        part: &Part,
        progress: &mut Progress,
    ) -> Result<DataFrame> {
        let rows = self.query_part(file, part).await?;
        let schema = Arc::clone(rows.schema().inner());
        let stage = format!("{} rest", file.name);
        let partitions = self.collect(&stage, file, rows, progress).await?;
        let zone = &self.job.window.timezone;
        let last = zone.day_of(part.time.end - TimeDelta::microseconds(1));
        let days = zone.day_of(part.time.start)..last.succ_opt().unwrap_or(last);
        for rows in &partitions {
            kept.check(&days, rows, part.and_undated)?;
        }
        let table = MemTable::try_new(schema, partitions);
        let rows = table.and_then(|table| self.ctx.read_table(Arc::new(table)));
        rows.map_err(|error| stopped(file, error))
    }

    /// Which days of the steps that are kept are to be computed, and why.
    pub async fn due(&self) -> Result<Vec<KeptPlan>> {
        let days = whole_days(&self.job.window, &self.interval);
        let mut plans = Vec::new();
        for (step, kept) in &self.kept {
            let due = self.due_of(step, kept, &days).await?;
            plans.push(kept.plan(&due));
        }
        Ok(plans)
    }

    async fn due_of(&self, step: &str, kept: &KeptStep, days: &Range<NaiveDate>) -> Result<Due> {
        let mut files = self.job.features.sql.iter();
        let file = files.find(|file| file.name == step);
        let file = file.expect("a job keeps steps before the model alone");
        let with_rows = async |days: &Range<NaiveDate>| self.days_with_rows(file, days).await;
        kept.due(&self.ctx, &self.sources, days, with_rows).await
    }

    /// Brings the table up to date; `false`: it is ahead of the run's sources, and left alone.
    async fn refresh(
        &mut self,
        kept: &mut KeptStep,
        file: &SqlFile,
        days: &Range<NaiveDate>,
        progress: &mut Progress,
    ) -> Result<bool> {
        let mut computed = Vec::new();
        let mut whole = None;
        for _ in 0..TRIES {
            let look = self.due_of(&file.name, kept, days);
            let due = progress
                .watch(&format!("{} changes", file.name), look, Volume::default)
                .await?;
            whole = due.whole.clone().or(whole);
            let computing = self.compute(kept, file, &due, &mut computed, progress);
            if computing.await? == Commit::Lost {
                kept.reload().await?;
                continue;
            }
            let is_usable = due.behind.is_none();
            let summary = kept.summary(computed, whole, due.behind);
            tracing::info!(
                step = file.name,
                computed = summary.computed.len(),
                whole = summary.whole,
                behind = summary.behind,
                "days of a kept step were computed"
            );
            self.kept_summaries.push(summary);
            return Ok(is_usable);
        }
        Err(Error::Kept {
            step: file.name.clone(),
            location: kept.location(),
            source: Box::new(KeptError::Busy),
        })
    }

    /// Computes what is due, batch by batch, until a commit is lost; `computed` gets the days that are in the table.
    async fn compute(
        &self,
        kept: &mut KeptStep,
        file: &SqlFile,
        due: &Due,
        computed: &mut Vec<Range<NaiveDate>>,
        progress: &mut Progress,
    ) -> Result<Commit> {
        for batch in &due.batches {
            let part = Part {
                time: self.time_of(&batch.days),
                and_undated: false,
            };
            let rows = self.query_part(file, &part).await?;
            let stage = format!("{} {}", file.name, last_day(&batch.days));
            let rows = self.collect(&stage, file, rows, progress).await?;
            let rows: Vec<_> = rows.into_iter().flatten().collect();
            let count = rows.iter().map(RecordBatch::num_rows).sum::<usize>() as u64;
            let written = || Volume {
                rows: count,
                bytes: 0,
            };
            let stage = format!("{} kept", file.name);
            let replace = kept.replace(batch, due, rows);
            if progress.watch(&stage, replace, written).await? == Commit::Lost {
                return Ok(Commit::Lost);
            }
            computed.push(batch.days.clone());
        }
        Ok(Commit::Done)
    }

    /// What of the run's time lies outside of its whole days.
    fn parts(&self, days: &Range<NaiveDate>) -> Vec<Part> {
        let run = self.interval.train_start..self.interval.as_of;
        let last = |time| Part {
            time,
            and_undated: true,
        };
        if days.is_empty() {
            return vec![last(run)];
        }
        let kept = self.time_of(days);
        let mut parts = vec![last(kept.end..run.end)];
        if run.start < kept.start {
            parts.push(Part {
                time: run.start..kept.start,
                and_undated: false,
            });
        }
        parts
    }

    fn time_of(&self, days: &Range<NaiveDate>) -> Range<DateTime<Utc>> {
        let zone = &self.job.window.timezone;
        zone.start_of(days.start)..zone.start_of(days.end)
    }

    /// Plans a step upon the rows of its sources that belong to a part of time.
    async fn query_part(&self, file: &SqlFile, part: &Part) -> Result<DataFrame> {
        let ctx = session::apart(&self.ctx);
        for source in self.job.sources_of(file) {
            let rows = self.ctx.table(bare(&source.name)).await;
            let rows = rows.and_then(|rows| match &source.time_column {
                Some(column) => rows.filter(self.is_in(part, column)),
                None => Ok(rows),
            });
            let rows = rows.map_err(|error| stopped(file, error))?;
            ctx.register_table(bare(&source.name), rows.into_view())
                .map_err(|error| stopped(file, error))?;
        }
        let (start, end) = (part.time.start, part.time.end);
        let interval = Interval {
            as_of: end,
            train_start: start,
            train_end: end,
            detect_start: start,
            detect_end: end,
        };
        let parameters: HashMap<_, _> = session::parameters(self.job, &interval)
            .into_iter()
            .collect();
        super::query(&ctx, file, &ParamValues::from(parameters)).await
    }

    fn is_in(&self, part: &Part, column: &str) -> Expr {
        let instant = |time| lit(session::instant(self.job, time));
        let time = || ident(column);
        let is_in = time()
            .gt_eq(instant(part.time.start))
            .and(time().lt(instant(part.time.end)));
        if part.and_undated {
            is_in.or(time().is_null())
        } else {
            is_in
        }
    }

    /// Those of some days of which a source has rows.
    async fn days_with_rows(
        &self,
        file: &SqlFile,
        days: &Range<NaiveDate>,
    ) -> Result<BTreeSet<NaiveDate>> {
        let part = Part {
            time: self.time_of(days),
            and_undated: false,
        };
        let zone = &self.job.window.timezone;
        let mut found = BTreeSet::new();
        for source in self.job.sources_of(file) {
            let Some(column) = &source.time_column else {
                continue;
            };
            let read = async {
                let rows = self.ctx.table(bare(&source.name)).await?;
                days_of(rows.filter(self.is_in(&part, column))?, column, zone).await
            };
            found.extend(read.await.map_err(|error| stopped(file, error))?);
        }
        Ok(found)
    }
}

/// The last of some days.
fn last_day(days: &Range<NaiveDate>) -> NaiveDate {
    days.end.pred_opt().unwrap_or(days.end)
}

/// The time columns of the step's sources are there, and times.
async fn check_sources(ctx: &SessionContext, job: &Job, file: &SqlFile) -> Result<()> {
    for source in job.sources_of(file) {
        let Some(column) = &source.time_column else {
            continue;
        };
        let place = || {
            let key = format!("sources.{}.time_column", source.name);
            job.document.place(&key)
        };
        let table = ctx.table(bare(&source.name)).await;
        let table = table.map_err(|error| stopped(file, error))?;
        let fields = table.schema().fields();
        match fields.iter().find(|field| field.name() == column) {
            None => {
                return Err(Error::Job(JobError::UnknownName {
                    place: place(),
                    name: column.clone(),
                    expected: format!("a column of `{}`", source.name),
                    known: fields.iter().map(|field| field.name().clone()).collect(),
                }));
            }
            Some(field) if !matches!(field.data_type(), DataType::Timestamp(..)) => {
                let found = crate::display::type_name(field.data_type());
                return Err(Error::Job(JobError::Value {
                    place: place(),
                    message: format!("`{column}` of `{}` is {found}, not a time", source.name),
                }));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
