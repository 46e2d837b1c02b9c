//! Walking rows down all trees, many at a time.
//!
//! Each tree becomes a table of 16-byte steps, in which a leaf leads to itself. So all rows take as
//! many steps as the tree is high, without a branch, and a processor can follow several rows at
//! once. A block of rows stays in cache while tree after tree passes over it; a row's trees are added
//! in tree order, so the sum has scikit-learn's last bit on any number of threads.

use rayon::prelude::*;

use super::FeatureMatrix;
use super::path_length::leaf_path_length;
use super::power::Arithmetic;
use super::tree::{Node, Tree};

/// Rows of a block.
const BLOCK: usize = 256;
/// Rows that walk side by side.
const LANES: usize = 8;

/// All trees of a forest, laid out for walking.
#[derive(Debug, Clone, PartialEq)]
pub struct Walk {
    /// The columns that any tree cuts.
    features: Vec<usize>,
    trees: Vec<Steps>,
}

#[derive(Debug, Clone, PartialEq)]
struct Steps {
    height: usize,
    steps: Vec<Step>,
    /// The path length of each step that is a leaf.
    path_lengths: Vec<f64>,
}

/// One node: from here to `next`, or to the step after it if the value lies above the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    /// The largest `f32` not above the split's threshold: for `f32` values the same cut.
    threshold: f32,
    /// Where the column starts in a block.
    column: u32,
    next: u32,
    /// What a missing value adds to `next`.
    missing: u32,
}

/// The columns of some rows, one after the other, each `BLOCK` long.
struct Block {
    values: Vec<f32>,
    has_missing: bool,
}

impl Walk {
    /// The layout of these trees.
    pub fn new(trees: &[Tree]) -> Self {
        let mut features: Vec<usize> = trees
            .iter()
            .flat_map(Tree::nodes)
            .filter_map(|node| match node {
                Node::Split { feature, .. } => Some(*feature),
                Node::Leaf { .. } => None,
            })
            .collect();
        features.sort_unstable();
        features.dedup();
        let trees = trees
            .iter()
            .map(|tree| Steps::new(tree, &features))
            .collect();
        Self { features, trees }
    }

    /// The path length of each row, summed over the trees in order and then changed by `finish`.
    pub fn path_lengths(
        &self,
        x: &FeatureMatrix,
        finish: impl Fn(&mut [f64], Arithmetic) + Sync,
    ) -> Vec<f64> {
        let mut sums = vec![0.0; x.n_samples()];
        sums.par_chunks_mut(BLOCK).enumerate().for_each_init(
            || Block::new(self.features.len()),
            |block, (i, sums)| {
                block.load(x, &self.features, i * BLOCK);
                self.add_up(block, sums);
                finish(sums, Arithmetic::Plain);
            },
        );
        sums
    }

    /// The same for some rows of the matrix, on this thread.
    pub fn path_lengths_of(&self, x: &FeatureMatrix, rows: &[usize]) -> Vec<f64> {
        let mut sums = vec![0.0; rows.len()];
        let mut block = Block::new(self.features.len());
        for (rows, sums) in rows.chunks(BLOCK).zip(sums.chunks_mut(BLOCK)) {
            block.gather(x, &self.features, rows);
            self.add_up(&block, sums);
        }
        sums
    }

    fn add_up(&self, block: &Block, sums: &mut [f64]) {
        for tree in &self.trees {
            if block.has_missing {
                tree.add_path_lengths::<true>(&block.values, sums);
            } else {
                tree.add_path_lengths::<false>(&block.values, sums);
            }
        }
    }
}

impl Block {
    fn new(n_features: usize) -> Self {
        Self {
            values: vec![0.0; n_features * BLOCK],
            has_missing: false,
        }
    }

    fn load(&mut self, x: &FeatureMatrix, features: &[usize], first_row: usize) {
        let end = x.n_samples().min(first_row + BLOCK);
        self.has_missing = false;
        for (values, &feature) in self.values.chunks_exact_mut(BLOCK).zip(features) {
            let column = &x.column(feature)[first_row..end];
            values[..column.len()].copy_from_slice(column);
            self.has_missing |= column.iter().fold(false, |any, value| any | value.is_nan());
        }
    }

    fn gather(&mut self, x: &FeatureMatrix, features: &[usize], rows: &[usize]) {
        self.has_missing = true;
        for (values, &feature) in self.values.chunks_exact_mut(BLOCK).zip(features) {
            let column = x.column(feature);
            for (value, row) in values.iter_mut().zip(rows) {
                *value = column[*row];
            }
        }
    }
}

