//! Which rows and columns a tree learns from.
//!
//! Each tree has a generator of its own, seeded with the tree's seed; it draws the columns first and
//! then the rows. So trees can be drawn in any order, on any thread.

use super::random::Mt19937;
use super::weighted::WeightedChoice;

/// What one tree learns from: columns and rows of the training matrix, in the order drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Distinct columns.
    pub features: Vec<usize>,
    /// Rows; with replacement a row may stand here more than once.
    pub rows: Vec<usize>,
}

/// Draws the sample of any tree from the tree's seed.
#[derive(Debug, Clone)]
pub struct Sampler {
    /// Rows of the training matrix.
    pub n_samples: usize,
    /// Columns of the training matrix.
    pub n_features: usize,
    /// Rows one tree draws; without `bootstrap` at most `n_samples`.
    pub max_samples: usize,
    /// Columns one tree draws, at most `n_features`.
    pub max_features: usize,
    /// Whether a tree may draw a row more than once.
    pub bootstrap: bool,
    /// Present where rows have weights.
    pub weights: Option<WeightedChoice>,
}

impl Sampler {
    /// The sample of the tree with this seed.
    pub fn draw(&self, seed: u32) -> Sample {
        let mut generator = Mt19937::new(seed);
        let features = without_replacement(&mut generator, self.n_features, self.max_features);
        let rows = match &self.weights {
            Some(weights) if self.bootstrap => {
                weights.with_replacement(&mut generator, self.max_samples)
            }
            Some(weights) => weights.without_replacement(&mut generator, self.max_samples),
            None if self.bootstrap => {
                with_replacement(&mut generator, self.n_samples, self.max_samples)
            }
            None => without_replacement(&mut generator, self.n_samples, self.max_samples),
        };
        Sample { features, rows }
    }
}

/// `n_samples` numbers below `population`, repeats allowed.
pub fn with_replacement(
    generator: &mut Mt19937,
    population: usize,
    n_samples: usize,
) -> Vec<usize> {
    (0..n_samples)
        .map(|_| generator.below(population))
        .collect()
}

/// `n_samples` distinct numbers below `population`, which is at least as large.
///
/// Three methods, chosen by the share drawn just as scikit-learn's `sample_without_replacement`
/// does: each uses up the generator differently.
pub fn without_replacement(
    generator: &mut Mt19937,
    population: usize,
    n_samples: usize,
) -> Vec<usize> {
    let share = n_samples as f64 / population as f64;
    if 0.01 < share && share < 0.99 {
        let mut order = generator.permutation(population);
        order.truncate(n_samples);
        order.shrink_to_fit();
        order
    } else if share < 0.2 {
        by_rejection(generator, population, n_samples)
    } else {
        by_reservoir(generator, population, n_samples)
    }
}

fn by_rejection(generator: &mut Mt19937, population: usize, n_samples: usize) -> Vec<usize> {
    let mut seen = Seen::with_room_for(n_samples);
    let mut drawn = Vec::with_capacity(n_samples);
    while drawn.len() < n_samples {
        let number = generator.below(population);
        if seen.insert(number) {
            drawn.push(number);
        }
    }
    drawn
}

fn by_reservoir(generator: &mut Mt19937, population: usize, n_samples: usize) -> Vec<usize> {
    let mut reservoir: Vec<usize> = (0..n_samples).collect();
    for number in n_samples..population {
        let place = generator.below(number + 1);
        if place < n_samples {
            reservoir[place] = number;
        }
    }
    reservoir
}

/// A set of random numbers: they need no hash, their last bits say where they lie.
struct Seen {
    /// A power of two of places, at least half of them free.
    places: Vec<Option<usize>>,
}

impl Seen {
    fn with_room_for(n: usize) -> Self {
        Self {
            places: vec![None; (2 * n).next_power_of_two()],
        }
    }

    /// Whether the number was not there before.
    fn insert(&mut self, number: usize) -> bool {
        let last = self.places.len() - 1;
        let mut place = number & last;
        while let Some(other) = self.places[place] {
            if other == number {
                return false;
            }
            place = (place + 1) & last;
        }
        self.places[place] = Some(number);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_the_population_comes_in_order_and_costs_no_draw() {
        let mut generator = Mt19937::new(42);
        assert_eq!(without_replacement(&mut generator, 4, 4), [0, 1, 2, 3]);
        assert_eq!(generator.next_u32(), Mt19937::new(42).next_u32());
    }

    #[test]
    fn up_to_one_percent_is_drawn_by_rejection_however_large_the_population() {
        let drawn = without_replacement(&mut Mt19937::new(1), 5_000_000_000, 3);
        let mut again = Mt19937::new(1);
        let expected: Vec<usize> = (0..3).map(|_| again.below(5_000_000_000)).collect();
        assert_eq!(drawn, expected);
    }

    #[test]
    fn a_number_rejected_as_drawn_before_costs_a_draw() {
        for seed in 0..20 {
            let mut again = Mt19937::new(seed);
            let mut expected = vec![];
            while expected.len() < 8 {
                let number = again.below(8);
                if !expected.contains(&number) {
                    expected.push(number);
                }
            }
            let mut generator = Mt19937::new(seed);
            assert_eq!(by_rejection(&mut generator, 8, 8), expected);
            assert_eq!(generator.next_u32(), again.next_u32());
        }
    }

    #[test]
    fn just_over_one_percent_is_the_head_of_a_whole_permutation() {
        let drawn = without_replacement(&mut Mt19937::new(1), 1_000, 11);
        assert_eq!(drawn, Mt19937::new(1).permutation(1_000)[..11]);
    }

    #[test]
    fn a_reservoir_of_two_from_three_keeps_or_replaces() {
        // One draw below 3 decides: 0 or 1 is the place the last number takes, 2 changes nothing.
        for seed in 0..20 {
            let place = Mt19937::new(seed).below(3);
            let expected = [[2, 1], [0, 2], [0, 1]][place];
            assert_eq!(by_reservoir(&mut Mt19937::new(seed), 3, 2), expected);
        }
    }

    #[test]
    fn columns_are_drawn_before_rows() {
        let sampler = Sampler {
            n_samples: 50,
            n_features: 9,
            max_samples: 5,
            max_features: 2,
            bootstrap: true,
            weights: None,
        };
        let mut generator = Mt19937::new(3);
        let features = without_replacement(&mut generator, 9, 2);
        let rows = with_replacement(&mut generator, 50, 5);
        assert_eq!(sampler.draw(3), Sample { features, rows });
    }
}
