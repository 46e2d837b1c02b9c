//! The last reading of rows in memory: each batch is let go when its reader has it, so that a step and the step that is
//! computed from it are never in memory as a whole at one time.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SplitMetrics};
use datafusion::physical_plan::stream::{BatchSplitStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::stream;

/// The operators that read each partition of their input once. Below any other rows stay: a recursive query reads its own
/// again and again, and so does a nested loop join that runs out of memory.
const READ_ONCE: [&str; 17] = [
    "AggregateExec",
    "BoundedWindowAggExec",
    "CoalesceBatchesExec",
    "CoalescePartitionsExec",
    "CooperativeExec",
    "CrossJoinExec",
    "FilterExec",
    "GlobalLimitExec",
    "HashJoinExec",
    "LocalLimitExec",
    "ProjectionExec",
    "RepartitionExec",
    "SortExec",
    "SortMergeJoinExec",
    "SortPreservingMergeExec",
    "UnionExec",
    "WindowAggExec",
];

/// The plan, to be run once, with rows in memory that it lets go as it reads them. They leave memory if no table and no
/// other plan holds them.
pub(super) fn letting_go(
    plan: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let source = plan.downcast_ref::<DataSourceExec>();
    let source = source.and_then(|source| source.data_source().downcast_ref());
    if let Some(rows) = source {
        return passing(rows);
    }
    if !READ_ONCE.contains(&plan.name()) {
        return Ok(plan);
    }
    let inputs = plan.children().into_iter().map(Arc::clone);
    let inputs = inputs.map(letting_go).collect::<Result<_, _>>()?;
    replace_children_if_necessary(plan, inputs)
}

fn passing(rows: &MemorySourceConfig) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let properties = rows.eq_properties();
    let partition = |batches: &Vec<RecordBatch>| -> Result<Arc<dyn PartitionStream>, _> {
        let read = |batch: &RecordBatch| match rows.projection() {
            Some(columns) => batch.project(columns),
            None => Ok(batch.clone()),
        };
        let batches = batches.iter().map(read).collect::<Result<_, _>>()?;
        Ok::<_, DataFusionError>(Arc::new(PassingRows {
            schema: Arc::clone(properties.schema()),
            batches: Mutex::new(Some(batches)),
        }))
    };
    let partitions = rows.partitions().iter().map(partition);
    Ok(Arc::new(StreamingTableExec::try_new(
        Arc::clone(properties.schema()),
        partitions.collect::<Result<_, _>>()?,
        None,
        rows.sort_information().to_vec(),
        false,
        rows.fetch(),
    )?))
}

/// Rows that can be read once.
#[derive(Debug)]
struct PassingRows {
    schema: SchemaRef,
    batches: Mutex<Option<Vec<RecordBatch>>>,
}

