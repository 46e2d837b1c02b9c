//! The order in which NumPy adds floating-point numbers, which decides the last bits of a sum.

/// Longer runs are halved; up to here eight running sums go side by side.
const BLOCK: usize = 128;
/// Running sums of a block.
const LANES: usize = 8;

/// The sum of `term` over values that lie side by side in memory, as NumPy adds them: pairwise.
pub fn pairwise_sum(values: &[f64], term: impl Fn(f64) -> f64 + Copy) -> f64 {
    let n = values.len();
    if n < LANES {
        return sequential_sum(values, term);
    }
    if n > BLOCK {
        let half = n / 2 - (n / 2) % LANES;
        let (head, tail) = values.split_at(half);
        return pairwise_sum(head, term) + pairwise_sum(tail, term);
    }
    let mut rows = values.chunks_exact(LANES);
    let mut sums = [0.0; LANES];
    for (sum, value) in sums.iter_mut().zip(rows.next().unwrap_or_default()) {
        *sum = term(*value); // not 0.0 + term, which would lose the sign of a zero
    }
    for row in &mut rows {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += term(*value);
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    let eight = ((a + b) + (c + d)) + ((e + f) + (g + h));
    rows.remainder()
        .iter()
        .fold(eight, |sum, value| sum + term(*value))
}

/// The sum of `term` in plain order, as NumPy adds the column of a row-major table.
pub fn sequential_sum(values: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    values.iter().fold(0.0, |sum, value| sum + term(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2⁵³, from where adding 1 is lost.
    const LARGE: f64 = 9_007_199_254_740_992.0;

    #[test]
    fn eight_running_sums_save_what_plain_order_loses() {
        // Lane 0 gets the large number, lane 1 gathers ones: 1 + 1 = 2 is large enough to count.
        let mut values = vec![0.0; 16];
        (values[0], values[1], values[9]) = (LARGE, 1.0, 1.0);
        assert_eq!(pairwise_sum(&values, |v| v), LARGE + 2.0);
        assert_eq!(sequential_sum(&values, |v| v), LARGE);
    }

    #[test]
    fn a_run_over_128_is_halved_at_a_multiple_of_eight() {
        // 136 values: parts of 64 and 72, whose lane sums only meet at the end.
        let mut values = vec![1.0; 136];
        values[0] = LARGE;
        let parts = pairwise_sum(&values[..64], |v| v) + pairwise_sum(&values[64..], |v| v);
        assert_eq!(pairwise_sum(&values, |v| v), parts);
    }

    #[test]
    fn few_values_are_added_in_plain_order() {
        assert_eq!(pairwise_sum(&[LARGE, 1.0, 1.0], |v| v), LARGE);
        assert_eq!(pairwise_sum(&[], |v| v), 0.0);
        assert_eq!(pairwise_sum(&[1.0, 2.0], |v| v * v), 5.0);
    }
}
