//! 2 to the power −x, with the same bits on every machine.
//!
//! `pow` differs in last bits from one C library and processor to the next. This one is glibc's on x86-64
//! with FMA, which NumPy and scikit-learn call there: Szabolcs Nagy's algorithm and coefficients (ARM
//! optimized-routines, MIT; in glibc since 2.28), with those operations fused that GCC fuses.
//! 2^−x = 2^(k/128) · e^r, k whole and r small: the one is looked up, the other is a polynomial.
//!
//! Without FMA a fused operation is a slow call, so a plain estimate goes first. Where all that lies
//! within its error rounds to one number, that is it; for 4 values in 100 the fused operations decide.

use std::f64::consts::{LN_2, LOG2_E};

/// Exponents that are raised side by side.
pub const LANES: usize = 16;

/// Steps from a power of two to the next.
const STEPS: usize = 128;
/// Exponents further from 0 are halved and the power squared; glibc rounds differently from 738.7 on.
const LARGEST: f64 = 738.0;
/// 1.5 · 2⁵²: adding it rounds to a whole number, which the low bits of the sum hold.
const SHIFT: f64 = 6_755_399_441_055_744.0;
/// ln 2 − `LN_2`.
const LN_2_TAIL: f64 = f64::from_bits(0x3c7a_bc9e_3b39_8000);
/// (ln 2) / 128 to 36 bits, so that k times it is exact, and what is missing.
const STEP: f64 = f64::from_bits(0x3f76_2e42_fefa_0000);
const STEP_TAIL: f64 = f64::from_bits(0x3d0c_f79a_bc9e_3b3a);
/// e^r = 1 + r + C2 r² + … + C5 r⁵ for |r| ≤ (ln 2) / 256.
const C2: f64 = f64::from_bits(0x3fdf_ffff_ffff_fdbd);
const C3: f64 = f64::from_bits(0x3fc5_5555_5555_543c);
const C4: f64 = f64::from_bits(0x3fa5_5555_cf17_2b91);
const C5: f64 = f64::from_bits(0x3f81_1111_67a4_d017);

/// What an estimate may be off, relative to its scale: 13 · 2⁻⁶².
// r and the sums lie below 2⁻⁸, where rounding is off by u = 2⁻⁶² at most. The five roundings in `fused`
// make 5.1 u; two in `estimate`, and r without LN_2_TAIL, 2.5 u; the margin and the scale, 2.4 u. Beside
// a tie the two may take another k, and then differ in tail · r and the polynomial's error by 2.6 u.
const MARGIN: f64 = 13.0 / (1_u64 << 62) as f64;

/// 2^−x: glibc's bits for x up to 738, within 2 units of the last place beyond; NaN for NaN.
#[inline(always)]
pub fn two_to_the_minus(x: f64) -> f64 {
    let power = estimate(x);
    if power.is_nan() { decide(x) } else { power }
}

/// What a machine does at once: the bits are the same, the quickest way to them is not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arithmetic {
    /// Products and sums.
    Plain,
    /// A product and a sum as one.
    Fused,
}

/// `two_to_the_minus` of each. Inlined, it becomes vector instructions of the caller's machine; where
/// that has fused operations, no estimate goes first.
#[inline(always)]
pub fn two_to_the_minus_each(exponents: &[f64; LANES], machine: Arithmetic) -> [f64; LANES] {
    let mut powers = [0.0; LANES];
    let mut undecided = false;
    for (power, x) in powers.iter_mut().zip(exponents) {
        *power = match machine {
            Arithmetic::Plain => estimate(*x),
            Arithmetic::Fused if x.abs() <= LARGEST => fused(*x),
            Arithmetic::Fused => f64::NAN,
        };
        undecided |= power.is_nan();
    }
    if undecided {
        for (power, x) in powers.iter_mut().zip(exponents) {
            if power.is_nan() {
                *power = decide(*x);
            }
        }
    }
    powers
}

