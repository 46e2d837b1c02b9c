//! From where to where the values of a table's files go, as the log tells it: a file that no filter lets a row of pass need not
//! be opened.
//!
//! Of instants, days and whole numbers alone, whose least and greatest the log tells as they are: text may be cut in it, and a
//! floating-point number may be NaN. Instants are told in milliseconds, cut off, so either bound may be off by one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{DataType, FieldRef, SchemaRef, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Column, ScalarValue};
use datafusion::physical_expr::expressions::{CastExpr, TryCastExpr};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{PhysicalExpr, split_conjunction};
use datafusion::physical_optimizer::pruning::{PruningPredicateBuilder, PruningStatistics};

/// Microseconds that an instant of the log may be off by.
const CUT_OFF: i64 = 999;

/// The bounds of each file, in the order of the files.
#[derive(Debug)]
pub(super) struct Bounds {
    files: usize,
    columns: HashMap<String, Known>,
}

/// What is known of a column, an entry for each file.
#[derive(Debug)]
struct Known {
    least: Option<ArrayRef>,
    greatest: Option<ArrayRef>,
}

impl Bounds {
    /// What a log tells of columns.
    pub(super) fn of<'a>(
        log: &impl PruningStatistics,
        fields: impl Iterator<Item = &'a FieldRef>,
    ) -> Self {
        let told = fields.filter(|field| is_told_as_it_is(field.data_type()));
        let columns = told.map(|field| {
            let column = Column::from_name(field.name());
            let known = Known {
                least: log.min_values(&column).map(|least| moved(least, -CUT_OFF)),
                greatest: log
                    .max_values(&column)
                    .map(|greatest| moved(greatest, CUT_OFF)),
            };
            (field.name().clone(), known)
        });
        Self {
            files: log.num_containers(),
            columns: columns.collect(),
        }
    }

    /// Which files may have a row that passes a filter of a table of this schema. What of the filter cannot be asked of bounds is
    /// not asked.
    pub(super) fn may_pass(&self, filter: &Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Vec<bool> {
        let mut may_pass = vec![true; self.files];
        for part in split_conjunction(filter) {
            if !keeps_order(part, schema) {
                continue;
            }
            let pruning = PruningPredicateBuilder::new().with_file_schema(Arc::clone(schema));
            let pruning = pruning.try_build(Arc::clone(part));
            match pruning.and_then(|pruning| pruning.prune(self)) {
                Ok(of_part) => {
                    let both = may_pass.iter_mut().zip(of_part);
                    both.for_each(|(may_pass, of_part)| *may_pass &= of_part);
                }
                Err(error) => tracing::debug!(%part, %error, "not asked of a log's bounds"),
            }
        }
        may_pass
    }

    fn known(&self, column: &Column) -> Option<&Known> {
        self.columns.get(&column.name)
    }
}

