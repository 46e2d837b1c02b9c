//! Drawing rows: in all branches and at their borders, with replacement, by weight.

use crannog::forest::random::Mt19937;
use crannog::forest::sampling::{with_replacement, without_replacement};
use crannog::forest::weighted::WeightedChoice;
use serde::Deserialize;

use super::vectors::{read_all, same};

#[derive(Deserialize)]
struct Sampling {
    without_replacement: Vec<Draw>,
    bootstrap: Vec<Draw>,
    weighted: Vec<WeightedDraw>,
}

#[derive(Deserialize)]
struct Draw {
    seed: u32,
    n_population: usize,
    n_samples: usize,
    values: Vec<usize>,
    next_u32: u32,
}

#[derive(Deserialize)]
struct WeightedDraw {
    seed: u32,
    weights: Vec<f64>,
    n_samples: usize,
    replace: bool,
    values: Vec<usize>,
    next_u32: u32,
}

#[test]
fn without_replacement_draws_scikit_learns_numbers() {
    for (file, sampling) in read_all::<Sampling>("sampling.json") {
        for case in sampling.without_replacement {
            check(
                &case,
                without_replacement,
                &format!("{file}: without_replacement"),
            );
        }
    }
}

#[test]
fn bootstrap_draws_numpys_numbers() {
    for (file, sampling) in read_all::<Sampling>("sampling.json") {
        for case in sampling.bootstrap {
            check(&case, with_replacement, &format!("{file}: bootstrap"));
        }
    }
}

#[test]
fn weighted_choice_draws_numpys_rows() {
    for (file, sampling) in read_all::<Sampling>("sampling.json") {
        for (i, case) in sampling.weighted.into_iter().enumerate() {
            let place = format!("{file}: weighted [{i}], replace {}", case.replace);
            let needed = if case.replace { 1 } else { case.n_samples };
            let choice = WeightedChoice::try_new(&case.weights, needed).unwrap();
            let mut generator = Mt19937::new(case.seed);
            let rows = if case.replace {
                choice.with_replacement(&mut generator, case.n_samples)
            } else {
                choice.without_replacement(&mut generator, case.n_samples)
            };
            same(&rows, &case.values, &place);
            assert_eq!(generator.next_u32(), case.next_u32, "{place}: next_u32");
        }
    }
}

fn check(case: &Draw, draw: fn(&mut Mt19937, usize, usize) -> Vec<usize>, field: &str) {
    let place = format!(
        "{field}, seed {}, {} of {}",
        case.seed, case.n_samples, case.n_population
    );
    let mut generator = Mt19937::new(case.seed);
    let drawn = draw(&mut generator, case.n_population, case.n_samples);
    same(&drawn, &case.values, &place);
    assert_eq!(generator.next_u32(), case.next_u32, "{place}: next_u32");
}
