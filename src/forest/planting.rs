//! From parameters and a table to trees: seeds, samples, and the rows each tree grows on.

use rayon::prelude::*;

use super::extended::{self, ExtendedTree, SampledRows};
use super::grow::{TrainingRows, grow};
use super::random::{Mt19937, derived_seed};
use super::sampling::{Sample, Sampler};
use super::weighted::WeightedChoice;
use super::{FeatureMatrix, ForestError, IsolationForestParams, Tree, targets};

/// More trees than anyone needs: a mistyped number should not take all memory.
const MOST_ESTIMATORS: usize = 1_000_000;
/// As many rows as the 32-bit numbers inside a tree can name, two nodes a row.
pub const MOST_SAMPLES: usize = 1 << 31;

/// The table that trees draw their rows from.
#[derive(Clone, Copy)]
pub enum Rows<'a> {
    /// Each of its rows is here.
    All(&'a FeatureMatrix),
    /// Those are that are drawn.
    Drawn {
        /// Rows of the table.
        n_samples: usize,
        /// Which ones are here, in ascending order.
        rows: &'a [usize],
        /// A row for each of them.
        x: &'a FeatureMatrix,
    },
}

impl<'a> Rows<'a> {
    /// The rows that are here.
    pub fn matrix(&self) -> &'a FeatureMatrix {
        match self {
            Self::All(x) | Self::Drawn { x, .. } => x,
        }
    }

    /// Rows of the table.
    pub fn n_samples(&self) -> usize {
        match self {
            Self::All(x) => x.n_samples(),
            Self::Drawn { n_samples, .. } => *n_samples,
        }
    }

    /// Where in the matrix these rows of the table stand.
    fn places(&self, drawn: &[usize]) -> Vec<usize> {
        match self {
            Self::All(_) => drawn.to_vec(),
            Self::Drawn { rows, .. } => {
                let place = |row| rows.binary_search(row).expect("each drawn row is here");
                drawn.iter().map(place).collect()
            }
        }
    }
}

/// The parameters in whole numbers, checked against the table.
pub fn sampler(
    params: &IsolationForestParams,
    n_samples: usize,
    n_features: usize,
    sample_weight: Option<&[f64]>,
) -> Result<Sampler, ForestError> {
    if n_samples == 0 {
        return Err(ForestError::Empty { what: "rows" });
    }
    at_most("n_estimators", params.n_estimators.get(), MOST_ESTIMATORS)?;
    let max_samples = params.max_samples.resolve(n_samples)?;
    at_most("max_samples", max_samples, MOST_SAMPLES)?;
    let max_features = params.max_features.resolve(n_features)?;
    let weights = match sample_weight {
        Some(weights) if weights.len() != n_samples => {
            return Err(ForestError::SampleWeight {
                problem: format!("has {} values for {n_samples} rows", weights.len()),
            });
        }
        Some(weights) => {
            let needed = if params.bootstrap { 1 } else { max_samples };
            Some(WeightedChoice::try_new(weights, needed)?)
        }
        None => None,
    };
    Ok(Sampler {
        n_samples,
        n_features,
        max_samples,
        max_features,
        bootstrap: params.bootstrap,
        weights,
    })
}

fn at_most(parameter: &'static str, value: usize, limit: usize) -> Result<(), ForestError> {
    if value <= limit {
        return Ok(());
    }
    Err(ForestError::Parameter {
        parameter,
        value: value.to_string(),
        allowed: format!("the forest takes {limit} at most"),
    })
}

/// The depth at which a balanced tree has a leaf for each of `max_samples` rows; at least 1.
pub fn max_depth(max_samples: usize) -> usize {
    (max_samples.max(2) - 1).ilog2() as usize + 1
}

/// One seed for each tree.
pub fn seeds(params: &IsolationForestParams) -> Vec<u32> {
    let mut generator = Mt19937::new(params.random_state);
    let seeds = (0..params.n_estimators.get()).map(|_| generator.next_seed());
    seeds.collect()
}

/// One tree for each seed, grown side by side. Reads only the rows that a tree drew.
pub fn trees(sampler: &Sampler, seeds: &[u32], x: Rows<'_>, random_state: u32) -> Vec<Tree> {
    let max_depth = max_depth(sampler.max_samples);
    let draw = |seed: &u32| DistinctRows::of(sampler.draw(*seed));
    let plant = |seed: &u32, rows: DistinctRows, targets: Vec<f64>| {
        let training = rows.with_targets(x, targets);
        grow(&training, max_depth, derived_seed(derived_seed(*seed)))
    };
    if seeds.len().saturating_mul(sampler.max_samples) <= sampler.n_samples {
        // Few rows of many: hold all samples, and only the targets these rows need.
        let samples: Vec<DistinctRows> = seeds.par_iter().map(draw).collect();
        let rows: Vec<&[usize]> = samples.iter().map(|sample| &sample.rows[..]).collect();
        let targets = targets::of_rows(random_state, &rows);
        let trees = seeds.par_iter().zip(samples).zip(targets);
        trees
            .map(|((seed, rows), targets)| plant(seed, rows, targets))
            .collect()
    } else {
        // Together the samples outnumber the rows: hold all targets, and a sample at a time.
        let all = targets::of_all(random_state, sampler.n_samples);
        let grow_one = |seed| {
            let sample = draw(seed);
            let targets = sample.rows.iter().map(|row| all[*row]).collect();
            plant(seed, sample, targets)
        };
        seeds.par_iter().map(grow_one).collect()
    }
}

