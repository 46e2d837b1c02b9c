//! The rows of a source as the table has them: times as instants with microseconds, and the day that each row belongs to.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Date32Type, Field, FieldRef, Fields, Schema, TimeUnit};
use chrono::NaiveDate;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{cast, ident, lit, try_cast, when};
use datafusion::prelude::DataFrame;
use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;

use super::{Import, ImportError};
use crate::display::type_name;
use crate::job::Format;

/// The partition column: the day of the time column, in UTC.
const DATE: &str = "date";

/// Its name where the source has a column of that name.
const OTHER_DATE: &str = "_date";

const MICROSECONDS_OF_DAY: i64 = 86_400_000_000;

/// An instant, as every time is one in the table.
fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The column by whose day the rows are put in order.
pub(super) fn time_column(import: &Import, schema: &Schema) -> Result<String, ImportError> {
    let is_time = |data_type: &DataType| {
        matches!(
            data_type,
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64
        )
    };
    let times = || {
        let fields = schema.fields().iter();
        let times = fields.filter(|field| is_time(field.data_type()));
        times.map(|field| field.name().clone()).collect()
    };
    let usual = match import.format {
        Format::CloudTrail => Some("eventTime"),
        Format::Evtx => Some("TimeGenerated"),
        Format::Delta | Format::Parquet => None,
    };
    let Some(column) = import.time_column.as_deref().or(usual) else {
        return Err(ImportError::WhichTime { times: times() });
    };
    let Ok(field) = schema.field_with_name(column) else {
        return Err(ImportError::NoTime {
            column: column.to_owned(),
            times: times(),
        });
    };
    let is_text = matches!(
        field.data_type(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    );
    if !is_time(field.data_type()) && !is_text {
        return Err(ImportError::NotATime {
            column: column.to_owned(),
            data_type: type_name(field.data_type()),
            times: times(),
        });
    }
    Ok(column.to_owned())
}

/// The name of the partition column of a table for rows with these columns.
pub(super) fn day_column(schema: &Schema, there: Option<&str>) -> Result<String, ImportError> {
    let is_taken = |name: &str| {
        let mut fields = schema.fields().iter();
        fields.any(|field| field.name().eq_ignore_ascii_case(name))
    };
    let names = match there {
        Some(there) => vec![there],
        None => vec![DATE, OTHER_DATE],
    };
    match names.iter().find(|name| !is_taken(name)) {
        Some(name) => Ok((*name).to_owned()),
        None => Err(ImportError::Day {
            column: names[names.len() - 1].to_owned(),
        }),
    }
}

/// The rows, their times as instants, with their day: NULL where the time is none, or of a year that not all readers know.
pub(super) fn with_day(
    rows: DataFrame,
    time: &str,
    day: &str,
) -> Result<DataFrame, DataFusionError> {
    let fields = rows.schema().fields().clone();
    let mut columns = Vec::new();
    for field in &fields {
        let column = ident(field.name());
        columns.push(match field.data_type() {
            DataType::Timestamp(..) if *field.data_type() != instant() => {
                cast(column, instant()).alias(field.name())
            }
            _ => column,
        });
    }
    let is_date = fields.iter().any(|field| {
        field.name() == time && matches!(field.data_type(), DataType::Date32 | DataType::Date64)
    });
    let time = match is_date {
        true => cast(ident(time), DataType::Date32),
        false => try_cast(ident(time), instant()),
    };
    // The bounds are asked first: a time that no calendar has cannot become a day.
    let midnight = |year, month, day| {
        let date = NaiveDate::from_ymd_opt(year, month, day).map(Date32Type::from_naive_date);
        lit(match is_date {
            true => ScalarValue::Date32(date),
            false => {
                let instant = date.map(|days| i64::from(days) * MICROSECONDS_OF_DAY);
                ScalarValue::TimestampMicrosecond(instant, Some("UTC".into()))
            }
        })
    };
    let is_usual = time
        .clone()
        .gt_eq(midnight(1, 1, 1))
        .and(time.clone().lt(midnight(10_000, 1, 1)));
    let date = when(is_usual, cast(time, DataType::Date32)).end()?;
    columns.push(date.alias(day));
    rows.select(columns)
}

/// The columns as the table's log has them; each may be NULL, for files that come later may be without it.
pub(super) fn delta_schema(schema: &Schema) -> Result<StructType, ImportError> {
    let mut names = HashMap::new();
    for field in schema.fields() {
        if let Some(other) = names.insert(field.name().to_lowercase(), field.name()) {
            return Err(ImportError::Case {
                column: field.name().clone(),
                other: other.clone(),
            });
        }
        let alone = Schema::new(vec![nullable(field)]);
        let taken: Result<StructType, _> = (&alone).try_into_kernel();
        // Delta's whole numbers have a sign: the upper half of these would stop each import that meets one.
        if taken.is_err() || field.data_type().is_unsigned_integer() {
            return Err(ImportError::Type {
                column: field.name().clone(),
                data_type: type_name(field.data_type()),
            });
        }
    }
    let all = Schema::new(schema.fields().iter().map(nullable).collect::<Fields>());
    (&all)
        .try_into_kernel()
        .map_err(|error| ImportError::Read(DataFusionError::ArrowError(Box::new(error), None)))
}

/// The same columns in the table and here, wherever both have them.
pub(super) fn check_columns(
    here: &StructType,
    there: &StructType,
    table: &str,
) -> Result<(), ImportError> {
    for field in here.fields() {
        let mut known = there.fields();
        let Some(known) = known.find(|known| known.name().eq_ignore_ascii_case(field.name()))
        else {
            continue;
        };
        if known.name() != field.name() {
            return Err(ImportError::Case {
                column: field.name().clone(),
                other: known.name().clone(),
            });
        }
        if known.data_type() != field.data_type() {
            return Err(ImportError::Column {
                column: field.name().clone(),
                here: field.data_type().to_string(),
                there: known.data_type().to_string(),
                table: table.to_owned(),
            });
        }
    }
    Ok(())
}

/// The field, and all that is in it, with values that may be NULL.
fn nullable(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(nullable).collect()),
        DataType::List(item) => DataType::List(nullable(item)),
        DataType::LargeList(item) => DataType::LargeList(nullable(item)),
        DataType::Map(entries, sorted) => DataType::Map(map_entries(entries), *sorted),
        data_type => data_type.clone(),
    };
    Arc::new(Field::new(field.name(), data_type, true))
}

/// The key and the value of a map: only the value may be NULL.
fn map_entries(entries: &FieldRef) -> FieldRef {
    let DataType::Struct(fields) = entries.data_type() else {
        return Arc::clone(entries);
    };
    let fields = fields.iter().enumerate();
    let fields: Fields = fields
        .map(|(at, field)| {
            if at == 0 {
                Arc::clone(field)
            } else {
                nullable(field)
            }
        })
        .collect();
    Arc::new(Field::new(
        entries.name(),
        DataType::Struct(fields),
        entries.is_nullable(),
    ))
}
