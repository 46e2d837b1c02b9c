//! What a run knows of the rows that it judged, and the functions of SQL after the model that tell it: one file each.

mod anomaly_percentile;
mod reasons;
mod severity;

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use arrow::array::Float64Array;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{Expr, ScalarUDF};
use datafusion::prelude::SessionContext;

pub(crate) use reasons::REASONS;

use crate::forest::TrainingScores;
use crate::job::Severity;
use crate::reasons::Reasons;
use crate::scoring::score_sample;

/// What stands between the scores and a person.
#[derive(Debug)]
pub struct Judgement {
    /// The scores that were learnt from; an older model may have none.
    pub training_scores: Option<TrainingScores>,
    /// Where each severity begins.
    pub severity: Severity,
    /// Why rows are strange; none where no SQL asks for it.
    pub reasons: Option<Reasons>,
}

impl Judgement {
    /// So many of 100 rows that were learnt from are less strange than this `anomaly_score`.
    pub fn percentile(&self, anomaly_score: f64) -> Option<f64> {
        let scores = self.training_scores.as_ref()?;
        Some(scores.percentile(score_sample(anomaly_score)))
    }

    /// The word for it.
    pub fn severity(&self, anomaly_score: f64) -> Option<&'static str> {
        let percentile = self.percentile(anomaly_score)?;
        Some(self.severity.of(percentile))
    }
}

/// Where the functions find it: SQL is planned before there is one. A slot is equal to itself alone.
#[derive(Clone, Default)]
pub struct JudgementSlot(Arc<OnceLock<Judgement>>);

impl JudgementSlot {
    /// What was judged, once it is.
    pub fn get(&self) -> Option<&Judgement> {
        self.0.get()
    }

    /// Says what was judged. It is said once.
    pub fn fill(&self, judgement: Judgement) {
        let _ = self.0.set(judgement);
    }
}

impl PartialEq for JudgementSlot {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for JudgementSlot {}

impl Hash for JudgementSlot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl fmt::Debug for JudgementSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.get().is_some() {
            "judged"
        } else {
            "not judged yet"
        })
    }
}

/// Those that speak of judged rows: SQL before the model has none of them.
pub(crate) fn register(ctx: &SessionContext, slot: &JudgementSlot) {
    for function in judged(slot) {
        ctx.register_udf(function);
    }
}

/// Whether one of them is among the functions that a file calls.
pub(crate) fn is_asked(calls: &BTreeSet<String>) -> bool {
    let names = judged(&JudgementSlot::default());
    names.iter().any(|function| calls.contains(function.name()))
}

/// Whether an expression asks one of them.
pub(crate) fn is_in(expr: &Expr) -> bool {
    let names = judged(&JudgementSlot::default());
    let asks = |expr: &Expr| match expr {
        Expr::ScalarFunction(call) => names.iter().any(|name| name.name() == call.name()),
        _ => false,
    };
    expr.exists(|expr| Ok(asks(expr))).unwrap_or(true)
}

/// Takes them away again.
pub(crate) fn deregister(ctx: &SessionContext, slot: &JudgementSlot) {
    for function in judged(slot) {
        ctx.deregister_udf(function.name());
    }
}

fn judged(slot: &JudgementSlot) -> [ScalarUDF; 3] {
    [
        anomaly_percentile::anomaly_percentile_udf(slot.clone()),
        reasons::reasons_udf(slot.clone()),
        severity::severity_udf(slot.clone()),
    ]
}

fn judgement<'s>(slot: &'s JudgementSlot, function: &str) -> Result<&'s Judgement> {
    slot.get().ok_or_else(|| {
        exec_datafusion_err!("{function}() speaks of judged rows, and there are none yet: give it a column of `scored`")
    })
}

/// A function of scores is of no use for anything else.
fn check_scores(function: &str, scores: &Float64Array) -> Result<()> {
    match scores
        .iter()
        .flatten()
        .find(|score| !(0.0..=1.0).contains(score))
    {
        None => Ok(()),
        Some(other) => exec_err!("{function}() is of an anomaly_score, 0 to 1, and not of {other}"),
    }
}