impl PruningStatistics for Bounds {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.known(column)?.least.clone()
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.known(column)?.greatest.clone()
    }

    fn num_containers(&self) -> usize {
        self.files
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

/// Whether what is greater stays so in all casts of an expression: the time of day of an instant does not.
fn keeps_order(expression: &Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> bool {
    if collect_columns(expression).is_empty() {
        return true; // a constant, however it is made
    }
    let children = expression.children();
    if !children.iter().all(|input| keeps_order(input, schema)) {
        return false;
    }
    let to = match expression.downcast_ref::<CastExpr>() {
        Some(cast) => cast.cast_type().clone(),
        None => return !expression.is::<TryCastExpr>(),
    };
    let from = children.first().map(|input| input.data_type(schema));
    match (from, to) {
        (Some(Ok(DataType::Timestamp(_, from))), DataType::Timestamp(_, to)) => {
            from.is_some() == to.is_some()
        }
        (Some(Ok(from)), DataType::Int64) => from.is_signed_integer(),
        _ => false,
    }
}

fn is_told_as_it_is(kind: &DataType) -> bool {
    let is_instant = matches!(kind, DataType::Timestamp(TimeUnit::Microsecond, _));
    is_instant || kind.is_signed_integer() || *kind == DataType::Date32
}

/// Instants earlier or later by so many microseconds; other values as they are.
fn moved(bounds: ArrayRef, by: i64) -> ArrayRef {
    let DataType::Timestamp(TimeUnit::Microsecond, zone) = bounds.data_type() else {
        return bounds;
    };
    let instants = bounds.as_primitive::<TimestampMicrosecondType>();
    let moved = instants.unary::<_, TimestampMicrosecondType>(|at| at.saturating_add(by));
    Arc::new(moved.with_timezone_opt(zone.clone()))
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Date32Array, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    };
    use datafusion::common::DFSchema;
    use datafusion::prelude::SessionContext;
    use deltalake::DeltaTable;

    use super::*;

    const SECOND: i64 = 1_000_000;

    /// A file's worth of rows: `at` in microseconds, and the same number in all other columns.
    fn rows(at: [Option<i64>; 2], number: i32) -> RecordBatch {
        let at = TimestampMicrosecondArray::from(at.to_vec()).with_timezone("UTC");
        let columns: [(&str, ArrayRef); 5] = [
            ("at", Arc::new(at)),
            ("day", Arc::new(Date32Array::from(vec![number; 2]))),
            ("n", Arc::new(Int32Array::from(vec![number; 2]))),
            (
                "x",
                Arc::new(Float64Array::from(vec![f64::from(number); 2])),
            ),
            (
                "text",
                Arc::new(StringArray::from(vec![number.to_string(); 2])),
            ),
        ];
        let columns = columns.map(|(name, column)| (name, column, true));
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }

    #[tokio::test]
    async fn a_file_is_left_out_if_no_row_of_it_can_pass() {
        let mut table = DeltaTable::new_in_memory();
        let files = [
            rows([Some(0), Some(10 * SECOND + 123_456)], 1),
            rows([Some(20 * SECOND), Some(30 * SECOND)], 2),
            rows([None, None], 3),
        ];
        for rows in files {
            table = table.write([rows]).await.unwrap();
        }
        let provider = table.table_provider().await.unwrap();
        let schema = provider.schema();
        let log = table.snapshot().unwrap().log_data();
        let bounds = Bounds::of(&log, schema.fields().iter());
        let ctx = SessionContext::new();
        let columns = DFSchema::try_from(Arc::clone(&schema)).unwrap();
        // The log has its files in an order of its own: they are told by their numbers.
        let order = bounds.min_values(&Column::from_name("n")).unwrap();
        let order = order.as_primitive::<arrow::datatypes::Int32Type>();
        let order: Vec<_> = order.values().to_vec();
        for (filter, expected) in [
            ("at < to_timestamp_micros(19000000)", vec![1, 3]), // of 3 the log has no bounds
            ("at >= to_timestamp_micros(10123456)", vec![1, 2, 3]), // the log may say 10.123
            ("at > to_timestamp_micros(10125000)", vec![2, 3]),
            ("at > to_timestamp_micros(40000000)", vec![3]),
            ("at > to_timestamp_micros(40000000) AND n < 3", vec![]),
            ("n >= 2", vec![2, 3]),
            ("day = CAST('1970-01-03' AS DATE)", vec![2]),
            ("CAST(at AS TIME) < TIME '00:00:05'", vec![1, 2, 3]),
            ("n >= 2 AND CAST(at AS TIME) < TIME '00:00:05'", vec![2, 3]),
            ("CAST(n AS BIGINT) > 2", vec![3]),
            ("n > 2 AND CAST(n * 1000000 AS SMALLINT) = 3", vec![3]),
            ("x > 1.0", vec![1, 2, 3]),
            ("text > '2'", vec![1, 2, 3]),
            ("n + 1 = 3 OR length(text) = 1", vec![1, 2, 3]),
        ] {
            let filter_of = ctx.parse_sql_expr(filter, &columns).unwrap();
            let filter_of = ctx.create_physical_expr(filter_of, &columns).unwrap();
            let may_pass = bounds.may_pass(&filter_of, &schema);
            let kept = order.iter().zip(may_pass).filter(|(_, may_pass)| *may_pass);
            let mut kept: Vec<_> = kept.map(|(number, _)| *number).collect();
            kept.sort_unstable();
            assert_eq!(kept, expected, "{filter}");
        }
    }
}
