//! The feature columns as the forest sees them: `f32`, by NumPy's and scikit-learn's rules.

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, PrimitiveArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float64Type, Int64Type, SchemaRef, UInt64Type,
};
use arrow::error::ArrowError;

use super::FeatureError;
use crate::forest::{ColumnScale, SummationOrder};
use crate::job::{Features, MissingValues, Scaler};
use crate::strict::cast;

/// The columns, and what the scaler learned of them where there is one.
pub(super) struct Columns {
    pub values: Vec<Vec<f32>>,
    pub scales: Option<Vec<ColumnScale>>,
}

/// What the scaler does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Learning<'a> {
    /// It learns from all rows.
    All,
    /// It learns from these.
    Of(&'a BooleanBuffer),
    /// It learnt earlier: the scale of each feature column.
    Earlier(&'a [ColumnScale]),
}

/// The feature columns, scaled if the job says so.
///
/// A scaled table is `f64` until each value is scaled, or `f32` throughout if all its columns are. One column at a time
/// is held so wide: its mean is known only when all of it has been seen.
pub(super) fn columns(
    step: &str,
    features: &Features,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    learnt: Learning<'_>,
) -> Result<Columns, FeatureError> {
    let all = |is: fn(&DataType) -> bool| {
        let field = |name| schema.field_with_name(name);
        let mut columns = features.columns.iter();
        columns.all(|name| field(name).is_ok_and(|field| is(field.data_type())))
    };
    let all_integers = all(DataType::is_integer);
    let all_f32 = all(|data_type| *data_type == DataType::Float32);
    let (mut columns, mut scales) = (Vec::new(), Vec::new());
    let mut wide = Vec::new();
    for (index, name) in features.columns.iter().enumerate() {
        let column = Column {
            step,
            name,
            index,
            learnt,
            chunks: batches
                .iter()
                .filter_map(|batch| batch.column_by_name(name))
                .collect(),
        };
        let values = match features.scaler {
            None => column.numbers(all_integers)?,
            Some(Scaler::Standard) => {
                let (scale, values) = if all_f32 {
                    column.standardised_f32()?
                } else {
                    column.standardised(&mut wide)?
                };
                scales.push(scale);
                values
            }
        };
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
    Ok(Columns {
        values: columns,
        scales: features.scaler.map(|_| scales),
    })
}

/// One feature as SQL made it.
struct Column<'a> {
    step: &'a str,
    name: &'a str,
    /// Its place among the feature columns.
    index: usize,
    learnt: Learning<'a>,
    chunks: Vec<&'a ArrayRef>,
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the forest sees f32, as scikit-learn's does"
)]
impl Column<'_> {
    /// As they are. A table of whole numbers alone is converted directly, any other by way of `f64`.
    fn numbers(&self, all_integers: bool) -> Result<Vec<f32>, FeatureError> {
        self.each(|chunk, values| match chunk.data_type() {
            DataType::Float32 => {
                let numbers: &Float32Array = chunk.as_primitive();
                extend(values, numbers, f32::NAN, |value| value);
                Ok(())
            }
            DataType::UInt64 if all_integers => {
                let numbers = chunk.as_primitive::<UInt64Type>();
                extend(values, numbers, f32::NAN, |value| value as f32);
                Ok(())
            }
            _ if all_integers => {
                let numbers = cast(chunk, &DataType::Int64)?;
                let numbers = numbers.as_primitive::<Int64Type>();
                extend(values, numbers, f32::NAN, |value| value as f32);
                Ok(())
            }
            _ => {
                let numbers = cast(chunk, &DataType::Float64)?;
                let numbers = numbers.as_primitive::<Float64Type>();
                extend(values, numbers, f32::NAN, |value| value as f32);
                Ok(())
            }
        })
    }

    /// Scaled in `wide`, whatever it held, and then rounded to `f32`.
    fn standardised(&self, wide: &mut Vec<f64>) -> Result<(ColumnScale, Vec<f32>), FeatureError> {
        wide.clear();
        self.append_to(wide, |chunk, values| {
            let numbers = cast(chunk, &DataType::Float64)?;
            extend(
                values,
                numbers.as_primitive::<Float64Type>(),
                f64::NAN,
                |value| value,
            );
            Ok(())
        })?;
        self.check_finite(wide.iter().filter(|value| value.is_infinite()).count())?;
        let scale = match self.learnt {
            Learning::All => ColumnScale::fit(wide, SummationOrder::Pairwise),
            Learning::Of(rows) => ColumnScale::fit(&only(wide, rows), SummationOrder::Pairwise),
            Learning::Earlier(scales) => scales[self.index],
        };
        let scaled = wide.iter().map(|value| scale.transform(*value) as f32);
        Ok((scale, scaled.collect()))
    }

    /// Scaled in `f32`.
    fn standardised_f32(&self) -> Result<(ColumnScale, Vec<f32>), FeatureError> {
        let mut values = self.numbers(false)?;
        self.check_finite(values.iter().filter(|value| value.is_infinite()).count())?;
        let scale = match self.learnt {
            Learning::All => ColumnScale::fit_f32(&values, SummationOrder::Pairwise),
            Learning::Of(rows) => {
                ColumnScale::fit_f32(&only(&values, rows), SummationOrder::Pairwise)
            }
            Learning::Earlier(scales) => scales[self.index],
        };
        for value in &mut values {
            *value = scale.transform_f32(*value);
        }
        Ok((scale, values))
    }

    /// scikit-learn's scaler takes no infinity either.
    fn check_finite(&self, count: usize) -> Result<(), FeatureError> {
        if count == 0 {
            return Ok(());
        }
        Err(FeatureError::Infinite {
            column: self.name.to_owned(),
            step: self.step.to_owned(),
            count,
        })
    }

    fn each<N>(
        &self,
        append: impl Fn(&ArrayRef, &mut Vec<N>) -> Result<(), ArrowError>,
    ) -> Result<Vec<N>, FeatureError> {
        let mut values = Vec::new();
        self.append_to(&mut values, append)?;
        Ok(values)
    }

    fn append_to<N>(
        &self,
        values: &mut Vec<N>,
        append: impl Fn(&ArrayRef, &mut Vec<N>) -> Result<(), ArrowError>,
    ) -> Result<(), FeatureError> {
        values.reserve_exact(self.chunks.iter().map(|chunk| chunk.len()).sum());
        for chunk in &self.chunks {
            append(chunk, values).map_err(|source| FeatureError::NotNumbers {
                column: self.name.to_owned(),
                source,
            })?;
        }
        Ok(())
    }
}

/// The values of some rows.
pub(super) fn only<N: Copy>(values: &[N], rows: &BooleanBuffer) -> Vec<N> {
    rows.set_indices().map(|row| values[row]).collect()
}

fn extend<T: ArrowPrimitiveType, N: Copy>(
    values: &mut Vec<N>,
    numbers: &PrimitiveArray<T>,
    missing: N,
    convert: impl Fn(T::Native) -> N,
) {
    values.extend(numbers.iter().map(|value| value.map_or(missing, &convert)));
}
