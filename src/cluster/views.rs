//! Text as views of what a file holds, from where it is read to where its rows are grouped.
//!
//! Text that is passed on from stage to stage is text: a view takes with it all that it is a part of. But most text that is
//! read goes no further than into a group's keys, and a file says it once for many rows. So the scan below a grouping
//! makes views of those columns that are keys and nothing else, and the groups, which are few, have text again.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::physical_plan::{
    FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, cast};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};

/// Columns of a plan's rows, by their places.
type Places = BTreeSet<usize>;

/// The plan with views where they stay within a stage: its rows are the same, and of the same types.
pub(super) fn below_groupings(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = plan.transform_up(|node| {
        let grouped = match node.downcast_ref::<AggregateExec>() {
            Some(grouping) => grouped(grouping)?,
            None => None,
        };
        Ok(grouped.map_or_else(|| Transformed::no(node), Transformed::yes))
    });
    plan.map(|plan| plan.data)
}

/// A grouping whose keys are views, and text again in what comes of it; `None` if none of them can be.
fn grouped(grouping: &AggregateExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let keys = grouping.group_expr();
    if grouping.mode().input_mode() != AggregateInputMode::Raw || keys.has_grouping_set() {
        return Ok(None);
    }
    let aggregated = grouping.aggr_expr().iter().flat_map(|of| {
        let of = of.all_expressions();
        of.args.into_iter().chain(of.order_by_exprs)
    });
    let others = aggregated.chain(grouping.filter_expr().iter().flatten().cloned());
    let of_keys = keys.expr().iter().map(|(key, _)| (Arc::clone(key), true));
    let alone = columns_alone(of_keys.chain(others.map(|other| (other, false))));
    let Some(input) = viewed(grouping.input(), &alone)? else {
        return Ok(None);
    };
    let schema = input.schema();
    let groups = AggregateExec::try_new(
        *grouping.mode(),
        keys.clone(),
        grouping.aggr_expr().to_vec(),
        grouping.filter_expr().to_vec(),
        input,
        schema,
    )?;
    let groups = groups.with_limit_options(grouping.limit_options());
    let (made, asked) = (groups.schema(), grouping.schema());
    let fields = asked.fields().iter().enumerate();
    let columns = fields.map(|(place, field)| {
        let column = Arc::new(Column::new(field.name(), place));
        Ok(ProjectionExpr {
            expr: cast(column, &made, field.data_type().clone())?,
            alias: field.name().clone(),
        })
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let text = ProjectionExec::try_new(columns, Arc::new(groups))?;
    Ok(Some(Arc::new(text)))
}

/// The plan with views in its text of these places, where that comes from a file and nobody looks at it on its way; `None` if
/// there is none.
fn viewed(
    plan: &Arc<dyn ExecutionPlan>,
    places: &Places,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if places.is_empty() {
        return Ok(None);
    }
    let below = if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        let files = scan.data_source().downcast_ref::<FileScanConfig>();
        return files.map_or(Ok(None), |files| read(files, places));
    } else if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        let own: Vec<_> = match filter.projection() {
            Some(own) => own.to_vec(),
            None => (0..plan.schema().fields().len()).collect(),
        };
        let column = |(place, below): (usize, &usize)| {
            let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new("", *below));
            (column, places.contains(&place))
        };
        let asked = (Arc::clone(filter.predicate()), false);
        columns_alone(own.iter().enumerate().map(column).chain([asked]))
    } else if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let columns = projection.expr().iter().enumerate();
        columns_alone(columns.map(|(place, of)| (Arc::clone(&of.expr), places.contains(&place))))
    } else {
        return Ok(None);
    };
    let [input] = plan.children()[..] else {
        return Ok(None);
    };
    match viewed(input, &below)? {
        Some(input) => replace_children_if_necessary(Arc::clone(plan), vec![input]).map(Some),
        None => Ok(None),
    }
}

/// The scan of files with views in its text of these places.
fn read(files: &FileScanConfig, places: &Places) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(source) = files.file_source().downcast_ref::<ParquetSource>() else {
        return Ok(None);
    };
    let Some(projection) = source.projection() else {
        return Ok(None);
    };
    let columns = projection.expr_iter().enumerate();
    let columns = columns.map(|(place, column)| (column, places.contains(&place)));
    let asked = source.filter().map(|asked| (asked, false));
    let alone = columns_alone(columns.chain(asked));
    let schema = source.table_schema();
    let mut has_views = false;
    let fields = schema.file_schema().fields().iter().enumerate();
    let fields = fields.map(|(place, field)| {
        if !alone.contains(&place) || *field.data_type() != DataType::Utf8 {
            return Arc::clone(field);
        }
        has_views = true;
        Arc::new(Field::clone(field).with_data_type(DataType::Utf8View))
    });
    let fields: Vec<_> = fields.collect();
    if !has_views {
        return Ok(None);
    }
    let fields = Schema::new_with_metadata(fields, schema.file_schema().metadata().clone());
    let schema = TableSchema::builder(Arc::new(fields))
        .with_table_partition_cols(schema.table_partition_cols().clone())
        .with_virtual_columns(schema.virtual_columns().clone())
        .build();
    let mut views = ParquetSource::new(schema)
        .with_table_parquet_options(source.table_parquet_options().clone());
    if let Some(asked) = source.filter() {
        views = views.with_predicate(asked);
    }
    let Some(views) = views.try_pushdown_projection(projection)? else {
        return Ok(None);
    };
    let files = FileScanConfigBuilder::from(files.clone()).with_source(views);
    Ok(Some(DataSourceExec::from_data_source(files.build())))
}

