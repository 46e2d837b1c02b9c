//! SQL functions: one file each. A function is here only where DataFusion has none, or a slower one. Those that speak of
//! judged rows are in [`crate::judgement`].

mod bit_counts;
mod date_trunc;
mod explanation;
mod line_features;
mod local_time;
mod rarest_bit;

use datafusion::prelude::SessionContext;

pub(crate) use date_trunc::truncate;
pub(crate) use local_time::local_time;

/// Gives the session every function of this folder.
pub fn register_all(ctx: &SessionContext) {
    ctx.register_udaf(bit_counts::bit_counts_udaf());
    ctx.register_udf(date_trunc::date_trunc_udf());
    ctx.register_udf(explanation::explanation_udf());
    ctx.register_udf(local_time::local_time_udf());
    ctx.register_udaf(line_features::line_features_udaf());
    ctx.register_udf(rarest_bit::rarest_bit_udf());
}
