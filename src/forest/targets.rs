//! The random targets scikit-learn grows its trees against.
//!
//! Its isolation trees are regression trees on one random number for each training row. The numbers
//! decide one thing only: a node whose targets are all but equal is not split. That is rare, but the
//! same trees ask for it.

use super::random::Mt19937;

/// The targets of the training rows that trees look at.
#[derive(Debug, Clone)]
pub enum Targets {
    /// Of every row.
    All(Vec<f64>),
    /// Of these rows, ascending.
    Some {
        /// The rows.
        rows: Vec<usize>,
        /// Their targets.
        values: Vec<f64>,
    },
}

impl Targets {
    /// The targets of rows `0..n_samples`.
    pub fn of_all(random_state: u32, n_samples: usize) -> Self {
        let mut generator = Mt19937::new(random_state);
        Self::All((0..n_samples).map(|_| generator.next_f64()).collect())
    }

    /// The targets of some rows, in any order and with repeats, in one pass over the stream.
    pub fn of(random_state: u32, mut rows: Vec<usize>) -> Self {
        rows.sort_unstable();
        rows.dedup();
        let mut generator = Mt19937::new(random_state);
        let mut next_row = 0;
        let values = rows
            .iter()
            .map(|&row| {
                generator.skip(2 * (row - next_row) as u64); // two words make a target
                next_row = row + 1;
                generator.next_f64()
            })
            .collect();
        Self::Some { rows, values }
    }

    /// The targets of `rows`, ascending, all of which were asked for.
    pub fn gather(&self, rows: &[usize]) -> Vec<f64> {
        match self {
            Self::All(values) => rows.iter().map(|&row| values[row]).collect(),
            Self::Some {
                rows: known,
                values,
            } => {
                let mut from = 0;
                rows.iter()
                    .map(|row| {
                        from += known[from..].partition_point(|other| other < row);
                        values[from]
                    })
                    .collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_depends_on_its_row_alone() {
        let some = Targets::of(42, vec![700, 3, 3, 0, 311, 312]);
        let all = Targets::of_all(42, 701);
        assert_eq!(some.gather(&[0, 3, 312]), all.gather(&[0, 3, 312]));
        assert_eq!(some.gather(&[311, 700]), all.gather(&[311, 700]));
    }

    #[test]
    fn the_first_target_is_the_first_number_of_the_seed() {
        assert_eq!(
            Targets::of(42, vec![0]).gather(&[0]),
            [0.374_540_118_847_362_5]
        );
    }
}
