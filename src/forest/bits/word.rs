//! 512 bits, one for each row of a block: what everything after the ranks is made of.
//!
//! A plane holds one bit of 512 rows, or one byte of 64 rows; `transpose` turns 8 of the one into 8 of
//! the other. Row 64 k + i is byte i of byte word k, and bit k of byte i in a plane: so neither way
//! moves a byte to another place, and vector registers of any width do both.

use fearless_simd::prelude::*;
use fearless_simd::{Simd, u8x64, u64x8};

/// Rows of a block, and bits of a word.
pub const ROWS: usize = 512;
/// Bytes of a word.
pub const BYTES: usize = ROWS / 8;

/// 512 bits in as many registers as the machine needs for them.
pub type Word<S> = u64x8<S>;

/// No bit set.
#[inline(always)]
pub fn zeros<S: Simd>(simd: S) -> Word<S> {
    Word::splat(simd, 0)
}

/// Every bit set.
#[inline(always)]
pub fn ones<S: Simd>(simd: S) -> Word<S> {
    Word::splat(simd, !0)
}

/// The bits of `ones` where `mask` is set, of `zeros` where it is not.
#[inline(always)]
pub fn select<S: Simd>(mask: Word<S>, ones: Word<S>, zeros: Word<S>) -> Word<S> {
    (mask & (ones ^ zeros)) ^ zeros
}

/// The word of these bytes.
#[inline(always)]
pub fn from_bytes<S: Simd>(simd: S, bytes: &[u8; BYTES]) -> Word<S> {
    u8x64::load_array_ref(simd, bytes).bitcast()
}

/// The bytes of a word.
#[inline(always)]
pub fn to_bytes<S: Simd>(word: Word<S>) -> [u8; BYTES] {
    word.bitcast::<u8x64<S>>().to_array()
}

/// Takes bytes of rows to planes and planes to bytes: bit k of byte i of word j to bit j of byte i of
/// word k. Three rounds of four exchanges: blocks of 4 × 4 bits, of 2 × 2, and single bits.
#[inline(always)]
pub fn transpose<S: Simd>(words: &mut [Word<S>; 8]) {
    for (low, high) in [(0, 4), (1, 5), (2, 6), (3, 7)] {
        exchange::<4, S>(words, low, high, 0x0f0f_0f0f_0f0f_0f0f);
    }
    for (low, high) in [(0, 2), (1, 3), (4, 6), (5, 7)] {
        exchange::<2, S>(words, low, high, 0x3333_3333_3333_3333);
    }
    for (low, high) in [(0, 1), (2, 3), (4, 5), (6, 7)] {
        exchange::<1, S>(words, low, high, 0x5555_5555_5555_5555);
    }
}

/// Exchanges the high bits of one word with the low bits, those of `mask`, of another.
#[inline(always)]
fn exchange<const SHIFT: u32, S: Simd>(
    words: &mut [Word<S>; 8],
    low: usize,
    high: usize,
    mask: u64,
) {
    let mask = Word::splat(words[low].token(), mask);
    let differ = ((words[low] >> SHIFT) ^ words[high]) & mask;
    words[low] ^= differ << SHIFT;
    words[high] ^= differ;
}

#[cfg(test)]
mod tests {
    use super::*;
    use fearless_simd::{Level, dispatch};

    #[test]
    fn bytes_of_rows_become_planes_and_planes_bytes() {
        dispatch!(Level::new(), simd => check_transpose(simd));
        dispatch!(Level::baseline(), simd => check_transpose(simd));
    }

    fn check_transpose<S: Simd>(simd: S) {
        let byte = |row: usize| (row * 37 % 251) as u8;
        let bytes: [[u8; BYTES]; 8] =
            std::array::from_fn(|k| std::array::from_fn(|i| byte(64 * k + i)));
        let mut words = bytes.map(|bytes| from_bytes(simd, &bytes));
        transpose(&mut words);
        for row in 0..ROWS {
            let (k, i) = (row / 64, row % 64);
            for (bit, plane) in words.iter().enumerate() {
                let set = to_bytes(*plane)[i] >> k & 1;
                assert_eq!(set, byte(row) >> bit & 1, "bit {bit} of row {row}");
            }
        }
        transpose(&mut words);
        assert_eq!(words.map(to_bytes), bytes);
    }

    #[test]
    fn select_takes_bit_by_bit() {
        dispatch!(Level::baseline(), simd => check_select(simd));
    }

    fn check_select<S: Simd>(simd: S) {
        let word = |byte| from_bytes(simd, &[byte; BYTES]);
        let selected = to_bytes(select(word(0b0011), word(0b0101), word(0b1001)));
        assert_eq!(selected, [0b1001 & !0b0011 | 0b0101 & 0b0011; BYTES]);
    }
}
