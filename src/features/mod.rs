//! The feature table: one row for each thing that is judged, in the order of its keys, and its matrix of numbers.
//!
//! Row order is part of the answer, since the forest samples by position: rows are sorted by the job's keys, NULL
//! first, text by its UTF-8 bytes, and keys are unique. So equal data give equal rows, whatever the partitions.

mod matrix;
mod order;
mod repeated;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Int64Type, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

use crate::blame::Blame;
use crate::forest::{ColumnScale, FeatureMatrix, ForestError, TrainingScores};
use crate::job::{DuplicateKeys, Features};
use crate::strict::cast;
use matrix::Learning;
pub(crate) use repeated::differs_from_before;

/// The rows a forest is asked about.
#[derive(Debug)]
pub struct FeatureTable {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    matrix: Arc<FeatureMatrix>,
    scales: Option<Vec<ColumnScale>>,
    duplicate_rows: usize,
    /// Which rows are learnt from; all where it is not said.
    learnt: Option<BooleanBuffer>,
}

/// What is learnt from the rows.
#[derive(Clone, Copy, Debug)]
pub enum Learn<'a> {
    /// All of them are learnt from.
    FromAll,
    /// Those whose time lies before an end, and those without one.
    Before {
        /// The column of the time.
        time_column: &'a str,
        /// The end, in microseconds.
        end: i64,
    },
    /// Nothing: they are judged by what was learnt from others.
    Nothing {
        /// The scale of each feature column, where the job scales.
        scales: Option<&'a [ColumnScale]>,
    },
}

/// Why rows cannot be judged as they are.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// Nothing to learn from.
    #[error("`{step}` has no rows{}", window.as_ref().map(|w| format!(" {w}")).unwrap_or_default())]
    NoRows {
        /// The step that should have made them.
        step: String,
        /// The time that was asked for.
        window: Option<String>,
    },
    /// Nothing tells which rows are learnt from.
    #[error(
        "`{step}` has no time in a column `{column}`, and learning ends where reporting begins"
    )]
    NoTime {
        /// The step that should have it.
        step: String,
        /// The column.
        column: String,
    },
    /// Two rows with the same keys: which is the row, then?
    #[error("`{step}` has more than one row for the key {key}")]
    DuplicateKey {
        /// The step that made them.
        step: String,
        /// The key's columns and values.
        key: String,
    },
    /// A feature that is not always known.
    #[error("column `{column}` of `{step}` has {count} missing values")]
    Missing {
        /// The column.
        column: String,
        /// The step that made it.
        step: String,
        /// NULL and NaN values in it.
        count: usize,
    },
    /// A feature that no scaler can bring to size.
    #[error("column `{column}` of `{step}` has {count} infinite values, which cannot be scaled")]
    Infinite {
        /// The column.
        column: String,
        /// The step that made it.
        step: String,
        /// Infinite values in it.
        count: usize,
    },
    /// The values cannot be read as numbers.
    #[error("column `{column}` cannot be read as numbers")]
    NotNumbers {
        /// The column.
        column: String,
        /// Why not.
        source: ArrowError,
    },
    /// The rows cannot be handled.
    #[error("the rows of `{step}` cannot be read")]
    Rows {
        /// The step that made them.
        step: String,
        /// Why not.
        source: ArrowError,
    },
    /// The matrix is refused.
    #[error("the feature matrix cannot be built")]
    Matrix(#[from] ForestError),
}

impl FeatureError {
    /// Who has to act: features are data.
    pub fn blame(&self) -> Blame {
        match self {
            Self::NoTime { .. } => Blame::Job,
            _ => Blame::Data,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoRows { .. } => {
                "is the source up to date, and is `--as-of` (default: now) within its time?"
                    .to_owned()
            }
            Self::NoTime { column, .. } => format!(
                "let the last file of [features] sql make `{column}`, or leave [window] train_end out"
            ),
            Self::DuplicateKey { step, .. } => format!(
                "[features] keys must name a row of `{step}`: add the column that tells these rows apart, or group by the keys"
            ),
            Self::Missing { column, .. } => format!(
                "give it a value in SQL, for example coalesce({column}, 0), or set [features] missing_values = \"allow-nan\" to let the forest treat it as missing"
            ),
            Self::Infinite { column, .. } => format!(
                "give it an end in SQL, for example least({column}, 1e9), or leave [features] scaler out"
            ),
            Self::NotNumbers { column, .. } => format!("make `{column}` a number in SQL"),
            Self::Rows { .. } | Self::Matrix(_) => return None,
        })
    }
}

