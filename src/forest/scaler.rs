//! scikit-learn's `StandardScaler`, for notebooks that scale columns before the forest.
//!
//! The forest does not need it, but rounding a scaled value to `f32` can differ from rounding the
//! value itself, so the same anomalies ask for the same scaling.

use super::summation::{pairwise_sum, sequential_sum};

/// How many values NumPy converts at a time.
const NUMPY_BUFFER: usize = 8_192;

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

    /// Like `fit`, for a table that is all `f32`. To go with `transform_f32`.
    pub fn fit_f32<C: AsRef<[f32]>>(columns: &[C], order: SummationOrder) -> Self {
        let fit = |column: &C| ColumnScale::fit_f32(column.as_ref(), order);
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
    /// Learns mean and scale of one column, for a table too large to hold twice.
    pub fn fit(values: &[f64], order: SummationOrder) -> Self {
        Self::around(order.sum(values, zero_if_missing), values, order)
    }

    /// Like `fit`, for a column of a table that is all `f32`: sums are in `f64`, but NumPy widens the column one
    /// buffer at a time, which changes the order of the first sum.
    pub fn fit_f32(values: &[f32], order: SummationOrder) -> Self {
        let wide: Vec<f64> = values.iter().map(|x| f64::from(*x)).collect();
        let total = match order {
            SummationOrder::Pairwise => wide.chunks(NUMPY_BUFFER).fold(0.0, |total, buffer| {
                total + order.sum(buffer, zero_if_missing)
            }),
            SummationOrder::Sequential => order.sum(&wide, zero_if_missing),
        };
        Self::around(total, &wide, order)
    }

    fn around(total: f64, values: &[f64], order: SummationOrder) -> Self {
        let count = values.iter().filter(|value| !value.is_nan()).count() as f64;
        // scikit-learn adds the total to what it knew before, 0.0: no mean is −0.0.
        let mean = (0.0 + total) / count;
        let residue = order.sum(values, |x| zero_if_missing(x - mean));
        let squares = order.sum(values, |x| zero_if_missing((x - mean) * (x - mean)));
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

/// A missing value adds nothing, but keeps its place in the order of the sum.
fn zero_if_missing(term: f64) -> f64 {
    if term.is_nan() { 0.0 } else { term }
}

/// Whether the variance is no more than what rounding alone can leave.
fn is_constant(count: f64, mean: f64, variance: f64) -> bool {
    let noise = count * mean * f64::EPSILON;
    variance <= count * f64::EPSILON * variance + noise * noise
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::random::Mt19937;

    #[test]
    fn two_four_six_have_mean_four_and_variance_eight_thirds() {
        let scale = fit(&[2.0, 4.0, 6.0], SummationOrder::Pairwise);
        assert_eq!(scale.mean, 4.0);
        assert_eq!(scale.variance, 8.0 / 3.0);
        assert_eq!(scale.scale, (8.0_f64 / 3.0).sqrt());
        assert_eq!(scale.transform(4.0), 0.0);
    }

    #[test]
    fn a_constant_column_keeps_scale_one() {
        let scale = fit(&[0.1; 10], SummationOrder::Sequential);
        assert_eq!(scale.scale, 1.0);
        assert!(scale.transform(0.1).abs() < 1e-15);
    }

    #[test]
    fn missing_values_are_left_out() {
        let with = fit(&[1.0, f64::NAN, 3.0], SummationOrder::Pairwise);
        let without = fit(&[1.0, 3.0], SummationOrder::Pairwise);
        assert_eq!(with, without);
        assert!(with.transform(f64::NAN).is_nan());
    }

    #[test]
    fn the_values_of_an_f32_column_are_added_buffer_by_buffer() {
        let mut generator = Mt19937::new(3);
        let cube = |u: f64| (u * u * u * 1000.0) as f32;
        let column: Vec<f32> = (0..20_000).map(|_| cube(generator.next_f64())).collect();
        let wide: Vec<f64> = column.iter().map(|x| f64::from(*x)).collect();
        let scaler = StandardScaler::fit_f32(&[column], SummationOrder::Pairwise);
        assert_eq!(scaler.columns()[0].mean, 248.740_195_820_671_7); // scikit-learn on f32
        assert_eq!(
            fit(&wide, SummationOrder::Pairwise).mean,
            248.740_195_820_671_66
        );
    }

    #[test]
    fn a_column_of_missing_values_stays_missing() {
        let scale = fit(&[f64::NAN; 3], SummationOrder::Pairwise);
        assert!(scale.mean.is_nan());
        assert!(scale.transform(1.0).is_nan());
    }

    fn fit(column: &[f64], order: SummationOrder) -> ColumnScale {
        StandardScaler::fit(&[column], order).columns[0]
    }
}
