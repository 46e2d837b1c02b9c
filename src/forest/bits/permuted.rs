//! Sums on AVX-512: the path lengths of 8 rows by one look-up in registers.
//!
//! A tree has few different path lengths. A table of bytes turns 64 paths into the classes of equal
//! lengths, and an instruction that permutes 8 numbers looks up the lengths of 8 classes in one or
//! two pairs of registers. It reads the lowest bits of each lane only, so that shifting 64 classes
//! by a byte gives it the next 8 rows: every eighth row. Sums keep that order until all trees are
//! added: sum 8 i + k of each 64 belongs to row 8 k + i.

use fearless_simd::prelude::*;
use fearless_simd::x86::Avx512;
use fearless_simd::{f64x8, u8x64, u64x8};

use super::program::SLOTS;
use super::sums::{PathLengths, TREES};
use super::word::ROWS;

/// Different path lengths that find room in registers.
const MOST_CLASSES: usize = 32;
/// Those of one pair of registers.
const PAIR: usize = 16;

/// A tree's different path lengths.
#[derive(Debug, Clone, PartialEq)]
pub struct Classes {
    of_paths: [u8; SLOTS],
    lengths: [f64; MOST_CLASSES],
    n: usize,
}

impl Classes {
    /// None if there are more than 32.
    pub fn new(of_paths: &[f64; SLOTS]) -> Option<Self> {
        let mut classes = Self {
            of_paths: [0; SLOTS],
            lengths: [0.0; MOST_CLASSES],
            n: 0,
        };
        for (class, length) in classes.of_paths.iter_mut().zip(of_paths) {
            let known = &classes.lengths[..classes.n];
            let place = known.iter().position(|other| other == length);
            let place = place.unwrap_or(classes.n);
            *classes.lengths.get_mut(place)? = *length;
            classes.n = classes.n.max(place + 1);
            *class = place as u8;
        }
        Some(classes)
    }

    /// The class of each path.
    #[inline(always)]
    fn of(&self, simd: Avx512, paths: u8x64<Avx512>) -> u64x8<Avx512> {
        let quarters = self.of_paths.as_chunks().0;
        let quarter = |i: usize| u8x64::load_array_ref(simd, &quarters[i]);
        let low = quarter(0).concat_swizzle_dyn(quarter(1), paths);
        let high = quarter(2).concat_swizzle_dyn(quarter(3), paths);
        let is_high = paths.simd_ge(u8x64::splat(simd, 128));
        is_high.select(high, low).bitcast()
    }

    /// Adds the lengths of 64 paths.
    #[inline(always)]
    fn add(&self, simd: Avx512, paths: u8x64<Avx512>, sums: &mut [f64x8<Avx512>; 8]) {
        let classes = self.of(simd, paths);
        let lengths = self.lengths.as_chunks().0;
        let lengths = |i: usize| f64x8::load_array_ref(simd, &lengths[i]);
        let low = [lengths(0), lengths(1)];
        if self.n <= PAIR {
            for (i, sum) in (0..).zip(sums) {
                *sum += look_up(simd, low[0], low[1], classes >> (8 * i));
            }
        } else {
            let high = [lengths(2), lengths(3)];
            let pair = u64x8::splat(simd, PAIR as u64);
            for (i, sum) in (0..).zip(sums) {
                let classes = classes >> (8 * i);
                let is_high = (classes & pair).simd_eq(pair);
                let high = look_up(simd, high[0], high[1], classes);
                *sum += is_high.select(high, look_up(simd, low[0], low[1], classes));
            }
        }
    }
}

fearless_simd::kernel! {
    /// Number i of the 16 in `low` and `high`, for the lowest four bits i of each class.
    #[inline(always)]
    fn look_up(
        simd: Avx512,
        low: f64x8<Avx512>,
        high: f64x8<Avx512>,
        classes: u64x8<Avx512>
    ) -> f64x8<Avx512> {
        let found = std::arch::x86_64::_mm512_permutex2var_pd(low.into(), classes.into(), high.into());
        found.simd_into(simd)
    }
}

