//! From path lengths to scores. Liu, Ting and Zhou, "Isolation Forest", ICDM 2008, equations 1 and 2.
//!
//! Every operation stands in scikit-learn's order: another order changes last bits, and with them
//! the rows that lie exactly on the line.

use super::power::{Arithmetic, two_to_the_minus, two_to_the_minus_each};

const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

/// c(n): the mean path length of an unsuccessful search in a binary tree of `n` rows.
pub fn average_path_length(n: usize) -> f64 {
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            // glibc's ln is correctly rounded here to n = 9,170, and for all but 302 n up to 10⁷.
            let n = n as f64;
            2.0 * ((n - 1.0).ln() + EULER_GAMMA) - 2.0 * (n - 1.0) / n
        }
    }
}

/// What a leaf adds to the path length of a row: the splits above it, and the mean number that
/// would follow if its `n_samples` training rows were split further.
pub fn leaf_path_length(splits_above: usize, n_samples: usize) -> f64 {
    // scikit-learn counts nodes, root included, and takes one off at the end.
    (splits_above as f64 + 1.0) + average_path_length(n_samples) - 1.0
}

/// Turns the path length of a row, summed over the trees, into its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scorer {
    ordinary: f64,
}

impl Scorer {
    /// For `n_estimators` trees of `max_samples` rows.
    pub fn new(n_estimators: usize, max_samples: usize) -> Self {
        Self {
            ordinary: n_estimators as f64 * average_path_length(max_samples),
        }
    }

    /// −1 to 0, low is unusual: −2^(−depth_sum / ordinary).
    #[inline(always)]
    pub fn score(self, depth_sum: f64) -> f64 {
        // Trees of one row have no length to compare with; every row is ordinary.
        if self.ordinary == 0.0 {
            return -0.5;
        }
        -two_to_the_minus(depth_sum / self.ordinary)
    }

    /// Turns the depth sums of many rows into their scores, to the bit as `score` does. Inlined, it
    /// becomes vector instructions of the caller's machine.
    #[inline(always)]
    pub fn score_all(self, depth_sums: &mut [f64], machine: Arithmetic) {
        if self.ordinary == 0.0 {
            return depth_sums.fill(-0.5);
        }
        let (chunks, rest) = depth_sums.as_chunks_mut();
        for chunk in chunks {
            for value in chunk.iter_mut() {
                *value /= self.ordinary;
            }
            *chunk = two_to_the_minus_each(chunk, machine);
            for value in chunk {
                *value = -*value;
            }
        }
        for value in rest {
            *value = self.score(*value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_path_length_of_three_rows() {
        // 2 (ln 2 + γ) − 4/3 = 2 · 1.270363 − 1.333333
        assert!((average_path_length(3) - 1.207_392).abs() < 1e-6);
        assert_eq!(average_path_length(2), 1.0);
        assert_eq!(average_path_length(1), 0.0);
    }

    #[test]
    fn a_row_of_ordinary_path_length_scores_minus_one_half() {
        let scorer = Scorer::new(4, 2); // 4 trees, c(2) = 1
        assert_eq!(scorer.score(4.0), -0.5);
        assert_eq!(scorer.score(8.0), -0.25); // twice as deep: more ordinary
        assert_eq!(scorer.score(0.0), -1.0);
    }

    #[test]
    fn trees_of_one_row_score_every_row_minus_one_half() {
        assert_eq!(Scorer::new(100, 1).score(0.0), -0.5);
    }

    #[test]
    fn many_rows_score_as_each_alone() {
        for scorer in [Scorer::new(100, 256), Scorer::new(100, 1)] {
            let sums: Vec<f64> = (0..1_000).map(|i| 300.0 + f64::from(i)).collect();
            let alone: Vec<f64> = sums.iter().map(|sum| scorer.score(*sum)).collect();
            for machine in [Arithmetic::Plain, Arithmetic::Fused] {
                let mut scores = sums.clone();
                scorer.score_all(&mut scores, machine);
                assert_eq!(scores, alone);
            }
        }
    }

    #[test]
    fn the_power_is_not_exp2() {
        // Here the two differ in the last bit; NumPy and scikit-learn give this one.
        let score = Scorer::new(1, 2).score(1.048_855_135_858_756_8);
        assert_eq!((-score).to_bits(), 0x3fde_ef3b_77a7_b5ef);
    }
}
