//! The SQL of a job: each file a step, each step a table that later files read by the file's name.
//!
//! Two halves with the model between them: [`Pipeline::features`] ends in the rows to judge, [`Pipeline::findings`]
//! starts from the judged rows, the table `scored`. A step that is read more than once is computed once and kept in
//! memory until its last reader is done; a step that is read once is part of its reader's plan.

mod asked;
mod columns;
mod counted;
mod elsewhere;
mod explanation;
mod kept;
mod last_reading;
mod pieces;
mod repeatable;
mod spread;
mod volume;

pub(crate) use spread::unqualified;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, new_null_array};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{ParamValues, TableReference};
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::ident;
use datafusion::physical_plan::{ExecutionPlan, displayable, execute_stream_partitioned};
use datafusion::prelude::{DataFrame, SessionContext};
use futures::TryStreamExt;
use futures::future::try_join_all;

use crate::cluster::{Cluster, KeptRows};
use crate::error::{Error, Result};
use crate::features::{FeatureError, FeatureTable, Learn};
use crate::feedback::{Feedback, suppressed_by_type};
use crate::incremental::{KeptStep, KeptSummary};
use crate::job::{Interval, Job, SCORED, SqlFile, TrainEnd};
use crate::judgement;
use crate::judgement::{Judgement, JudgementSlot};
use crate::misfit::misfit;
use crate::model::{Dictionary, LoadedModel, ModelError};
use crate::progress::Progress;
use crate::scoring::Scored;
use crate::session;
use crate::source::OpenSource;
use asked::Asked;
use pieces::planned;

/// The planned SQL of one run.
pub struct Pipeline<'a> {
    ctx: SessionContext,
    job: &'a Job,
    interval: Interval,
    parameters: ParamValues,
    findings_schema: SchemaRef,
    sources: Vec<OpenSource>,
    /// The tables of the steps that are kept, by the steps' names.
    kept: Vec<(String, KeptStep)>,
    kept_summaries: Vec<KeptSummary>,
    /// The steps whose rows come out of their tables, and where those are.
    from_tables: Vec<(String, String)>,
    /// The older model that judges; none where the run learns its own.
    model: Option<&'a LoadedModel>,
    /// Steps of which an older model leaves nothing to do.
    left_out: BTreeSet<&'a str>,
    /// The rows of the job's dictionaries, for the model that the run learns.
    dictionaries: Vec<Dictionary>,
    /// Where the functions of the second half find what was judged.
    judgement: JudgementSlot,
    feedback: Feedback,
    /// Where the steps are worked on, once it is connected; none where that is here.
    cluster: Option<Arc<Cluster>>,
    /// What SQL after the model asks of the judged rows.
    asked: Asked,
    /// The rows to judge, where they are on the cluster.
    kept_features: Option<KeptRows>,
}

impl<'a> Pipeline<'a> {
    /// Registers the steps before the model as views, for a look at them.
    pub async fn register_views(
        ctx: &SessionContext,
        job: &'a Job,
        interval: &Interval,
    ) -> Result<()> {
        Self::new(ctx, job, interval, Vec::new(), None)
            .plan_all(&job.features.sql, false, &mut |_, _, _| ())
            .await
            .map(drop)
    }

    fn new(
        ctx: &SessionContext,
        job: &'a Job,
        interval: &Interval,
        sources: Vec<OpenSource>,
        model: Option<&'a LoadedModel>,
    ) -> Self {
        let parameters: HashMap<_, _> = session::parameters(job, interval).into_iter().collect();
        Self {
            ctx: ctx.clone(),
            job,
            interval: *interval,
            parameters: ParamValues::from(parameters),
            findings_schema: Arc::new(Schema::empty()),
            sources,
            kept: Vec::new(),
            kept_summaries: Vec::new(),
            from_tables: Vec::new(),
            left_out: model.map_or_else(BTreeSet::new, |_| only_for_dictionaries(job)),
            model,
            dictionaries: Vec::new(),
            judgement: JudgementSlot::default(),
            feedback: Feedback::default(),
            cluster: None,
            asked: Asked::default(),
            kept_features: None,
        }
    }

