//! Path lengths of 512 rows at a time, without a branch that depends on a value.
//!
//! Each value becomes its rank among the forest's thresholds on its column (`ranks`), the ranks become
//! planes of one bit a row (`reached`), and trees are lists of bitwise operations on planes that end
//! in the path of every row (`program`), which picks a path length from a table (`sums`). Trees are
//! added in order: the sums have the bits of `Walk`, which is the model of all this.
//!
//! All is written for any vector instructions and compiled for some; `fearless_simd` proves that the
//! machine has them. Only the last step has a form of its own for AVX-512 (`permuted`).
//!
//! Left to `Walk` are rows with a missing value, few rows, and forests with a tree of more than 8
//! levels or 255 splits, more than 65,535 thresholds on a column, or more planes than a cache holds.
//! A block costs as much as 20 to 60 rows that walk.

mod block;
mod cells;
#[cfg(target_arch = "x86_64")]
mod permuted;
mod prefetch;
mod program;
mod pruned;
mod ranks;
mod reached;
mod sums;
mod word;

use fearless_simd::{Simd, dispatch};
use rayon::prelude::*;

use super::power::Arithmetic;
use super::walk::Walk;
use super::{FeatureMatrix, InstructionSet, Tree};
use block::Block;
use program::Program;
use pruned::{PrunedTree, Split};
use ranks::Ranks;
use reached::Reached;
use sums::PathLengths;
use word::ROWS;

/// Fewer rows walk.
const FEWEST_ROWS: usize = 48;
/// More planes than any cache holds.
const MOST_PLANES: usize = 1 << 15;
/// Nodes of a full tree of 9 levels of splits, the last of which may be pruned.
const MOST_NODES: usize = (1 << 10) - 1;

/// All trees of a forest, as operations on planes.
#[derive(Debug, Clone, PartialEq)]
pub struct BitForest {
    /// The columns that a path length depends on.
    columns: Vec<Column>,
    n_planes: usize,
    programs: Vec<Program>,
    /// Of each tree.
    path_lengths: Vec<PathLengths>,
}

#[derive(Debug, Clone, PartialEq)]
struct Column {
    feature: usize,
    ranks: Ranks,
    reached: Reached,
}

impl BitForest {
    /// The operations of these trees, or None if they are too deep or too wide.
    pub fn new(trees: &[Tree]) -> Option<Self> {
        if trees.iter().any(|tree| tree.nodes().len() > MOST_NODES) {
            return None;
        }
        let trees: Vec<PrunedTree> = trees.iter().map(PrunedTree::new).collect();
        let columns = columns(&trees)?;
        let n_planes = columns.iter().map(|column| column.reached.n()).sum();
        let cut = |split: &Split| {
            let place = columns.partition_point(|column| column.feature < split.feature);
            let column = &columns[place];
            column.reached.cut(column.ranks.right_of(split.threshold))
        };
        let program = |trees| {
            let splits = <[PrunedTree]>::iter(trees).flat_map(|tree| &tree.splits);
            Program::new(trees, splits.map(cut).collect())
        };
        let path_lengths = |tree| PathLengths::new(program::path_lengths(tree));
        Some(Self {
            programs: program::groups(&trees)
                .map(program)
                .collect::<Option<_>>()?,
            path_lengths: trees.iter().map(path_lengths).collect(),
            columns,
            n_planes,
        })
    }

    /// The path length of each row, summed over the trees in order and then changed by `finish`; rows
    /// with a missing value walk.
    pub fn path_lengths(
        &self,
        x: &FeatureMatrix,
        walk: &Walk,
        instructions: InstructionSet,
        finish: impl Fn(&mut [f64], Arithmetic) + Sync,
    ) -> Vec<f64> {
        if x.n_samples() < FEWEST_ROWS {
            return walk.path_lengths(x, finish);
        }
        dispatch!(instructions.level(), simd => self.blocks(simd, x, walk, finish))
    }

    fn blocks<S: Simd>(
        &self,
        simd: S,
        x: &FeatureMatrix,
        walk: &Walk,
        finish: impl Fn(&mut [f64], Arithmetic) + Sync,
    ) -> Vec<f64> {
        let mut sums = vec![0.0; x.n_samples()];
        sums.par_chunks_mut(ROWS).enumerate().for_each_init(
            || Block::new(simd, self.n_planes),
            |block, (number, sums)| {
                let first_row = number * ROWS;
                let no_missing = simd.vectorize(
                    #[inline(always)]
                    || {
                        let no_missing = block.load(&self.columns, x, first_row);
                        let found = block.sums(&self.programs, &self.path_lengths);
                        sums.copy_from_slice(&found[..sums.len()]);
                        no_missing
                    },
                );
                if !no_missing {
                    self.walk_missing(x, first_row, sums, walk);
                }
                simd.vectorize(
                    #[inline(always)]
                    || finish(sums, arithmetic(simd)),
                );
            },
        );
        sums
    }

