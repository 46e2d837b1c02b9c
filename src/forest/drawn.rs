//! The rows that trees draw, where the others are not at hand.
//!
//! A forest learns from few rows of many: which ones follows from its parameters and the number of rows alone. So it can be
//! grown where only those are, and is the forest of the whole table.

use super::planting::Rows;
use super::{FeatureMatrix, ForestError, IsolationForest, IsolationForestParams, planting};

/// Some rows of a table: all that a forest draws.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnRows {
    n_samples: usize,
    rows: Vec<usize>,
    x: FeatureMatrix,
}

impl DrawnRows {
    /// The rows with these numbers, in ascending order, out of `n_samples`; `x` has one row for each.
    ///
    /// # Panics
    /// If it has not, or if the numbers are not so.
    pub fn new(n_samples: usize, rows: Vec<usize>, x: FeatureMatrix) -> Self {
        assert_eq!(rows.len(), x.n_samples(), "a number for each row");
        assert!(
            rows.is_sorted_by(|a, b| a < b) && rows.last().is_none_or(|last| *last < n_samples),
            "numbers of rows, in ascending order"
        );
        Self { n_samples, rows, x }
    }
}

impl IsolationForest {
    /// The rows of a table of `n_samples` rows and `n_features` columns that the trees draw, in ascending order.
    pub fn draws(
        params: &IsolationForestParams,
        n_samples: usize,
        n_features: usize,
    ) -> Result<Vec<usize>, ForestError> {
        let sampler = planting::sampler(params, n_samples, n_features, None)?;
        let seeds = planting::seeds(params);
        let mut rows: Vec<_> = seeds
            .iter()
            .flat_map(|seed| sampler.draw(*seed).rows)
            .collect();
        rows.sort_unstable();
        rows.dedup();
        Ok(rows)
    }

    /// The forest of the whole table, but for its offset, which [`Self::place_offset`] places where it is not `"auto"`.
    ///
    /// # Panics
    /// If a row is missing that a tree draws.
    pub fn grow_drawn(
        params: &IsolationForestParams,
        drawn: &DrawnRows,
    ) -> Result<Self, ForestError> {
        Self::grow(
            params,
            Rows::Drawn {
                n_samples: drawn.n_samples,
                rows: &drawn.rows,
                x: &drawn.x,
            },
            None,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::forest::{ForestKind, MaxSamples};

    #[test]
    fn a_forest_grown_on_the_drawn_rows_is_the_forest_of_the_table() {
        let column =
            |step: usize| -> Vec<f32> { (0..5_000).map(|i| ((i * step) % 4_999) as f32).collect() };
        let columns = [37, 101, 7].map(column);
        let names: Vec<_> = ["a", "b", "c"].map(str::to_owned).to_vec();
        let x = FeatureMatrix::try_new(names.clone(), columns.to_vec()).unwrap();
        let mut params = IsolationForestParams {
            max_samples: MaxSamples::Count(const { NonZeroUsize::new(30).unwrap() }),
            n_estimators: const { NonZeroUsize::new(20).unwrap() },
            ..Default::default()
        };
        for (bootstrap, kind) in [
            (false, ForestKind::Axis),
            (true, ForestKind::Axis),
            (false, ForestKind::Extended),
        ] {
            (params.bootstrap, params.kind) = (bootstrap, kind);
            let rows = IsolationForest::draws(&params, 5_000, 3).unwrap();
            assert!(rows.len() <= 600);
            let some = |column: &Vec<f32>| rows.iter().map(|row| column[*row]).collect();
            let few = FeatureMatrix::try_new(names.clone(), columns.iter().map(some).collect());
            let drawn = DrawnRows::new(5_000, rows.clone(), few.unwrap());
            let grown = IsolationForest::grow_drawn(&params, &drawn).unwrap();
            assert_eq!(grown, IsolationForest::fit(&params, &x).unwrap());
        }
    }
}