    /// Plans every SQL file against the registered sources, without reading a row. `model`: an older one that judges, whose
    /// dictionaries stand in for the job's. `look` is shown each file with its plan, and whether that is a part of its reader's.
    ///
    /// # Errors
    /// SQL that does not fit the tables; keys, features or a time column that the SQL does not make.
    pub async fn plan(
        ctx: &SessionContext,
        job: &'a Job,
        interval: &Interval,
        sources: Vec<OpenSource>,
        model: Option<&'a LoadedModel>,
        feedback: Feedback,
        mut look: impl FnMut(&SqlFile, bool, &Arc<dyn ExecutionPlan>),
    ) -> Result<Self> {
        let mut pipeline = Self::new(ctx, job, interval, sources, model);
        let features = pipeline
            .plan_all(&job.features.sql, true, &mut look)
            .await?;
        columns::check_features(job, &features)?;
        let scored = Scored::schema(&features).map_err(|name| clash(job.last_step(), &name))?;
        let asked = pipeline.asked.table(&scored);
        ctx.register_table(bare(SCORED), asked)
            .map_err(Error::Session)?;
        columns::check_words(job, &features)?;
        columns::check_judgement(job, &features)?;
        feedback.check(job, &features)?;
        pipeline.feedback = feedback;
        judgement::register(ctx, &pipeline.judgement);
        pipeline.findings_schema = pipeline.plan_all(&job.findings, true, &mut look).await?;
        judgement::deregister(ctx, &pipeline.judgement);
        columns::check_findings(job, &pipeline.findings_schema)?;
        Feedback::check_findings(job, &pipeline.findings_schema)?;
        // An explanation has the steps before the model, and none of the findings'.
        for file in &job.findings {
            pipeline.deregister(&file.name)?;
        }
        pipeline.plan_explaining(&scored, &job.explain).await?;
        let steps = job.features.sql.iter().chain(&job.explain);
        for name in steps.map(|file| file.name.as_str()).chain([SCORED]) {
            pipeline.deregister(name)?;
        }
        Ok(pipeline)
    }

    /// By whose word each row is suppressed, for each batch of them: of what is reported alone.
    pub fn suppressed(&self, table: &FeatureTable) -> Result<Vec<ArrayRef>> {
        if self.feedback.is_silent() {
            // One array for all batches: there may be a million rows.
            let longest = table.rows().iter().map(RecordBatch::num_rows).max();
            let nobody = new_null_array(&suppressed_by_type(), longest.unwrap_or(0));
            let rows = table.rows().iter();
            return Ok(rows.map(|rows| nobody.slice(0, rows.num_rows())).collect());
        }
        let start = self.interval.detect_start.timestamp_micros();
        let reported = table.since(&self.job.window.time_column, start);
        let suppressed = table.rows().iter().enumerate().map(|(place, rows)| {
            let all = || BooleanArray::from(vec![true; rows.num_rows()]);
            let reported = reported
                .as_ref()
                .map_or_else(all, |reported| reported[place].clone());
            let suppressed = self.feedback.suppressed(rows, &reported)?;
            Ok(Arc::new(suppressed) as ArrayRef)
        });
        suppressed.collect()
    }

    /// What people have said of findings.
    pub fn feedback(&self) -> &Feedback {
        &self.feedback
    }

    /// The columns of the findings.
    pub fn findings_schema(&self) -> &SchemaRef {
        &self.findings_schema
    }

    /// The rows of the job's dictionaries, once they are computed.
    pub fn take_dictionaries(&mut self) -> Vec<Dictionary> {
        std::mem::take(&mut self.dictionaries)
    }

    /// What was done to the steps that are kept.
    pub fn take_kept_summaries(&mut self) -> Vec<KeptSummary> {
        std::mem::take(&mut self.kept_summaries)
    }

