//! The feature table where it is spread over a cluster.
//!
//! A row's place in the order of the keys is part of the answer, and here no process sees all rows. So the rows of each value
//! of the first key are numbered in the order of the others, on the cluster; how many rows each value has comes here, and
//! says where its first row stands. A place depends on keys alone: not on partitions, and not on machines.
//!
//! Here are held, of all rows, what is asked for by place: some numbers a row, never the rows.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, Int64Array, RecordBatch, StringArray,
    new_null_array,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef, TimeUnit};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, ident, lit};
use datafusion::prelude::{DataFrame, SessionContext, cast};

use super::counted::Counted;
use super::elsewhere::watch;
use super::{Pipeline, bare, stopped};
use crate::cluster::{Cluster, ClusterError, JobProgress, Score};
use crate::error::{Error, Result};
use crate::features::{FeatureError, Learn, in_order_of_keys, matrix_of, repeated_key};
use crate::feedback::{Feedback, suppressed_by_type};
use crate::forest::{ColumnScale, DrawnRows, IsolationForest, SummationOrder};
use crate::job::{DuplicateKeys, Job, MissingValues, SqlFile};
use crate::model::SavedModel;
use crate::progress::Progress;
use crate::session;

/// The rows as the last step makes them.
const MADE: &str = "crannog_made";
/// The same with their numbers, kept on the cluster.
const NUMBERED: &str = "crannog_numbered";
/// How many rows stand before those of each first key.
const STARTS: &str = "crannog_starts";
/// The rows with their places.
const PLACED: &str = "crannog_placed";
/// The rows that a forest draws.
const DRAWN: &str = "crannog_drawn";

/// A row's place in the order of the keys, from 0.
const PLACE: &str = "crannog_place";

/// Bytes of columns that are here at a time, where each of some has to be here as a whole.
const COLUMN_BYTES: usize = 128 << 20;

/// Columns by which rows are told apart and counted; they are no rows' own.
const NUMBER: &str = "crannog_number";
const RANK: &str = "crannog_rank";
const COPIES: &str = "crannog_copies";
const COPY: &str = "crannog_copy";
const START: &str = "crannog_start";

/// The rows that a forest is asked about, on the cluster.
pub(crate) struct SpreadFeatures<'a> {
    ctx: SessionContext,
    cluster: Arc<Cluster>,
    job: &'a Job,
    step: &'a SqlFile,
    schema: SchemaRef,
    n_samples: usize,
    duplicate_rows: usize,
    learnt: Option<BooleanBuffer>,
    scales: Option<Vec<ColumnScale>>,
}

