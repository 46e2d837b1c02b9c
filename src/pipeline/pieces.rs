//! Into how many pieces the work of a plan is cut on a cluster: each has a price of its own, whatever it does, so a piece has
//! at least the bytes of DataFusion's `optimizer.repartition_file_min_size`, below which a file is not cut either.

use std::sync::Arc;

use datafusion::catalog::MemTable;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::DataFrame;

/// Bytes of a row of a step: its file has them packed, and work is done on them as they are.
const ROW_BYTES: usize = 40;

/// The plan of rows in as many pieces as what it reads is worth, at most as many as the job says, and what to run it with.
pub(super) async fn planned(rows: DataFrame) -> Result<(Arc<dyn ExecutionPlan>, Arc<TaskContext>)> {
    let (mut state, rows) = rows.into_parts();
    let most = state.config().target_partitions();
    let options = state.config_mut().options_mut();
    let piece = options.optimizer.repartition_file_min_size.max(1);
    options.execution.target_partitions = bytes(&rows)?.div_ceil(piece).clamp(1, most);
    let plan = state.create_physical_plan(&rows).await?;
    Ok((plan, Arc::new(TaskContext::from(&state))))
}

/// The bytes of all tables that a plan reads.
fn bytes(plan: &LogicalPlan) -> Result<usize> {
    let mut bytes: usize = 0;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let table = source_as_provider(&scan.source)?;
            bytes = bytes.saturating_add(bytes_of(table.as_ref()));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(bytes)
}

/// The bytes of a table; of one that does not say, more than there can be.
fn bytes_of(table: &dyn TableProvider) -> usize {
    if table.is::<MemTable>() {
        return 0; // the run itself holds it
    }
    let Some(statistics) = table.statistics() else {
        return usize::MAX;
    };
    let rows = statistics.num_rows.get_value();
    let rows = rows.map(|rows| rows.saturating_mul(ROW_BYTES));
    let bytes = statistics.total_byte_size.get_value().copied();
    rows.or(bytes).unwrap_or(usize::MAX)
}