/// 2^−x by plain operations; NaN where their error leaves the last bit open.
#[inline(always)]
fn estimate(x: f64) -> f64 {
    let shifted = x * -(STEPS as f64) + SHIFT;
    let k = shifted - SHIFT;
    let r = (-x - k / STEPS as f64) * LN_2;
    let (scale, tail) = scale_and_tail(shifted);
    let r2 = r * r;
    let fraction = r + (tail + r2 * ((C2 + r * C3) + r2 * (C4 + r * C5)));
    let low = scale + scale * (fraction - MARGIN);
    let high = scale + scale * (fraction + MARGIN);
    if (low == high) & (x.abs() <= LARGEST) {
        low
    } else {
        f64::NAN
    }
}

/// 2^−x by fused operations.
#[inline(always)]
fn decide(x: f64) -> f64 {
    if x.abs() <= LARGEST {
        fused(x)
    } else {
        let root = fused((x / 2.0).clamp(-LARGEST, LARGEST));
        root * root
    }
}

/// 2^−x up to `LARGEST`: glibc's operations for a base of 2, in its order.
#[inline(always)]
fn fused(x: f64) -> f64 {
    let logarithm = -x * LN_2;
    let logarithm_tail = (-x).mul_add(LN_2_TAIL, (-x).mul_add(LN_2, -logarithm));
    let shifted = logarithm.mul_add(LOG2_E * STEPS as f64, SHIFT);
    let k = shifted - SHIFT;
    let r = k.mul_add(-STEP_TAIL, k.mul_add(-STEP, logarithm)) + logarithm_tail;
    let (scale, tail) = scale_and_tail(shifted);
    let r2 = r * r;
    let low_terms = r2.mul_add(r.mul_add(C3, C2), tail + r);
    let fraction = (r2 * r2).mul_add(r.mul_add(C5, C4), low_terms);
    scale.mul_add(fraction, scale)
}

/// 2^(k/128) = scale · (1 + tail), for k + `SHIFT`.
#[inline(always)]
fn scale_and_tail(shifted: f64) -> (f64, f64) {
    let k = shifted.to_bits();
    let place = k as usize % STEPS;
    // k / 128, whole, moves into the exponent; what is left over, the table takes back.
    let scale = SCALES[place].wrapping_add(k << (52 - STEPS.ilog2()));
    (f64::from_bits(scale), TAILS[place])
}

static SCALES: [u64; STEPS] = table().0;
static TAILS: [f64; STEPS] = table().1;

/// For each k the nearest number to 2^(k/128), as bits less k / 128 of an exponent, and the
/// relative rest.
const fn table() -> ([u64; STEPS], [f64; STEPS]) {
    /// ln 2 · 2¹²⁸.
    const LN_2: u128 = 0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6af;
    /// From here on 127 binary places.
    const ONE: u128 = 1 << 127;
    let (mut scales, mut tails) = ([0; STEPS], [0.0; STEPS]);
    let mut k = 0;
    while k < STEPS {
        let z = high_half(LN_2, (k as u128) << (128 - STEPS.ilog2()));
        let (mut power, mut n) = (ONE, 32); // e^z = 1 + z (1 + z/2 (1 + z/3 …
        while n > 0 {
            power = ONE + high_half(z, power) / n;
            n -= 1;
        }
        let nearest = (power + (1 << 74)) >> 75; // 53 bits
        let rest = power.wrapping_sub(nearest << 75) as i128;
        let bits = (nearest as f64 / (1_u64 << 52) as f64).to_bits();
        scales[k] = bits - ((k as u64) << (52 - STEPS.ilog2()));
        tails[k] = ((rest << 52) / nearest as i128) as f64 / ONE as f64;
        k += 1;
    }
    (scales, tails)
}

