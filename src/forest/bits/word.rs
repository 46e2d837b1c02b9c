//! 512 bits, one for each row of a block: what everything after the ranks is made of.
//!
//! A plane holds one bit of 512 rows, or one byte of 64 rows; `transpose` turns 8 of the one into 8 of
//! the other. Row 64 k + i is byte i of byte word k, and bit k of byte i in a plane: so neither way
//! moves a byte to another place, and any word of the machine does both.

/// Rows of a block, and bits of a word.
pub const ROWS: usize = 512;
/// Bytes of a word.
pub const BYTES: usize = ROWS / 8;

/// 512 bits in the registers of some machine.
pub trait Word: Copy + Send {
    /// No bit set.
    fn zeros() -> Self;
    /// Every bit set.
    fn ones() -> Self;
    /// Bits set in both.
    fn and(self, other: Self) -> Self;
    /// Bits set in either.
    fn or(self, other: Self) -> Self;
    /// The bits of `ones` where `self` is set, of `zeros` where it is not.
    fn select(self, ones: Self, zeros: Self) -> Self;
    /// Takes bytes of rows to planes and planes to bytes: bit k of byte i of word j to bit j of byte
    /// i of word k.
    fn transpose(words: &mut [Self; 8]);
    /// The word of these bytes.
    fn from_bytes(bytes: &[u8; BYTES]) -> Self;
    /// The bytes of the word.
    fn to_bytes(self) -> [u8; BYTES];
}

/// Eight machine words, for any machine: compilers make vector registers of them.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub struct Portable([u64; 8]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, operation: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|lane| {
            operation(self.0[lane], other.0[lane])
        }))
    }
}

impl Word for Portable {
    #[inline(always)]
    fn zeros() -> Self {
        Self([0; 8])
    }

    #[inline(always)]
    fn ones() -> Self {
        Self([!0; 8])
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    #[inline(always)]
    fn select(self, ones: Self, zeros: Self) -> Self {
        let differ = ones.zip(zeros, |a, b| a ^ b);
        zeros.zip(self.and(differ), |a, b| a ^ b)
    }

    #[inline(always)]
    fn transpose(words: &mut [Self; 8]) {
        // A loop over lanes is what compilers turn into vector instructions: eight words are eight
        // registers, as many lanes wide as the machine has.
        for lane in 0..8 {
            let mut column = [0; 8];
            for (bits, word) in column.iter_mut().zip(&*words) {
                *bits = word.0[lane];
            }
            transpose_lane(&mut column);
            for (word, bits) in words.iter_mut().zip(column) {
                word.0[lane] = bits;
            }
        }
    }

    #[inline(always)]
    fn from_bytes(bytes: &[u8; BYTES]) -> Self {
        let mut lanes = [0; 8];
        for (lane, bytes) in lanes.iter_mut().zip(bytes.as_chunks().0) {
            *lane = u64::from_le_bytes(*bytes);
        }
        Self(lanes)
    }

    #[inline(always)]
    fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        for (bytes, lane) in bytes.as_chunks_mut().0.iter_mut().zip(self.0) {
            *bytes = lane.to_le_bytes();
        }
        bytes
    }
}

/// Three rounds of four exchanges: blocks of 4 × 4 bits, of 2 × 2, and single bits.
#[inline(always)]
fn transpose_lane(words: &mut [u64; 8]) {
    for (low, high) in [(0, 4), (1, 5), (2, 6), (3, 7)] {
        exchange::<4>(words, low, high, 0x0f0f_0f0f_0f0f_0f0f);
    }
    for (low, high) in [(0, 2), (1, 3), (4, 6), (5, 7)] {
        exchange::<2>(words, low, high, 0x3333_3333_3333_3333);
    }
    for (low, high) in [(0, 1), (2, 3), (4, 5), (6, 7)] {
        exchange::<1>(words, low, high, 0x5555_5555_5555_5555);
    }
}

/// Exchanges the high bits of one word with the low bits, those of `mask`, of another.
#[inline(always)]
fn exchange<const SHIFT: u32>(words: &mut [u64; 8], low: usize, high: usize, mask: u64) {
    let differ = ((words[low] >> SHIFT) ^ words[high]) & mask;
    words[low] ^= differ << SHIFT;
    words[high] ^= differ;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_rows_become_planes_and_planes_bytes() {
        let byte = |row: usize| (row * 37 % 251) as u8;
        let bytes: [[u8; BYTES]; 8] =
            std::array::from_fn(|k| std::array::from_fn(|i| byte(64 * k + i)));
        let mut words = bytes.map(|bytes| Portable::from_bytes(&bytes));
        Portable::transpose(&mut words);
        for row in 0..ROWS {
            let (k, i) = (row / 64, row % 64);
            for (bit, plane) in words.iter().enumerate() {
                let set = plane.to_bytes()[i] >> k & 1;
                assert_eq!(set, byte(row) >> bit & 1, "bit {bit} of row {row}");
            }
        }
        Portable::transpose(&mut words);
        assert_eq!(words.map(Portable::to_bytes), bytes);
    }

    #[test]
    fn select_takes_bit_by_bit() {
        let word = |byte| Portable::from_bytes(&[byte; BYTES]);
        let selected = word(0b0011).select(word(0b0101), word(0b1001));
        assert_eq!(selected, word(0b1001 & !0b0011 | 0b0101 & 0b0011));
    }
}
