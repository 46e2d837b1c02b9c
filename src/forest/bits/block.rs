//! 512 rows on their way from values to sums: what one thread works in.

use fearless_simd::Simd;

use super::Column;
use super::prefetch::prefetch;
use super::program::{Program, SLOTS};
use super::sums::{PathLengths, Sums, TREES};
use super::word::{self, ROWS, Word};
use crate::forest::FeatureMatrix;

/// Some rows of a matrix. Filled anew for each block, so that the memory stays in cache.
pub struct Block<S: Simd> {
    simd: S,
    /// The end of a column, if it ends in the middle of a block.
    values: [f32; ROWS],
    ranks: [u16; ROWS],
    planes: Vec<Word<S>>,
    slots: [Word<S>; SLOTS],
    paths: [[u8; ROWS]; TREES],
    sums: Sums<S>,
}

impl<S: Simd> Block<S> {
    /// A block for a forest of so many planes.
    pub fn new(simd: S, n_planes: usize) -> Self {
        Self {
            simd,
            values: [0.0; ROWS],
            ranks: [0; ROWS],
            planes: vec![word::zeros(simd); n_planes],
            slots: [word::zeros(simd); SLOTS],
            paths: [[0; ROWS]; TREES],
            sums: Sums::new(simd),
        }
    }

    /// Fills the planes from the rows from `first_row` on; false if any row has a missing value, and
    /// then what follows for that row can be anything.
    #[inline(always)]
    pub fn load(&mut self, columns: &[Column], x: &FeatureMatrix, first_row: usize) -> bool {
        let mut no_missing = true;
        for column in columns {
            let values = &x.column(column.feature)[first_row..];
            let next = values.len().min(ROWS)..values.len().min(2 * ROWS);
            prefetch(self.simd, &values[next]);
            let values = match values.first_chunk() {
                Some(values) => values,
                None => {
                    self.values[..values.len()].copy_from_slice(values);
                    self.values[values.len()..].fill(0.0);
                    &self.values
                }
            };
            no_missing &= column.ranks.rank(self.simd, values, &mut self.ranks);
            let planes = &mut self.planes;
            column.reached.fill(self.simd, &self.ranks, planes);
        }
        no_missing
    }

    /// The path lengths of the rows that were loaded, summed over the trees in order. The rows past
    /// the end of a column have sums, too.
    #[inline(always)]
    pub fn sums(&mut self, programs: &[Program], mut path_lengths: &[PathLengths]) -> &[f64; ROWS] {
        self.sums.clear();
        for program in programs {
            program.run(self.simd, &self.planes, &mut self.slots, &mut self.paths);
            let (trees, rest) = path_lengths.split_at(program.n_trees());
            self.sums.add(trees, &self.paths);
            path_lengths = rest;
        }
        self.sums.finish()
    }
}
