//! What came out: figures of each ranking, and where each attack stands.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::spread::Spread;

/// The share of rows, in thousandths, that somebody might look at.
pub const SHARES: [usize; 3] = [1, 10, 50];

/// The share, in thousandths, at which an attack without a row counts as missed.
pub const MISSED_AT: usize = 10;

/// Rankings of the same rows, judged by the same labels.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// The job.
    pub job: String,
    /// The run's "now".
    pub as_of: DateTime<Utc>,
    /// What is known of the job's rows.
    pub labels: LabelSummary,
    /// The `random_state` of each forest.
    pub seeds: Vec<u32>,
    /// The job's own first; then other jobs, one column alone, and chance.
    pub rankings: Vec<Ranking>,
    /// The attacks, the one that the job ranks lowest first.
    pub attacks: Vec<AttackRanks>,
    /// How long it took.
    pub seconds: f64,
}

/// What the labels say of a job's rows.
#[derive(Clone, Debug, Serialize)]
pub struct LabelSummary {
    /// Where they are, as a person may see it.
    pub location: String,
    /// The columns by which they are matched with rows.
    pub keys: Vec<String>,
    /// Rows of labels.
    pub rows: usize,
    /// Those of them that match no judged row.
    pub unmatched: usize,
}

/// Which ranking it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The job that is evaluated.
    Job,
    /// Another job.
    Beside,
    /// How few rows have the value of one column.
    Alone,
    /// Chance.
    Random,
}

/// One ranking.
#[derive(Clone, Debug, Serialize)]
pub struct Ranking {
    /// What a person calls it.
    pub name: String,
    /// Which it is.
    pub kind: Kind,
    /// The figures of all rows.
    pub all: Figures,
    /// Those of the positive rows of each subset, among all rows that are not positive.
    pub subsets: Vec<SubsetFigures>,
    /// The lines of its pictures.
    #[serde(skip)]
    pub curves: super::curves::Curves,
}

/// The figures of a subset.
#[derive(Clone, Debug, Serialize)]
pub struct SubsetFigures {
    /// Its name in the labels.
    pub subset: String,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// How good a ranking is.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Rows that are ranked.
    pub n_rows: usize,
    /// Those of them that are attacks.
    pub n_positive: usize,
    /// Distinct attacks.
    pub n_attacks: usize,
    /// scikit-learn's `roc_auc_score`.
    pub roc_auc: Spread,
    /// scikit-learn's `average_precision_score`.
    pub average_precision: Spread,
    /// What the first rows hold.
    pub alerts: Vec<AlertFigures>,
}

/// What the first rows of a ranking hold.
#[derive(Clone, Debug, Serialize)]
pub struct AlertFigures {
    /// The share of rows that are looked at.
    pub share: f64,
    /// How many they are: rounded down, one at least.
    pub alerts: usize,
    /// The share of them that is positive.
    pub precision: Spread,
    /// The share of the positive rows that is among them.
    pub recall: Spread,
    /// Distinct attacks that have a row among them.
    pub attacks: Spread,
}

/// Where an attack stands.
#[derive(Clone, Debug, Serialize)]
pub struct AttackRanks {
    /// Its name in the labels, or the keys of its row.
    pub attack: String,
    /// The subsets that its rows are in.
    pub subsets: Vec<String>,
    /// How many rows it has.
    pub rows: usize,
    /// The keys of the row that the job's first forest ranks highest.
    pub strangest: String,
    /// How many of the job's forests have none of its rows among the first hundredth.
    pub missed: usize,
    /// Its first rank, in the order of the rankings; none where the other job's rows have no label of this attack.
    pub first_rank: Vec<Option<Spread>>,
}

impl Ranking {
    /// The figures of all rows, or of a subset, which labels of other rows need not have.
    pub fn figures(&self, subset: Option<&str>) -> Option<&Figures> {
        let Some(name) = subset else {
            return Some(&self.all);
        };
        let found = self.subsets.iter().find(|other| other.subset == name);
        found.map(|subset| &subset.figures)
    }
}

impl Evaluation {
    /// As one JSON object on one line.
    ///
    /// # Panics
    /// Never: it is text and finite numbers.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text and numbers are JSON")
    }

    /// The rankings of other jobs that judge other rows than the job: figures of them say little beside the job's.
    pub fn of_other_rows(&self) -> impl Iterator<Item = &Ranking> {
        let counts = |ranking: &Ranking| (ranking.all.n_rows, ranking.all.n_positive);
        let own = counts(&self.rankings[0]);
        self.rankings
            .iter()
            .filter(move |other| counts(other) != own)
    }

    /// The attacks that not all of the job's forests put among the first hundredth.
    pub fn missed(&self) -> impl Iterator<Item = &AttackRanks> {
        self.attacks.iter().filter(|attack| attack.missed > 0)
    }
}

/// `0.1 %` of a share in thousandths.
pub fn percent(thousandths: usize) -> String {
    match thousandths % 10 {
        0 => format!("{} %", thousandths / 10),
        part => format!("{}.{part} %", thousandths / 10),
    }
}
