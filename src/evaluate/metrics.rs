//! How good a ranking is, of rows of which it is known what they are. Names and definitions are scikit-learn's.
//!
//! Everything follows from where the positive rows stand. Rows with equal scores stand in a given order where alerts are
//! counted, since a list of alerts has one; the two figures of a whole ranking take them as one.

/// Rows in the order of their scores, the highest first, as the labels see them.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// The place of each positive row, from 1, in order.
    positives: Vec<usize>,
    /// After each run of equal scores: rows so far, and positive ones among them.
    thresholds: Vec<(usize, usize)>,
}

impl Ranked {
    /// Takes rows with their scores, the highest first: whether each is positive.
    pub fn new(rows: impl IntoIterator<Item = (f64, bool)>) -> Self {
        let (mut positives, mut thresholds) = (Vec::new(), Vec::new());
        let (mut seen, mut last) = (0, f64::NAN);
        for (score, is_positive) in rows {
            if seen > 0 && score < last {
                thresholds.push((seen, positives.len()));
            }
            (seen, last) = (seen + 1, score);
            if is_positive {
                positives.push(seen);
            }
        }
        thresholds.push((seen, positives.len()));
        Self {
            positives,
            thresholds,
        }
    }

    /// Rows.
    pub fn n_rows(&self) -> usize {
        self.thresholds.last().map_or(0, |(rows, _)| *rows)
    }

    /// Positive ones among them.
    pub fn n_positive(&self) -> usize {
        self.positives.len()
    }

    /// scikit-learn's `roc_auc_score`: how likely it is that a positive row stands before another one, equal scores counting
    /// half (midranks). 0 to 1, 0.5 is what chance does; NaN where all rows are of one kind.
    pub fn roc_auc_score(&self) -> f64 {
        let (mut twice, mut above, mut positive) = (0_u128, 0, 0);
        for (rows, positives) in &self.thresholds {
            let (here, new) = (positives - positive, rows - above);
            // Each negative row of these lies below all earlier positives, and beside those of its own score.
            twice += (new - here) as u128 * (2 * positive + here) as u128;
            (above, positive) = (*rows, *positives);
        }
        let pairs = self.n_positive() as f64 * (self.n_rows() - self.n_positive()) as f64;
        twice as f64 / 2.0 / pairs
    }

    /// scikit-learn's `average_precision_score`: precision at each score that a positive row has, weighted by the recall that it
    /// adds. 0 to 1, the share of positive rows is what chance does; NaN without a positive row.
    pub fn average_precision_score(&self) -> f64 {
        let (mut sum, mut before) = (0.0, 0);
        for (rows, positives) in &self.thresholds {
            sum += (positives - before) as f64 * (*positives as f64 / *rows as f64);
            before = *positives;
        }
        sum / self.n_positive() as f64
    }

    /// The share of the first rows that is positive. 0 to 1.
    pub fn precision(&self, alerts: usize) -> f64 {
        self.hits(alerts) as f64 / alerts as f64
    }

    /// The share of the positive rows that is among the first. 0 to 1.
    pub fn recall(&self, alerts: usize) -> f64 {
        self.hits(alerts) as f64 / self.n_positive() as f64
    }

    /// The precision at the highest score from which on this share of the positive rows is reached.
    pub fn precision_at_recall(&self, recall: f64) -> f64 {
        let needed = recall * self.n_positive() as f64 - 1e-9;
        let reached = |(_, positives): &(usize, usize)| (*positives as f64) < needed;
        let place = self.thresholds.partition_point(reached);
        let (rows, positives) = self.thresholds[place.min(self.thresholds.len() - 1)];
        positives as f64 / rows as f64
    }

    /// The share of the positive rows that is reached when this share of the others is: a point of the ROC curve, whose
    /// corners are joined by straight lines.
    pub fn true_positive_rate(&self, false_positive_rate: f64) -> f64 {
        let n_negative = (self.n_rows() - self.n_positive()) as f64;
        let allowed = false_positive_rate * n_negative;
        let negatives = |(rows, positives): &(usize, usize)| (rows - positives) as f64;
        let place = self
            .thresholds
            .partition_point(|threshold| negatives(threshold) <= allowed);
        let before = match place {
            0 => (0, 0),
            place => self.thresholds[place - 1],
        };
        let mut reached = before.1 as f64;
        if let Some(next) = self.thresholds.get(place) {
            let share = (allowed - negatives(&before)) / (negatives(next) - negatives(&before));
            reached += share * (next.1 - before.1) as f64;
        }
        reached / self.n_positive() as f64
    }

    fn hits(&self, alerts: usize) -> usize {
        self.positives.partition_point(|place| *place <= alerts)
    }
}

/// The rows from the highest score to the lowest; equal ones in their order.
pub fn order(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<_> = (0..scores.len()).collect();
    order.sort_unstable_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores that fall, and an `x` for each positive row.
    fn ranked(rows: &[(f64, &str)]) -> Ranked {
        let rows = rows.iter().flat_map(|(score, marks)| {
            let positive = |mark| (*score, mark == 'x');
            marks.chars().map(positive)
        });
        Ranked::new(rows.collect::<Vec<_>>())
    }

    #[test]
    fn a_positive_row_before_three_of_four_others_has_an_auroc_of_three_quarters() {
        let ranked = ranked(&[(0.9, "."), (0.8, "x"), (0.2, "...")]);
        assert_eq!(ranked.roc_auc_score(), 0.75);
        assert_eq!(ranked.average_precision_score(), 0.5); // one of the two rows down to its score
    }

    #[test]
    fn equal_scores_count_half_whatever_their_order() {
        for marks in ["x...", "...x", ".x.."] {
            let ranked = ranked(&[(0.5, marks)]);
            assert_eq!(ranked.roc_auc_score(), 0.5);
            assert_eq!(ranked.average_precision_score(), 0.25);
        }
    }

    #[test]
    fn alerts_are_counted_in_the_order_of_the_list() {
        let ranked = ranked(&[(0.9, "x"), (0.5, ".x.x")]);
        assert_eq!((ranked.precision(2), ranked.precision(3)), (0.5, 2.0 / 3.0));
        assert_eq!((ranked.recall(2), ranked.recall(5)), (1.0 / 3.0, 1.0));
    }

    #[test]
    fn curves_go_by_scores_not_by_places() {
        let ranked = ranked(&[(0.9, "x"), (0.5, ".x.x"), (0.1, "..")]);
        assert_eq!(ranked.precision_at_recall(1.0 / 3.0), 1.0);
        assert_eq!(ranked.precision_at_recall(0.5), 0.6); // three of the five down to 0.5
        assert_eq!(ranked.true_positive_rate(0.0), 1.0 / 3.0);
        assert_eq!(ranked.true_positive_rate(0.25), 2.0 / 3.0); // half of the way to (0.5, 1)
        assert_eq!(ranked.true_positive_rate(1.0), 1.0);
    }

    #[test]
    fn equal_scores_keep_the_order_of_their_rows() {
        assert_eq!(order(&[0.4, 0.7, 0.4, 0.5]), [1, 3, 0, 2]);
    }
}
