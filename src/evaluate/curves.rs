//! The lines of the pictures: each a mean over seeds with its spread, at the same places for every ranking.

use super::part::RankedPart;

/// Places in a factor of ten of the share of rows.
const PLACES: i32 = 12;
/// Places from 0 to 1 of a rate.
const STEPS: usize = 50;

/// The lines of one ranking.
#[derive(Clone, Debug)]
pub struct Curves {
    /// Recall at each share of rows.
    pub recall: Vec<Point>,
    /// Distinct attacks at each share of rows.
    pub attacks: Vec<Point>,
    /// Precision at each recall.
    pub precision: Vec<Point>,
    /// The true positive rate at each false positive rate.
    pub roc: Vec<Point>,
}

/// A place of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Where.
    pub x: f64,
    /// The mean over seeds.
    pub mean: f64,
    /// The least and the most of a seed.
    pub range: (f64, f64),
}

/// The lines of one seed: heights alone.
pub(super) struct SeedCurves {
    recall: Vec<f64>,
    attacks: Vec<f64>,
    precision: Vec<f64>,
    roc: Vec<f64>,
}

/// The shares of rows at which lines have places: from one row of these on to all, close at the low end.
pub(super) fn shares(n_rows: usize) -> Vec<f64> {
    let decades = (n_rows as f64).log10().floor() as i32;
    let places = -decades * PLACES..=0;
    let share = |place: i32| 10_f64.powf(f64::from(place) / f64::from(PLACES));
    places.map(share).collect()
}

/// The number of rows that are a share of all, rounded down: at least one.
fn alerts(share: f64, n_rows: usize) -> usize {
    // The power of ten that a place stands for may be a little less than it.
    let rows = share * n_rows as f64 * (1.0 + 1e-12);
    (rows as usize).clamp(1, n_rows)
}

fn rates(from: usize) -> Vec<f64> {
    let rate = |step: usize| step as f64 / STEPS as f64;
    (from..=STEPS).map(rate).collect()
}

impl SeedCurves {
    pub fn new(part: &RankedPart, shares: &[f64]) -> Self {
        let ranked = &part.ranked;
        let alerts = || shares.iter().map(|share| alerts(*share, ranked.n_rows()));
        Self {
            recall: alerts().map(|alerts| ranked.recall(alerts)).collect(),
            attacks: alerts()
                .map(|alerts| part.attacks_hit(alerts) as f64)
                .collect(),
            precision: rates(1)
                .into_iter()
                .map(|recall| ranked.precision_at_recall(recall))
                .collect(),
            roc: rates(0)
                .into_iter()
                .map(|rate| ranked.true_positive_rate(rate))
                .collect(),
        }
    }
}

impl Curves {
    /// The lines over all seeds.
    pub(super) fn of(seeds: &[SeedCurves], shares: &[f64]) -> Self {
        let line = |places: &[f64], heights: fn(&SeedCurves) -> &Vec<f64>| {
            let point = |(place, x): (usize, &f64)| {
                let values = || seeds.iter().map(|seed| heights(seed)[place]);
                Point {
                    x: *x,
                    mean: values().sum::<f64>() / seeds.len() as f64,
                    range: (
                        values().fold(f64::INFINITY, f64::min),
                        values().fold(f64::NEG_INFINITY, f64::max),
                    ),
                }
            };
            places.iter().enumerate().map(point).collect()
        };
        Self {
            recall: line(shares, |seed| &seed.recall),
            attacks: line(shares, |seed| &seed.attacks),
            precision: line(&rates(1), |seed| &seed.precision),
            roc: line(&rates(0), |seed| &seed.roc),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_go_from_about_one_row_to_all() {
        let shares = shares(17_159);
        assert_eq!(shares.len(), 4 * 12 + 1);
        assert!((shares[0] - 1e-4).abs() < 1e-12 && shares[48] == 1.0);
        assert_eq!((alerts(shares[0], 17_159), alerts(1e-9, 7)), (1, 1));
        assert_eq!(
            (alerts(shares[24], 17_159), alerts(shares[24], 500)),
            (171, 5)
        ); // 1 %
    }
}
