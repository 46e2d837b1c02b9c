//! Text that is put together before it goes to another process.
//!
//! A view of text points into pieces that many rows share, and what is written of a few rows takes all pieces with it. The
//! engine puts views together where rows are parted by a hash, if they stand in a column of their own; in lists, and where rows
//! stay as they are, it does not, and a stage of some megabytes becomes one of gigabytes.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, GenericListArray, OffsetSizeTrait, RecordBatch,
    StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{Partitioning, PhysicalExpr};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::{CardinalityEffect, replace_children_if_necessary};
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};
use futures::TryStreamExt;

/// The plan, in which text is put together wherever a stage ends.
pub(super) fn compacted(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    Ok(at_end_of_stage(below(plan)?, false))
}

/// How many stages the scheduler makes of a plan, more or less: a join that it does not make by copies is made of two more.
pub(super) fn stages(plan: &Arc<dyn ExecutionPlan>) -> usize {
    fn ends(plan: &Arc<dyn ExecutionPlan>) -> usize {
        let children = plan.children().into_iter().enumerate();
        let below = children.map(|(place, child)| {
            let is_end = ends_stage(plan, place).is_some() && !child.is::<CoalescePartitionsExec>();
            usize::from(is_end) + ends(child)
        });
        below.sum()
    }
    1 + ends(plan)
}

fn below(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let mut children = Vec::new();
    for (place, child) in plan.children().into_iter().enumerate() {
        let child = below(Arc::clone(child))?;
        children.push(match ends_stage(&plan, place) {
            Some(by_hash) => at_end_of_stage(child, by_hash),
            None => child,
        });
    }
    match children.is_empty() {
        true => Ok(plan),
        false => replace_children_if_necessary(plan, children),
    }
}

/// Whether a stage ends between a plan and an input of it, and if so whether the rows are parted by a hash there.
fn ends_stage(plan: &Arc<dyn ExecutionPlan>, input: usize) -> Option<bool> {
    if let Some(parted) = plan.downcast_ref::<RepartitionExec>() {
        return Some(matches!(parted.partitioning(), Partitioning::Hash(..)));
    }
    let join = plan.downcast_ref::<HashJoinExec>();
    let is_copied = join.is_some_and(|join| *join.partition_mode() == PartitionMode::CollectLeft);
    let ends = plan.is::<CoalescePartitionsExec>()
        || plan.is::<SortPreservingMergeExec>()
        || (is_copied && input == 0);
    ends.then_some(false)
}

fn at_end_of_stage(plan: Arc<dyn ExecutionPlan>, by_hash: bool) -> Arc<dyn ExecutionPlan> {
    let schema = plan.schema();
    let mut types = schema.fields().iter().map(|field| field.data_type());
    // What a stage has given comes as it was put together.
    let is_put_together = plan.is::<CoalescePartitionsExec>()
        || plan.is::<SortPreservingMergeExec>()
        || plan.is::<RepartitionExec>();
    let is_loose =
        !is_put_together && types.any(|kind| has_views(kind) && !(by_hash && is_view(kind)));
    match is_loose {
        true => Arc::new(CompactExec::new(plan)),
        false => plan,
    }
}

fn is_view(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8View | DataType::BinaryView)
}

fn has_views(kind: &DataType) -> bool {
    match kind {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            has_views(item.data_type())
        }
        DataType::Struct(fields) => fields.iter().any(|field| has_views(field.data_type())),
        other => is_view(other),
    }
}

/// Its input's rows, their text put together.
#[derive(Debug)]
pub(super) struct CompactExec {
    input: Arc<dyn ExecutionPlan>,
}

impl CompactExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        Self { input }
    }
}

impl DisplayAs for CompactExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CompactExec")
    }
}

impl ExecutionPlan for CompactExec {
    fn name(&self) -> &'static str {
        "CompactExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(input))),
            _ => Err(DataFusionError::Internal(
                "CompactExec has one input".to_owned(),
            )),
        }
    }

    fn statistics_from_inputs(
        &self,
        input_stats: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(Arc::clone(&input_stats[0]))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let rows = self.input.execute(partition, context)?;
        let rows = {
            let schema = Arc::clone(&schema);
            rows.and_then(move |rows| {
                let compact = batch(&schema, &rows);
                async move { Ok(compact?) }
            })
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

fn batch(schema: &SchemaRef, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = rows.columns().iter().map(compact);
    let columns = columns.collect::<Result<_, _>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

/// The same values in buffers that hold nothing else.
fn compact(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if !has_views(array.data_type()) {
        return Ok(Arc::clone(array));
    }
    Ok(match array.data_type() {
        DataType::Utf8View => Arc::new(array.as_string_view().gc()),
        DataType::BinaryView => Arc::new(array.as_binary_view().gc()),
        DataType::List(_) => list(array.as_list::<i32>())?,
        DataType::LargeList(_) => list(array.as_list::<i64>())?,
        DataType::FixedSizeList(item, size) => {
            let lists = array.as_fixed_size_list();
            let values = compact(lists.values())?;
            let nulls = lists.nulls().cloned();
            Arc::new(FixedSizeListArray::try_new(
                Arc::clone(item),
                *size,
                values,
                nulls,
            )?)
        }
        DataType::Struct(fields) => {
            let structs = array.as_struct();
            let columns = structs.columns().iter().map(compact);
            let columns = columns.collect::<Result<_, _>>()?;
            let nulls = structs.nulls().cloned();
            Arc::new(StructArray::try_new(fields.clone(), columns, nulls)?)
        }
        _ => Arc::clone(array),
    })
}

/// Lists whose items are those that the lists have, and no others of the array that they are a part of.
fn list<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> Result<ArrayRef, ArrowError> {
    let offsets = lists.value_offsets();
    let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
    let items = lists
        .values()
        .slice(first.as_usize(), (last - first).as_usize());
    let offsets = offsets.iter().map(|offset| *offset - first).collect();
    let (DataType::List(item) | DataType::LargeList(item)) = lists.data_type() else {
        return Ok(Arc::new(lists.clone()));
    };
    Ok(Arc::new(GenericListArray::try_new(
        Arc::clone(item),
        OffsetBuffer::new(offsets),
        compact(&items)?,
        lists.nulls().cloned(),
    )?))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ListArray, StringViewArray};
    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn one_list_of_many_takes_none_of_the_others_text_with_it() {
        let texts: StringViewArray = (0..10_000)
            .map(|number| Some(format!("a text that is long enough for a piece: {number}")))
            .collect();
        let item = Arc::new(Field::new("item", DataType::Utf8View, true));
        let lengths = std::iter::repeat_n(10, 1_000);
        let offsets = OffsetBuffer::from_lengths(lengths);
        let lists = ListArray::new(item, offsets, Arc::new(texts), None);
        let one: ArrayRef = Arc::new(lists.slice(500, 1));
        assert!(one.get_buffer_memory_size() > 400_000);
        let alone = compact(&one).unwrap();
        assert!(
            alone.get_buffer_memory_size() < 2_000,
            "{}",
            alone.get_buffer_memory_size()
        );
        assert_eq!(&alone, &one);
    }
}
