//! The feature table: one row for each thing that is judged, in the order of its keys, and its matrix of numbers.
//!
//! Row order is part of the answer, since the forest samples by position: rows are sorted by the job's keys, NULL
//! first, text by its UTF-8 bytes, and keys are unique. So equal data give equal rows, whatever the partitions.

mod order;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float32Array, RecordBatch};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::or;
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::blame::Blame;
use crate::forest::{FeatureMatrix, ForestError};
use crate::job::{Features, MissingValues};
use crate::strict::cast;

/// The rows a forest is asked about.
#[derive(Debug)]
pub struct FeatureTable {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    matrix: FeatureMatrix,
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
        Blame::Data
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoRows { .. } => {
                "is the source up to date, and is `--as-of` (default: now) within its time?"
                    .to_owned()
            }
            Self::DuplicateKey { step, .. } => format!(
                "[features] keys must name a row of `{step}`: add the column that tells these rows apart, or group by the keys"
            ),
            Self::Missing { column, .. } => format!(
                "give it a value in SQL, for example coalesce({column}, 0), or set [features] missing_values = \"allow-nan\" to let the forest treat it as missing"
            ),
            Self::NotNumbers { column, .. } => format!("make `{column}` a number in SQL"),
            Self::Rows { .. } | Self::Matrix(_) => return None,
        })
    }
}

impl FeatureTable {
    /// Puts rows in the order of their keys, and checks that no key comes twice.
    ///
    /// # Errors
    /// No rows, equal keys, missing values where the job wants none, a column that is not a number.
    pub fn try_new(
        step: &str,
        features: &Features,
        schema: SchemaRef,
        batches: Vec<RecordBatch>,
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
        let batches = order::sort_by_keys(&schema, batches, &features.keys).map_err(|source| {
            FeatureError::Rows {
                step: step.to_owned(),
                source,
            }
        })?;
        check_unique(step, &features.keys, &batches)?;
        let columns = matrix_columns(step, features, &schema, &batches)?;
        let matrix = FeatureMatrix::try_new(features.columns.clone(), columns)?;
        Ok(Self {
            schema,
            batches,
            matrix,
        })
    }

    /// What the forest sees.
    pub fn matrix(&self) -> &FeatureMatrix {
        &self.matrix
    }

    /// The number of rows.
    pub fn n_samples(&self) -> usize {
        self.matrix.n_samples()
    }

    /// The number of rows whose `column`, a time, is at or after `start` (microseconds); `None` without such a column.
    pub fn rows_since(&self, column: &str, start: i64) -> Option<usize> {
        let mut rows = 0;
        for batch in &self.batches {
            let times = cast(batch.column_by_name(column)?, &DataType::Int64).ok()?;
            rows += times
                .as_primitive::<Int64Type>()
                .iter()
                .flatten()
                .filter(|time| *time >= start)
                .count();
        }
        Some(rows)
    }

    /// Gives up the rows, with all columns that SQL made, in the order of the matrix; the matrix is let go.
    pub fn into_rows(self) -> (SchemaRef, Vec<RecordBatch>) {
        (self.schema, self.batches)
    }
}

/// Equal keys stand next to each other in sorted rows, so each row is compared with the one before it.
fn check_unique(step: &str, keys: &[String], batches: &[RecordBatch]) -> Result<(), FeatureError> {
    let rows = |source| FeatureError::Rows {
        step: step.to_owned(),
        source,
    };
    let mut before: Option<&RecordBatch> = None;
    for batch in batches {
        let key_columns = |batch: &RecordBatch| -> Vec<ArrayRef> {
            keys.iter()
                .filter_map(|key| batch.column_by_name(key).cloned())
                .collect()
        };
        let columns = key_columns(batch);
        let mut differs = differing_neighbours(&columns).map_err(rows)?;
        if let Some(before) = before {
            let last = before.slice(before.num_rows() - 1, 1);
            let first = batch.slice(0, 1);
            let pairs = key_columns(&last).into_iter().zip(key_columns(&first));
            let joined = pairs
                .map(|(last, first)| arrow::compute::concat(&[last.as_ref(), first.as_ref()]))
                .collect::<Result<Vec<_>, _>>()
                .map_err(rows)?;
            if !differing_neighbours(&joined).map_err(rows)?.value(0) {
                differs = BooleanArray::from(vec![false]);
            }
        }
        if let Some(row) = differs.iter().position(|differs| differs == Some(false)) {
            return Err(FeatureError::DuplicateKey {
                step: step.to_owned(),
                key: show_key(keys, batch, row),
            });
        }
        before = Some(batch);
    }
    Ok(())
}

