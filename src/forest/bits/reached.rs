//! For each threshold of a column a plane: which rows have reached its rank.
//!
//! A plane for each would be many. The bits of a rank are split into a high and a low part, and a
//! part of b bits has 2ᵇ planes "this part is c or more": about 2 √n planes instead of n, and the
//! plane of a threshold is two of the one and one of the other away (`program::Cut`).

use fearless_simd::Simd;

use super::program::Cut;
use super::word::{self, ROWS, Word};

/// Where the planes of one column lie among those of the forest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reached {
    /// Planes of the low part from here, then those of the high part.
    first: usize,
    low_bits: u32,
    /// The highest rank.
    most: usize,
}

impl Reached {
    /// Planes from `first` on for ranks up to `most`, as few as can be.
    pub fn new(first: usize, most: usize) -> Self {
        let with = |low_bits| Self {
            first,
            low_bits,
            most,
        };
        let sizes = (0..=8).map(with);
        sizes.min_by_key(|planes| planes.n()).unwrap_or(with(0))
    }

    /// How many planes.
    pub fn n(self) -> usize {
        // One more than the high part has values: none is above the highest.
        (1 << self.low_bits) + (self.most >> self.low_bits) + 2
    }

    /// Where the plane of the rows whose rank is `rank` or more is to be had.
    pub fn cut(self, rank: usize) -> Cut {
        let low = rank & ((1 << self.low_bits) - 1);
        Cut {
            high: (self.first + (1 << self.low_bits) + (rank >> self.low_bits)) as u16,
            low: (self.first + low) as u16,
        }
    }

    /// Fills the planes of the column, given the ranks of a block.
    #[inline(always)]
    pub fn fill<S: Simd>(self, simd: S, ranks: &[u16; ROWS], planes: &mut [Word<S>]) {
        let mut bits = [word::zeros(simd); 16];
        let used = (usize::BITS - self.most.leading_zeros()) as usize;
        let (lower, upper) = bits.split_at_mut(8);
        bytes_to_planes(simd, ranks, 0, lower);
        if used > 8 {
            bytes_to_planes(simd, ranks, 8, upper);
        }
        let low_bits = self.low_bits as usize;
        let planes = &mut planes[self.first..self.first + self.n()];
        let (low, high) = planes.split_at_mut(1 << low_bits);
        reach(simd, &bits[..low_bits], low);
        if let Some((none, high)) = high.split_last_mut() {
            reach(simd, &bits[low_bits..used.max(low_bits)], high);
            *none = word::zeros(simd);
        }
    }
}

/// The eight bits from `shift` on, as planes.
#[inline(always)]
fn bytes_to_planes<S: Simd>(simd: S, ranks: &[u16; ROWS], shift: u32, planes: &mut [Word<S>]) {
    let mut words = [word::zeros(simd); 8];
    for (word, ranks) in words.iter_mut().zip(ranks.as_chunks::<64>().0) {
        *word = word::from_bytes(simd, &ranks.map(|rank| (rank >> shift) as u8));
    }
    word::transpose(&mut words);
    planes.copy_from_slice(&words);
}

/// Plane c becomes "the number of these bits is c or more", the lowest bit first.
#[inline(always)]
fn reach<S: Simd>(simd: S, bits: &[Word<S>], planes: &mut [Word<S>]) {
    planes[0] = word::ones(simd);
    for (level, bit) in bits.iter().enumerate() {
        let half = 1 << level;
        for c in 0..half.min(planes.len()) {
            let reached = planes[c];
            if c + half < planes.len() {
                planes[c + half] = reached & *bit;
            }
            planes[c] = reached | *bit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::InstructionSet;
    use fearless_simd::dispatch;

    #[test]
    fn a_cut_is_reached_by_the_ranks_from_its_own_on() {
        for instructions in InstructionSet::available() {
            dispatch!(instructions.level(), simd => check_cuts(simd));
        }
    }

    fn check_cuts<S: Simd>(simd: S) {
        for most in [1, 2, 3, 100, 255, 256, 300, 1_000, 5_000] {
            let reached = Reached::new(3, most);
            let mut planes = vec![word::zeros(simd); 3 + reached.n()];
            let mut ranks = [0; ROWS];
            for (row, rank) in ranks.iter_mut().enumerate() {
                *rank = (row * 61 % (most + 1)) as u16;
            }
            ranks[ROWS - 1] = most as u16;
            reached.fill(simd, &ranks, &mut planes);
            for wanted in (1..=most).step_by(1 + most / 50).chain([most]) {
                let cut = reached.cut(wanted);
                let [low, high, next] =
                    [cut.low, cut.high, cut.high + 1].map(|i| planes[usize::from(i)]);
                let plane = word::to_bytes(next | (high & low));
                for (row, rank) in ranks.iter().enumerate() {
                    let set = plane[row % 64] >> (row / 64) & 1 == 1;
                    assert_eq!(set, usize::from(*rank) >= wanted, "{rank} of {most}");
                }
            }
        }
    }

    #[test]
    fn planes_are_about_twice_the_root_of_the_ranks() {
        assert_eq!(Reached::new(0, 420).n(), 16 + 26 + 2);
    }
}
