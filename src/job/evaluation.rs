//! What the rankings of a job are judged by.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use super::check::Written;
use super::location::{Location, clean};
use super::spec::EvaluationSpec;
use super::template::Template;

/// Forests that are grown unless the job says otherwise: enough to see how far their figures lie apart.
const SEEDS: NonZeroU32 = NonZeroU32::new(5).expect("5 is not zero");

/// The `[evaluation]` table.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The table that says which rows are attacks, or a SQL file that makes it.
    pub labels: Option<Location>,
    /// Settings of the object store that it is in.
    pub options: BTreeMap<String, Template>,
    /// The column whose rare values alone are a ranking to compare with; the last text key unless given.
    pub alone: Option<String>,
    /// Job files whose rankings to compare with.
    pub beside: Vec<PathBuf>,
    /// How many forests are grown.
    pub seeds: NonZeroU32,
}

impl Written<'_> {
    pub(super) fn evaluation(&self, spec: EvaluationSpec) -> Evaluation {
        let beside = spec.beside.iter();
        Evaluation {
            labels: spec
                .labels
                .map(|labels| self.location(labels, "evaluation.labels")),
            options: spec.options,
            alone: spec.alone,
            beside: beside.map(|path| clean(&self.base().join(path))).collect(),
            seeds: spec.seeds.unwrap_or(SEEDS),
        }
    }
}
