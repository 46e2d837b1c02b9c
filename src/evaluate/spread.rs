//! A figure over several seeds: its mean, and how far apart they lie.

use serde::Serialize;

/// A figure over seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation, with one seed less than there are in its denominator; 0 of one.
    pub standard_deviation: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// Of each seed, in their order; of a ranking without chance, one.
    pub per_seed: Vec<f64>,
}

impl Spread {
    /// Of at least one value.
    pub fn of(per_seed: Vec<f64>) -> Self {
        let count = per_seed.len() as f64;
        let mean = per_seed.iter().sum::<f64>() / count;
        let squares = per_seed.iter().map(|value| (value - mean).powi(2));
        let variance = squares.sum::<f64>() / (count - 1.0).max(1.0);
        Self {
            mean,
            standard_deviation: variance.sqrt(),
            min: per_seed.iter().copied().fold(f64::INFINITY, f64::min),
            max: per_seed.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            per_seed,
        }
    }

    /// The mean, and the deviation where there is one, with so many digits.
    pub fn shown(&self, digits: usize) -> String {
        match self.per_seed.len() {
            1 => format!("{:.digits$}", self.mean),
            _ => format!(
                "{:.digits$}±{:.digits$}",
                self.mean, self.standard_deviation
            ),
        }
    }

    /// The same with the least and the most.
    pub fn shown_with_range(&self, digits: usize) -> String {
        match self.per_seed.len() {
            1 => self.shown(digits),
            _ => format!(
                "{} ({:.digits$} to {:.digits$})",
                self.shown(digits),
                self.min,
                self.max
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_and_four_lie_the_root_of_two_around_three() {
        let spread = Spread::of(vec![2.0, 4.0]);
        assert_eq!(spread.standard_deviation, 2.0_f64.sqrt());
        assert_eq!(spread.shown_with_range(3), "3.000±1.414 (2.000 to 4.000)");
        assert_eq!(Spread::of(vec![2.0]).shown_with_range(1), "2.0");
    }
}