impl FeatureTable {
    /// Puts rows in the order of their keys, and checks that no key comes twice. `left_out` says which of the ordered rows
    /// are judged and not learnt from.
    ///
    /// # Errors
    /// No rows, equal keys, missing values where the job wants none, a column that is not a number.
    pub fn try_new(
        step: &str,
        features: &Features,
        schema: SchemaRef,
        batches: Vec<RecordBatch>,
        learn: Learn<'_>,
        left_out: impl FnOnce(&[RecordBatch]) -> Result<Option<BooleanBuffer>, ArrowError>,
    ) -> Result<Self, FeatureError> {
        let batches: Vec<_> = batches
            .into_iter()
            .filter(|batch| batch.num_rows() > 0)
            .collect();
        if batches.is_empty() {
            return Err(FeatureError::NoRows {
                step: step.to_owned(),
                window: None,
            });
        }
        let ties = features.duplicate_keys == DuplicateKeys::First;
        let batches =
            order::sort_by_keys(&schema, batches, &features.keys, ties).map_err(|source| {
                FeatureError::Rows {
                    step: step.to_owned(),
                    source,
                }
            })?;
        let (batches, duplicate_rows) = repeated::once_each(step, features, batches)?;
        let learnt = match learn {
            Learn::Before { time_column, end } => {
                Some(rows_before(step, &batches, time_column, end)?)
            }
            Learn::FromAll | Learn::Nothing { .. } => None,
        };
        let left_out = left_out(&batches).map_err(|source| FeatureError::Rows {
            step: step.to_owned(),
            source,
        })?;
        let learnt = match (learn, learnt, left_out) {
            (Learn::Nothing { .. }, ..) => None,
            (_, learnt, None) => learnt,
            (_, None, Some(left_out)) => Some(!&left_out),
            (_, Some(learnt), Some(left_out)) => Some(&learnt & &!&left_out),
        };
        if learnt
            .as_ref()
            .is_some_and(|rows| rows.count_set_bits() == 0)
        {
            return Err(FeatureError::NoRows {
                step: step.to_owned(),
                window: Some("to learn from".to_owned()),
            });
        }
        let learning = match (learn, &learnt) {
            (
                Learn::Nothing {
                    scales: Some(scales),
                },
                _,
            ) => Learning::Earlier(scales),
            (_, Some(rows)) => Learning::Of(rows),
            _ => Learning::All,
        };
        let columns = matrix::columns(step, features, &schema, &batches, learning)?;
        let matrix = Arc::new(FeatureMatrix::try_new(
            features.columns.clone(),
            columns.values,
        )?);
        Ok(Self {
            schema,
            batches,
            matrix,
            scales: columns.scales,
            duplicate_rows,
            learnt,
        })
    }

    /// What the forest sees.
    pub fn matrix(&self) -> &FeatureMatrix {
        &self.matrix
    }

    /// The same, for whoever needs it when the rows are gone.
    pub fn shared_matrix(&self) -> Arc<FeatureMatrix> {
        Arc::clone(&self.matrix)
    }

    /// The rows as SQL made them, in the order of the matrix.
    pub fn rows(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// One of them.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, number: usize) -> RecordBatch {
        row_at(&self.batches, number)
    }

    /// Which rows are learnt from, where those are not all.
    pub fn learnt_rows(&self) -> Option<&BooleanBuffer> {
        self.learnt.as_ref()
    }

    /// What the forest learns from, where that is not all it judges.
    pub fn learnt(&self) -> Result<Option<FeatureMatrix>, FeatureError> {
        let Some(rows) = &self.learnt else {
            return Ok(None);
        };
        let columns = (0..self.matrix.n_features())
            .map(|column| matrix::only(self.matrix.column(column), rows))
            .collect();
        let names = self.matrix.feature_names().to_vec();
        Ok(Some(FeatureMatrix::try_new(names, columns)?))
    }

    /// Mean and scale of each column, where the job scales them.
    pub fn scales(&self) -> Option<&[ColumnScale]> {
        self.scales.as_deref()
    }

    /// The columns that SQL made.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The number of rows.
    pub fn n_samples(&self) -> usize {
        self.matrix.n_samples()
    }

    /// The number of rows that do not count, because another one has their key: 0 where that is an error.
    pub fn duplicate_rows(&self) -> usize {
        self.duplicate_rows
    }

    /// The number of rows whose `column`, a time, is at or after `start` (microseconds); `None` without such a column.
    pub fn rows_since(&self, column: &str, start: i64) -> Option<usize> {
        let since = self.since(column, start)?;
        Some(since.iter().map(BooleanArray::true_count).sum())
    }

