//! Into how many pieces the work of a plan is cut on a cluster: each has a price of its own, whatever it does, so a piece has
//! at least the bytes of DataFusion's `optimizer.repartition_file_min_size`, below which a file is not cut either.

use std::sync::Arc;

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::DataFrame;

use crate::driver_read::DriverReadExec;

/// The plan of rows in as many pieces as what it reads is worth, at most as many as the job says, and what to run it with.
pub(super) async fn planned(rows: DataFrame) -> Result<(Arc<dyn ExecutionPlan>, Arc<TaskContext>)> {
    let (mut state, rows) = rows.into_parts();
    let rows = state.optimize(&rows)?;
    let planner = Arc::clone(state.query_planner());
    let mut plan = planner.create_physical_plan(&rows, &state).await?;
    let most = state.config().target_partitions();
    let options = state.config_mut().options_mut();
    let piece = options.optimizer.repartition_file_min_size.max(1);
    let pieces = bytes_read(&plan).div_ceil(piece).clamp(1, most);
    if pieces < most {
        options.execution.target_partitions = pieces;
        plan = planner.create_physical_plan(&rows, &state).await?;
    }
    Ok((plan, Arc::new(TaskContext::from(&state))))
}

/// The bytes of files that a plan reads; of what is no file and not in memory, more than there can be.
pub(super) fn bytes_read(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let inputs = plan.children();
    if !inputs.is_empty() {
        let bytes = inputs.into_iter().map(bytes_read);
        return bytes.fold(0, usize::saturating_add);
    }
    let Some(source) = plan.downcast_ref::<DataSourceExec>() else {
        return if plan.is::<DriverReadExec>() {
            usize::MAX
        } else {
            0
        };
    };
    let source = source.data_source();
    if source.is::<MemorySourceConfig>() {
        return 0; // the run itself holds it
    }
    let Some(files) = source.downcast_ref::<FileScanConfig>() else {
        return usize::MAX;
    };
    let files = files.file_groups.iter().flat_map(|group| group.iter());
    let bytes: u64 = files.map(PartitionedFile::effective_size).sum();
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
