//! The two random generators scikit-learn draws from, word for word.
//!
//! Seeds, rows and columns come from [`Mt19937`], NumPy's legacy `RandomState`; the cuts inside a
//! tree come from [`XorShift`]. Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 1998;
//! Marsaglia, "Xorshift RNGs", JSS 2003.

use std::hint::select_unpredictable;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u32x16};

/// Words of state, and of output between two refills.
const WORDS: usize = 624;
/// A word is refilled from the one this far ahead.
const MIDDLE: usize = 397;
/// Words refilled at a time: a divisor of `WORDS`.
const LANES: usize = 16;

/// The Mersenne Twister, seeded and read as NumPy's `RandomState(seed)` does.
#[derive(Debug, Clone)]
pub struct Mt19937 {
    /// The words of state, and the first of them again: a circle that is read across its end.
    key: [u32; WORDS + LANES],
    position: usize,
}

impl Mt19937 {
    /// The generator of `RandomState(seed)`.
    pub fn new(seed: u32) -> Self {
        let mut key = [seed; WORDS + LANES];
        for i in 1..WORDS {
            let last = key[i - 1];
            key[i] = (last ^ (last >> 30))
                .wrapping_mul(1_812_433_253)
                .wrapping_add(i as u32);
        }
        Self {
            key,
            position: WORDS,
        }
    }

    /// The next word.
    pub fn next_u32(&mut self) -> u32 {
        if self.position == WORDS {
            self.refill();
        }
        let mut y = self.key[self.position];
        self.position += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// The next two words, the first in the high half.
    pub fn next_u64(&mut self) -> u64 {
        let high = u64::from(self.next_u32());
        high << 32 | u64::from(self.next_u32())
    }

    /// Uniform in [0, 1) on a grid of 2⁻⁵³: 27 bits of the first word, 26 of the second.
    pub fn next_f64(&mut self) -> f64 {
        let high = f64::from(self.next_u32() >> 5);
        let low = f64::from(self.next_u32() >> 6);
        (high * 67_108_864.0 + low) / 9_007_199_254_740_992.0
    }

    /// Two independent draws from the standard normal distribution, in the order of NumPy's `standard_normal`:
    /// Marsaglia's polar method.
    pub fn next_normals(&mut self) -> [f64; 2] {
        loop {
            let [x, y] = [0, 1].map(|_| 2.0 * self.next_f64() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square > 0.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                return [y * factor, x * factor];
            }
        }
    }

    /// Uniform in the closed range `0..=max`, by masking and rejection; no draw for `max == 0`.
    pub fn bounded(&mut self, max: u64) -> u64 {
        if max == 0 {
            return 0;
        }
        loop {
            let number = self.masked(max);
            if number <= max {
                return number;
            }
        }
    }

    /// As many random bits as `max` has, which is not 0.
    fn masked(&mut self, max: u64) -> u64 {
        let word = if max <= u64::from(u32::MAX) {
            u64::from(self.next_u32())
        } else {
            self.next_u64()
        };
        word & (u64::MAX >> max.leading_zeros())
    }

    /// `randint(0, n)`: uniform in `0..n`.
    ///
    /// # Panics
    ///
    /// If `n` is 0, as there is nothing to draw.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "a number below zero cannot be drawn");
        self.bounded(n as u64 - 1) as usize
    }

    /// A seed for another generator: `randint(0, 2**31 - 1)`.
    pub fn next_seed(&mut self) -> u32 {
        self.bounded(2_147_483_646) as u32
    }

