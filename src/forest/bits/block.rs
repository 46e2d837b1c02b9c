//! 512 rows on their way from values to sums: what one thread works in.

use super::Column;
use super::program::{Program, SLOTS};
use super::word::{ROWS, Word};
use crate::forest::FeatureMatrix;

/// Trees whose paths are held at once: 5 KiB of paths beside 20 KiB of tables.
const TREES: usize = 10;

/// Some rows of a matrix. Filled anew for each block, so that the memory stays in cache.
pub struct Block<W> {
    /// The end of a column, if it ends in the middle of a block.
    values: [f32; ROWS],
    ranks: [u16; ROWS],
    planes: Vec<W>,
    slots: [W; SLOTS],
    paths: [[u8; ROWS]; TREES],
    sums: [f64; ROWS],
}

impl<W: Word> Block<W> {
    /// A block for a forest of so many planes.
    pub fn new(n_planes: usize) -> Self {
        Self {
            values: [0.0; ROWS],
            ranks: [0; ROWS],
            planes: vec![W::zeros(); n_planes],
            slots: [W::zeros(); SLOTS],
            paths: [[0; ROWS]; TREES],
            sums: [0.0; ROWS],
        }
    }

    /// Fills the planes from the rows from `first_row` on; false if any row has a missing value, and
    /// then what follows for that row can be anything.
    #[inline(always)]
    pub fn load(&mut self, columns: &[Column], x: &FeatureMatrix, first_row: usize) -> bool {
        let mut no_missing = true;
        for column in columns {
            let values = &x.column(column.feature)[first_row..];
            let values = match values.first_chunk() {
                Some(values) => values,
                None => {
                    self.values[..values.len()].copy_from_slice(values);
                    self.values[values.len()..].fill(0.0);
                    &self.values
                }
            };
            no_missing &= column.ranks.rank(values, &mut self.ranks);
            column.reached.fill(&self.ranks, &mut self.planes);
        }
        no_missing
    }

    /// The path lengths of the rows that were loaded, summed over the trees in order. The rows past
    /// the end of a column have sums, too.
    #[inline(always)]
    pub fn sums(&mut self, programs: &[Program], path_lengths: &[[f64; SLOTS]]) -> &[f64; ROWS] {
        self.sums.fill(0.0);
        let tables = path_lengths.chunks(TREES);
        for (programs, tables) in programs.chunks(TREES).zip(tables) {
            for (program, paths) in programs.iter().zip(&mut self.paths) {
                program.run(&self.planes, &mut self.slots, paths);
            }
            match tables.first_chunk() {
                Some(tables) => add_in_order(tables, &self.paths, &mut self.sums),
                None => {
                    for (table, paths) in tables.iter().zip(&self.paths) {
                        add(table, paths, &mut self.sums);
                    }
                }
            }
        }
        &self.sums
    }
}

/// Adds the path lengths of some trees, one after the other, to the sum of each row.
// On its own: compiled together with code for wider registers it comes out slower.
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