impl PartitionStream for PassingRows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, task: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = match batches.take() {
            Some(batches) => batches.into_iter().map(Ok).collect(),
            None => vec![Err(DataFusionError::Internal(
                "rows are read again that were let go".to_owned(),
            ))],
        };
        let rows = RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream::iter(rows));
        // As a table in memory does it: a window makes one batch of all its rows.
        Box::pin(BatchSplitStream::new(
            Box::pin(rows),
            task.session_config().batch_size(),
            SplitMetrics::new(&ExecutionPlanMetricsSet::new(), 0),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
    use arrow::compute::concat_batches;
    use arrow::datatypes::Int64Type;
    use arrow::util::pretty::pretty_format_batches;
    use datafusion::datasource::MemTable;
    use datafusion::physical_plan::{collect, execute_stream};
    use datafusion::prelude::{SessionConfig, SessionContext};
    use futures::TryStreamExt;

    use super::*;

    fn batch(numbers: [i64; 4]) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
        RecordBatch::try_from_iter([("n", numbers)]).unwrap()
    }

    fn session(partitions: Vec<Vec<RecordBatch>>) -> SessionContext {
        let threads = SessionConfig::new().with_target_partitions(partitions.len());
        let ctx = SessionContext::new_with_config(threads);
        let table = MemTable::try_new(partitions[0][0].schema(), partitions).unwrap();
        ctx.register_table("numbers", Arc::new(table)).unwrap();
        ctx
    }

    async fn plan(ctx: &SessionContext, sql: &str) -> Arc<dyn ExecutionPlan> {
        let rows = ctx.sql(sql).await.unwrap();
        rows.create_physical_plan().await.unwrap()
    }

    #[tokio::test]
    async fn a_batch_leaves_memory_when_its_reader_is_done_with_it() {
        let batches = vec![batch([1, 2, 3, 4]), batch([5, 6, 7, 8])];
        let held: Vec<Weak<dyn Array>> = batches
            .iter()
            .map(|batch| Arc::downgrade(batch.column(0)))
            .collect();
        let in_memory = || held.iter().filter(|array| array.strong_count() > 0).count();
        let ctx = session(vec![batches]);
        let plan = plan(&ctx, "SELECT n * 10 AS tens FROM numbers").await;
        ctx.deregister_table("numbers").unwrap();
        let plan = letting_go(plan).unwrap();
        let mut rows = execute_stream(Arc::clone(&plan), ctx.task_ctx()).unwrap();
        assert_eq!(in_memory(), 2);
        let first = rows.try_next().await.unwrap().unwrap();
        assert_eq!(
            first.column(0).as_primitive::<Int64Type>().values(),
            &[10, 20, 30, 40]
        );
        assert_eq!(in_memory(), 1);
        rows.try_next().await.unwrap().unwrap();
        assert_eq!(in_memory(), 0);
        let again = collect(plan, ctx.task_ctx()).await.unwrap_err();
        assert!(again.to_string().contains("read again"), "{again}");
    }

    #[tokio::test]
    async fn a_large_batch_comes_in_pieces_of_the_sessions_size() {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..20_000));
        let ctx = session(vec![vec![
            RecordBatch::try_from_iter([("n", numbers)]).unwrap(),
        ]]);
        let plan = letting_go(plan(&ctx, "SELECT n + 1 FROM numbers").await).unwrap();
        let rows = collect(plan, ctx.task_ctx()).await.unwrap();
        let sizes: Vec<_> = rows.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(sizes, [8192, 8192, 3616]);
    }

    #[tokio::test]
    async fn the_answer_is_the_same_whatever_way_the_rows_are_read() {
        let queries = [
            "SELECT count(*) FROM numbers",
            "SELECT a.n, b.n FROM numbers AS a JOIN numbers AS b ON a.n = b.n + 1",
            "SELECT a.n, b.n FROM numbers AS a JOIN numbers AS b ON a.n < b.n",
            "SELECT a.n, b.n FROM numbers AS a, numbers AS b",
            "SELECT n FROM numbers WHERE n > (SELECT avg(n) FROM numbers)",
            "SELECT n FROM numbers WHERE n = ANY (SELECT max(n) FROM numbers)",
            "SELECT n FROM numbers AS a WHERE EXISTS (SELECT 1 FROM numbers AS b WHERE b.n = a.n - 3)",
            "SELECT n, coalesce((SELECT min(n) FROM numbers), 0) FROM numbers",
            "SELECT n, row_number() OVER (ORDER BY n DESC), sum(n) OVER (PARTITION BY n % 2) FROM numbers",
            "SELECT n FROM numbers UNION ALL SELECT n FROM numbers UNION SELECT -n FROM numbers",
            "WITH numbers AS (SELECT n + 1 AS n FROM numbers) SELECT a.n FROM numbers AS a, numbers AS b",
            "WITH RECURSIVE steps AS (
                SELECT n, 0 AS step FROM numbers
                UNION ALL
                SELECT numbers.n, step + 1 FROM steps JOIN numbers ON numbers.n = steps.n + 1 WHERE step < 5
             ) SELECT n, step FROM steps",
            "SELECT n FROM numbers ORDER BY n DESC LIMIT 3",
            "SELECT n % 3, count(*), sum(n) FROM numbers GROUP BY n % 3",
            "SELECT n FROM numbers INTERSECT SELECT n FROM numbers WHERE n > 3",
        ];
        let ctx = session(vec![
            vec![batch([1, 2, 3, 4]), batch([5, 6, 7, 8])],
            vec![batch([3, 9, 10, 11])],
        ]);
        for sql in queries {
            let sorted = async |plan: Arc<dyn ExecutionPlan>| {
                let schema = plan.schema();
                let rows = collect(plan, ctx.task_ctx()).await.unwrap();
                let rows = concat_batches(&schema, &rows).unwrap();
                let text = pretty_format_batches(&[rows]).unwrap().to_string();
                let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
                lines.sort();
                lines
            };
            let kept = sorted(plan(&ctx, sql).await).await;
            let let_go = letting_go(plan(&ctx, sql).await).unwrap();
            assert_eq!(sorted(let_go).await, kept, "{sql}");
        }
    }
}
