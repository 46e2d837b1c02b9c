//! The judged rows as one question sees them: all of them, or the positive rows of a subset among all that are not positive.

use std::collections::HashMap;

use super::metrics::Ranked;
use super::truth::Truth;

/// What each row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Positive,
    Negative,
    /// A positive row of another subset.
    LeftOut,
}

pub(super) struct Part {
    rows: Vec<Row>,
    /// The attacks of each positive row, by their numbers in the truth.
    attacks_of: HashMap<usize, Vec<usize>>,
    /// Numbers of the attacks that have a row in this part.
    pub attacks: Vec<usize>,
    /// Rows that count.
    pub n_rows: usize,
    pub n_positive: usize,
}

/// One ranking of a part.
pub(super) struct RankedPart {
    pub ranked: Ranked,
    /// The place of the first row of each attack, in the order of [`Part::attacks`].
    pub first_ranks: Vec<usize>,
}

impl Part {
    /// All rows, or those of a subset.
    pub fn new(truth: &Truth, subset: Option<&str>) -> Self {
        let positives = match subset {
            None => &truth.positives,
            Some(name) => &truth.subsets[name],
        };
        let mut rows = vec![Row::Negative; truth.n_rows];
        for row in &truth.positives {
            rows[*row] = Row::LeftOut;
        }
        for row in positives {
            rows[*row] = Row::Positive;
        }
        let (mut attacks_of, mut attacks) = (HashMap::<_, Vec<_>>::new(), Vec::new());
        for (number, attack) in truth.attacks.iter().enumerate() {
            let inside = attack.rows.intersection(positives);
            for row in inside {
                attacks_of.entry(*row).or_default().push(number);
                if attacks.last() != Some(&number) {
                    attacks.push(number);
                }
            }
        }
        Self {
            n_rows: truth.n_rows - truth.positives.len() + positives.len(),
            n_positive: positives.len(),
            rows,
            attacks_of,
            attacks,
        }
    }

    /// The part in the order of a ranking of all rows; `scores` by row, high is strange.
    pub fn ranked(&self, order: &[usize], scores: &[f64]) -> RankedPart {
        let mut first_ranks = HashMap::new();
        let counted = order.iter().filter(|row| self.rows[**row] != Row::LeftOut);
        let ranked = Ranked::new((1..).zip(counted).map(|(rank, row)| {
            for attack in self.attacks_of.get(row).into_iter().flatten() {
                first_ranks.entry(*attack).or_insert(rank);
            }
            (scores[*row], self.rows[*row] == Row::Positive)
        }));
        RankedPart {
            ranked,
            first_ranks: self
                .attacks
                .iter()
                .map(|attack| first_ranks[attack])
                .collect(),
        }
    }
}

impl RankedPart {
    /// How many attacks have a row among the first.
    pub fn attacks_hit(&self, alerts: usize) -> usize {
        let hit = |rank: &&usize| **rank <= alerts;
        self.first_ranks.iter().filter(hit).count()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::truth::Attack;
    use super::*;

    /// Rows 1 and 3 are of one attack, row 4 is of another, which is hard; there are six rows.
    fn truth() -> Truth {
        let attack = |name: &str, rows: &[usize]| Attack {
            name: name.to_owned(),
            rows: rows.iter().copied().collect(),
        };
        Truth {
            n_rows: 6,
            keys: Vec::new(),
            label_rows: 3,
            unmatched: 0,
            positives: BTreeSet::from([1, 3, 4]),
            attacks: vec![attack("a", &[1, 3]), attack("b", &[4])],
            subsets: BTreeMap::from([("hard".to_owned(), BTreeSet::from([4]))]),
        }
    }

    const SCORES: [f64; 6] = [0.1, 0.9, 0.8, 0.7, 0.2, 0.3];
    const ORDER: [usize; 6] = [1, 2, 3, 5, 4, 0];

    #[test]
    fn an_attack_is_hit_by_its_first_row_and_counts_once() {
        let part = Part::new(&truth(), None).ranked(&ORDER, &SCORES);
        assert_eq!(part.first_ranks, [1, 5]);
        let hit: Vec<_> = (0..=5).map(|alerts| part.attacks_hit(alerts)).collect();
        assert_eq!(hit, [0, 1, 1, 1, 1, 2]);
        assert_eq!(part.ranked.recall(3), 2.0 / 3.0);
    }

    #[test]
    fn other_positive_rows_are_no_rows_of_a_subset() {
        let part = Part::new(&truth(), Some("hard"));
        assert_eq!((part.n_rows, part.n_positive), (4, 1));
        let part = part.ranked(&ORDER, &SCORES);
        assert_eq!(part.first_ranks, [3]); // after rows 2 and 5
        assert_eq!(part.ranked.roc_auc_score(), 1.0 / 3.0);
    }
}