impl<'a> Pipeline<'a> {
    /// Runs the SQL before the model; the rows to judge stay on the cluster.
    pub(crate) async fn spread_features(
        &mut self,
        progress: &mut Progress,
    ) -> Result<SpreadFeatures<'a>> {
        let features = &self.job.features;
        let last = self.job.last_step();
        self.run_all(&features.sql[..features.sql.len() - 1], progress)
            .await?;
        let rows = self.rows(last, progress).await?;
        let schema = Arc::clone(rows.schema().inner());
        let failed = |error| stopped(last, error);
        let counted = Counted::of(rows.logical_plan()).map_err(failed)?;
        self.ctx
            .register_table(bare(MADE), rows.into_view())
            .map_err(failed)?;
        let numbered = self
            .sql(&numbering(self.job, &schema))
            .await
            .map_err(failed)?;
        // Where equal keys are left out, their counts are too.
        let counted = counted.filter(|_| features.duplicate_keys == DuplicateKeys::Error);
        let kept = self
            .keep_checked(last, numbered, counted.as_ref(), progress)
            .await?;
        self.release(features.sql.len());
        let _ = self.ctx.deregister_table(bare(MADE));
        self.kept_features = Some(kept.clone());
        self.ctx
            .register_table(bare(NUMBERED), Arc::new(kept.clone()))
            .map_err(failed)?;
        let cluster = self
            .cluster
            .as_ref()
            .expect("a run on a cluster is connected");
        let mut spread = SpreadFeatures {
            ctx: self.ctx.clone(),
            cluster: Arc::clone(cluster),
            job: self.job,
            step: last,
            schema,
            n_samples: usize::try_from(kept.rows()).unwrap_or(usize::MAX),
            duplicate_rows: 0,
            learnt: None,
            scales: None,
        };
        if spread.n_samples == 0 {
            let window = format!(
                "from {} to {}",
                self.interval.train_start, self.interval.as_of
            );
            return Err(spread.no_rows(Some(window)));
        }
        self.number(&mut spread, progress).await?;
        self.choose_learnt(&mut spread, progress).await?;
        spread
            .scale(
                self.model.map(|loaded| loaded.model.scales.as_deref()),
                progress,
            )
            .await?;
        Ok(spread)
    }

    async fn sql(&self, text: &str) -> Result<DataFrame, DataFusionError> {
        self.ctx
            .sql_with_options(text, session::only_queries())
            .await
    }

    /// Counts the rows of each first key, which gives each row its place, and looks whether they can be judged.
    async fn number(&self, spread: &mut SpreadFeatures<'a>, progress: &mut Progress) -> Result<()> {
        let first = &self.job.features.keys[0];
        let start = self.interval.detect_start;
        let counts = self.counting(&spread.schema);
        let counts = self
            .sql(&counts)
            .await
            .map_err(|error| spread.stopped(error))?;
        let stage = format!("{} counts", spread.step.name);
        let schema = Arc::clone(counts.schema().inner());
        let batches = spread.fetch(&stage, counts, progress).await?;
        let counts = in_order_of_keys(&spread.step.name, &schema, batches, first)?;
        let counts =
            concat_batches(&schema, &counts).map_err(|error| spread.stopped(error.into()))?;
        let column = |name: &str| -> Vec<i64> {
            let column = counts.column_by_name(name);
            let column = column.map(|column| column.as_primitive::<Int64Type>());
            column.map_or_else(Vec::new, |column| {
                column.iter().map(Option::unwrap_or_default).collect()
            })
        };
        let total = |name: &str| column(name).iter().sum::<i64>();
        if total(NUMBER) != spread.n_samples as i64 {
            return Err(spread.wrong(format!(
                "{} rows were made, and {} are counted",
                spread.n_samples,
                total(NUMBER)
            )));
        }
        if total(RANK) > 0 {
            return Err(self.repeated(spread, progress).await?);
        }
        spread.duplicate_rows = usize::try_from(total(COPIES)).unwrap_or(0);
        for (index, name) in self.job.features.columns.iter().enumerate() {
            spread.check_column(name, total(&missing(index)), total(&infinite(index)))?;
        }
        if counts.column_by_name(&since()).is_some() && total(&since()) == 0 {
            let window = format!("to report on, from {start} to {}", self.interval.detect_end);
            return Err(spread.no_rows(Some(window)));
        }
        let mut starts = Vec::with_capacity(counts.num_rows());
        let mut next = 0;
        for rows in column(NUMBER) {
            starts.push(next);
            next += rows;
        }
        let keys = counts.column_by_name(first).map(Arc::clone);
        let starts = keys.map(|keys| {
            let starts: ArrayRef = Arc::new(Int64Array::from(starts));
            RecordBatch::try_from_iter_with_nullable([
                (first.as_str(), keys, true),
                (START, starts, false),
            ])
        });
        let starts = starts.expect("the counts are those of the first key");
        let starts = starts.map_err(|error| spread.stopped(error.into()))?;
        spread.register(STARTS, starts)?;
        let placed = format!(
            "SELECT cast({s}.{START} + cast({n}.{NUMBER} AS bigint) - 1 AS bigint) AS {PLACE}, {columns} \
             FROM {s} JOIN {n} ON {s}.{first} IS NOT DISTINCT FROM {n}.{first}",
            s = STARTS,
            n = NUMBERED,
            first = quoted(first),
            columns = list(&spread.schema, |name| format!(
                "{NUMBERED}.{name} AS {name}"
            )),
        );
        let placed = self
            .sql(&placed)
            .await
            .map_err(|error| spread.stopped(error))?;
        self.ctx
            .register_table(bare(PLACED), placed.into_view())
            .map_err(|error| spread.stopped(error))?;
        Ok(())
    }

    /// The SQL that counts the rows of each first key, and what there is to know of all of them.
    fn counting(&self, schema: &SchemaRef) -> String {
        let features = &self.job.features;
        let mut columns = vec![
            quoted(&features.keys[0]),
            format!("count(*) AS {NUMBER}"),
            count_if(&format!("{NUMBER} <> {RANK}"), RANK),
        ];
        if features.duplicate_keys == DuplicateKeys::First {
            columns.push(format!("sum(cast({COPIES} AS bigint) - 1) AS {COPIES}"));
        }
        for (index, name) in features.columns.iter().enumerate() {
            let (value, is_float) = (quoted(name), is_float(schema, name));
            let is_nan = if is_float {
                format!(" OR isnan({value})")
            } else {
                String::new()
            };
            columns.push(count_if(
                &format!("{value} IS NULL{is_nan}"),
                &missing(index),
            ));
            if is_float && features.scaler.is_some() {
                let is_infinite = format!("abs(cast({value} AS double)) = 'Infinity'::double");
                columns.push(count_if(&is_infinite, &infinite(index)));
            }
        }
        let time = &self.job.window.time_column;
        if is_time(schema, time) {
            let start = self.interval.detect_start.timestamp_micros();
            columns.push(count_if(&format!("{} >= {start}", micros(time)), &since()));
        }
        format!(
            "SELECT {} FROM {NUMBERED} GROUP BY {}",
            columns.join(", "),
            quoted(&features.keys[0])
        )
    }

    /// That a key comes twice, as an error that names the first one.
    async fn repeated(
        &self,
        spread: &SpreadFeatures<'a>,
        progress: &mut Progress,
    ) -> Result<Error> {
        let keys = &self.job.features.keys;
        let order: Vec<_> = keys.iter().map(|key| ascending(key)).collect();
        let names: Vec<_> = keys.iter().map(|key| quoted(key)).collect();
        let first = format!(
            "SELECT {} FROM {NUMBERED} WHERE {NUMBER} <> {RANK} ORDER BY {} LIMIT 1",
            names.join(", "),
            order.join(", ")
        );
        let rows = self
            .sql(&first)
            .await
            .map_err(|error| spread.stopped(error))?;
        let rows = spread.fetch("equal keys", rows, progress).await?;
        let row = rows.iter().find(|rows| rows.num_rows() > 0);
        Ok(match row {
            Some(row) => repeated_key(&spread.step.name, keys, row).into(),
            None => {
                spread.wrong("keys that come twice are gone when they are looked at".to_owned())
            }
        })
    }

    /// Which rows are learnt from, where those are not all.
    async fn choose_learnt(
        &self,
        spread: &mut SpreadFeatures<'a>,
        progress: &mut Progress,
    ) -> Result<()> {
        let learn = self.learn();
        let mut learnt = match learn {
            Learn::Nothing { .. } => return Ok(()),
            Learn::FromAll => None,
            Learn::Before { time_column, end } => {
                if !is_time(&spread.schema, time_column) {
                    return Err(FeatureError::NoTime {
                        step: spread.step.name.clone(),
                        column: time_column.to_owned(),
                    }
                    .into());
                }
                let later = format!(
                    "SELECT {PLACE} FROM {PLACED} WHERE {} >= {end}",
                    micros(time_column)
                );
                let later = self
                    .sql(&later)
                    .await
                    .map_err(|error| spread.stopped(error))?;
                let later = spread.places("learnt", later, progress).await?;
                Some(!&later)
            }
        };
        if let Some(malicious) = spread.malicious(&self.feedback, progress).await? {
            learnt = Some(match learnt {
                None => !&malicious,
                Some(learnt) => &learnt & &!&malicious,
            });
        }
        if learnt
            .as_ref()
            .is_some_and(|rows| rows.count_set_bits() == 0)
        {
            return Err(spread.no_rows(Some("to learn from".to_owned())));
        }
        spread.learnt = learnt;
        Ok(())
    }

    /// By whose word each row is suppressed, in one piece: the rows that are reported are looked at where rules or labels are.
    pub(crate) async fn suppressed_elsewhere(
        &self,
        spread: &SpreadFeatures<'a>,
        progress: &mut Progress,
    ) -> Result<Vec<ArrayRef>> {
        let nobody = new_null_array(&suppressed_by_type(), spread.n_samples);
        if self.feedback.is_silent() {
            return Ok(vec![nobody]);
        }
        let time = &self.job.window.time_column;
        let start = self.interval.detect_start.timestamp_micros();
        let reported = match is_time(&spread.schema, time) {
            true => format!("WHERE {} >= {start}", micros(time)),
            false => String::new(),
        };
        let reported = format!("SELECT * FROM {PLACED} {reported}");
        let reported = self
            .sql(&reported)
            .await
            .map_err(|error| spread.stopped(error))?;
        let feedback = &self.feedback;
        let add = |by: &mut Vec<Option<String>>, rows: RecordBatch| {
            let places = places_of(&rows)?;
            let all = BooleanArray::from(vec![true; rows.num_rows()]);
            let suppressed = feedback.suppressed(&rows, &all);
            let suppressed =
                suppressed.map_err(|error| DataFusionError::External(Box::new(error)))?;
            let texts = arrow::compute::cast(&suppressed, &DataType::Utf8)?;
            for (place, text) in places.iter().zip(texts.as_string::<i32>()) {
                by[*place] = text.map(str::to_owned);
            }
            Ok(())
        };
        let begin = || vec![None; spread.n_samples];
        let by = spread
            .fold("suppressed", reported, progress, begin, add)
            .await?;
        let texts: ArrayRef = Arc::new(by.iter().map(Option::as_deref).collect::<StringArray>());
        let texts = arrow::compute::cast(&texts, &suppressed_by_type());
        let texts = texts.map_err(Error::Scored)?;
        Ok(vec![texts])
    }

    /// What SQL after the model asks of the judged rows, as filters over the columns of `scored`.
    pub(crate) fn asked(&self) -> Vec<Vec<Expr>> {
        self.asked.readings()
    }
}

