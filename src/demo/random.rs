//! Where the demo's randomness comes from: one generator for each thing that is made.
//!
//! A generator is named by what it is for (the fleet, the intrusions, chunk 3 of day 5), never
//! passed from one thing to the next. So the rows do not depend on which thread made which chunk.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// What a generator is for.
#[derive(Clone, Copy)]
pub enum Purpose {
    /// How busy each host is.
    Fleet,
    /// Which programs each group of hosts likes.
    Taste,
    /// Where, when and by whom the intrusions happen.
    Intrusions,
    /// The sample CloudTrail bucket.
    Trail,
    /// The ordinary events of one slice of one day.
    Chunk { day: u32, chunk: u32 },
}

/// The generator for one purpose; equal arguments give equal numbers.
pub fn generator(seed: u64, purpose: Purpose) -> Xoshiro256PlusPlus {
    let (tag, part) = match purpose {
        Purpose::Fleet => (1, 0),
        Purpose::Taste => (2, 0),
        Purpose::Intrusions => (3, 0),
        Purpose::Trail => (5, 0),
        Purpose::Chunk { day, chunk } => (4, u64::from(day) << 32 | u64::from(chunk)),
    };
    Xoshiro256PlusPlus::seed_from_u64(mix(mix(mix(seed) ^ tag) ^ part))
}

/// Spreads a key over all 64 bits (the finaliser of SplitMix64); neighbours come out unrelated.
pub fn mix(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn every_chunk_of_every_day_draws_its_own_numbers() {
        let first = |day, chunk| -> u64 { generator(42, Purpose::Chunk { day, chunk }).random() };
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(2, 1));
        assert_ne!(first(0, 1), first(1, 0));
    }
}
