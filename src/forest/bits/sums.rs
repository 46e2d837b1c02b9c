//! From paths to path lengths, added tree by tree.

use fearless_simd::Simd;

#[cfg(target_arch = "x86_64")]
use super::permuted::{self, Classes};
use super::program::SLOTS;
use super::word::ROWS;

/// Trees whose paths are held at once: 5 KiB of paths.
pub const TREES: usize = 10;

/// The path lengths of one tree.
#[derive(Debug, Clone, PartialEq)]
pub struct PathLengths {
    /// Of each path as `Program::run` writes it.
    pub of_paths: [f64; SLOTS],
    /// The same in few numbers, if they are few.
    #[cfg(target_arch = "x86_64")]
    pub classes: Option<Classes>,
}

/// The sum of each row of a block.
#[repr(align(64))]
pub struct Sums<S> {
    /// In rows' order, but while AVX-512 adds up: then in that of `permuted`.
    sums: [f64; ROWS],
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "only AVX-512 adds up in another way")
    )]
    simd: S,
}

impl PathLengths {
    /// For the path lengths of all paths.
    pub fn new(of_paths: [f64; SLOTS]) -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            classes: Classes::new(&of_paths),
            of_paths,
        }
    }
}

impl<S: Simd> Sums<S> {
    /// Zeros.
    pub fn new(simd: S) -> Self {
        Self {
            sums: [0.0; ROWS],
            simd,
        }
    }

    /// Back to zeros.
    #[inline(always)]
    pub fn clear(&mut self) {
        self.sums = [0.0; ROWS];
    }

    /// Adds the path lengths of some trees, one after the other, to the sum of each row.
    #[inline(always)]
    pub fn add(&mut self, trees: &[PathLengths], paths: &[[u8; ROWS]; TREES]) {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = self.simd.level().as_avx512() {
            return permuted::add(simd, trees, paths, &mut self.sums);
        }
        let (trees, paths) = add_by::<8>(trees, paths, &mut self.sums);
        let (trees, paths) = add_by::<4>(trees, paths, &mut self.sums);
        let (trees, paths) = add_by::<2>(trees, paths, &mut self.sums);
        add_by::<1>(trees, paths, &mut self.sums);
    }

    /// The sums when all trees are added, row after row.
    #[inline(always)]
    pub fn finish(&mut self) -> &[f64; ROWS] {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = self.simd.level().as_avx512() {
            permuted::put_in_order(simd, &mut self.sums);
        }
        &self.sums
    }
}

/// Adds as many trees as make groups of `N`; the others are left.
#[inline(always)]
fn add_by<'a, const N: usize>(
    trees: &'a [PathLengths],
    paths: &'a [[u8; ROWS]],
    sums: &mut [f64; ROWS],
) -> (&'a [PathLengths], &'a [[u8; ROWS]]) {
    let (groups, trees_left) = trees.as_chunks();
    let (path_groups, _) = paths.as_chunks();
    for (trees, paths) in groups.iter().zip(path_groups) {
        add_group::<N>(trees, paths, sums);
    }
    (trees_left, &paths[groups.len() * N..])
}

/// Four rows at a time: so their sums stay in registers while trees pass.
// On its own: compiled together with code for wider registers it comes out slower.
#[inline(never)]
fn add_group<const N: usize>(
    trees: &[PathLengths; N],
    paths: &[[u8; ROWS]; N],
    sums: &mut [f64; ROWS],
) {
    for (group, sums) in sums.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let mut found = *sums;
        for (tree, paths) in trees.iter().zip(paths) {
            for (row, sum) in found.iter_mut().enumerate() {
                *sum += tree.of_paths[usize::from(paths[4 * group + row])];
            }
        }
        *sums = found;
    }
}