/// For each row but the last: does the next one differ in any column?
fn differing_neighbours(columns: &[ArrayRef]) -> Result<BooleanArray, ArrowError> {
    let rows = columns.first().map_or(0, |column| column.len());
    let mut differs = BooleanArray::from(vec![false; rows.saturating_sub(1)]);
    for column in columns {
        let len = column.len() - 1;
        differs = or(
            &differs,
            &distinct(&column.slice(0, len), &column.slice(1, len))?,
        )?;
    }
    Ok(differs)
}

fn show_key(keys: &[String], batch: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("NULL");
    let show = |key: &String| {
        let column = batch.column_by_name(key)?;
        let text = ArrayFormatter::try_new(column, &options)
            .ok()?
            .value(row)
            .to_string();
        Some(format!("{key} = {}", crate::display::plain(&text)))
    };
    keys.iter().filter_map(show).collect::<Vec<_>>().join(", ")
}

/// The feature columns as f32, by NumPy's rule: a table of whole numbers alone is converted directly, any other
/// by way of f64.
fn matrix_columns(
    step: &str,
    features: &Features,
    schema: &SchemaRef,
    batches: &[RecordBatch],
) -> Result<Vec<Vec<f32>>, FeatureError> {
    let is_integer = |name: &String| {
        schema
            .field_with_name(name)
            .is_ok_and(|field| field.data_type().is_integer())
    };
    let all_integers = features.columns.iter().all(is_integer);
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let mut columns = Vec::with_capacity(features.columns.len());
    for name in &features.columns {
        let mut values = Vec::with_capacity(rows);
        for column in batches
            .iter()
            .filter_map(|batch| batch.column_by_name(name))
        {
            append(column, all_integers, &mut values).map_err(|source| {
                FeatureError::NotNumbers {
                    column: name.clone(),
                    source,
                }
            })?;
        }
        let count = values.iter().filter(|value| value.is_nan()).count();
        if count > 0 && features.missing_values == MissingValues::Error {
            return Err(FeatureError::Missing {
                column: name.clone(),
                step: step.to_owned(),
                count,
            });
        }
        columns.push(values);
    }
    Ok(columns)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the forest sees f32, as scikit-learn's does"
)]
fn append(column: &ArrayRef, all_integers: bool, values: &mut Vec<f32>) -> Result<(), ArrowError> {
    match column.data_type() {
        DataType::Float32 => {
            let numbers: &Float32Array = column.as_primitive();
            values.extend(numbers.iter().map(|value| value.unwrap_or(f32::NAN)));
        }
        DataType::UInt64 if all_integers => {
            let numbers = column.as_primitive::<arrow::datatypes::UInt64Type>();
            values.extend(
                numbers
                    .iter()
                    .map(|value| value.map_or(f32::NAN, |value| value as f32)),
            );
        }
        _ if all_integers => {
            let numbers = cast(column, &DataType::Int64)?;
            let numbers = numbers.as_primitive::<Int64Type>();
            values.extend(
                numbers
                    .iter()
                    .map(|value| value.map_or(f32::NAN, |value| value as f32)),
            );
        }
        _ => {
            let numbers = cast(column, &DataType::Float64)?;
            let numbers = numbers.as_primitive::<Float64Type>();
            values.extend(
                numbers
                    .iter()
                    .map(|value| value.map_or(f32::NAN, |value| value as f32)),
            );
        }
    }
    Ok(())
}

/// Whether a column of this type can be a feature.
pub(crate) fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || *data_type == DataType::Boolean
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    fn features(missing_values: MissingValues) -> Features {
        Features {
            sql: Vec::new(),
            keys: vec!["host".to_owned()],
            columns: vec!["count".to_owned()],
            missing_values,
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
        FeatureTable::try_new("grouped", &features(missing), batches[0].schema(), batches)
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
}