/// Adds the path lengths of some trees, one after the other, to sums in this order.
#[inline(always)]
pub fn add(
    simd: Avx512,
    trees: &[PathLengths],
    paths: &[[u8; ROWS]; TREES],
    sums: &mut [f64; ROWS],
) {
    for (part, sums) in sums.as_chunks_mut().0.iter_mut().enumerate() {
        let mut registers = load(simd, sums);
        for (tree, paths) in trees.iter().zip(paths) {
            let paths: &[u8; 64] = &paths.as_chunks().0[part];
            match &tree.classes {
                Some(classes) => {
                    classes.add(simd, u8x64::load_array_ref(simd, paths), &mut registers);
                }
                None => registers = add_one_by_one(simd, tree, paths, registers),
            }
        }
        store(registers, sums);
    }
}

/// Adds the path lengths of a tree that has more than 32.
// By value: what is lent to a function cannot stay in registers.
#[inline(never)]
fn add_one_by_one(
    simd: Avx512,
    tree: &PathLengths,
    paths: &[u8; 64],
    mut sums: [f64x8<Avx512>; 8],
) -> [f64x8<Avx512>; 8] {
    for (i, sum) in sums.iter_mut().enumerate() {
        let length = |k: usize| tree.of_paths[usize::from(paths[8 * k + i])];
        *sum += f64x8::from_fn(simd, length);
    }
    sums
}

/// Puts sums in the order of their rows.
#[inline(always)]
pub fn put_in_order(simd: Avx512, sums: &mut [f64; ROWS]) {
    for sums in sums.as_chunks_mut().0 {
        // Three perfect shuffles of 64 numbers turn rows of 8 into columns.
        let mut registers = load(simd, sums);
        for _ in 0..3 {
            let [a, b, c, d, e, f, g, h] = registers;
            let pairs = [(a, e), (b, f), (c, g), (d, h)];
            let shuffled = pairs.map(|(a, b)| [a.zip_low(b), a.zip_high(b)]);
            registers = std::array::from_fn(|i| shuffled[i / 2][i % 2]);
        }
        store(registers, sums);
    }
}

#[inline(always)]
fn load(simd: Avx512, sums: &[f64; 64]) -> [f64x8<Avx512>; 8] {
    let parts = sums.as_chunks().0;
    std::array::from_fn(|i| f64x8::load_array_ref(simd, &parts[i]))
}

#[inline(always)]
fn store(registers: [f64x8<Avx512>; 8], sums: &mut [f64; 64]) {
    for (sums, register) in sums.as_chunks_mut().0.iter_mut().zip(registers) {
        *sums = register.to_array();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fearless_simd::Level;

    #[test]
    fn a_look_up_in_registers_is_one_in_a_table() {
        let Some(simd) = Level::new().as_avx512() else {
            return; // no other machine runs this
        };
        let tree = |n: usize| PathLengths::new(std::array::from_fn(|path| (path * 7 % n) as f64));
        let trees = [1, 5, 16, 17, 32, 33, 200].map(tree);
        assert!(trees[4].classes.is_some() && trees[5].classes.is_none());
        let mut paths = [[0; ROWS]; TREES];
        for (tree, paths) in paths.iter_mut().enumerate() {
            *paths = std::array::from_fn(|row| (row * (2 * tree + 3) % SLOTS) as u8);
        }
        let mut sums = [0.0; ROWS];
        add(simd, &trees, &paths, &mut sums);
        put_in_order(simd, &mut sums);
        let expected = |row: usize| {
            let trees = trees.iter().zip(&paths);
            let lengths = trees.map(|(tree, paths)| tree.of_paths[usize::from(paths[row])]);
            lengths.sum::<f64>()
        };
        assert_eq!(sums, std::array::from_fn(expected));
    }
}
