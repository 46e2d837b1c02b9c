//! The scores of the rows that a forest learnt from, as far as it takes to place another score among them.
//!
//! Kept are some hundred scores: the strangest hundred, and from there on every hundredth part of the rows above. So how
//! many rows are as strange as a score is known to a hundredth of itself, and exactly where it matters, for any
//! number of rows.

/// Places among the strangest rows that are all kept.
const EXACT: usize = 100;

/// Where some scores stand among all of them. Signs are scikit-learn's: low is strange.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingScores {
    n_samples: u64,
    /// The strangest first, each once.
    levels: Vec<Level>,
}

/// A score, and the rows that are less strange.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// As `score_samples` gives it.
    pub score: f64,
    /// Rows with a higher score.
    pub above: u64,
}

impl TrainingScores {
    /// Of `score_samples`, in the order from the lowest to the highest; `None` without any.
    pub fn of_sorted(scores: impl ExactSizeIterator<Item = f64>) -> Option<Self> {
        let n = scores.len();
        let mut levels: Vec<Level> = Vec::new();
        let mut next = 0;
        let mut is_kept = false;
        let (mut last, mut up_to) = (None, 0);
        // A score is known to be whole when a higher one comes: only then it is clear how many rows are above.
        let mut end = |score: Option<f64>, up_to: usize, is_kept: bool| {
            if let Some(score) = score.filter(|_| is_kept) {
                let above = (n - up_to) as u64;
                levels.push(Level { score, above });
            }
        };
        for (place, score) in scores.enumerate() {
            if last != Some(score) {
                end(last, up_to, is_kept);
                (last, is_kept) = (Some(score), false);
            }
            if place >= next {
                is_kept = true;
                next = if place < EXACT {
                    place + 1
                } else {
                    place + place / EXACT
                };
            }
            up_to = place + 1;
        }
        end(last, up_to, is_kept);
        (n > 0).then_some(Self {
            n_samples: n as u64,
            levels,
        })
    }

    /// What was kept of them; `None` if no forest's scores are so.
    pub fn try_from_levels(n_samples: u64, levels: Vec<Level>) -> Option<Self> {
        let fits = |pair: &[Level]| pair[0].score < pair[1].score && pair[0].above > pair[1].above;
        let first = levels.first()?;
        let is_score = |level: &Level| (-1.0..=0.0).contains(&level.score);
        (first.above < n_samples && levels.windows(2).all(fits) && levels.iter().all(is_score))
            .then_some(Self { n_samples, levels })
    }

    /// How many rows there were.
    pub fn n_samples(&self) -> u64 {
        self.n_samples
    }

    /// The scores that are kept, the strangest first.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// So many of 100 rows are less strange than this score: 0 to 100, high is strange.
    pub fn percentile(&self, score: f64) -> f64 {
        let up_to = self.levels.partition_point(|level| level.score <= score);
        let above = match up_to.checked_sub(1) {
            Some(level) => self.levels[level].above,
            None => self.n_samples,
        };
        above as f64 / self.n_samples as f64 * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(scores: &[f64]) -> TrainingScores {
        let mut scores = scores.to_vec();
        scores.sort_by(f64::total_cmp);
        TrainingScores::of_sorted(scores.into_iter()).unwrap()
    }

    #[test]
    fn a_percentile_is_the_share_of_rows_that_are_less_strange() {
        let scores = of(&[-0.7, -0.5, -0.5, -0.4]);
        assert_eq!(scores.percentile(-0.9), 100.0);
        assert_eq!(scores.percentile(-0.7), 75.0);
        assert_eq!(scores.percentile(-0.6), 75.0);
        assert_eq!(scores.percentile(-0.5), 25.0); // of three that are as strange, one is it
        assert_eq!(scores.percentile(-0.4), 0.0);
        assert_eq!(scores.percentile(-0.1), 0.0);
    }

    #[test]
    fn of_many_rows_some_hundred_scores_tell_how_many_are_as_strange_to_a_hundredth() {
        let n = 200_000;
        let all: Vec<_> = (0..n).map(|i| -1.0 + f64::from(i) / f64::from(n)).collect();
        let scores = of(&all);
        assert!(scores.levels().len() < 1_000, "{}", scores.levels().len());
        for (place, score) in all.iter().enumerate() {
            let stranger = (place + 1) as f64; // itself too
            let told = (100.0 - scores.percentile(*score)) / 100.0 * f64::from(n);
            assert!(told <= stranger + 1e-6 && told >= stranger * 0.99 - 1e-6);
        }
    }

    #[test]
    fn what_is_kept_makes_the_same_percentiles() {
        let scores = of(&[-0.7, -0.5, -0.5, -0.4]);
        let again = TrainingScores::try_from_levels(4, scores.levels().to_vec());
        assert_eq!(again, Some(scores));
        let level = |score, above| Level { score, above };
        for (n, levels) in [
            (4, vec![]),
            (1, vec![level(-0.5, 1)]),
            (9, vec![level(-0.5, 4), level(-0.6, 3)]),
            (9, vec![level(-0.6, 3), level(-0.5, 4)]),
            (9, vec![level(f64::NAN, 3)]),
            (9, vec![level(-1.5, 3)]),
        ] {
            assert_eq!(TrainingScores::try_from_levels(n, levels), None);
        }
    }
}
