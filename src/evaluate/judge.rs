//! A ranking is made for each seed, looked at, and let go: what stays is figures.

use std::collections::BTreeMap;

use super::curves::{Curves, SeedCurves};
use super::evaluation::{
    AlertFigures, AttackRanks, Figures, Kind, MISSED_AT, Ranking, SHARES, SubsetFigures,
};
use super::metrics::order;
use super::part::{Part, RankedPart};
use super::spread::Spread;
use super::truth::{Truth, keys_of_row};
use super::{EvaluateError, Result};
use crate::features::FeatureTable;

/// What rankings of one job's rows are judged by.
pub(super) struct Judge<'a> {
    truth: &'a Truth,
    whole: Part,
    subsets: Vec<(String, Part)>,
    /// The shares of rows at which lines have places.
    shares: &'a [f64],
}

/// A ranking with where the attacks stand in it.
pub(super) struct Judged {
    ranking: Ranking,
    /// Of each attack its first rank in each seed.
    first_ranks: BTreeMap<String, Vec<f64>>,
    /// Of each attack, in the order of the truth, the row that the first seed ranks highest.
    strangest: Vec<usize>,
}

/// The figures of one seed.
struct Seed {
    roc_auc: f64,
    average_precision: f64,
    /// Precision, recall and attacks at each share.
    alerts: Vec<[f64; 3]>,
}

impl<'a> Judge<'a> {
    pub fn new(truth: &'a Truth, shares: &'a [f64]) -> Self {
        let names = truth.subsets.keys();
        let subset = |name: &String| (name.clone(), Part::new(truth, Some(name)));
        Self {
            whole: Part::new(truth, None),
            subsets: names.map(subset).collect(),
            truth,
            shares,
        }
    }

    /// Judges the ranking that `scores` makes for each seed: by row, high is strange.
    pub fn ranking(
        &self,
        name: String,
        kind: Kind,
        seeds: &[u32],
        mut scores: impl FnMut(u32) -> Result<Vec<f64>>,
    ) -> Result<Judged> {
        let parts =
            || std::iter::once(&self.whole).chain(self.subsets.iter().map(|(_, part)| part));
        let mut figures: Vec<Vec<Seed>> = parts().map(|_| Vec::new()).collect();
        let (mut curves, mut first_ranks) = (Vec::new(), BTreeMap::<_, Vec<_>>::new());
        let mut strangest = Vec::new();
        for seed in seeds {
            let scores = scores(*seed)?;
            let order = order(&scores);
            for (part, figures) in parts().zip(&mut figures).skip(1) {
                figures.push(Seed::new(part, &part.ranked(&order, &scores)));
            }
            let ranked = self.whole.ranked(&order, &scores);
            figures[0].push(Seed::new(&self.whole, &ranked));
            curves.push(SeedCurves::new(&ranked, self.shares));
            for (attack, rank) in self.truth.attacks.iter().zip(&ranked.first_ranks) {
                let ranks = first_ranks.entry(attack.name.clone()).or_default();
                ranks.push(*rank as f64);
            }
            if strangest.is_empty() {
                let first = |rank: &usize| order[rank - 1];
                strangest = ranked.first_ranks.iter().map(first).collect();
            }
        }
        let mut figures = parts().zip(&figures).map(|(part, seeds)| over(part, seeds));
        let ranking = Ranking {
            name,
            kind,
            all: figures.next().expect("the whole is the first part"),
            subsets: self
                .subsets
                .iter()
                .zip(figures)
                .map(|((subset, _), figures)| SubsetFigures {
                    subset: subset.clone(),
                    figures,
                })
                .collect(),
            curves: Curves::of(&curves, self.shares),
        };
        Ok(Judged {
            ranking,
            first_ranks,
            strangest,
        })
    }
}

impl Judged {
    pub fn name(&self) -> &str {
        &self.ranking.name
    }

    pub fn into_ranking(self) -> Ranking {
        self.ranking
    }

    /// Of each attack, the keys of the row that the first seed ranks highest.
    pub fn strangest(&self, rows: &FeatureTable, keys: &[String]) -> Result<Vec<String>> {
        let keys = |row: &usize| keys_of_row(rows, *row, keys);
        let keys = self.strangest.iter().map(keys).collect::<Result<_, _>>();
        Ok(keys.map_err(EvaluateError::Match)?)
    }
}

/// Where each attack stands, the one that the first ranking puts lowest first.
pub(super) fn attacks(
    truth: &Truth,
    rankings: &[Judged],
    strangest: &[String],
) -> Vec<AttackRanks> {
    let own = &rankings[0];
    let most = alerts(MISSED_AT, truth.n_rows) as f64;
    let attack = |(attack, strangest): (&super::truth::Attack, &String)| {
        let subsets = truth.subsets.iter();
        let inside = subsets.filter(|(_, rows)| !rows.is_disjoint(&attack.rows));
        let ranks = |judged: &Judged| {
            judged
                .first_ranks
                .get(&attack.name)
                .cloned()
                .map(Spread::of)
        };
        let missed = own.first_ranks[&attack.name].iter();
        AttackRanks {
            attack: attack.name.clone(),
            subsets: inside.map(|(name, _)| name.clone()).collect(),
            rows: attack.rows.len(),
            strangest: strangest.clone(),
            missed: missed.filter(|rank| **rank > most).count(),
            first_rank: rankings.iter().map(ranks).collect(),
        }
    };
    let mut attacks: Vec<_> = truth.attacks.iter().zip(strangest).map(attack).collect();
    let rank = |attack: &AttackRanks| attack.first_rank[0].as_ref().map_or(0.0, |rank| rank.mean);
    attacks.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    attacks
}

/// The rows that are a share of all: rounded down, one at least.
fn alerts(thousandths: usize, n_rows: usize) -> usize {
    (n_rows * thousandths / 1000).max(1)
}

impl Seed {
    fn new(part: &Part, ranked: &RankedPart) -> Self {
        let figures = |share: &usize| {
            let alerts = alerts(*share, part.n_rows);
            let list = &ranked.ranked;
            [
                list.precision(alerts),
                list.recall(alerts),
                ranked.attacks_hit(alerts) as f64,
            ]
        };
        Self {
            roc_auc: ranked.ranked.roc_auc_score(),
            average_precision: ranked.ranked.average_precision_score(),
            alerts: SHARES.iter().map(figures).collect(),
        }
    }
}

/// The figures of a part over all seeds.
fn over(part: &Part, seeds: &[Seed]) -> Figures {
    let spread = |figure: &dyn Fn(&Seed) -> f64| Spread::of(seeds.iter().map(figure).collect());
    let alerts = SHARES
        .iter()
        .enumerate()
        .map(|(place, share)| AlertFigures {
            share: *share as f64 / 1000.0,
            alerts: alerts(*share, part.n_rows),
            precision: spread(&|seed| seed.alerts[place][0]),
            recall: spread(&|seed| seed.alerts[place][1]),
            attacks: spread(&|seed| seed.alerts[place][2]),
        });
    Figures {
        n_rows: part.n_rows,
        n_positive: part.n_positive,
        n_attacks: part.attacks.len(),
        roc_auc: spread(&|seed| seed.roc_auc),
        average_precision: spread(&|seed| seed.average_precision),
        alerts: alerts.collect(),
    }
}
