//! The row that is closest to another one, whatever the scales of their features.
//!
//! Two values of a feature are as far from each other as there are rows between them. Rows are as far as their features
//! are in sum.

use crate::forest::FeatureMatrix;

/// The closest row for which `is_wanted`; of several the first. `None` if there is none.
pub(super) fn row(
    matrix: &FeatureMatrix,
    number: usize,
    is_wanted: impl Fn(usize) -> bool,
) -> Option<usize> {
    let mut distances = vec![0.0; matrix.n_samples()];
    for feature in 0..matrix.n_features() {
        // Zero has one place, whatever its sign.
        let column: Vec<_> = matrix
            .column(feature)
            .iter()
            .map(|value| value + 0.0)
            .collect();
        let mut sorted = column.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        // A value's place is the middle of all that are equal to it.
        let place = |value: f32| {
            let below = sorted.partition_point(|other| other.total_cmp(&value).is_lt());
            let up_to = sorted.partition_point(|other| other.total_cmp(&value).is_le());
            (below + up_to) as f64 / 2.0
        };
        let own = place(column[number]);
        for (distance, value) in distances.iter_mut().zip(&column) {
            *distance += (place(*value) - own).abs();
        }
    }
    let others = (0..distances.len()).filter(|row| *row != number && is_wanted(*row));
    others.min_by(|a, b| distances[*a].total_cmp(&distances[*b]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_row_has_the_fewest_rows_between() {
        // By numbers 1,000 is far from 10, but no row is between them.
        let x = vec![1.0, 2.0, 3.0, 4.0, 10.0, 1_000.0];
        let matrix = FeatureMatrix::try_new(vec!["x".to_owned()], vec![x]).unwrap();
        assert_eq!(row(&matrix, 5, |_| true), Some(4));
        assert_eq!(row(&matrix, 5, |row| row < 3), Some(2));
        assert_eq!(row(&matrix, 0, |_| true), Some(1));
        assert_eq!(row(&matrix, 0, |_| false), None);
        let zeros =
            FeatureMatrix::try_new(vec!["x".to_owned()], vec![vec![0.0, 1.0, -0.0]]).unwrap();
        assert_eq!(row(&zeros, 0, |_| true), Some(2));
    }
}
