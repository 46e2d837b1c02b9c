//! Path lengths of 512 rows at a time, without a branch that depends on a value.
//!
//! Each value becomes its rank among the forest's thresholds on its column (`ranks`), the ranks become
//! planes of one bit a row (`reached`), and a tree is a list of bitwise operations on planes that ends
//! in the path of every row (`program`), which picks a path length from a table. Trees are added in
//! order: the sums have the bits of `Walk`, which is the model of all this.
//!
//! Rows with a missing value, few rows, and forests with a tree of more than 8 levels or 254 splits
//! are left to `Walk`. A block costs as much as some 20 rows that walk.

mod cells;
mod program;
mod pruned;
mod ranks;
mod reached;
mod word;

use rayon::prelude::*;

use super::walk::Walk;
use super::{FeatureMatrix, Tree};
use program::{Program, SLOTS};
use pruned::PrunedTree;
use ranks::Ranks;
use reached::Reached;
use word::{Portable, ROWS, Word};

/// Trees whose paths are held at once: 4 KiB of paths beside 16 KiB of tables.
const TREES: usize = 8;
/// Fewer rows walk.
const FEWEST_ROWS: usize = 64;
/// More planes than any cache holds.
const MOST_PLANES: usize = 1 << 15;

/// All trees of a forest, as operations on planes.
#[derive(Debug, Clone, PartialEq)]
pub struct BitForest {
    /// The columns that a path length depends on.
    columns: Vec<Column>,
    n_planes: usize,
    programs: Vec<Program>,
    /// The path lengths of each program's paths.
    path_lengths: Vec<[f64; SLOTS]>,
}

#[derive(Debug, Clone, PartialEq)]
struct Column {
    feature: usize,
    ranks: Ranks,
    reached: Reached,
}

/// What one thread works in.
struct Workspace<W> {
    /// The end of a column, if it ends in the middle of a block.
    values: [f32; ROWS],
    ranks: [u16; ROWS],
    planes: Vec<W>,
    slots: [W; SLOTS],
    paths: [[u8; ROWS]; TREES],
    sums: [f64; ROWS],
}

impl BitForest {
    /// The operations of these trees, or None if they are too deep or too wide.
    pub fn new(trees: &[Tree]) -> Option<Self> {
        let trees: Vec<PrunedTree> = trees.iter().map(PrunedTree::new).collect();
        let splits = trees.iter().flat_map(|tree| &tree.splits);
        let n_features = splits.clone().map(|split| split.feature + 1).max();
        let mut thresholds = vec![Vec::new(); n_features.unwrap_or(0)];
        for split in splits {
            thresholds[split.feature].push(split.threshold);
        }
        let mut columns = Vec::new();
        let mut places = vec![usize::MAX; thresholds.len()];
        let mut n_planes = 0;
        for (feature, thresholds) in thresholds.into_iter().enumerate() {
            if thresholds.is_empty() {
                continue;
            }
            let ranks = Ranks::new(thresholds)?;
            let reached = Reached::new(n_planes, ranks.len());
            n_planes += reached.n();
            places[feature] = columns.len();
            columns.push(Column {
                feature,
                ranks,
                reached,
            });
        }
        if n_planes > MOST_PLANES {
            return None;
        }
        let program = |tree: &PrunedTree| {
            let cuts = tree.splits.iter().map(|split| {
                let column = &columns[places[split.feature]];
                column.reached.cut(column.ranks.right_of(split.threshold))
            });
            Program::new(tree, cuts.collect())
        };
        let programs = trees.iter().map(program).collect::<Option<Vec<_>>>()?;
        let path_lengths = trees.iter().map(program::path_lengths).collect();
        Some(Self {
            columns,
            n_planes,
            programs,
            path_lengths,
        })
    }

    /// The path length of each row, summed over the trees in order; rows with a missing value walk.
    pub fn path_lengths(&self, x: &FeatureMatrix, walk: &Walk) -> Vec<f64> {
        if x.n_samples() < FEWEST_ROWS {
            return walk.path_lengths(x);
        }
        let mut sums = vec![0.0; x.n_samples()];
        sums.par_chunks_mut(ROWS).enumerate().for_each_init(
            || Workspace::<Portable>::new(self.n_planes),
            |workspace, (block, sums)| {
                let first_row = block * ROWS;
                let no_missing = self.add_up(x, first_row, workspace);
                sums.copy_from_slice(&workspace.sums[..sums.len()]);
                if !no_missing {
                    self.walk_missing(x, first_row, sums, walk);
                }
            },
        );
        sums
    }

    /// Leaves the sums of the rows from `first_row` on in the workspace; false if any row has a
    /// missing value, whose sum can be anything.
    fn add_up<W: Word>(
        &self,
        x: &FeatureMatrix,
        first_row: usize,
        workspace: &mut Workspace<W>,
    ) -> bool {
        let mut no_missing = true;
        for column in &self.columns {
            let values = &x.column(column.feature)[first_row..];
            let values = match values.first_chunk() {
                Some(values) => values,
                None => {
                    workspace.values[..values.len()].copy_from_slice(values);
                    workspace.values[values.len()..].fill(0.0);
                    &workspace.values
                }
            };
            no_missing &= column.ranks.rank(values, &mut workspace.ranks);
            column.reached.fill(&workspace.ranks, &mut workspace.planes);
        }
        workspace.sums.fill(0.0);
        let tables = self.path_lengths.chunks(TREES);
        for (programs, tables) in self.programs.chunks(TREES).zip(tables) {
            for (program, paths) in programs.iter().zip(&mut workspace.paths) {
                program.run(&workspace.planes, &mut workspace.slots, paths);
            }
            match tables.first_chunk() {
                Some(tables) => add_in_order(tables, &workspace.paths, &mut workspace.sums),
                None => {
                    for (table, paths) in tables.iter().zip(&workspace.paths) {
                        add(table, paths, &mut workspace.sums);
                    }
                }
            }
        }
        no_missing
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

impl<W: Word> Workspace<W> {
    fn new(n_planes: usize) -> Self {
        Self {
            values: [0.0; ROWS],
            ranks: [0; ROWS],
            planes: vec![W::zeros(); n_planes],
            slots: [W::zeros(); SLOTS],
            paths: [[0; ROWS]; TREES],
            sums: [0.0; ROWS],
        }
    }
}

/// Adds the path lengths of some trees, one after the other, to the sum of each row.
// On its own: with the instructions of a caller's larger registers it comes out slower.
#[inline(never)]
fn add_in_order(
    tables: &[[f64; SLOTS]; TREES],
    paths: &[[u8; ROWS]; TREES],
    sums: &mut [f64; ROWS],
) {
    for (row, sum) in sums.iter_mut().enumerate() {
        for tree in 0..TREES {
            *sum += tables[tree][usize::from(paths[tree][row])];
        }
    }
}

/// The same for one tree.
fn add(table: &[f64; SLOTS], paths: &[u8; ROWS], sums: &mut [f64; ROWS]) {
    for (sum, path) in sums.iter_mut().zip(paths) {
        *sum += table[usize::from(*path)];
    }
}