/// One tree of planes for each seed, grown side by side on the rows that a tree of axis-parallel cuts would draw.
pub fn extended_trees(
    sampler: &Sampler,
    seeds: &[u32],
    x: Rows<'_>,
    extension_level: usize,
) -> Vec<ExtendedTree> {
    let max_depth = max_depth(sampler.max_samples);
    let plant = |seed: &u32| {
        let DistinctRows { features, rows, .. } = DistinctRows::of(sampler.draw(*seed));
        let sample = SampledRows::of(x.matrix(), &x.places(&rows), features);
        extended::grow(&sample, extension_level, max_depth, derived_seed(*seed))
    };
    seeds.par_iter().map(plant).collect()
}

/// A sample in the order of the table, each row once.
struct DistinctRows {
    features: Vec<usize>,
    rows: Vec<usize>,
    /// How often each row was drawn.
    weights: Vec<f64>,
}

impl DistinctRows {
    fn of(sample: Sample) -> Self {
        let Sample { features, mut rows } = sample;
        rows.sort_unstable();
        let weights = rows
            .chunk_by(|a, b| a == b)
            .map(|same| same.len() as f64)
            .collect();
        rows.dedup();
        Self {
            features,
            rows,
            weights,
        }
    }

    fn with_targets(self, x: Rows<'_>, targets: Vec<f64>) -> TrainingRows {
        let places = x.places(&self.rows);
        let gather = |feature: &usize| {
            let column = x.matrix().column(*feature);
            places.iter().map(|place| column[*place]).collect()
        };
        TrainingRows {
            columns: self.features.iter().map(gather).collect(),
            features: self.features,
            weights: self.weights,
            targets,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::forest::{MaxFeatures, MaxSamples};

    #[test]
    fn max_depth_is_the_logarithm_rounded_up() {
        let depths = [1, 2, 3, 4, 5, 100, 256, 257].map(max_depth);
        assert_eq!(depths, [1, 1, 2, 2, 3, 7, 8, 9]);
    }

    #[test]
    fn a_row_drawn_twice_is_one_row_of_weight_two() {
        let sample = Sample {
            features: vec![1],
            rows: vec![2, 0, 2],
        };
        let training = DistinctRows::of(sample).with_targets(Rows::All(&table()), vec![0.5, 0.25]);
        assert_eq!(training.columns, [[10.0, 12.0]]);
        assert_eq!(training.weights, [1.0, 2.0]);
    }

    #[test]
    fn absurd_parameters_are_refused_or_cut_to_the_table() {
        let huge = NonZeroUsize::MAX;
        let mut params = IsolationForestParams {
            max_samples: MaxSamples::Count(huge),
            ..Default::default()
        };
        assert_eq!(sampler(&params, 3, 2, None).unwrap().max_samples, 3);
        params.n_estimators = huge;
        let message = sampler(&params, 3, 2, None).unwrap_err().to_string();
        assert!(
            message.ends_with("but the forest takes 1000000 at most"),
            "{message}"
        );
        params = IsolationForestParams {
            max_features: MaxFeatures::Count(huge),
            ..Default::default()
        };
        assert!(sampler(&params, 3, 2, None).is_err());
    }

    #[test]
    fn each_row_has_one_weight() {
        let params = IsolationForestParams::default();
        let error = sampler(&params, 3, 2, Some(&[1.0, 1.0])).unwrap_err();
        assert_eq!(error.to_string(), "`sample_weight` has 2 values for 3 rows");
    }

    #[test]
    fn holding_few_targets_or_all_of_them_grows_the_same_trees() {
        let column = (0..500).map(|i| ((i * 37) % 501) as f32).collect();
        let x = FeatureMatrix::try_new(vec!["a".into()], vec![column]).unwrap();
        let params = IsolationForestParams {
            max_samples: MaxSamples::Count(const { NonZeroUsize::new(50).unwrap() }),
            ..Default::default()
        };
        let sampler = sampler(&params, x.n_samples(), 1, None).unwrap();
        let seeds = seeds(&params);
        let few = trees(&sampler, &seeds[..10], Rows::All(&x), 0); // 10 · 50 rows, as many as there are
        let many = trees(&sampler, &seeds[..20], Rows::All(&x), 0);
        assert_eq!(few, many[..10]);
    }

    /// Two columns of three rows: 0 1 2 and 10 11 12.
    fn table() -> FeatureMatrix {
        let columns = vec![vec![0.0, 1.0, 2.0], vec![10.0, 11.0, 12.0]];
        FeatureMatrix::try_new(vec!["a".into(), "b".into()], columns).unwrap()
    }
}
