//! The percentile that puts the line at a given share of outliers.

/// NumPy's `percentile(values, 100 * fraction)` with linear interpolation; reorders `values`.
///
/// `fraction` is 0 to 1. `None` if there are no values.
pub fn percentile(values: &mut [f64], fraction: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    // There and back by 100, as scikit-learn calls it: this is not always `fraction`.
    let position = last as f64 * (100.0 * fraction / 100.0);
    if position >= last as f64 {
        return values.iter().copied().max_by(f64::total_cmp);
    }
    let below = position.floor();
    let weight = position - below;
    let (_, &mut low, above) = values.select_nth_unstable_by(below as usize, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp)?;
    let gap = high - low;
    Some(if weight < 0.5 {
        low + gap * weight
    } else {
        high - gap * (1.0 - weight)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_lies_on_the_line_between_two_neighbours() {
        let mut values = [-0.1, -0.5, -0.4, -0.2, -0.3];
        assert_eq!(percentile(&mut values, 0.25), Some(-0.4)); // position 1 of 0..=4
        let mut values = [0.0, 8.0];
        assert_eq!(percentile(&mut values, 0.25), Some(2.0));
        assert_eq!(percentile(&mut values, 0.75), Some(6.0));
    }

    #[test]
    fn the_ends_are_the_smallest_and_the_largest() {
        assert_eq!(percentile(&mut [3.0, 1.0, 2.0], 0.0), Some(1.0));
        assert_eq!(percentile(&mut [3.0, 1.0, 2.0], 1.0), Some(3.0));
        assert_eq!(percentile(&mut [7.0], 0.1), Some(7.0));
        assert_eq!(percentile(&mut [], 0.1), None);
    }
}