    /// The numbers `0..n` in random order.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        let mut last = n.saturating_sub(1);
        while last > 0 {
            // `below(last + 1)` without a branch, as nobody can guess which numbers it rejects.
            let number = self.masked(last as u64) as usize;
            let fits = number <= last;
            order.swap(last, select_unpredictable(fits, number, last));
            last -= usize::from(fits);
        }
        order
    }

    /// Passes over `words` words. Costs a refill for each 624 of them: up to 0.4 seconds for the two
    /// words of 10⁹ rows.
    ///
    /// A jump by polynomials would cost some 0.2 milliseconds whatever the distance. For the 25,600
    /// rows of a common forest that pays from more than 10¹⁰ rows on, which take hundreds of times as
    /// long to score as to pass over.
    pub fn skip(&mut self, mut words: u64) {
        loop {
            let left = (WORDS - self.position) as u64;
            if words <= left {
                self.position += words as usize;
                return;
            }
            words -= left;
            self.refill();
        }
    }

    fn refill(&mut self) {
        let key = &mut self.key;
        dispatch!(Level::new(), simd => simd.vectorize(#[inline(always)] || refill(simd, key)));
        self.position = 0;
    }
}

/// The next words of state, `LANES` at a time.
#[inline(always)]
fn refill<S: Simd>(simd: S, key: &mut [u32; WORDS + LANES]) {
    for i in (0..WORDS).step_by(LANES) {
        let middle = if i + MIDDLE < WORDS {
            i + MIDDLE
        } else {
            i + MIDDLE - WORDS
        };
        let read = |from| u32x16::from_slice(simd, &key[from..from + LANES]);
        let y = (read(i) & 0x8000_0000) | (read(i + 1) & 0x7fff_ffff);
        // All ones where y is odd.
        let odd = u32x16::splat(simd, 0) - (y & 1);
        let words = read(middle) ^ (y >> 1) ^ (odd & 0x9908_b0df);
        words.store_slice(&mut key[i..i + LANES]);
        if i == 0 {
            words.store_slice(&mut key[WORDS..]); // the last words are made with the new first ones
        }
    }
}

/// The seed a generator seeded with `seed` hands out first.
///
/// scikit-learn goes from a tree's seed to its `random_state`, and from there to the state of its
/// [`XorShift`], by one such step each.
pub fn derived_seed(seed: u32) -> u32 {
    Mt19937::new(seed).next_seed()
}

/// The generator inside a tree: 32 bits of state, of which a draw shows the lower 31.
#[derive(Debug, Clone)]
pub struct XorShift {
    state: u32,
}

impl XorShift {
    /// A generator that starts at `seed`.
    pub fn new(seed: u32) -> Self {
        Self { state: seed }
    }

    /// The next value, 0 to 2³¹ − 1.
    pub fn next_value(&mut self) -> u32 {
        let mut state = self.state.max(1); // zero would stay zero
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        self.state = state;
        state & 0x7fff_ffff
    }

    /// A number in `low..high`, by remainder. The range is never empty.
    pub fn integer(&mut self, low: usize, high: usize) -> usize {
        low + self.next_value() as usize % (high - low)
    }

    /// A number from `low` to `high`, both ends included.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        (high - low) * f64::from(self.next_value()) / 2_147_483_647.0 + low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::InstructionSet;

    #[test]
    fn the_ten_thousandth_word_of_seed_5489_is_the_one_the_c_standard_prints() {
        let mut generator = Mt19937::new(5489);
        generator.skip(9_999);
        assert_eq!(generator.next_u32(), 4_123_659_995);
    }

    #[test]
    fn every_width_of_vector_refills_with_the_same_words() {
        let seeded = Mt19937::new(1).key;
        let mut one_by_one = seeded[..WORDS].to_vec();
        for i in 0..WORDS {
            let y = (one_by_one[i] & 0x8000_0000) | (one_by_one[(i + 1) % WORDS] & 0x7fff_ffff);
            let odd = if y % 2 == 1 { 0x9908_b0df } else { 0 };
            one_by_one[i] = one_by_one[(i + MIDDLE) % WORDS] ^ (y >> 1) ^ odd;
        }
        for instructions in InstructionSet::available() {
            let mut key = seeded;
            dispatch!(instructions.level(), simd => refill(simd, &mut key));
            assert_eq!(key[..WORDS], one_by_one, "{instructions:?}");
        }
    }

    #[test]
    fn skipping_is_drawing_without_looking() {
        for words in [0, 1, 623, 624, 625, 5_000] {
            let (mut skipped, mut drawn) = (Mt19937::new(7), Mt19937::new(7));
            skipped.skip(words);
            (0..words).for_each(|_| {
                drawn.next_u32();
            });
            assert_eq!(skipped.next_u32(), drawn.next_u32(), "after {words} words");
        }
    }

    #[test]
    fn a_range_of_one_number_costs_no_draw() {
        let (mut bounded, mut fresh) = (Mt19937::new(42), Mt19937::new(42));
        assert_eq!(bounded.bounded(0), 0);
        assert_eq!(bounded.next_u32(), fresh.next_u32());
    }

    #[test]
    fn a_permutation_swaps_from_the_end_with_places_drawn_below() {
        for n in [0, 1, 2, 3, 64, 65, 1_000] {
            let (mut swapped, mut permuted) = (Mt19937::new(5), Mt19937::new(5));
            let mut order: Vec<usize> = (0..n).collect();
            for last in (1..n).rev() {
                order.swap(last, swapped.below(last + 1));
            }
            assert_eq!(permuted.permutation(n), order);
            assert_eq!(permuted.next_u32(), swapped.next_u32(), "after {n} numbers");
        }
    }

    #[test]
    fn seed_42_begins_as_every_notebook_knows_it() {
        assert_eq!(Mt19937::new(42).next_f64(), 0.374_540_118_847_362_5);
        assert_eq!(Mt19937::new(0).next_seed(), 209_652_396);
        let normals = Mt19937::new(42).next_normals().map(|normal| normal as f32);
        assert_eq!(normals, [0.496_714_15, -0.138_264_3]);
    }

    #[test]
    fn xorshift_from_one_follows_by_hand() {
        // 1 ^ 1<<13 = 8193; 8193 >> 17 = 0; 8193 ^ 8193<<5 = 270369
        assert_eq!(XorShift::new(1).next_value(), 270_369);
        assert_eq!(XorShift::new(0).next_value(), 270_369);
        assert_eq!(XorShift::new(1).integer(10, 12), 11); // 270369 is odd
    }
}
