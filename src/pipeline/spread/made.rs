//! How the feature table comes to be on the cluster: its rows numbered, counted and looked at.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, Int64Array, RecordBatch, StringArray,
    new_null_array,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Expr;
use datafusion::prelude::DataFrame;

use super::sql::{
    NUMBERED, PLACE, PLACED, START, STARTS, ascending, counting, infinite, is_time, list, micros,
    missing, quoted, since,
};
use super::{SpreadFeatures, places_of};
use crate::cluster::{NUMBER, REPEATED, numbered};
use crate::error::{Error, Result};
use crate::features::{FeatureError, Learn, in_order_of_keys, repeated_key};
use crate::feedback::{Feedback, suppressed_by_type};
use crate::forest::{ColumnScale, SummationOrder};
use crate::job::{DuplicateKeys, MissingValues};
use crate::pipeline::counted::Counted;
use crate::pipeline::{Pipeline, bare, stopped};
use crate::progress::Progress;

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
        let ties = features.duplicate_keys == DuplicateKeys::First;
        let number = |rows, partitions| numbered(rows, &features.keys, ties, partitions);
        let kept = self
            .keep_checked(last, rows, number, counted.as_ref(), progress)
            .await?;
        self.release(features.sql.len());
        self.kept_features = Some(kept.clone());
        self.ctx
            .register_table(bare(NUMBERED), Arc::new(kept.clone()))
            .map_err(failed)?;
        let mut spread = SpreadFeatures {
            ctx: self.ctx.clone(),
            cluster: Arc::clone(self.connected()),
            job: self.job,
            step: last,
            schema,
            n_samples: 0,
            duplicate_rows: 0,
            learnt: None,
            scales: None,
        };
        if kept.rows() == 0 {
            let window = format!(
                "from {} to {}",
                self.interval.train_start, self.interval.as_of
            );
            return Err(spread.no_rows(Some(window)));
        }
        self.place(&mut spread, kept.rows(), progress).await?;
        self.choose_learnt(&mut spread, progress).await?;
        spread
            .scale(
                self.model.map(|loaded| loaded.model.scales.as_deref()),
                progress,
            )
            .await?;
        Ok(spread)
    }

    /// Counts the rows of each first key, which gives each row its place, and looks whether they can be judged; `made` rows are
    /// kept.
    async fn place(
        &self,
        spread: &mut SpreadFeatures<'a>,
        made: u64,
        progress: &mut Progress,
    ) -> Result<()> {
        let first = &self.job.features.keys[0];
        let start = self.interval.detect_start;
        let counts = counting(self.job, start.timestamp_micros(), &spread.schema);
        let counts = spread.sql(&counts).await?;
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
        let total = |name: &str| {
            let total = column(name).iter().sum::<i64>();
            usize::try_from(total).unwrap_or(0)
        };
        let (rows, repeated) = (total(NUMBER), total(REPEATED));
        if (rows + repeated) as u64 != made {
            return Err(spread.wrong(format!(
                "{made} rows were made, and {} are counted",
                rows + repeated
            )));
        }
        if repeated > 0 && self.job.features.duplicate_keys == DuplicateKeys::Error {
            return Err(self.repeated(spread, progress).await?);
        }
        (spread.n_samples, spread.duplicate_rows) = (rows, repeated);
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
            "SELECT {s}.{START} + {n}.{NUMBER} - 1 AS {PLACE}, {columns} \
             FROM {s} JOIN {n} ON {s}.{first} IS NOT DISTINCT FROM {n}.{first} WHERE NOT {n}.{REPEATED}",
            s = STARTS,
            n = NUMBERED,
            first = quoted(first),
            columns = list(&spread.schema, |name| format!(
                "{NUMBERED}.{name} AS {name}"
            )),
        );
        let placed = spread.sql(&placed).await?;
        self.ctx
            .register_table(bare(PLACED), placed.into_view())
            .map_err(|error| spread.stopped(error))?;
        Ok(())
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
            "SELECT {} FROM {NUMBERED} WHERE {REPEATED} ORDER BY {} LIMIT 1",
            names.join(", "),
            order.join(", ")
        );
        let rows = spread.sql(&first).await?;
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
                let later = spread.sql(&later).await?;
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
        let reported = spread.sql(&reported).await?;
        let expected = spread.count_of(&reported, progress).await?;
        let (feedback, n_samples) = (&self.feedback, spread.n_samples);
        let add = |by: &mut Vec<Option<String>>, rows: RecordBatch| {
            let places = places_of(&rows, n_samples)?;
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
        let begin = || vec![None; n_samples];
        let by = spread
            .fold_all("suppressed", reported, expected, progress, begin, add)
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
        let n_samples = self.n_samples;
        let add = |malicious: &mut Vec<usize>, rows: RecordBatch| {
            let places = places_of(&rows, n_samples)?;
            let found = feedback.malicious(std::slice::from_ref(&rows));
            let found = found.map_err(|error| DataFusionError::External(Box::new(error)))?;
            if let Some(found) = found {
                malicious.extend(found.set_indices().map(|row| places[row]));
            }
            Ok(())
        };
        let malicious = self.fold_all("labels", rows, n_samples, progress, Vec::new, add);
        let malicious = malicious.await?;
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
        let expected = self.count_of(&rows, progress).await?;
        let n_samples = self.n_samples;
        let begin = || vec![false; n_samples];
        let add = |set: &mut Vec<bool>, rows: RecordBatch| {
            places_of(&rows, n_samples)?
                .into_iter()
                .for_each(|place| set[place] = true);
            Ok(())
        };
        let set = self
            .fold_all(stage, rows, expected, progress, begin, add)
            .await?;
        Ok(BooleanBuffer::from(set))
    }

    fn check_column(&self, name: &str, missing: usize, infinite: usize) -> Result<()> {
        let (column, step) = (name.to_owned(), self.step.name.clone());
        if infinite > 0 {
            return Err(FeatureError::Infinite {
                column,
                step,
                count: infinite,
            }
            .into());
        }
        if missing > 0 && self.job.features.missing_values == MissingValues::Error {
            return Err(FeatureError::Missing {
                column,
                step,
                count: missing,
            }
            .into());
        }
        Ok(())
    }
}
