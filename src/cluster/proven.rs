//! What a plan may hold to be run on many machines.
//!
//! An engine that cuts plans into stages has had wrong answers of operators that keep something for all their partitions
//! in one process. So the list is one of what may be, and all else is refused with its name.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::ClusterError;
use crate::driver_read::DriverReadExec;

/// Operators that work on each partition for itself, on the whole of one side, or on what was put together by a hash.
/// Hash joins of any kind are among them: the scheduler puts both sides together by their keys where a copy of the left
/// one at each partition would not do.
const OPERATORS: [&str; 23] = [
    "AggregateExec",
    "BoundedWindowAggExec",
    "CoalesceBatchesExec",
    "CoalescePartitionsExec",
    "CooperativeExec",
    "CrossJoinExec",
    "EmptyExec",
    "FilterExec",
    "GlobalLimitExec",
    "HashJoinExec",
    "KeepExec",
    "LocalLimitExec",
    "NumberExec",
    "PlaceholderRowExec",
    "ProjectionExec",
    "RepartitionExec",
    "SortExec",
    "SortExec(TopK)",
    "SortMergeJoinExec",
    "SortPreservingMergeExec",
    "UnionExec",
    "UnnestExec",
    "WindowAggExec",
];

/// That all of a plan may be run on a cluster.
pub(super) fn check(plan: &Arc<dyn ExecutionPlan>) -> Result<(), ClusterError> {
    let unproven = |operator: &str| {
        Err(ClusterError::Unproven {
            operator: operator.to_owned(),
        })
    };
    if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        let right = join.right().output_partitioning().partition_count();
        let tells_of_left = !matches!(
            join.join_type(),
            JoinType::Inner
                | JoinType::Right
                | JoinType::RightSemi
                | JoinType::RightAnti
                | JoinType::RightMark
        );
        if tells_of_left && right > 1 {
            return unproven(&format!(
                "a {} join by something else than equal keys",
                join.join_type()
            ));
        }
    } else if let Some(source) = plan.downcast_ref::<DataSourceExec>() {
        let source = source.data_source();
        if !source.is::<FileScanConfig>() && !source.is::<MemorySourceConfig>() {
            return unproven("a source that is no file");
        }
    } else if !OPERATORS.contains(&plan.name()) && !plan.is::<DriverReadExec>() {
        return unproven(plan.name());
    }
    plan.children().into_iter().try_for_each(check)
}
