//! What comes of the feature table from the cluster: the rows that a forest draws, numbers of each row, the rows that pass.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanBufferBuilder, Int64Array, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef};
use arrow::error::ArrowError;
use datafusion::logical_expr::{Expr, ident, lit};
use datafusion::prelude::cast;

use super::sql::{DRAWN, PLACE, PLACED, is_time, micros_of, quoted};
use super::{SpreadFeatures, places_of};
use crate::cluster::Score;
use crate::error::{Error, Result};
use crate::features::matrix_of;
use crate::forest::{DrawnRows, IsolationForest};
use crate::model::SavedModel;
use crate::pipeline::bare;
use crate::progress::Progress;
use crate::session;

/// Bytes of columns that are here at a time, where each of some has to be here as a whole.
const COLUMN_BYTES: usize = 128 << 20;

impl SpreadFeatures<'_> {
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
        let failed = |error: ArrowError| self.stopped(error.into());
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
        let rows = in_order_of_places(&schema, &batches).map_err(failed)?;
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

    /// What a model says of a row: the model is a part of it.
    pub(crate) fn scoring(&self, model: &SavedModel) -> Result<Expr> {
        Score::expression(model).map_err(|error| self.stopped(error))
    }

    /// `score_samples` of all rows, by place.
    pub(crate) async fn score_samples(
        &self,
        score: &Expr,
        progress: &mut Progress,
    ) -> Result<Vec<f64>> {
        let scores = self.numbers("score", vec![score.clone()], progress).await?;
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
        let n_samples = self.n_samples;
        let add = |times: &mut Vec<Option<i64>>, rows: RecordBatch| {
            let values = rows.column(1).as_primitive::<Int64Type>().iter();
            for (place, value) in places_of(&rows, n_samples)?.into_iter().zip(values) {
                times[place] = value;
            }
            Ok(())
        };
        let times = self
            .fold_all(
                time,
                rows,
                n_samples,
                progress,
                || vec![None; n_samples],
                add,
            )
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
        score: &Expr,
        progress: &mut Progress,
    ) -> Result<(RecordBatch, Vec<u32>)> {
        let failed = |error| self.stopped(error);
        let asked = filters
            .iter()
            .filter(|(_, highest)| *highest > f64::NEG_INFINITY);
        let passes = asked.map(|(own, highest)| {
            let bound = score.clone().lt_eq(lit(*highest));
            let bound = highest.is_finite().then_some(bound);
            let all = own.iter().cloned().chain(bound).reduce(Expr::and);
            all.unwrap_or(lit(true))
        });
        let passes = passes.reduce(Expr::or).unwrap_or(lit(false));
        let rows = self.ctx.table(bare(PLACED)).await.map_err(failed)?;
        let rows = rows.filter(passes).map_err(failed)?;
        let expected = self.count_of(&rows, progress).await?;
        let schema = Arc::clone(rows.schema().inner());
        let add = |batches: &mut Vec<RecordBatch>, rows| {
            batches.push(rows);
            Ok(())
        };
        let batches = self.fold_all("strange rows", rows, expected, progress, Vec::new, add);
        let batches = batches.await?;
        let failed = |error: ArrowError| self.stopped(error.into());
        let rows = in_order_of_places(&schema, &batches).map_err(failed)?;
        let places = places_of(&rows, self.n_samples).map_err(|error| self.stopped(error))?;
        if !places.is_sorted_by(|a, b| a < b) {
            return Err(self.wrong("a row came twice".to_owned()));
        }
        let own: Vec<_> = (1..schema.fields().len()).collect();
        let rows = rows.project(&own).map_err(failed)?;
        Ok((rows, places.into_iter().map(|place| place as u32).collect()))
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
            let places = places_of(&rows, n_samples)?;
            for place in &places {
                match !numbers.have.get_bit(*place) {
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
                    if let Some(value) = value {
                        column[*place] = value;
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
}

/// Rows in one piece, in the order of their first column.
fn in_order_of_places(schema: &SchemaRef, rows: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let rows = concat_batches(schema, rows)?;
    let order = sort_to_indices(rows.column(0), None, None)?;
    take_record_batch(&rows, &order)
}