/// The columns that are expressions of their own, each of those one that may be a view, and in no other one.
fn columns_alone(expressions: impl IntoIterator<Item = (Arc<dyn PhysicalExpr>, bool)>) -> Places {
    let (mut alone, mut within) = (Places::new(), Places::new());
    for (expression, may_be_view) in expressions {
        match expression.downcast_ref::<Column>() {
            Some(column) if may_be_view => {
                alone.insert(column.index());
            }
            _ => within.extend(collect_columns(&expression).iter().map(Column::index)),
        }
    }
    &alone - &within
}

#[cfg(test)]
mod tests {
    use datafusion::physical_plan::displayable;
    use datafusion::prelude::{ParquetReadOptions, SessionContext};

    use super::super::{lines, planning};
    use super::*;

    /// Some hosts, names and numbers in a file.
    async fn events(folder: &std::path::Path) -> SessionContext {
        let file = folder.join("events.parquet");
        let file = file.to_str().unwrap();
        let made = "SELECT * FROM (VALUES ('a', 'x', 1), ('b', NULL, 2), (NULL, 'y', 3), ('a', 'y', 4), ('b', 'x', 5))
                    AS events(host, name, n)";
        let ctx = SessionContext::new();
        let rows = ctx.sql(made).await.unwrap();
        rows.write_parquet(file, Default::default(), None)
            .await
            .unwrap();
        let ctx = SessionContext::new_with_config(planning(3));
        let options = ParquetReadOptions::default();
        ctx.register_parquet("events", file, options).await.unwrap();
        ctx
    }

    /// The columns that a plan reads as views.
    fn views(plan: &Arc<dyn ExecutionPlan>) -> Vec<String> {
        let of_inputs = plan.children().into_iter().flat_map(views);
        let schema = plan.schema();
        let own = schema.fields().iter().filter(|field| {
            plan.is::<DataSourceExec>() && *field.data_type() == DataType::Utf8View
        });
        let own = own.map(|field| field.name().clone());
        own.chain(of_inputs).collect()
    }

    #[tokio::test]
    async fn text_that_is_a_key_and_nothing_else_is_read_as_a_view() {
        let folder = tempfile::tempdir().unwrap();
        let ctx = events(folder.path()).await;
        let queries: [(&str, &[&str]); 13] = [
            ("SELECT host, count(*) FROM events GROUP BY host", &["host"]),
            ("SELECT DISTINCT name, host FROM events", &["host", "name"]),
            (
                "SELECT host, max(name) FROM events GROUP BY host",
                &["host"],
            ),
            ("SELECT host, max(host) FROM events GROUP BY host", &[]),
            (
                "SELECT host, name, first_value(n ORDER BY name) FROM events GROUP BY host, name",
                &["host"],
            ),
            (
                "SELECT host, count(*) FILTER (WHERE name = 'x') FROM events GROUP BY host",
                &["host"],
            ),
            (
                "SELECT name, host, sum(n) FROM events WHERE n > 1 GROUP BY name, host",
                &["host", "name"],
            ),
            (
                "SELECT name, host, sum(n) FROM events WHERE host <> 'c' GROUP BY name, host",
                &["name"],
            ),
            (
                "SELECT upper(host), name FROM events GROUP BY upper(host), name",
                &["name"],
            ),
            (
                "SELECT h, u, count(*) FROM (SELECT host AS h, upper(host) AS u FROM events) GROUP BY h, u",
                &[],
            ),
            (
                "SELECT a.host, count(*) FROM events AS a JOIN events AS b ON a.n = b.n + 1 GROUP BY a.host",
                &[],
            ),
            ("SELECT host, name, n FROM events", &[]),
            (
                "SELECT host, name, count(*) FROM events GROUP BY GROUPING SETS ((host), (name))",
                &[],
            ),
        ];
        for (sql, expected) in queries {
            let rows = ctx.sql(sql).await.unwrap();
            let plan = async || rows.clone().create_physical_plan().await.unwrap();
            let seen = below_groupings(plan().await).unwrap();
            let plan = plan().await;
            let mut found = views(&seen);
            found.sort();
            let told = displayable(seen.as_ref()).indent(false).to_string();
            assert_eq!(found, expected, "{sql}\n{told}");
            assert_eq!(seen.schema(), plan.schema(), "{sql}");
            assert_eq!(lines(seen, &ctx).await, lines(plan, &ctx).await, "{sql}");
        }
    }
}
