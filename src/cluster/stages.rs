//! How many stages a plan has, for whoever watches.

use std::sync::Arc;

use datafusion::physical_expr::Partitioning;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;

/// More or less: a join that the scheduler does not make by copies has two more.
pub(super) fn count(plan: &Arc<dyn ExecutionPlan>) -> usize {
    1 + ends(plan)
}

fn ends(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let children = plan.children().into_iter().enumerate();
    let below = children.map(|(place, child)| {
        let is_end = is_end(plan, place) && !child.is::<CoalescePartitionsExec>();
        usize::from(is_end) + ends(child)
    });
    below.sum()
}

/// Whether a stage ends between a plan and an input of it.
fn is_end(plan: &Arc<dyn ExecutionPlan>, input: usize) -> bool {
    if let Some(parted) = plan.downcast_ref::<RepartitionExec>() {
        return matches!(parted.partitioning(), Partitioning::Hash(..));
    }
    let join = plan.downcast_ref::<HashJoinExec>();
    let is_copied = join.is_some_and(|join| *join.partition_mode() == PartitionMode::CollectLeft);
    plan.is::<CoalescePartitionsExec>()
        || plan.is::<SortPreservingMergeExec>()
        || (is_copied && input == 0)
}
