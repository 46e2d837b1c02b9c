//! How far a running plan is, by its own metrics.

use datafusion::physical_plan::ExecutionPlan;

use crate::progress::Volume;

/// What a running plan has read of files so far; where it reads from memory alone, the rows it has made.
pub(super) fn progress(plan: &dyn ExecutionPlan) -> Volume {
    match volume(plan) {
        Volume { rows: 0, bytes: 0 } => Volume {
            rows: made(plan),
            bytes: 0,
        },
        read => read,
    }
}

/// Rows that a running plan has made so far.
fn made(plan: &dyn ExecutionPlan) -> u64 {
    plan.metrics()
        .and_then(|metrics| metrics.output_rows())
        .unwrap_or(0) as u64
}

/// Rows and bytes that the leaves of a running plan have read so far.
fn volume(plan: &dyn ExecutionPlan) -> Volume {
    let children = plan.children();
    if !children.is_empty() {
        return children.iter().map(|child| volume(child.as_ref())).sum();
    }
    let metrics = plan.metrics();
    let rows = metrics.as_ref().and_then(|metrics| metrics.output_rows());
    let bytes = metrics
        .as_ref()
        .and_then(|metrics| metrics.sum_by_name("bytes_scanned"));
    Volume {
        rows: rows.unwrap_or(0) as u64,
        bytes: bytes.map_or(0, |bytes| bytes.as_usize() as u64),
    }
}
