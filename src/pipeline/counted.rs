//! Whether a step's counts add up: a step that groups rows and counts them has counted each of them once.
//!
//! A cluster that reads a file twice, or loses a part of a stage, makes groups that look right. So the rows that go into such a
//! step are counted in another way, by a plan that puts nothing together, before anything is made of its groups.

use datafusion::common::Column;
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder, ident, lit};

/// How to look whether the counts add up.
pub(super) struct Counted {
    /// One row: the rows that go in.
    pub(super) rows_in: LogicalPlan,
    /// The column of the step that counts them.
    pub(super) column: String,
}

impl Counted {
    /// What a plan counts: `None` unless it is a `GROUP BY` with a `count(*)` among its columns, and no row is left out after it.
    pub(super) fn of(plan: &LogicalPlan) -> Result<Option<Self>> {
        let Some((aggregate, columns)) = grouping(plan) else {
            return Ok(None);
        };
        let in_sets = |expr: &Expr| matches!(expr, Expr::GroupingSet(_));
        if aggregate.group_expr.iter().any(in_sets) {
            return Ok(None); // a row is in a group of each set
        }
        let counts = aggregate.aggr_expr.iter().find(|expr| is_count(expr));
        let Some(counts) = counts else {
            return Ok(None);
        };
        let name = counts.schema_name().to_string();
        let Some(column) = columns(&name) else {
            return Ok(None);
        };
        let rows_in = LogicalPlanBuilder::from(aggregate.input.as_ref().clone())
            .aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64)).alias("rows")])?
            .build()?;
        Ok(Some(Self { rows_in, column }))
    }

    /// The sum of the step's counts.
    pub(super) fn total(&self) -> Expr {
        sum(ident(&self.column)).alias("rows")
    }
}

type Renamed<'a> = Box<dyn Fn(&str) -> Option<String> + 'a>;

/// The grouping that makes a plan's rows, and what each of its columns is called in them.
fn grouping(plan: &LogicalPlan) -> Option<(&Aggregate, Renamed<'_>)> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => {
            Some((aggregate, Box::new(|name: &str| Some(name.to_owned()))))
        }
        LogicalPlan::SubqueryAlias(alias) => grouping(&alias.input),
        LogicalPlan::Projection(projection) => {
            let (aggregate, inner) = grouping(&projection.input)?;
            let renamed = move |name: &str| {
                let name = inner(name)?;
                let is_it =
                    |expr: &&Expr| matches!(column_of(expr), Some(column) if column.name == name);
                let found = projection.expr.iter().find(is_it)?;
                Some(found.qualified_name().1)
            };
            Some((aggregate, Box::new(renamed)))
        }
        _ => None,
    }
}

/// The column that an expression is, whatever it is called.
fn column_of(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Alias(alias) => column_of(&alias.expr),
        Expr::Column(column) => Some(column),
        _ => None,
    }
}

/// `count(*)` of all rows of a group.
fn is_count(expr: &Expr) -> bool {
    let expr = match expr {
        Expr::Alias(alias) => alias.expr.as_ref(),
        other => other,
    };
    let Expr::AggregateFunction(function) = expr else {
        return false;
    };
    let params = &function.params;
    let is_each_row = matches!(&params.args[..], [Expr::Literal(value, _)] if !value.is_null());
    function.func.name() == "count" && is_each_row && !params.distinct && params.filter.is_none()
}