impl Steps {
    fn new(tree: &Tree, features: &[usize]) -> Self {
        let n = tree.nodes().len();
        let mut table = Self {
            height: 0,
            steps: Vec::with_capacity(n),
            path_lengths: vec![0.0; n],
        };
        table.steps.push(Step::stay(0));
        let mut todo = vec![(0, 0, 0)]; // node, its step, splits above it
        while let Some((number, place, splits)) = todo.pop() {
            match tree.nodes()[number] {
                Node::Leaf { n_samples } => {
                    table.height = table.height.max(splits);
                    table.path_lengths[place] = leaf_path_length(splits, n_samples);
                }
                Node::Split {
                    feature,
                    threshold,
                    missing_go_to_left,
                    right,
                    ..
                } => {
                    let next = table.steps.len();
                    table.steps.push(Step::stay(next));
                    table.steps.push(Step::stay(next + 1));
                    let column = features.partition_point(|other| *other < feature) * BLOCK;
                    table.steps[place] = Step {
                        threshold: round_down(threshold),
                        column: column as u32,
                        next: next as u32,
                        missing: u32::from(!missing_go_to_left),
                    };
                    todo.push((right, next + 1, splits + 1));
                    todo.push((number + 1, next, splits + 1));
                }
            }
        }
        table
    }

    /// Adds the path length of each row of a block; rows past the end of `sums` are walked in vain.
    fn add_path_lengths<const MISSING: bool>(&self, block: &[f32], sums: &mut [f64]) {
        for (group, sums) in sums.chunks_mut(LANES).enumerate() {
            let mut places = [0_u32; LANES];
            for _ in 0..self.height {
                for (lane, place) in places.iter_mut().enumerate() {
                    let step = &self.steps[*place as usize];
                    let value = block[step.column as usize + group * LANES + lane];
                    let mut right = u32::from(value > step.threshold); // false for NaN
                    if MISSING {
                        right |= u32::from(value.is_nan()) & step.missing;
                    }
                    *place = step.next + right;
                }
            }
            for (sum, place) in sums.iter_mut().zip(places) {
                *sum += self.path_lengths[place as usize];
            }
        }
    }
}

impl Step {
    /// A leaf: no value lies above infinity.
    fn stay(place: usize) -> Self {
        Self {
            threshold: f32::INFINITY,
            column: 0,
            next: place as u32,
            missing: 0,
        }
    }
}

/// The largest `f32` that is not above `threshold`.
pub fn round_down(threshold: f64) -> f32 {
    let nearest = threshold as f32;
    if f64::from(nearest) > threshold {
        nearest.next_down()
    } else {
        nearest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::tree::tests::stump;

    #[test]
    fn rounding_a_threshold_down_moves_no_f32_to_the_other_side() {
        for threshold in [0.1, -0.1, 1e-46, -1e-46, 16_777_217.0, 3.4e38, 5.0] {
            let rounded = round_down(threshold);
            assert!(f64::from(rounded) <= threshold);
            assert!(f64::from(rounded.next_up()) > threshold);
        }
    }

    #[test]
    fn side_by_side_is_the_same_as_row_by_row() {
        let trees = [stump(0.5, 10, 20), stump(-1.5, 3, 4), stump(2.0, 1, 1)];
        let mut column: Vec<f32> = (0..600).map(|i| (i % 100) as f32 / 10.0 - 5.0).collect();
        column[300] = f32::NAN;
        column[301] = f32::INFINITY;
        column[599] = f32::NEG_INFINITY;
        let expected: Vec<f64> = column
            .iter()
            .map(|value| trees.iter().map(|tree| tree.path_length(&[*value])).sum())
            .collect();
        let x = FeatureMatrix::try_new(vec!["a".into()], vec![column]).unwrap();
        assert_eq!(Walk::new(&trees).path_lengths(&x, |_, _| ()), expected);
    }

    #[test]
    fn a_forest_that_cuts_nothing_needs_no_column() {
        let mut tree = stump(0.0, 1, 1);
        tree.nodes = vec![Node::Leaf { n_samples: 2 }];
        let x = FeatureMatrix::try_new(vec!["a".into()], vec![vec![1.0; 3]]).unwrap();
        assert_eq!(Walk::new(&[tree]).path_lengths(&x, |_, _| ()), [1.0; 3]);
    }
}