    /// Puts the walk's sums where a row has a missing value.
    fn walk_missing(&self, x: &FeatureMatrix, first_row: usize, sums: &mut [f64], walk: &Walk) {
        let is_missing = |row: &usize| {
            let mut columns = self.columns.iter();
            columns.any(|column| x.column(column.feature)[*row].is_nan())
        };
        let rows = first_row..first_row + sums.len();
        let rows: Vec<usize> = rows.filter(is_missing).collect();
        for (row, sum) in rows.iter().zip(walk.path_lengths_of(x, &rows)) {
            sums[row - first_row] = sum;
        }
    }
}

/// What all machines that these instructions run on do at once.
#[inline(always)]
fn arithmetic<S: Simd>(simd: S) -> Arithmetic {
    #[cfg(target_arch = "x86_64")]
    let has_fma = simd.level().as_avx2().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    let has_fma = cfg!(target_arch = "aarch64") && !simd.level().is_fallback();
    match has_fma {
        true => Arithmetic::Fused,
        false => Arithmetic::Plain,
    }
}

/// The columns that have thresholds, in order. None if one has too many, or all together more planes than a cache holds.
fn columns(trees: &[PrunedTree]) -> Option<Vec<Column>> {
    let splits = trees.iter().flat_map(|tree| &tree.splits);
    let n_features = splits.clone().map(|split| split.feature + 1).max();
    let mut thresholds = vec![Vec::new(); n_features.unwrap_or(0)];
    for split in splits {
        thresholds[split.feature].push(split.threshold);
    }
    let mut columns = Vec::new();
    let mut n_planes = 0;
    for (feature, thresholds) in thresholds.into_iter().enumerate() {
        if !thresholds.is_empty() {
            let ranks = Ranks::new(thresholds)?;
            let reached = Reached::new(n_planes, ranks.len());
            n_planes += reached.n();
            if n_planes > MOST_PLANES {
                return None;
            }
            columns.push(Column {
                feature,
                ranks,
                reached,
            });
        }
    }
    Some(columns)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::forest::tree::tests::stump;
    use crate::forest::{IsolationForest, IsolationForestParams, MaxSamples};

    #[test]
    fn planes_give_the_sums_of_the_walk() {
        let trees = [stump(0.5, 10, 20), stump(-1.5, 3, 4), stump(2.0, 1, 1)];
        let mut column: Vec<f32> = (0..600).map(|i| (i % 100) as f32 / 10.0 - 5.0).collect();
        column[300] = f32::NAN;
        column[301] = f32::INFINITY;
        column[599] = f32::NEG_INFINITY;
        let x = matrix(column);
        let walk = Walk::new(&trees);
        let bits = BitForest::new(&trees).unwrap();
        for instructions in InstructionSet::available() {
            let found = bits.path_lengths(&x, &walk, instructions, |_, _| ());
            assert_eq!(found, walk.path_lengths(&x, |_, _| ()));
        }
    }

    #[test]
    fn a_forest_that_cuts_nothing_needs_no_plane() {
        let trees = [stump(0.0, 1, 1)]; // two equal leaves
        let bits = BitForest::new(&trees).unwrap();
        assert_eq!(bits.n_planes, 0);
        let x = matrix(vec![1.0; 100]);
        let any = InstructionSet::available()[0];
        let sums = bits.path_lengths(&x, &Walk::new(&trees), any, |_, _| ());
        assert_eq!(sums, [1.0; 100]);
    }

    #[test]
    fn trees_of_256_rows_have_8_levels_and_those_of_more_walk() {
        let column = (0..2_000).map(|i| (i * 37 % 2_003) as f32);
        let x = matrix(column.collect());
        let forest = |rows| {
            let params = IsolationForestParams {
                max_samples: MaxSamples::Count(NonZeroUsize::new(rows).unwrap()),
                ..Default::default()
            };
            IsolationForest::fit(&params, &x).unwrap()
        };
        assert!(BitForest::new(forest(256).trees()).is_some());
        assert!(BitForest::new(forest(1_000).trees()).is_none());
    }

    fn matrix(column: Vec<f32>) -> FeatureMatrix {
        FeatureMatrix::try_new(vec!["a".into()], vec![column]).unwrap()
    }
}
