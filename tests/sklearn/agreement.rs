//! Blocks of rows on bit planes by any vector instructions, and a walk of one row down one tree after the
//! other: the same bits.
//!
//! Forests and rows are random but the same in every run. A failure names the forest's number.

use std::num::NonZeroUsize;

use crannog::forest::random::Mt19937;
use crannog::forest::{
    FeatureMatrix, Fraction, InstructionSet, IsolationForest, IsolationForestParams, MaxFeatures,
    MaxSamples, Node, Scorer,
};
use rayon::ThreadPool;

/// Row counts about the ends of a block and about where blocks begin to pay.
const BATCHES: [usize; 10] = [1, 63, 64, 65, 128, 511, 512, 513, 1_024, 1_025];
const MOST_ROWS: usize = 1_025;
const TRAINING_ROWS: usize = 700;

#[test]
fn every_way_to_score_gives_the_bits_of_the_walk() {
    let pools = [1, 2, 3].map(pool);
    for number in 0..72 {
        let mut draw = Draw(Mt19937::new(number));
        let case = Case::new(number as usize, &mut draw);
        let forest = IsolationForest::fit(&case.params, &matrix(&case.training)).unwrap();
        let rows = case.rows(&forest, &mut draw);
        let expected: Vec<u64> = (0..MOST_ROWS)
            .map(|row| walk(&forest, &rows, row))
            .collect();
        for (batch, pool) in BATCHES.iter().zip(pools.iter().cycle()) {
            check(&forest, &rows, *batch, pool, &expected, number);
        }
        for pool in &pools {
            check(&forest, &rows, MOST_ROWS, pool, &expected, number);
        }
    }
}

fn check(
    forest: &IsolationForest,
    rows: &[Vec<f32>],
    batch: usize,
    pool: &ThreadPool,
    expected: &[u64],
    number: u32,
) {
    let columns: Vec<_> = rows.iter().map(|column| column[..batch].to_vec()).collect();
    let x = matrix(&columns);
    for instructions in InstructionSet::available() {
        let found = pool.install(|| forest.path_lengths_by(instructions, &x).unwrap());
        for (row, (found, expected)) in found.iter().zip(expected).enumerate() {
            let values: Vec<f32> = columns.iter().map(|column| column[row]).collect();
            assert_eq!(
                found.to_bits(),
                *expected,
                "forest {number}, {} rows by {}, row {row}: {values:?}",
                batch,
                instructions.name()
            );
        }
        assert_eq!(found.len(), batch);
        let scorer = Scorer::new(forest.trees().len(), forest.max_samples());
        let expected: Vec<f64> = found.iter().map(|sum| scorer.score(*sum)).collect();
        let scores = pool.install(|| forest.score_samples_by(instructions, &x).unwrap());
        assert_eq!(
            scores,
            expected,
            "forest {number} by {}",
            instructions.name()
        );
    }
}

/// The sum of the trees in order, by the definition of a tree.
fn walk(forest: &IsolationForest, rows: &[Vec<f32>], row: usize) -> u64 {
    let values: Vec<f32> = rows.iter().map(|column| column[row]).collect();
    let trees = forest.trees().iter();
    let sum = trees.fold(0.0, |sum, tree| sum + tree.path_length(&values));
    sum.to_bits()
}

/// What to train on, and whether rows to score may lack values.
struct Case {
    params: IsolationForestParams,
    training: Vec<Vec<f32>>,
    missing: bool,
}

impl Case {
    fn new(number: usize, draw: &mut Draw) -> Self {
        let n_features = [1, 2, 3, 6, 11, 20][draw.below(6)];
        let training = (0..n_features).map(|_| training_column(number, draw));
        let training = training.collect();
        let share = Fraction::try_new(0.6).unwrap();
        let params = IsolationForestParams {
            n_estimators: count([1, 7, 8, 9, 20][number % 5]),
            max_samples: MaxSamples::Count(count([2, 3, 16, 100, 256, 300][number % 6])),
            max_features: MaxFeatures::Fraction([Fraction::ALL, share][draw.below(2)]),
            bootstrap: draw.below(3) == 0,
            random_state: number as u32,
            ..Default::default()
        };
        Self {
            params,
            training,
            missing: number % 4 >= 2,
        }
    }

    /// Columns of values that are hard to place, and of some that are not.
    fn rows(&self, forest: &IsolationForest, draw: &mut Draw) -> Vec<Vec<f32>> {
        let mut hard = vec![vec![0.0, -0.0, 1e-45, -1e-45, 3e38, -3e38, 1e9]; self.training.len()];
        for values in &mut hard {
            values.extend([f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN]);
        }
        for node in forest.trees().iter().flat_map(|tree| tree.nodes()) {
            if let Node::Split {
                feature, threshold, ..
            } = node
            {
                let near = *threshold as f32;
                hard[*feature].extend([near, near.next_up(), near.next_down()]);
            }
        }
        let columns = self.training.iter().zip(&hard);
        let columns = columns.map(|(training, hard)| {
            let only_whole = draw.below(4) == 0;
            let mut value = || match draw.below(400) {
                0 if self.missing => f32::NAN,
                _ if only_whole => draw.below(40) as f32 - 20.0,
                i if i < 200 => hard[draw.below(hard.len())],
                i if i < 300 => training[draw.below(training.len())],
                _ => draw.normal() as f32,
            };
            let mut column: Vec<f32> = (0..MOST_ROWS).map(|_| value()).collect();
            if !self.missing {
                let present = |value: &mut f32| *value = if value.is_nan() { 0.5 } else { *value };
                column.iter_mut().for_each(present);
            }
            column
        });
        columns.collect()
    }
}

/// Continuous, skewed, whole, constant, of three values, huge, with infinities, with gaps, or with both.
fn training_column(number: usize, draw: &mut Draw) -> Vec<f32> {
    let kind = draw.below(if number.is_multiple_of(2) { 6 } else { 9 });
    let value = |_| match kind {
        0 => draw.normal() as f32,
        1 => (2.0 * draw.normal()).exp() as f32,
        2 => draw.below(3_000) as f32,
        3 => -7.0,
        4 => [0.0, -0.0, 1.5][draw.below(3)],
        5 => (draw.normal() * 1e37) as f32,
        6 if draw.below(50) == 0 => f32::INFINITY,
        7 if draw.below(10) == 0 => f32::NAN,
        8 if draw.below(4) == 0 => [f32::INFINITY, f32::NEG_INFINITY, f32::NAN][draw.below(3)],
        _ => draw.below(20) as f32,
    };
    (0..TRAINING_ROWS).map(value).collect()
}

struct Draw(Mt19937);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        (self.0.next_f64() * n as f64) as usize
    }

    /// Near enough to a normal distribution.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.0.next_f64()).sum::<f64>() - 6.0
    }
}

fn matrix(columns: &[Vec<f32>]) -> FeatureMatrix {
    let names = (0..columns.len()).map(|i| format!("column_{i}")).collect();
    FeatureMatrix::try_new(names, columns.to_vec()).unwrap()
}

fn pool(threads: usize) -> ThreadPool {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
    builder.build().unwrap()
}

fn count(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}
