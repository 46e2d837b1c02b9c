//! Walking rows down all trees of planes, a block of rows at a time.

use rayon::prelude::*;

use super::super::FeatureMatrix;
use super::super::power::Arithmetic;
use super::bounded;
use super::tree::ExtendedTree;

/// Rows of a block: they stay in cache while tree after tree passes over them.
const BLOCK: usize = 256;

/// The path length of each row, summed over the trees in order and then changed by `finish`.
pub fn path_lengths(
    trees: &[ExtendedTree],
    x: &FeatureMatrix,
    finish: impl Fn(&mut [f64], Arithmetic) + Sync,
) -> Vec<f64> {
    let n_features = x.n_features();
    let mut sums = vec![0.0; x.n_samples()];
    sums.par_chunks_mut(BLOCK).enumerate().for_each_init(
        || vec![0.0; BLOCK * n_features],
        |rows, (i, sums)| {
            load(x, i * BLOCK, rows);
            for tree in trees {
                for (row, sum) in rows.chunks_exact(n_features).zip(&mut *sums) {
                    *sum += tree.path_length(row);
                }
            }
            finish(sums, Arithmetic::Plain);
        },
    );
    sums
}

/// Rows of the matrix from the first one on, one after the other.
fn load(x: &FeatureMatrix, first_row: usize, rows: &mut [f32]) {
    let n_features = x.n_features();
    for feature in 0..n_features {
        let column = &x.column(feature)[first_row..];
        for (row, value) in rows.chunks_exact_mut(n_features).zip(column) {
            row[feature] = bounded(*value);
        }
    }
}
