//! Rows drawn by weight, as NumPy's `RandomState.choice(n, size, replace, p)` draws them.

use std::collections::HashSet;

use super::ForestError;
use super::random::Mt19937;
use super::summation::pairwise_sum;

/// Draws rows with probability proportional to their weights.
#[derive(Debug, Clone)]
pub struct WeightedChoice {
    probabilities: Vec<f64>,
    /// The running share of all rows up to and with this one; ends in 1.
    cumulative: Vec<f64>,
}

impl WeightedChoice {
    /// A choice among `weights.len()` rows. Weights are finite and not negative, and at least
    /// `needed` of them are above zero.
    pub fn try_new(weights: &[f64], needed: usize) -> Result<Self, ForestError> {
        let bad = |weight: &f64| !(weight.is_finite() && *weight >= 0.0);
        if let Some(row) = weights.iter().position(bad) {
            return Err(ForestError::SampleWeight {
                problem: format!("is {} in row {row}", weights[row]),
            });
        }
        let total = pairwise_sum(weights, |weight| weight);
        let probabilities: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        let drawable = probabilities.iter().filter(|p| **p > 0.0).count();
        if drawable < needed {
            return Err(ForestError::SampleWeight {
                problem: format!("leaves {drawable} rows to draw from, a tree needs {needed}"),
            });
        }
        let cumulative = cumulative(&probabilities);
        Ok(Self {
            probabilities,
            cumulative,
        })
    }

    /// `n_samples` rows, repeats allowed.
    pub fn with_replacement(&self, generator: &mut Mt19937, n_samples: usize) -> Vec<usize> {
        (0..n_samples)
            .map(|_| look_up(&self.cumulative, generator.next_f64()))
            .collect()
    }

    /// `n_samples` distinct rows, at most the number that `try_new` was asked for.
    ///
    /// Rounds of draws: the rows found so far lose their weight, and the next round draws for the
    /// places still empty.
    pub fn without_replacement(&self, generator: &mut Mt19937, n_samples: usize) -> Vec<usize> {
        let mut probabilities = self.probabilities.clone();
        let mut seen = HashSet::with_capacity(n_samples);
        let mut found = Vec::with_capacity(n_samples);
        while found.len() < n_samples {
            for &row in &found {
                probabilities[row] = 0.0;
            }
            let cumulative = cumulative(&probabilities);
            for _ in found.len()..n_samples {
                let row = look_up(&cumulative, generator.next_f64());
                if seen.insert(row) {
                    found.push(row);
                }
            }
        }
        found
    }
}

fn cumulative(probabilities: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let mut cumulative: Vec<f64> = probabilities
        .iter()
        .map(|probability| {
            sum += probability;
            sum
        })
        .collect();
    cumulative.iter_mut().for_each(|share| *share /= sum);
    cumulative
}

/// The row whose share holds `u`: shares are half open, so a row of weight 0 is never found.
fn look_up(cumulative: &[f64], u: f64) -> usize {
    cumulative.partition_point(|share| *share <= u)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_by_the_share_it_holds() {
        let cumulative = cumulative(&[0.25, 0.0, 0.25, 0.5]);
        assert_eq!(cumulative, [0.25, 0.25, 0.5, 1.0]);
        assert_eq!(look_up(&cumulative, 0.0), 0);
        assert_eq!(look_up(&cumulative, 0.25), 2); // row 1 has no share
        assert_eq!(look_up(&cumulative, 0.75), 3);
    }

    #[test]
    fn without_replacement_ends_with_every_row_that_has_a_weight() {
        let choice = WeightedChoice::try_new(&[1e9, 0.0, 1.0, 1e-9], 3).unwrap();
        let mut rows = choice.without_replacement(&mut Mt19937::new(0), 3);
        rows.sort_unstable();
        assert_eq!(rows, [0, 2, 3]);
    }

    #[test]
    fn weights_that_cannot_fill_a_sample_are_refused() {
        let problem =
            |weights: &[f64]| WeightedChoice::try_new(weights, 2).unwrap_err().to_string();
        assert_eq!(
            problem(&[1.0, 0.0, 0.0]),
            "`sample_weight` leaves 1 rows to draw from, a tree needs 2"
        );
        assert_eq!(problem(&[1.0, -2.0]), "`sample_weight` is -2 in row 1");
        assert_eq!(problem(&[f64::NAN, 1.0]), "`sample_weight` is NaN in row 0");
        // The sum overflows, every share is 0.
        assert_eq!(
            problem(&[f64::MAX, f64::MAX]),
            "`sample_weight` leaves 0 rows to draw from, a tree needs 2"
        );
    }
}
