//! SQL functions: one file each. A function is here only where DataFusion has none, or a slower one.

mod date_trunc;
mod local_time;

use datafusion::prelude::SessionContext;

pub(crate) use local_time::local_time;

/// Gives the session every function of this folder.
pub fn register_all(ctx: &SessionContext) {
    ctx.register_udf(date_trunc::date_trunc_udf());
    ctx.register_udf(local_time::local_time_udf());
}
