//! SQL functions: one file each. A function is here only where DataFusion has none, or a slower one.

mod anomaly_percentile;
mod bit_counts;
mod date_trunc;
mod explanation;
mod line_features;
mod local_time;
mod rarest_bit;
mod reasons;
mod severity;

use arrow::array::Float64Array;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;

pub(crate) use date_trunc::truncate;
pub(crate) use local_time::local_time;
pub use reasons::REASONS;

use crate::judgement::{Judgement, JudgementSlot};

/// Gives the session every function that needs no judged rows.
pub fn register_all(ctx: &SessionContext) {
    ctx.register_udaf(bit_counts::bit_counts_udaf());
    ctx.register_udf(date_trunc::date_trunc_udf());
    ctx.register_udf(explanation::explanation_udf());
    ctx.register_udf(local_time::local_time_udf());
    ctx.register_udaf(line_features::line_features_udaf());
    ctx.register_udf(rarest_bit::rarest_bit_udf());
}

/// Those that speak of judged rows: SQL before the model has none of them.
pub fn register_judged(ctx: &SessionContext, slot: &JudgementSlot) {
    for function in judged(slot) {
        ctx.register_udf(function);
    }
}

/// Takes them away again.
pub fn deregister_judged(ctx: &SessionContext, slot: &JudgementSlot) {
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