    /// Which rows of each batch those are.
    pub fn since(&self, column: &str, start: i64) -> Option<Vec<BooleanArray>> {
        let since = self.batches.iter().map(|batch| {
            let times = times(batch, column)?;
            let times = times.as_primitive::<Int64Type>().iter();
            Some(
                times
                    .map(|time| Some(time.is_some_and(|time| time >= start)))
                    .collect(),
            )
        });
        since.collect()
    }

    /// Gives up the rows, with all columns that SQL made, in the order of the matrix; the matrix is let go.
    pub fn into_rows(self) -> (SchemaRef, Vec<RecordBatch>) {
        (self.schema, self.batches)
    }
}

/// Rows in the order of one of their keys.
pub(crate) fn in_order_of_keys(
    step: &str,
    schema: &SchemaRef,
    batches: Vec<RecordBatch>,
    key: &str,
) -> Result<Vec<RecordBatch>, FeatureError> {
    let sorted = order::sort_by_keys(schema, batches, &[key.to_owned()], false);
    sorted.map_err(|source| FeatureError::Rows {
        step: step.to_owned(),
        source,
    })
}

/// That more than one row has the key of this one.
pub(crate) fn repeated_key(step: &str, keys: &[String], row: &RecordBatch) -> FeatureError {
    FeatureError::DuplicateKey {
        step: step.to_owned(),
        key: repeated::show_key(keys, row, 0),
    }
}

/// The scores of the rows that are learnt from, all unless it is said; `order` is all rows from the strangest to the least
/// strange.
pub(crate) fn training_scores(
    learnt: Option<&BooleanBuffer>,
    score_samples: &[f64],
    order: &[u32],
) -> Option<TrainingScores> {
    let score = |row: &u32| score_samples[*row as usize];
    let Some(learnt) = learnt else {
        return TrainingScores::of_sorted(order.iter().map(score));
    };
    let of_learnt = order.iter().filter(|row| learnt.value(**row as usize));
    let scores: Vec<_> = of_learnt.map(score).collect();
    TrainingScores::of_sorted(scores.into_iter())
}

/// What a forest sees of some rows: by the `scales` that were learnt of all of them, where the job scales.
///
/// # Errors
/// A column that is not a number, or that cannot be scaled.
pub(crate) fn matrix_of(
    step: &str,
    features: &Features,
    scales: Option<&[ColumnScale]>,
    rows: &RecordBatch,
) -> Result<FeatureMatrix, FeatureError> {
    let learning = scales.map_or(Learning::All, Learning::Earlier);
    let rows_of = std::slice::from_ref(rows);
    let columns = matrix::columns(step, features, &rows.schema(), rows_of, learning)?;
    Ok(FeatureMatrix::try_new(
        features.columns.clone(),
        columns.values,
    )?)
}

/// One row of batches, counted over all of them.
///
/// # Panics
/// If there is no such row.
pub(crate) fn row_at(batches: &[RecordBatch], number: usize) -> RecordBatch {
    let mut start = 0;
    for batch in batches {
        if number < start + batch.num_rows() {
            return batch.slice(number - start, 1);
        }
        start += batch.num_rows();
    }
    panic!("there are {start} rows, and no row {number}")
}

/// Which rows lie before an end, or have no time.
fn rows_before(
    step: &str,
    batches: &[RecordBatch],
    time_column: &str,
    end: i64,
) -> Result<BooleanBuffer, FeatureError> {
    let mut rows = BooleanBufferBuilder::new(0);
    for batch in batches {
        let times = times(batch, time_column).ok_or_else(|| FeatureError::NoTime {
            step: step.to_owned(),
            column: time_column.to_owned(),
        })?;
        for time in times.as_primitive::<Int64Type>() {
            rows.append(time.is_none_or(|time| time < end));
        }
    }
    Ok(rows.finish())
}

/// A column of instants as microseconds; `None` where there is no such column.
fn times(batch: &RecordBatch, column: &str) -> Option<ArrayRef> {
    let column = batch.column_by_name(column)?;
    matches!(column.data_type(), DataType::Timestamp(..))
        .then(|| cast(column, &DataType::Timestamp(TimeUnit::Microsecond, None)).ok())
        .flatten()
        .and_then(|times| cast(&times, &DataType::Int64).ok())
}

