//! A run must be repeatable: no function whose answer depends on the clock or on chance.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};

/// A function in the plan whose answer depends on the clock or on chance.
pub(super) fn unrepeatable(plan: &LogicalPlan) -> Option<String> {
    let clock = [
        "now",
        "current_timestamp",
        "current_date",
        "current_time",
        "today",
    ];
    let mut found = None;
    let looked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| match expr {
                Expr::ScalarFunction(call)
                    if call.func.signature().volatility == Volatility::Volatile
                        || clock.contains(&call.func.name()) =>
                {
                    found = Some(call.func.name().to_owned());
                    Ok(TreeNodeRecursion::Stop)
                }
                _ => Ok(TreeNodeRecursion::Continue),
            })
        })
    });
    looked.ok().and(found)
}