impl SpreadFeatures<'_> {
    /// How many rows do not count, because another one has their key.
    pub(crate) fn duplicate_rows(&self) -> usize {
        self.duplicate_rows
    }

    /// Mean and scale of each feature, where the job scales.
    pub(crate) fn scales(&self) -> Option<&[ColumnScale]> {
        self.scales.as_deref()
    }

    /// Which rows are learnt from, where those are not all.
    pub(crate) fn learnt(&self) -> Option<&BooleanBuffer> {
        self.learnt.as_ref()
    }

    /// The columns that SQL made.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Grows the forest of the rows that are learnt from: those that its trees draw come here.
    pub(crate) async fn grow(&self, progress: &mut Progress) -> Result<IsolationForest> {
        let params = &self.job.isolation_forest;
        let n_learnt = self
            .learnt
            .as_ref()
            .map_or(self.n_samples, BooleanBuffer::count_set_bits);
        let drawn = IsolationForest::draws(params, n_learnt, self.job.features.columns.len())?;
        let places: Vec<i64> = match &self.learnt {
            None => drawn.iter().map(|row| *row as i64).collect(),
            Some(learnt) => {
                let mut drawn = drawn.iter().peekable();
                let numbered = learnt.set_indices().enumerate();
                let taken = numbered.filter(|(number, _)| drawn.next_if_eq(&number).is_some());
                taken.map(|(_, place)| place as i64).collect()
            }
        };
        let rows = self.rows_at(&places, progress).await?;
        let x = matrix_of(&self.step.name, &self.job.features, self.scales(), &rows)?;
        let drawn = DrawnRows::new(n_learnt, drawn, x);
        progress.stage("isolation forest", places.len(), || {
            session::thread_pool(self.job)?
                .install(|| Ok::<_, Error>(IsolationForest::grow_drawn(params, &drawn)?))
        })
    }

    /// The features of the rows at some places, which are in ascending order.
    async fn rows_at(&self, places: &[i64], progress: &mut Progress) -> Result<RecordBatch> {
        let failed = |error: arrow::error::ArrowError| self.stopped(error.into());
        let wanted: ArrayRef = Arc::new(Int64Array::from(places.to_vec()));
        let wanted = RecordBatch::try_from_iter([(PLACE, wanted)]).map_err(failed)?;
        self.register(DRAWN, wanted)?;
        let columns: Vec<_> = self
            .job
            .features
            .columns
            .iter()
            .map(|name| quoted(name))
            .collect();
        let sql = format!(
            "SELECT {PLACED}.{PLACE} AS {PLACE}, {} FROM {DRAWN} JOIN {PLACED} ON {DRAWN}.{PLACE} = {PLACED}.{PLACE}",
            columns.join(", ")
        );
        let rows = self.sql(&sql).await?;
        let schema = Arc::clone(rows.schema().inner());
        let batches = self.fetch("sample", rows, progress).await?;
        let rows = concat_batches(&schema, &batches).map_err(failed)?;
        let order = sort_to_indices(rows.column(0), None, None).map_err(failed)?;
        let rows = take_record_batch(&rows, &order).map_err(failed)?;
        let found = rows.column(0).as_primitive::<Int64Type>().values();
        match found[..] == *places {
            true => Ok(rows),
            false => Err(self.wrong(format!(
                "{} rows were asked for, and {} came",
                places.len(),
                found.len()
            ))),
        }
    }

    /// `score_samples` of all rows, by place.
    pub(crate) async fn score_samples(
        &self,
        model: &SavedModel,
        progress: &mut Progress,
    ) -> Result<Vec<f64>> {
        let score = Score::expression(model).map_err(|error| self.stopped(error))?;
        let scores = self.numbers("score", vec![score], progress).await?;
        Ok(scores.into_iter().flatten().collect())
    }

    /// What is made of each feature's values in the rows that are learnt from, in the order of the keys; NULL is NaN. So many
    /// columns are here at a time as have [`COLUMN_BYTES`] together, one at least.
    pub(crate) async fn of_learnt<T>(
        &self,
        stage: &str,
        progress: &mut Progress,
        make: impl Fn(Vec<f64>) -> T,
    ) -> Result<Vec<T>> {
        let mut made = Vec::new();
        let at_a_time = (COLUMN_BYTES / (8 * self.n_samples)).max(1);
        for names in self.job.features.columns.chunks(at_a_time) {
            let number = |name: &String| cast(ident(name), DataType::Float64);
            let values = names.iter().map(number).collect();
            for mut column in self.numbers(stage, values, progress).await? {
                if let Some(learnt) = &self.learnt {
                    let mut rows = learnt.iter();
                    column.retain(|_| rows.next() == Some(true));
                }
                made.push(make(column));
            }
        }
        Ok(made)
    }

    /// The values of the job's time column by place, in microseconds; nothing where it has none.
    pub(crate) async fn times(&self, progress: &mut Progress) -> Result<Option<RecordBatch>> {
        let time = &self.job.window.time_column;
        if !is_time(&self.schema, time) {
            return Ok(None);
        }
        let kind = self
            .schema
            .field_with_name(time)
            .map_err(Error::Scored)?
            .data_type();
        let value = cast(cast(ident(time), micros_of(kind)), DataType::Int64);
        let rows = self.placed(vec![value]).await?;
        let add = |times: &mut Vec<Option<i64>>, rows: RecordBatch| {
            let values = rows.column(1).as_primitive::<Int64Type>().iter();
            for (place, value) in places_of(&rows)?.into_iter().zip(values) {
                times[place] = value;
            }
            Ok(())
        };
        let times = self
            .fold(time, rows, progress, || vec![None; self.n_samples], add)
            .await?;
        let times: ArrayRef = Arc::new(Int64Array::from(times));
        let times = arrow::compute::cast(&times, &micros_of(kind)).map_err(Error::Scored)?;
        RecordBatch::try_from_iter_with_nullable([(time.as_str(), times, true)])
            .map(Some)
            .map_err(Error::Scored)
    }

    /// The rows that pass any of the filters, in the order of the keys, each with its place. Those filters alone are asked on the
    /// cluster that are of the rows' own columns; `highest` bounds `score_samples` for each.
    pub(crate) async fn rows_that_pass(
        &self,
        filters: &[(Vec<Expr>, f64)],
        model: &SavedModel,
        progress: &mut Progress,
    ) -> Result<(RecordBatch, Vec<u32>)> {
        let failed = |error| self.stopped(error);
        let score = Score::expression(model).map_err(failed)?;
        let mut passes: Option<Expr> = None;
        for (own, highest) in filters {
            let bounded = score.clone().lt_eq(lit(*highest));
            let one = own.iter().cloned().chain([bounded]).reduce(Expr::and);
            passes = match (passes, one) {
                (Some(passes), Some(one)) => Some(passes.or(one)),
                (passes, one) => passes.or(one),
            };
        }
        let rows = self.ctx.table(bare(PLACED)).await.map_err(failed)?;
        let rows = match passes {
            Some(passes) => rows.filter(passes).map_err(failed)?,
            None => rows.filter(lit(false)).map_err(failed)?,
        };
        let schema = Arc::clone(rows.schema().inner());
        let batches = self.fetch("strange rows", rows, progress).await?;
        let failed = |error: arrow::error::ArrowError| self.stopped(error.into());
        let rows = concat_batches(&schema, &batches).map_err(failed)?;
        let order = sort_to_indices(rows.column(0), None, None).map_err(failed)?;
        let rows = take_record_batch(&rows, &order).map_err(failed)?;
        let places = places_of(&rows).map_err(|error| self.stopped(error))?;
        if !places.is_sorted_by(|a, b| a < b) {
            return Err(self.wrong("a row came twice".to_owned()));
        }
        let own: Vec<_> = (1..schema.fields().len()).collect();
        let rows = rows.project(&own).map_err(failed)?;
        Ok((rows, places.into_iter().map(|place| place as u32).collect()))
    }

    /// What the scaler learns of each feature.
    async fn scale(
        &mut self,
        earlier: Option<Option<&[ColumnScale]>>,
        progress: &mut Progress,
    ) -> Result<()> {
        if let Some(scales) = earlier {
            self.scales = scales.map(<[_]>::to_vec);
            return Ok(());
        }
        if self.job.features.scaler.is_none() {
            return Ok(());
        }
        let columns = &self.job.features.columns;
        let is_f32 = |name: &String| {
            let field = self.schema.field_with_name(name);
            field.is_ok_and(|field| *field.data_type() == DataType::Float32)
        };
        let all_f32 = columns.iter().all(is_f32);
        let fit = |values: Vec<f64>| match all_f32 {
            #[expect(clippy::cast_possible_truncation, reason = "they were f32")]
            true => {
                let values: Vec<_> = values.iter().map(|value| *value as f32).collect();
                ColumnScale::fit_f32(&values, SummationOrder::Pairwise)
            }
            false => ColumnScale::fit(&values, SummationOrder::Pairwise),
        };
        let scales = self.of_learnt("scales", progress, fit).await?;
        self.scales = Some(scales);
        Ok(())
    }

    /// Which rows are labelled malicious; `None` if none is, or nobody labels.
    async fn malicious(
        &self,
        feedback: &Feedback,
        progress: &mut Progress,
    ) -> Result<Option<BooleanBuffer>> {
        if feedback.is_silent() {
            return Ok(None);
        }
        let rows = self.sql(&format!("SELECT * FROM {PLACED}")).await?;
        let add = |malicious: &mut Vec<usize>, rows: RecordBatch| {
            let places = places_of(&rows)?;
            let found = feedback.malicious(std::slice::from_ref(&rows));
            let found = found.map_err(|error| DataFusionError::External(Box::new(error)))?;
            if let Some(found) = found {
                malicious.extend(found.set_indices().map(|row| places[row]));
            }
            Ok(())
        };
        let malicious = self.fold("labels", rows, progress, Vec::new, add).await?;
        if malicious.is_empty() {
            return Ok(None);
        }
        let mut rows = BooleanBufferBuilder::new(self.n_samples);
        rows.append_n(self.n_samples, false);
        malicious
            .into_iter()
            .for_each(|place| rows.set_bit(place, true));
        Ok(Some(rows.finish()))
    }

    /// The rows at the places that a query gives.
    async fn places(
        &self,
        stage: &str,
        rows: DataFrame,
        progress: &mut Progress,
    ) -> Result<BooleanBuffer> {
        let begin = || vec![false; self.n_samples];
        let add = |set: &mut Vec<bool>, rows: RecordBatch| {
            places_of(&rows)?
                .into_iter()
                .for_each(|place| set[place] = true);
            Ok(())
        };
        let set = self.fold(stage, rows, progress, begin, add).await?;
        Ok(BooleanBuffer::from(set))
    }

    /// Numbers of each row by its place, a list of them for each expression: of every row one.
    async fn numbers(
        &self,
        stage: &str,
        values: Vec<Expr>,
        progress: &mut Progress,
    ) -> Result<Vec<Vec<f64>>> {
        struct Numbers {
            columns: Vec<Vec<f64>>,
            have: BooleanBufferBuilder,
            count: usize,
            twice: usize,
        }
        let (n_samples, n_columns) = (self.n_samples, values.len());
        let rows = self.placed(values).await?;
        let begin = || {
            let mut have = BooleanBufferBuilder::new(n_samples);
            have.append_n(n_samples, false);
            Numbers {
                columns: vec![vec![f64::NAN; n_samples]; n_columns],
                have,
                count: 0,
                twice: 0,
            }
        };
        let add = |numbers: &mut Numbers, rows: RecordBatch| {
            let places = places_of(&rows)?;
            for place in &places {
                match *place < n_samples && !numbers.have.get_bit(*place) {
                    true => {
                        numbers.have.set_bit(*place, true);
                        numbers.count += 1;
                    }
                    false => numbers.twice += 1,
                }
            }
            for (column, values) in numbers.columns.iter_mut().zip(&rows.columns()[1..]) {
                let values = values.as_primitive::<Float64Type>().iter();
                for (place, value) in places.iter().zip(values) {
                    if let (Some(number), Some(value)) = (column.get_mut(*place), value) {
                        *number = value;
                    }
                }
            }
            Ok(())
        };
        let numbers = self.fold(stage, rows, progress, begin, add).await?;
        if numbers.twice > 0 || numbers.count != n_samples {
            return Err(self.wrong(format!(
                "of {n_samples} rows {} came, and {} twice",
                numbers.count, numbers.twice
            )));
        }
        Ok(numbers.columns)
    }

    /// Each row's place, with some values of it.
    async fn placed(&self, values: Vec<Expr>) -> Result<DataFrame> {
        let values = values.into_iter().enumerate();
        let values = values.map(|(number, value)| value.alias(format!("value_{number}")));
        let columns: Vec<_> = std::iter::once(ident(PLACE)).chain(values).collect();
        let rows = self.ctx.table(bare(PLACED)).await;
        let rows = rows.and_then(|rows| rows.select(columns));
        rows.map_err(|error| self.stopped(error))
    }

    async fn sql(&self, text: &str) -> Result<DataFrame> {
        let rows = self
            .ctx
            .sql_with_options(text, session::only_queries())
            .await;
        rows.map_err(|error| self.stopped(error))
    }

    async fn fetch(
        &self,
        stage: &str,
        rows: DataFrame,
        progress: &mut Progress,
    ) -> Result<Vec<RecordBatch>> {
        let add = |batches: &mut Vec<RecordBatch>, rows| {
            batches.push(rows);
            Ok(())
        };
        self.fold(stage, rows, progress, Vec::new, add).await
    }

    async fn fold<S>(
        &self,
        stage: &str,
        rows: DataFrame,
        progress: &mut Progress,
        begin: impl Fn() -> S,
        add: impl Fn(&mut S, RecordBatch) -> Result<(), DataFusionError>,
    ) -> Result<S> {
        let task = Arc::new(rows.task_ctx());
        let plan = rows.create_physical_plan().await;
        let plan = plan.map_err(|error| self.stopped(error))?;
        let seen = JobProgress::default();
        let add = |state: &mut S, _, rows| add(state, rows);
        let work = self.cluster.fold(stage, plan, &task, &seen, begin, add);
        let folded = watch(progress, stage, &seen, work).await;
        folded.map_err(|error| self.stopped(error))
    }

    fn register(&self, name: &str, rows: RecordBatch) -> Result<()> {
        let table = MemTable::try_new(rows.schema(), vec![vec![rows]]);
        let table: Arc<dyn TableProvider> = Arc::new(table.map_err(|error| self.stopped(error))?);
        let registered = self.ctx.register_table(bare(name), table);
        registered.map(drop).map_err(|error| self.stopped(error))
    }

    fn check_column(&self, name: &str, missing: i64, infinite: i64) -> Result<()> {
        let count = |number: i64| usize::try_from(number).unwrap_or(0);
        let (column, step) = (name.to_owned(), self.step.name.clone());
        if infinite > 0 {
            let count = count(infinite);
            return Err(FeatureError::Infinite {
                column,
                step,
                count,
            }
            .into());
        }
        if missing > 0 && self.job.features.missing_values == MissingValues::Error {
            let count = count(missing);
            return Err(FeatureError::Missing {
                column,
                step,
                count,
            }
            .into());
        }
        Ok(())
    }

    fn no_rows(&self, window: Option<String>) -> Error {
        FeatureError::NoRows {
            step: self.step.name.clone(),
            window,
        }
        .into()
    }

    fn stopped(&self, error: DataFusionError) -> Error {
        stopped(self.step, error)
    }

    fn wrong(&self, what: String) -> Error {
        self.stopped(DataFusionError::External(Box::new(ClusterError::Wrong {
            what,
        })))
    }
}

