//! The number of each row among those of its first key, in the order of all keys.
//!
//! The rows of a first key are in one partition, sorted: what makes a plan of it sees to that. Then a row's number is the
//! one before it and one more, and a key that comes twice stands beside itself.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::{SortOptions, not};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, SendableRecordBatchStream,
};
use futures::Stream;

use super::one_input;
use crate::features::differs_from_before;

/// The column of a row's number among those of its first key: from 1, and the same for rows of the same keys.
pub(crate) const NUMBER: &str = "crannog_number";
/// The column that says whether the row before has the same keys.
pub(crate) const REPEATED: &str = "crannog_repeated";

/// Numbers rows by `keys`, which are columns of them. `ties`: which of the rows with the same keys comes first is said by their
/// other columns, in the order in which they stand.
pub(crate) fn numbered(
    rows: Arc<dyn ExecutionPlan>,
    keys: &[String],
    ties: bool,
    partitions: usize,
) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = rows.schema();
    let others = schema.fields().iter().map(|field| field.name());
    let others = others.filter(|name| ties && !keys.contains(name));
    let order = keys.iter().chain(others);
    let ascending = |name: &String| {
        Ok(PhysicalSortExpr {
            expr: col(name, &schema)?,
            options: SortOptions {
                descending: false,
                nulls_first: true,
            },
        })
    };
    let order = order.map(ascending).collect::<Result<Vec<_>>>()?;
    let (Some(first), Some(order)) = (keys.first(), LexOrdering::new(order)) else {
        return Err(DataFusionError::Internal("rows without a key".to_owned()));
    };
    let is_whole = partitions == 1 && rows.output_partitioning().partition_count() == 1;
    let rows = if is_whole {
        rows
    } else {
        let of_first = Partitioning::Hash(vec![col(first, &schema)?], partitions);
        Arc::new(RepartitionExec::try_new(rows, of_first)?)
    };
    let rows = Arc::new(SortExec::new(order, rows).with_preserve_partitioning(true));
    Ok(Arc::new(NumberExec::new(rows, keys.to_vec())))
}

/// Adds [`NUMBER`] and [`REPEATED`] to rows that are sorted by their keys.
#[derive(Debug)]
pub(super) struct NumberExec {
    input: Arc<dyn ExecutionPlan>,
    keys: Vec<String>,
    properties: Arc<PlanProperties>,
}

impl NumberExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, keys: Vec<String>) -> Self {
        let own = input.schema();
        let number = Field::new(NUMBER, DataType::Int64, false);
        let repeated = Field::new(REPEATED, DataType::Boolean, false);
        let fields = own.fields().iter().cloned();
        let fields: Vec<_> = fields
            .chain([Arc::new(number), Arc::new(repeated)])
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let partitions = input.output_partitioning().partition_count();
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Self {
            input,
            keys,
            properties,
        }
    }

    pub(super) fn keys(&self) -> &[String] {
        &self.keys
    }
}

impl DisplayAs for NumberExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NumberExec: keys=[{}]", self.keys.join(", "))
    }
}

impl ExecutionPlan for NumberExec {
    fn name(&self) -> &'static str {
        "NumberExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
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
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = one_input(&children)?;
        Ok(Arc::new(Self::new(input, self.keys.clone())))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        Ok(Box::pin(Numbering {
            rows: self.input.execute(partition, context)?,
            schema: self.schema(),
            keys: self.keys.clone(),
            last: None,
            number: 0,
        }))
    }
}

/// The rows of a partition, while they are numbered.
struct Numbering {
    rows: SendableRecordBatchStream,
    schema: SchemaRef,
    keys: Vec<String>,
    last: Option<RecordBatch>,
    number: i64,
}

impl Numbering {
    fn number(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let last = self.last.as_ref();
        let is_new = differs_from_before(&self.keys, last, batch)?;
        let is_first = differs_from_before(&self.keys[..1], last, batch)?;
        self.last = Some(batch.slice(batch.num_rows() - 1, 1));
        let mut number = self.number;
        let numbers = is_new.values().iter().zip(is_first.values());
        let numbers: Int64Array = numbers
            .map(|(is_new, is_first)| {
                number = if is_first { 0 } else { number } + i64::from(is_new);
                number
            })
            .collect::<Vec<_>>()
            .into();
        self.number = number;
        let repeated: BooleanArray = not(&is_new)?;
        let added: [ArrayRef; 2] = [Arc::new(numbers), Arc::new(repeated)];
        let columns = batch.columns().iter().cloned().chain(added).collect();
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

impl Stream for Numbering {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.rows.as_mut().poll_next(context)) {
                Some(Ok(batch)) if batch.num_rows() == 0 => {}
                Some(Ok(batch)) => return Poll::Ready(Some(self.number(&batch))),
                end => return Poll::Ready(end),
            }
        }
    }
}

impl RecordBatchStream for Numbering {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::datasource::MemTable;
    use datafusion::prelude::{SessionConfig, SessionContext};
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::super::lines;
    use super::*;

    /// Rows of few keys, some of them missing, in batches of any size.
    fn rows(random: &mut StdRng, count: usize) -> Vec<RecordBatch> {
        let mut made = 0;
        let mut batches = Vec::new();
        while made < count {
            let size = random.random_range(1..=40).min(count - made);
            let mut few = |of: i64| -> ArrayRef {
                let value = (0..size).map(|_| Some(random.random_range(0..of)).filter(|n| *n > 0));
                Arc::new(value.collect::<Int64Array>())
            };
            let (a, b) = (few(6), few(30));
            let c = (0..size).map(|row| Some((made + row) as i64));
            let c: ArrayRef = Arc::new(c.collect::<Int64Array>());
            batches.push(
                RecordBatch::try_from_iter_with_nullable([
                    ("a", a, true),
                    ("b", b, true),
                    ("c", c, true),
                ])
                .unwrap(),
            );
            made += size;
        }
        batches
    }

    #[tokio::test]
    async fn rows_are_numbered_as_sql_would_number_them() {
        let mut random = StdRng::seed_from_u64(42);
        for (count, partitions) in [(1, 3), (30, 1), (500, 3), (3000, 1), (3000, 3)] {
            let config = SessionConfig::new()
                .with_target_partitions(partitions)
                .with_batch_size(64);
            let ctx = SessionContext::new_with_config(config);
            let batches = rows(&mut random, count);
            let schema = batches[0].schema();
            let parts = batches.chunks(batches.len().div_ceil(partitions));
            let parts = parts.map(<[_]>::to_vec).collect();
            let table = MemTable::try_new(schema, parts).unwrap();
            ctx.register_table("made", Arc::new(table)).unwrap();
            let plan = async |sql: &str| {
                let rows = ctx.sql(sql).await.unwrap();
                rows.create_physical_plan().await.unwrap()
            };
            let keys = ["a".to_owned(), "b".to_owned()];
            for (columns, ties, order) in [("a, b, c", true, "ORDER BY c"), ("a, b", false, "")] {
                let made = plan(&format!("SELECT {columns} FROM made")).await;
                let numbered = numbered(made, &keys, ties, partitions).unwrap();
                let expected = format!(
                    "SELECT {columns},
                            dense_rank() OVER (PARTITION BY a ORDER BY b NULLS FIRST) AS crannog_number,
                            row_number() OVER (PARTITION BY a, b {order}) > 1 AS crannog_repeated
                     FROM made"
                );
                let expected = plan(&expected).await;
                assert_eq!(lines(numbered, &ctx).await, lines(expected, &ctx).await);
            }
        }
    }
}