/// Whether a column of this type can be a feature.
pub(crate) fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || *data_type == DataType::Boolean
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};

    use std::collections::BTreeMap;

    use super::*;
    use crate::job::{MissingValues, Scaler};

    fn features(missing_values: MissingValues) -> Features {
        Features {
            sql: Vec::new(),
            keys: vec!["host".to_owned()],
            columns: vec!["count".to_owned()],
            missing_values,
            duplicate_keys: DuplicateKeys::Error,
            scaler: None,
            text: BTreeMap::new(),
        }
    }

    fn batch(hosts: &[Option<&str>], counts: ArrayRef) -> RecordBatch {
        let hosts: ArrayRef = Arc::new(StringArray::from(hosts.to_vec()));
        RecordBatch::try_from_iter_with_nullable([("host", hosts, true), ("count", counts, true)])
            .unwrap()
    }

    fn table(
        batches: Vec<RecordBatch>,
        missing: MissingValues,
    ) -> Result<FeatureTable, FeatureError> {
        FeatureTable::try_new(
            "grouped",
            &features(missing),
            batches[0].schema(),
            batches,
            Learn::FromAll,
            |_| Ok(None),
        )
    }

    fn counts(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    #[test]
    fn rows_stand_in_the_order_of_their_keys() {
        let batches = vec![
            batch(&[Some("b"), Some("a")], counts(&[3, 2])),
            batch(&[None], counts(&[1])),
        ];
        let table = table(batches, MissingValues::Error).unwrap();
        assert_eq!(table.matrix().column(0), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn equal_keys_are_found_inside_a_batch_and_across_two() {
        let inside = table(
            vec![batch(&[Some("a"), Some("a")], counts(&[1, 2]))],
            MissingValues::Error,
        );
        let message = inside.unwrap_err().to_string();
        assert_eq!(
            message,
            "`grouped` has more than one row for the key host = a"
        );
        let batches = vec![batch(&[None], counts(&[1])), batch(&[None], counts(&[2]))];
        let message = table(batches, MissingValues::Error)
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            "`grouped` has more than one row for the key host = NULL"
        );
    }

    #[test]
    fn of_rows_with_equal_keys_the_first_by_its_other_columns_counts_if_the_job_says_so() {
        let batches = vec![
            batch(&[Some("a"), Some("b"), None], counts(&[9, 7, 4])),
            batch(&[Some("a"), None, Some("a")], counts(&[8, 4, 8])),
        ];
        let first = Features {
            duplicate_keys: DuplicateKeys::First,
            ..features(MissingValues::Error)
        };
        let table = FeatureTable::try_new(
            "events",
            &first,
            batches[0].schema(),
            batches,
            Learn::FromAll,
            |_| Ok(None),
        )
        .unwrap();
        assert_eq!(table.matrix().column(0), [4.0, 8.0, 7.0]);
        assert_eq!((table.n_samples(), table.duplicate_rows()), (3, 3));
    }

    #[test]
    fn a_missing_value_is_an_error_unless_the_job_takes_it_as_nan() {
        let rows = || {
            vec![batch(
                &[Some("a"), Some("b")],
                Arc::new(Float64Array::from(vec![Some(f64::NAN), None])),
            )]
        };
        let message = table(rows(), MissingValues::Error).unwrap_err().to_string();
        assert_eq!(message, "column `count` of `grouped` has 2 missing values");
        assert_eq!(
            table(rows(), MissingValues::AllowNan).unwrap().n_samples(),
            2
        );
    }

    #[test]
    fn whole_numbers_alone_are_rounded_once() {
        // 2^60 + 2^36 + 1 lies just above the middle of two f32: by way of f64 it would fall on the middle, and down.
        let value = (1_i64 << 60) + (1 << 36) + 1;
        let table = table(
            vec![batch(&[Some("a")], counts(&[value]))],
            MissingValues::Error,
        )
        .unwrap();
        assert_eq!(
            f64::from(table.matrix().column(0)[0]),
            2_f64.powi(60) + 2_f64.powi(37)
        );
    }

    fn scaled(columns: Vec<(&str, ArrayRef)>) -> Result<FeatureTable, FeatureError> {
        scaled_by(columns, Learn::FromAll)
    }

    fn scaled_by(
        columns: Vec<(&str, ArrayRef)>,
        learn: Learn<'_>,
    ) -> Result<FeatureTable, FeatureError> {
        let features = Features {
            columns: columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
            missing_values: MissingValues::AllowNan,
            scaler: Some(Scaler::Standard),
            ..features(MissingValues::Error)
        };
        let hosts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
        let columns = [("host", hosts)].into_iter().chain(columns);
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        FeatureTable::try_new(
            "grouped",
            &features,
            batch.schema(),
            vec![batch],
            learn,
            |_| Ok(None),
        )
    }

    #[test]
    fn a_column_of_another_day_is_scaled_by_what_was_learnt_earlier() {
        let earlier = [ColumnScale {
            mean: 10.0,
            variance: 4.0,
            scale: 2.0,
        }];
        let learn = Learn::Nothing {
            scales: Some(&earlier),
        };
        let table = scaled_by(vec![("x", counts(&[2, 4, 6]))], learn).unwrap();
        assert_eq!(table.matrix().column(0), [-4.0, -3.0, -2.0]);
        assert_eq!(table.scales(), Some(&earlier[..]));
    }

    #[test]
    fn a_scaled_column_has_its_mean_taken_off_and_is_divided_by_its_deviation() {
        let table = scaled(vec![
            ("x", counts(&[2, 4, 6])),
            ("constant", counts(&[5, 5, 5])),
        ])
        .unwrap();
        let scales = table.scales().unwrap();
        assert_eq!(
            (scales[0].mean, scales[0].scale),
            (4.0, (8.0_f64 / 3.0).sqrt())
        );
        let step = (2.0 / (8.0_f64 / 3.0).sqrt()) as f32;
        assert_eq!(table.matrix().column(0), [-step, 0.0, step]);
        assert_eq!((scales[1].mean, scales[1].scale), (5.0, 1.0));
        assert_eq!(table.matrix().column(1), [0.0, 0.0, 0.0]);
    }

    #[test]
    fn rows_from_an_end_on_are_judged_and_not_learnt_from() {
        let times = TimestampMicrosecondArray::from(vec![Some(10), Some(20), Some(30), None]);
        let batch = RecordBatch::try_from_iter_with_nullable([
            (
                "host",
                Arc::new(StringArray::from(vec!["a", "b", "c", "d"])) as ArrayRef,
                true,
            ),
            ("time", Arc::new(times), true),
            ("x", counts(&[2, 6, 100, 4]), true),
        ])
        .unwrap();
        let scaled = Features {
            columns: vec!["x".to_owned()],
            scaler: Some(Scaler::Standard),
            ..features(MissingValues::Error)
        };
        let until = |end| {
            let learn = Learn::Before {
                time_column: "time",
                end,
            };
            FeatureTable::try_new(
                "grouped",
                &scaled,
                batch.schema(),
                vec![batch.clone()],
                learn,
                |_| Ok(None),
            )
        };
        let table = until(30).unwrap();
        assert_eq!(table.scales().unwrap()[0].mean, 4.0);
        let learnt = table.learnt().unwrap().unwrap();
        assert_eq!((table.n_samples(), learnt.n_samples()), (4, 3));
        assert_eq!(learnt.column(0)[2], table.matrix().column(0)[3]);
        assert_eq!(until(5).unwrap().learnt().unwrap().unwrap().n_samples(), 1); // the one without a time
    }

    #[test]
    fn values_are_scaled_before_they_are_rounded_unless_all_columns_are_f32() {
        // 2^24 + 1 and its neighbour are one number as f32, and two as f64.
        let wide = [16_777_216, 16_777_217, 16_777_218];
        let table = scaled(vec![("x", counts(&wide))]).unwrap();
        assert_eq!(table.matrix().column(0)[1], 0.0);
        let singles: ArrayRef = Arc::new(arrow::array::Float32Array::from_iter_values(
            wide.map(|value| value as f32),
        ));
        let table = scaled(vec![("x", Arc::clone(&singles))]).unwrap();
        let scale = table.scales().unwrap()[0];
        assert_eq!(
            table.matrix().column(0)[1],
            (16_777_216.0 - scale.mean as f32) / scale.scale as f32
        );
        // Beside a column of another type it is scaled in f64.
        let table = scaled(vec![("x", singles), ("y", counts(&[1, 2, 3]))]).unwrap();
        assert_eq!(
            table.matrix().column(0)[1],
            scale.transform(16_777_216.0) as f32
        );
    }

    #[test]
    fn a_scaler_leaves_missing_values_out_and_refuses_infinite_ones() {
        let floats = |values: [Option<f64>; 3]| -> ArrayRef {
            Arc::new(Float64Array::from(values.to_vec()))
        };
        let table = scaled(vec![("x", floats([Some(1.0), None, Some(3.0)]))]).unwrap();
        assert_eq!(table.scales().unwrap()[0].mean, 2.0);
        assert!(table.matrix().column(0)[1].is_nan());
        let infinite = scaled(vec![("x", floats([Some(1.0), Some(f64::INFINITY), None]))]);
        assert_eq!(
            infinite.unwrap_err().to_string(),
            "column `x` of `grouped` has 1 infinite values, which cannot be scaled"
        );
    }
}