    /// Runs the SQL before the model: the rows to judge, sorted by the job's keys.
    pub async fn features(&mut self, progress: &mut Progress) -> Result<FeatureTable> {
        let features = &self.job.features;
        let last = self.job.last_step();
        self.run_all(&features.sql[..features.sql.len() - 1], progress)
            .await?;
        let rows = self.rows(last, progress).await?;
        let schema = Arc::clone(rows.schema().inner());
        let batches: Vec<_> = self
            .collect(&last.name, last, rows, progress)
            .await?
            .into_iter()
            .flatten()
            .collect();
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let learn = self.learn();
        match progress.stage("order by keys", rows, || {
            FeatureTable::try_new(&last.name, features, schema, batches, learn, |rows| {
                let malicious = self.feedback.malicious(rows);
                malicious.map_err(|error| ArrowError::ExternalError(Box::new(error)))
            })
        }) {
            Err(FeatureError::NoRows { step, window: None }) => {
                let window = format!(
                    "from {} to {}",
                    self.interval.train_start, self.interval.as_of
                );
                Err(FeatureError::NoRows {
                    step,
                    window: Some(window),
                }
                .into())
            }
            Err(error) => Err(error.into()),
            Ok(table) => self.check_detect_window(last, table),
        }
    }

    /// What is learnt from the rows to judge.
    fn learn(&self) -> Learn<'a> {
        let window = &self.job.window;
        match (self.model, window.train_end) {
            (Some(loaded), _) => Learn::Nothing {
                scales: loaded.model.scales.as_deref(),
            },
            (None, TrainEnd::AsOf) => Learn::FromAll,
            (None, TrainEnd::DetectStart) => Learn::Before {
                time_column: &window.time_column,
                end: self.interval.train_end.timestamp_micros(),
            },
        }
    }

    /// A night without a row is a source that stopped, not a quiet night.
    fn check_detect_window(&self, last: &SqlFile, table: FeatureTable) -> Result<FeatureTable> {
        let start = self.interval.detect_start;
        match table.rows_since(&self.job.window.time_column, start.timestamp_micros()) {
            Some(0) => {
                let window = format!("to report on, from {start} to {}", self.interval.detect_end);
                Err(FeatureError::NoRows {
                    step: last.name.clone(),
                    window: Some(window),
                }
                .into())
            }
            _ => Ok(table),
        }
    }

    /// Whether SQL after the model asks why rows are strange.
    pub fn asks_for_reasons(&self) -> bool {
        let mut files = self.job.findings.iter();
        files.any(|file| file.calls.contains(judgement::REASONS))
    }

    /// Runs the SQL after the model: what is worth a person's time.
    pub async fn findings(
        &mut self,
        scored: Scored,
        judgement: Judgement,
        progress: &mut Progress,
    ) -> Result<Vec<RecordBatch>> {
        self.register_judged(&scored, judgement)?;
        drop(scored); // its rows go as they are read, where no reasons are given of them
        let (last, first) = self
            .job
            .findings
            .split_last()
            .expect("a job names at least one file");
        self.run_all(first, progress).await?;
        let rows = self.query(last).await?;
        Ok(self
            .collect(&last.name, last, rows, progress)
            .await?
            .into_iter()
            .flatten()
            .collect())
    }

    /// The judged rows become a table, and what was judged is there for its functions.
    fn register_judged(&mut self, scored: &Scored, judgement: Judgement) -> Result<()> {
        let features = self.job.last_step();
        if self.reads_from(&features.name, self.job.features.sql.len()) == 0 {
            // nobody asks for it
        } else if let Some(kept) = &self.kept_features {
            let columns = scored.features().map_err(Error::Scored)?;
            let columns = columns.fields().iter().map(|field| ident(field.name()));
            let rows = self.ctx.read_table(Arc::new(kept.clone()));
            let rows = rows.and_then(|rows| rows.select(columns.collect::<Vec<_>>()));
            let rows = rows.map_err(|error| stopped(features, error))?;
            self.ctx
                .register_table(bare(&features.name), rows.into_view())
                .map_err(|error| stopped(features, error))?;
        } else {
            let (schema, rows) = scored.without_scores().map_err(Error::Scored)?;
            self.register(&features.name, &schema, &rows)?;
        }
        self.register(SCORED, &scored.schema, &scored.batches)?;
        self.judgement.fill(judgement);
        judgement::register(&self.ctx, &self.judgement);
        Ok(())
    }

    /// The rows of a step that an older model has.
    fn given(&self, step: &str) -> Option<&'a Dictionary> {
        self.model.and_then(|loaded| loaded.model.dictionary(step))
    }

    /// How often a file reads each table: not at all, where its rows are given, or nobody asks for them.
    fn reads(&self, file: &'a SqlFile) -> impl Iterator<Item = (&'a str, usize)> {
        let is_asked =
            self.given(&file.name).is_none() && !self.left_out.contains(file.name.as_str());
        let reads = file.reads.iter().filter(move |_| is_asked);
        reads.map(|(name, count)| (name.as_str(), *count))
    }

    /// Runs steps: those read once become views, those read more often are computed now.
    async fn run_all(&mut self, files: &[SqlFile], progress: &mut Progress) -> Result<()> {
        for file in files {
            if self.left_out.contains(file.name.as_str()) {
                continue;
            }
            if let Some(given) = self.given(&file.name) {
                let rows = std::slice::from_ref(&given.rows);
                self.register(&file.name, &given.rows.schema(), rows)?;
                continue;
            }
            let rows = self.rows(file, progress).await?;
            let is_before = self.position(file) < self.job.features.sql.len();
            if self.is_computed(file) && is_before && self.cluster.is_some() {
                self.keep_step(file, rows, progress).await?;
            } else if self.is_computed(file) {
                let schema = Arc::clone(rows.schema().inner());
                let partitions = self.collect(&file.name, file, rows, progress).await?;
                if self.job.is_dictionary(&file.name) {
                    let rows = partitions.concat();
                    let dictionary = Dictionary::try_new(file.name.clone(), &schema, &rows);
                    let dictionary = dictionary.map_err(|error| stopped(file, error.into()))?;
                    self.dictionaries.push(dictionary);
                }
                let table =
                    MemTable::try_new(schema, partitions).map_err(|error| stopped(file, error))?;
                self.ctx
                    .register_table(bare(&file.name), Arc::new(table))
                    .map_err(|error| stopped(file, error))?;
            } else {
                self.ctx
                    .register_table(bare(&file.name), rows.into_view())
                    .map_err(|error| stopped(file, error))?;
            }
        }
        Ok(())
    }

    /// Lets go of the steps that no file from `position` on reads, directly or by way of a view. Rows that were computed
    /// need nothing any more of what they were computed from.
    fn release(&self, position: usize) {
        let files: Vec<_> = self.job.sql_files().map(|(_, file)| file).collect();
        let (done, to_do) = files.split_at(position);
        let reads = |file: &&'a SqlFile| self.reads(file).map(|(name, _)| name);
        let mut needed: BTreeSet<&str> = to_do.iter().flat_map(reads).collect();
        for file in done.iter().rev() {
            if !needed.contains(file.name.as_str()) {
                // A step that is not registered is gone already.
                let _ = self.ctx.deregister_table(bare(&file.name));
            } else if !self.is_computed(file) {
                needed.extend(reads(file));
            }
        }
        if !needed.contains(SCORED) {
            let _ = self.ctx.deregister_table(bare(SCORED));
        }
    }

    /// Whether the rows of a step are in memory while others read them; else it is a view, a part of its reader's plan.
    fn is_computed(&self, file: &SqlFile) -> bool {
        let is_finding = || {
            self.job
                .findings
                .iter()
                .any(|other| other.name == file.name)
        };
        file.name == self.job.last_step().name
            || (self.is_on_cluster() && is_finding()) // some of them here, some there
            || self.job.is_dictionary(&file.name)
            || self.reads_from(&file.name, 1 + self.position(file)) > 1
    }

    /// How often the files from `position` on read the table `name`.
    fn reads_from(&self, name: &str, position: usize) -> usize {
        self.job
            .sql_files()
            .skip(position)
            .flat_map(|(_, file)| self.reads(file))
            .filter(|(read, _)| *read == name)
            .map(|(_, count)| count)
            .sum()
    }

    fn position(&self, file: &SqlFile) -> usize {
        self.job
            .sql_files()
            .take_while(|(_, other)| other.name != file.name)
            .count()
    }

    /// Plans files in their order; without `for_a_run`, all of them stay views that can be asked.
    async fn plan_all(
        &mut self,
        files: &[SqlFile],
        for_a_run: bool,
        look: &mut impl FnMut(&SqlFile, bool, &Arc<dyn ExecutionPlan>),
    ) -> Result<SchemaRef> {
        let mut schema = Arc::new(Schema::empty());
        for file in files {
            let rows = self.query(file).await?;
            schema = Arc::clone(rows.schema().inner());
            // A clash of names or an expression that no engine can run shows here, before anything is read.
            let plan = rows.clone().create_physical_plan().await;
            let plan = plan.map_err(|error| misfit(&self.ctx, &file.path, &error))?;
            look(file, !self.is_computed(file), &plan);
            if let Some(given) = self.given(&file.name) {
                self.check_given(given, &schema)?;
                schema = given.rows.schema();
            } else if for_a_run && !self.left_out.contains(file.name.as_str()) {
                self.open_kept(file, &schema).await?;
            }
            if for_a_run && self.is_computed(file) {
                // The run computes it once: its readers are planned upon its rows, not upon its SQL again and again.
                self.register(&file.name, &schema, &[])?;
            } else {
                self.ctx
                    .register_table(bare(&file.name), rows.into_view())
                    .map_err(|error| misfit(&self.ctx, &file.path, &error))?;
            }
        }
        Ok(schema)
    }

    /// A dictionary has the columns that its step makes: what reads it asks for them.
    fn check_given(&self, given: &Dictionary, made: &SchemaRef) -> Result<()> {
        let names = |schema: &SchemaRef| -> Vec<String> {
            let fields = schema.fields().iter();
            fields.map(|field| field.name().clone()).collect()
        };
        let (kept, made) = (names(&given.rows.schema()), names(made));
        let Some(loaded) = self.model.filter(|_| kept != made) else {
            return Ok(());
        };
        let name = given.name.clone();
        Err(loaded.unfit(ModelError::OtherDictionary { name, kept, made }))
    }

    /// Plans one file upon the tables that the run has.
    async fn query(&self, file: &SqlFile) -> Result<DataFrame> {
        query(&self.ctx, file, &self.parameters).await
    }

    /// Plans a file's rows, and lets go of what no later file reads: the plan has its own rows in hand.
    async fn plan_and_release(
        &self,
        file: &SqlFile,
        rows: DataFrame,
    ) -> Result<(Arc<dyn ExecutionPlan>, Arc<TaskContext>)> {
        let unplanned = |error| misfit(&self.ctx, &file.path, &error);
        let task = Arc::new(rows.task_ctx());
        let plan = rows.create_physical_plan().await.map_err(unplanned)?;
        let is_there = self.cluster_for(file, &plan).is_some();
        let (plan, task) = match is_there {
            true => planned(rows).await.map_err(unplanned)?,
            false => {
                drop(rows); // it holds the tables that it reads
                (plan, task)
            }
        };
        self.release(1 + self.position(file));
        let plan = match is_there {
            true => plan,
            false => last_reading::letting_go(plan).map_err(|error| stopped(file, error))?,
        };
        tracing::debug!(step = file.name, plan = %displayable(plan.as_ref()).indent(false), "planned");
        Ok((plan, task))
    }

    /// Why a stage stopped: what a step that is kept reads in the end is its own table.
    fn stopped_at(&self, stage: &str, file: &SqlFile, error: DataFusionError) -> Error {
        match self.from_tables.iter().find(|(step, _)| step == stage) {
            Some((step, location)) => Error::Kept {
                step: step.clone(),
                location: location.clone(),
                source: Box::new(error.into()),
            },
            None => stopped(file, error),
        }
    }

    /// Runs a file's rows, as the stage of a name.
    async fn collect(
        &self,
        stage: &str,
        file: &SqlFile,
        rows: DataFrame,
        progress: &mut Progress,
    ) -> Result<Vec<Vec<RecordBatch>>> {
        let (plan, task) = self.plan_and_release(file, rows).await?;
        if let Some(cluster) = self.cluster_for(file, &plan) {
            let rows = self.fetch(cluster, stage, plan, &task, progress).await;
            return rows.map_err(|error| self.stopped_at(stage, file, error));
        }
        let work = async {
            let streams = execute_stream_partitioned(Arc::clone(&plan), task)?;
            // One task a partition, so that partitions run on all threads.
            let tasks = streams
                .into_iter()
                .map(|stream| SpawnedTask::spawn(stream.try_collect::<Vec<_>>()));
            let join = |task: SpawnedTask<_>| async {
                task.join()
                    .await
                    .map_err(|error| DataFusionError::External(Box::new(error)))?
            };
            try_join_all(tasks.map(join)).await
        };
        let read = || volume::progress(plan.as_ref());
        progress
            .watch(stage, work, read)
            .await
            .map_err(|error| self.stopped_at(stage, file, error))
    }

    fn register(&self, name: &str, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<()> {
        let partitions = batches.chunks(batches.len().div_ceil(session::threads(self.job)).max(1));
        let mut partitions: Vec<_> = partitions.map(<[RecordBatch]>::to_vec).collect();
        if partitions.is_empty() {
            partitions.push(Vec::new());
        }
        let table = MemTable::try_new(Arc::clone(schema), partitions).map_err(Error::Session)?;
        self.ctx
            .register_table(bare(name), Arc::new(table))
            .map_err(Error::Session)?;
        Ok(())
    }

    fn deregister(&self, name: &str) -> Result<()> {
        self.ctx
            .deregister_table(bare(name))
            .map(drop)
            .map_err(Error::Session)
    }
}

