//! What of a plan only the driver has: rows in its memory, and tables whose format no executor knows. Few rows go as a part
//! of the plan, all others into files of the scratch folder.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::future::{BoxFuture, try_join_all};
use object_store::ObjectStore;

use super::keep::{Folder, write};
use super::kept_rows::KeptRows;
use crate::driver_read::DriverReadExec;

/// Rows of more bytes are not part of a plan: each task has a copy of it.
const IN_PLAN: usize = 64 << 10;

/// The plan, of which every executor can run any part.
pub(super) fn portable<'a>(
    plan: Arc<dyn ExecutionPlan>,
    folder: &'a Folder,
    store: &'a Arc<dyn ObjectStore>,
    task: &'a Arc<TaskContext>,
) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
    Box::pin(async move {
        if is_the_drivers(&plan) {
            return in_files(&plan, folder, store, task).await;
        }
        let mut children = Vec::new();
        for child in plan
            .children()
            .into_iter()
            .map(Arc::clone)
            .collect::<Vec<_>>()
        {
            children.push(portable(child, folder, store, task).await?);
        }
        match children.is_empty() {
            true => Ok(plan),
            false => replace_children_if_necessary(plan, children),
        }
    })
}

fn is_the_drivers(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let source = plan.downcast_ref::<DataSourceExec>();
    let memory =
        source.and_then(|source| source.data_source().downcast_ref::<MemorySourceConfig>());
    let bytes = memory.map(|memory| {
        let batches = memory.partitions().iter().flatten();
        batches
            .map(RecordBatch::get_array_memory_size)
            .sum::<usize>()
    });
    plan.is::<DriverReadExec>() || bytes.is_some_and(|bytes| bytes > IN_PLAN)
}

/// The rows of a leaf in as many files as it has partitions.
async fn in_files(
    leaf: &Arc<dyn ExecutionPlan>,
    folder: &Folder,
    store: &Arc<dyn ObjectStore>,
    task: &Arc<TaskContext>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let partitions = leaf.output_partitioning().partition_count();
    let written = (0..partitions).map(|partition| async move {
        let rows = leaf.execute(partition, Arc::clone(task))?;
        write(rows, Arc::clone(store), &folder.path).await
    });
    let files = try_join_all(written).await?.into_iter().flatten().collect();
    let rows = KeptRows::new(leaf.schema(), folder.clone(), files);
    rows.read(partitions, None, None, None)
}
