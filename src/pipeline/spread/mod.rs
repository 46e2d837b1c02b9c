//! The feature table where it is spread over a cluster.
//!
//! A row's place in the order of the keys is part of the answer, and here no process sees all rows. So the rows of each value
//! of the first key are numbered in the order of the others, on the cluster; how many rows each value has comes here, and
//! says where its first row stands. A place depends on keys alone: not on partitions, and not on machines.
//!
//! Here are held, of all rows, what is asked for by place: some numbers a row, never the rows.

mod made;
mod read;
mod sql;

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, ident, lit};
use datafusion::prelude::{DataFrame, SessionContext};

use super::elsewhere::watch;
use super::pieces::planned;
use super::{bare, stopped};
use crate::cluster::{Cluster, ClusterError, JobProgress};
use crate::error::{Error, Result};
use crate::features::FeatureError;
use crate::forest::ColumnScale;
use crate::job::{Job, SqlFile};
use crate::progress::Progress;
use crate::session;
use sql::{PLACE, PLACED};

/// The rows that a forest is asked about, on the cluster.
pub(crate) struct SpreadFeatures<'a> {
    ctx: SessionContext,
    cluster: Arc<Cluster>,
    job: &'a Job,
    step: &'a SqlFile,
    schema: SchemaRef,
    n_samples: usize,
    duplicate_rows: usize,
    learnt: Option<BooleanBuffer>,
    scales: Option<Vec<ColumnScale>>,
}

impl SpreadFeatures<'_> {
    /// How many rows do not count, because another one has their key.
    pub(crate) fn duplicate_rows(&self) -> usize {
        self.duplicate_rows
    }

    /// Mean and scale of each feature, where the job scales.
    pub(crate) fn scales(&self) -> Option<&[ColumnScale]> {
        self.scales.as_deref()
    }

    /// Which rows are learnt from, where those are not all.
    pub(crate) fn learnt(&self) -> Option<&BooleanBuffer> {
        self.learnt.as_ref()
    }

    /// The columns that SQL made.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Each row's place, with some values of it.
    async fn placed(&self, values: Vec<Expr>) -> Result<DataFrame> {
        let values = values.into_iter().enumerate();
        let values = values.map(|(number, value)| value.alias(format!("value_{number}")));
        let columns: Vec<_> = std::iter::once(ident(PLACE)).chain(values).collect();
        let rows = self.ctx.table(bare(PLACED)).await;
        let rows = rows.and_then(|rows| rows.select(columns));
        rows.map_err(|error| self.stopped(error))
    }

    async fn sql(&self, text: &str) -> Result<DataFrame> {
        let rows = self
            .ctx
            .sql_with_options(text, session::only_queries())
            .await;
        rows.map_err(|error| self.stopped(error))
    }

    async fn fetch(
        &self,
        stage: &str,
        rows: DataFrame,
        progress: &mut Progress,
    ) -> Result<Vec<RecordBatch>> {
        let add = |batches: &mut Vec<RecordBatch>, rows| {
            batches.push(rows);
            Ok(())
        };
        self.fold(stage, rows, progress, Vec::new, add).await
    }

    /// How many rows a query has, by a plan of its own.
    async fn count_of(&self, rows: &DataFrame, progress: &mut Progress) -> Result<usize> {
        let counted = rows.clone().aggregate(Vec::new(), vec![count(lit(1_i64))]);
        let counted = counted.map_err(|error| self.stopped(error))?;
        let counted = self.fetch("count", counted, progress).await?;
        let counts = counted.iter().flat_map(|rows| {
            let counts = rows.column(0).as_primitive::<Int64Type>().values();
            counts.to_vec()
        });
        Ok(usize::try_from(counts.sum::<i64>()).unwrap_or(0))
    }

    /// The same as [`Self::fold`], of so many rows: not one more, not one less.
    async fn fold_all<S>(
        &self,
        stage: &str,
        rows: DataFrame,
        expected: usize,
        progress: &mut Progress,
        begin: impl Fn() -> S,
        add: impl Fn(&mut S, RecordBatch) -> Result<(), DataFusionError>,
    ) -> Result<S> {
        let counting = |(state, count): &mut (S, usize), rows: RecordBatch| {
            *count += rows.num_rows();
            add(state, rows)
        };
        let folded = self.fold(stage, rows, progress, || (begin(), 0), counting);
        let (state, came) = folded.await?;
        match came == expected {
            true => Ok(state),
            false => Err(self.wrong(format!("of {expected} rows {came} came"))),
        }
    }

    async fn fold<S>(
        &self,
        stage: &str,
        rows: DataFrame,
        progress: &mut Progress,
        begin: impl Fn() -> S,
        add: impl Fn(&mut S, RecordBatch) -> Result<(), DataFusionError>,
    ) -> Result<S> {
        let (plan, task) = planned(rows).await.map_err(|error| self.stopped(error))?;
        let seen = JobProgress::default();
        let add = |state: &mut S, _, rows| add(state, rows);
        let work = self.cluster.fold(stage, plan, &task, &seen, begin, add);
        let folded = watch(progress, stage, &seen, work).await;
        folded.map_err(|error| self.stopped(error))
    }

    fn register(&self, name: &str, rows: RecordBatch) -> Result<()> {
        let table = MemTable::try_new(rows.schema(), vec![vec![rows]]);
        let table: Arc<dyn TableProvider> = Arc::new(table.map_err(|error| self.stopped(error))?);
        let registered = self.ctx.register_table(bare(name), table);
        registered.map(drop).map_err(|error| self.stopped(error))
    }

    fn no_rows(&self, window: Option<String>) -> Error {
        FeatureError::NoRows {
            step: self.step.name.clone(),
            window,
        }
        .into()
    }

    fn stopped(&self, error: DataFusionError) -> Error {
        stopped(self.step, error)
    }

    fn wrong(&self, what: String) -> Error {
        self.stopped(DataFusionError::External(Box::new(ClusterError::Wrong {
            what,
        })))
    }
}

/// The places of some rows, of so many as there are.
fn places_of(rows: &RecordBatch, n_samples: usize) -> Result<Vec<usize>, DataFusionError> {
    let places = rows.column(0).as_primitive::<Int64Type>();
    let place = |place: &i64| match usize::try_from(*place) {
        Ok(place) if place < n_samples => Ok(place),
        _ => Err(DataFusionError::External(Box::new(ClusterError::Wrong {
            what: format!("there is no place {place} among {n_samples}"),
        }))),
    };
    places.values().iter().map(place).collect()
}

/// The filter as one of a table's columns by their names alone.
pub(crate) fn unqualified(filter: &Expr) -> Result<Expr, DataFusionError> {
    let plain = |expr: Expr| {
        Ok(match expr {
            Expr::Column(column) => Transformed::yes(Expr::Column(Column::from_name(column.name))),
            other => Transformed::no(other),
        })
    };
    filter.clone().transform(plain).map(|filter| filter.data)
}