/// The steps that are there for the dictionaries alone.
fn only_for_dictionaries(job: &Job) -> BTreeSet<&str> {
    let mut needed = BTreeSet::from([job.last_step().name.as_str()]);
    needed.extend(job.findings.iter().map(|file| file.name.as_str()));
    let mut left_out = BTreeSet::new();
    let files: Vec<_> = job.sql_files().map(|(_, file)| file).collect();
    for file in files.into_iter().rev() {
        if job.is_dictionary(&file.name) {
            continue;
        }
        if needed.contains(file.name.as_str()) {
            needed.extend(file.reads.keys().map(String::as_str));
        } else {
            left_out.insert(file.name.as_str());
        }
    }
    left_out
}

/// Plans one file with its `$parameters` bound.
async fn query(
    ctx: &SessionContext,
    file: &SqlFile,
    parameters: &ParamValues,
) -> Result<DataFrame> {
    let rows = ctx
        .sql_with_options(&file.text, session::only_queries())
        .await;
    let rows = rows.and_then(|rows| rows.with_param_values(parameters.clone()));
    let rows = rows.map_err(|error| misfit(ctx, &file.path, &error))?;
    match repeatable::unrepeatable(rows.logical_plan()) {
        None => Ok(rows),
        Some(function) => Err(Error::Plan {
            file: file.path.clone(),
            line: None,
            message: format!(
                "`{function}()` gives another answer each time, and a run must be repeatable"
            ),
            hint: Some(
                "the run's time is `$as_of`; any other value can be a parameter of the job"
                    .to_owned(),
            ),
        }),
    }
}

/// A table by its very name: the engine's own reading of a name would change its case and split it at dots.
fn bare(name: &str) -> TableReference {
    TableReference::bare(name)
}

fn stopped(file: &SqlFile, source: DataFusionError) -> Error {
    Error::Step {
        step: file.name.clone(),
        source,
    }
}

fn clash(file: &SqlFile, name: &str) -> Error {
    Error::Plan {
        file: file.path.clone(),
        line: None,
        message: format!("it makes a column `{name}`, which is the model's"),
        hint: Some(format!("give the column `{name}` another name")),
    }
}