/// The upper 128 of the 256 bits of a product.
const fn high_half(a: u128, b: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;
    let carried = ((a & LOW) * (b & LOW)) >> 64;
    let middle = (a >> 64) * (b & LOW) + carried;
    let other = (a & LOW) * (b >> 64) + (middle & LOW);
    (a >> 64) * (b >> 64) + (middle >> 64) + (other >> 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
    fn powers_are_glibcs_where_it_runs_on_fma() {
        if !(is_x86_feature_detected!("fma") && is_x86_feature_detected!("avx2")) {
            return; // glibc takes other operations
        }
        let two = std::hint::black_box(2.0_f64); // a visible 2 is compiled to exp2
        for x in exponents() {
            let (power, glibcs) = (two_to_the_minus(x), two.powf(-x));
            assert_eq!(power.to_bits(), glibcs.to_bits(), "2^-{x:?}");
        }
    }

    #[test]
    fn an_estimate_is_the_fused_answer_or_none() {
        let mut none = 0;
        for x in exponents() {
            match estimate(x) {
                power if power.is_nan() => none += 1,
                power => assert_eq!(power, fused(x), "2^-{x:?}"),
            }
        }
        assert!((1..exponents().count() / 20).contains(&none), "{none}");
    }

    #[test]
    fn sixteen_at_once_are_sixteen_one_by_one() {
        let mut xs: Vec<f64> = exponents().take(LANES * 1_000).collect();
        (xs[3], xs[LANES], xs[LANES + 1]) = (f64::INFINITY, 1_000.0, -1.5);
        for xs in xs.as_chunks().0 {
            let one_by_one = xs.map(two_to_the_minus);
            assert_eq!(two_to_the_minus_each(xs, Arithmetic::Plain), one_by_one);
            assert_eq!(two_to_the_minus_each(xs, Arithmetic::Fused), one_by_one);
        }
    }

    #[test]
    fn exponents_past_the_largest_run_on_to_zero_and_infinity() {
        let least = f64::from_bits(1); // 2⁻¹⁰⁷⁴
        for (x, power) in [(-1.0, 2.0), (-0.0, 1.0), (1_074.0, least), (1_076.0, 0.0)] {
            assert_eq!(two_to_the_minus(x), power);
        }
        assert_eq!(two_to_the_minus(1_000.0), 2_f64.powi(-1_000));
        assert_eq!(two_to_the_minus(f64::INFINITY), 0.0);
        assert_eq!(two_to_the_minus(f64::NEG_INFINITY), f64::INFINITY);
        assert!(two_to_the_minus(f64::NAN).is_nan());
    }

    #[test]
    fn the_square_of_a_table_entry_is_the_entry_twice_as_far() {
        // 2^(64/128) squared is 2, 2^(32/128) squared is 2^(64/128), …: this fixes all 128.
        let entry = |k: usize| scale_and_tail(SHIFT + k as f64);
        for k in 0..STEPS {
            let ((root, root_tail), (square, tail)) = (entry(k), entry(2 * k));
            let high = root * root;
            let low = root.mul_add(root, -high) + 2.0 * high * root_tail;
            let off = (high - square) + (low - square * tail);
            assert!(off.abs() < 2_f64.powi(-102), "{k}: {off:e}");
            assert!(tail.abs() < 2_f64.powi(-53), "{k}: not the nearest");
        }
    }

    #[test]
    fn the_table_has_every_bit_of_glibcs() {
        let entries = TAILS.iter().map(|tail| tail.to_bits()).zip(SCALES);
        let checksum = entries
            .flat_map(|(tail, scale)| [tail, scale])
            .fold(0_u64, |sum, bits| sum.wrapping_mul(31).wrapping_add(bits));
        assert_eq!(checksum, 0x5ba7_2bbf_6a77_0421); // of __exp_data in glibc 2.36
    }

    /// Ratios as forests have them, some up to the largest, and the neighbours of every tie.
    fn exponents() -> impl Iterator<Item = f64> {
        let ratios = (0..100_000).map(|i| f64::from(i) / 44_721.0);
        let large = (0..20_000).map(|i| f64::from(i) / 27.1);
        let ties = (1..2_000).step_by(2).map(|i| f64::from(i) / 256.0);
        let ties = ties.flat_map(|tie| [tie.next_down(), tie, tie.next_up()]);
        ratios.chain(large).chain(ties).chain([1e-300, 5e-17])
    }
}