/// The SQL that numbers the rows of each first key in the order of the others. The rank of two rows with the same keys is the
/// same, and their numbers are not.
fn numbering(job: &Job, schema: &SchemaRef) -> String {
    let features = &job.features;
    let (first, others) = features
        .keys
        .split_first()
        .expect("a job names at least one key");
    let order: Vec<_> = others.iter().map(|key| ascending(key)).collect();
    let order = match order.is_empty() {
        true => String::new(),
        false => format!(" ORDER BY {}", order.join(", ")),
    };
    let of_first = format!("PARTITION BY {}{order}", quoted(first));
    let numbered = |from: &str, also: &str| {
        format!(
            "SELECT {}{also}, row_number() OVER ({of_first}) AS {NUMBER}, rank() OVER ({of_first}) AS {RANK} FROM {from}",
            list(schema, str::to_owned)
        )
    };
    if features.duplicate_keys == DuplicateKeys::Error {
        return numbered(MADE, "");
    }
    let keys: Vec<_> = features.keys.iter().map(|key| quoted(key)).collect();
    let is_key = |name: &str| features.keys.iter().any(|key| key == name);
    let fields = schema.fields().iter().map(|field| field.name());
    let others: Vec<_> = fields
        .filter(|name| !is_key(name))
        .map(|name| ascending(name))
        .collect();
    let order = match others.is_empty() {
        true => String::new(),
        false => format!(" ORDER BY {}", others.join(", ")),
    };
    let keys = keys.join(", ");
    let once = format!(
        "(SELECT {}, row_number() OVER (PARTITION BY {keys}{order}) AS {COPY}, count(*) OVER (PARTITION BY {keys}) AS {COPIES} FROM {MADE})",
        list(schema, str::to_owned)
    );
    numbered(&format!("{once} WHERE {COPY} = 1"), &format!(", {COPIES}"))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn ascending(name: &str) -> String {
    format!("{} ASC NULLS FIRST", quoted(name))
}

fn list(schema: &SchemaRef, column: impl Fn(&str) -> String) -> String {
    let fields = schema.fields().iter();
    let columns: Vec<_> = fields.map(|field| column(&quoted(field.name()))).collect();
    columns.join(", ")
}

fn count_if(condition: &str, name: &str) -> String {
    format!("sum(CASE WHEN {condition} THEN 1 ELSE 0 END) AS {name}")
}

fn missing(index: usize) -> String {
    format!("crannog_missing_{index}")
}

fn infinite(index: usize) -> String {
    format!("crannog_infinite_{index}")
}

fn since() -> String {
    "crannog_since".to_owned()
}

fn is_float(schema: &SchemaRef, name: &str) -> bool {
    let field = schema.field_with_name(name);
    field.is_ok_and(|field| field.data_type().is_floating())
}

fn is_time(schema: &SchemaRef, name: &str) -> bool {
    let field = schema.field_with_name(name);
    field.is_ok_and(|field| matches!(field.data_type(), DataType::Timestamp(..)))
}

/// A column of instants as microseconds.
fn micros(name: &str) -> String {
    format!(
        "cast(arrow_cast({}, 'Timestamp(Microsecond, None)') AS bigint)",
        quoted(name)
    )
}

fn micros_of(kind: &DataType) -> DataType {
    match kind {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        other => other.clone(),
    }
}

fn places_of(rows: &RecordBatch) -> Result<Vec<usize>, DataFusionError> {
    let places = rows.column(0).as_primitive::<Int64Type>();
    let place = |place: &i64| {
        usize::try_from(*place).map_err(|_| {
            DataFusionError::External(Box::new(ClusterError::Wrong {
                what: format!("there is no place {place}"),
            }))
        })
    };
    places.values().iter().map(place).collect()
}

/// The filter as one of a table's columns by their names alone.
pub(crate) fn unqualified(filter: &Expr) -> Result<Expr, DataFusionError> {
    let plain = |expr: Expr| {
        Ok(match expr {
            Expr::Column(column) => Transformed::yes(Expr::Column(Column::from_name(column.name))),
            other => Transformed::no(other),
        })
    };
    filter.clone().transform(plain).map(|filter| filter.data)
}
