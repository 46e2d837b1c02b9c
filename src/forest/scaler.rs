//! scikit-learn's `StandardScaler`, for notebooks that scale columns before the forest.
//!
//! The forest does not need it, but rounding a scaled value to `f32` can differ from rounding the
//! value itself, so the same anomalies ask for the same scaling.

use super::summation::{pairwise_sum, sequential_sum};

/// How the notebook's table lay in memory, which is the order NumPy adds it up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummationOrder {
    /// Column by column: a data frame, or a table of one column.
    Pairwise,
    /// Row by row: a list of rows, or `column_stack`.
    Sequential,
}

impl SummationOrder {
    fn sum(self, values: &[f64], term: impl Fn(f64) -> f64 + Copy) -> f64 {
        match self {
            Self::Pairwise => pairwise_sum(values, term),
            Self::Sequential => sequential_sum(values, term),
        }
    }
}

/// What the scaler learned of one column. Missing values are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColumnScale {
    /// The mean; NaN if every value is missing.
    pub mean: f64,
    /// The population variance.
    pub variance: f64,
    /// The standard deviation, or 1 for a constant column.
    pub scale: f64,
}

/// Takes the mean off each column and divides it by its standard deviation.
#[derive(Debug, Clone, PartialEq)]
pub struct StandardScaler {
    columns: Vec<ColumnScale>,
}

impl StandardScaler {
    /// Learns mean and scale of each column; NaN is a missing value.
    pub fn fit<C: AsRef<[f64]>>(columns: &[C], order: SummationOrder) -> Self {
        let fit = |column: &C| ColumnScale::fit(column.as_ref(), order);
        Self {
            columns: columns.iter().map(fit).collect(),
        }
    }

    /// What was learned, in the order of the columns.
    pub fn columns(&self) -> &[ColumnScale] {
        &self.columns
    }
}

impl ColumnScale {
    fn fit(values: &[f64], order: SummationOrder) -> Self {
        // A missing value adds 0, so that the others keep their place in the order.
        let present = |value: f64, term: f64| if value.is_nan() { 0.0 } else { term };

        let count = values.iter().filter(|value| !value.is_nan()).count() as f64;
        let mean = order.sum(values, |x| present(x, x)) / count;
        let residue = order.sum(values, |x| present(x, x - mean));
        let squares = order.sum(values, |x| present(x, (x - mean) * (x - mean)));
        let variance = (squares - residue * residue / count) / count;
        let scale = if is_constant(count, mean, variance) {
            1.0
        } else {
            variance.sqrt()
        };
        Self {
            mean,
            variance,
            scale,
        }
    }

    /// The value as the forest gets it, still to be rounded to `f32`.
    pub fn transform(&self, value: f64) -> f64 {
        (value - self.mean) / self.scale
    }

    /// The value of a table that is all `f32`, where scikit-learn transforms in `f32`.
    pub fn transform_f32(&self, value: f32) -> f32 {
        (value - self.mean as f32) / self.scale as f32
    }
}

/// Whether the variance is no more than what rounding alone can leave.
fn is_constant(count: f64, mean: f64, variance: f64) -> bool {
    let noise = count * mean * f64::EPSILON;
    variance <= count * f64::EPSILON * variance + noise * noise
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_four_six_have_mean_four_and_variance_eight_thirds() {
        let scale = ColumnScale::fit(&[2.0, 4.0, 6.0], SummationOrder::Pairwise);
        assert_eq!(scale.mean, 4.0);
        assert_eq!(scale.variance, 8.0 / 3.0);
        assert_eq!(scale.scale, (8.0_f64 / 3.0).sqrt());
        assert_eq!(scale.transform(4.0), 0.0);
    }

    #[test]
    fn a_constant_column_keeps_scale_one() {
        let scale = ColumnScale::fit(&[0.1; 10], SummationOrder::Sequential);
        assert_eq!(scale.scale, 1.0);
        assert!(scale.transform(0.1).abs() < 1e-15);
    }

    #[test]
    fn missing_values_are_left_out() {
        let with = ColumnScale::fit(&[1.0, f64::NAN, 3.0], SummationOrder::Pairwise);
        let without = ColumnScale::fit(&[1.0, 3.0], SummationOrder::Pairwise);
        assert_eq!(with, without);
        assert!(with.transform(f64::NAN).is_nan());
    }

    #[test]
    fn a_column_of_missing_values_stays_missing() {
        let scale = ColumnScale::fit(&[f64::NAN; 3], SummationOrder::Pairwise);
        assert!(scale.mean.is_nan());
        assert!(scale.transform(1.0).is_nan());
    }
}
