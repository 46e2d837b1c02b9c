//! What fitting and scoring cost on one thread, by the wall clock: `cargo bench --bench model` for up to a million rows,
//! `cargo bench --bench model -- --include-ignored` for ten million as well. `CRANNOG_SIMD` chooses the path that scores.
//!
//! With `--peer`, the same program is crannog's side of `make bench-model`, the comparison with other forests.

mod peer;
mod tables;

use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;

use crannog::forest::{FeatureMatrix, IsolationForest, IsolationForestParams, MaxSamples};
use divan::Bencher;
use divan::counter::ItemsCount;
use tables::{Kind, Table};

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
const LARGE: [usize; 1] = [10_000_000];
/// Rows that the forests learn from which are timed as they score.
const TRAIN_ROWS: usize = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global()?;
    if std::env::args().any(|argument| argument == "--peer") {
        return peer::serve();
    }
    divan::main();
    Ok(())
}

#[divan::bench(args = cases(SIZES), sample_count = 7, sample_size = 1)]
fn fit(bencher: Bencher, case: Case) {
    time_fit(bencher, case);
}

#[divan::bench(args = cases(LARGE), sample_count = 7, sample_size = 1, ignore)]
fn fit_large(bencher: Bencher, case: Case) {
    time_fit(bencher, case);
}

#[divan::bench(args = cases(SIZES), sample_count = 7, sample_size = 1)]
fn score(bencher: Bencher, case: Case) {
    time_score(bencher, case);
}

#[divan::bench(args = cases(LARGE), sample_count = 7, sample_size = 1, ignore)]
fn score_large(bencher: Bencher, case: Case) {
    time_score(bencher, case);
}

fn time_fit(bencher: Bencher, case: Case) {
    let x = case.table(case.n_samples, 1);
    let params = params(case.max_samples);
    bencher.bench_local(|| IsolationForest::fit(&params, &x));
}

fn time_score(bencher: Bencher, case: Case) {
    let learned = case.table(TRAIN_ROWS, 1);
    let forest = IsolationForest::fit(&params(case.max_samples), &learned)
        .expect("the table has rows and columns");
    let x = case.table(case.n_samples, 2);
    bencher
        .counter(ItemsCount::new(case.n_samples))
        .bench_local(|| forest.score_samples(&x));
}

/// scikit-learn's defaults, `random_state` 0.
fn params(max_samples: NonZeroUsize) -> IsolationForestParams {
    IsolationForestParams {
        max_samples: MaxSamples::Count(max_samples),
        ..Default::default()
    }
}

/// One line of the table that divan prints.
#[derive(Clone, Copy)]
struct Case {
    kind: Kind,
    n_features: usize,
    max_samples: NonZeroUsize,
    n_samples: usize,
}

impl Case {
    fn table(self, n_samples: usize, seed: u64) -> FeatureMatrix {
        Table {
            kind: self.kind,
            n_features: self.n_features,
            n_samples,
            seed,
        }
        .make()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            kind,
            n_features,
            max_samples,
            n_samples,
        } = self;
        write!(
            f,
            "{kind} d={n_features} max_samples={max_samples} n={n_samples}"
        )
    }
}

fn cases<const N: usize>(sizes: [usize; N]) -> Vec<Case> {
    const MAX_SAMPLES: [NonZeroUsize; 2] = [
        NonZeroUsize::new(100).expect("100 is not zero"),
        NonZeroUsize::new(256).expect("256 is not zero"),
    ];
    let mut cases = Vec::new();
    for n_samples in sizes {
        for kind in [Kind::Gauss, Kind::Dict] {
            for n_features in [6, 20] {
                for max_samples in MAX_SAMPLES {
                    cases.push(Case {
                        kind,
                        n_features,
                        max_samples,
                        n_samples,
                    });
                }
            }
        }
    }
    cases
}
