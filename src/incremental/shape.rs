//! The rows of a step as its table has them: in the types of Delta tables, each with its day.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use chrono::{DateTime, NaiveDate};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, ident, lit};

use super::KeptError;
use crate::job::{Incremental, Job, Zone};
use crate::sinks::stored_type;
use crate::strict;

/// The partition column: the local day of the step's time column.
pub(super) const DAY: &str = "_date";

/// The columns of a table, and how a row's day is told.
#[derive(Debug)]
pub(super) struct Shape {
    step: String,
    time_column: String,
    zone: Zone,
    /// The step's columns as they are stored, and the day.
    pub(super) stored: SchemaRef,
}

impl Shape {
    /// Of the table of a step with these columns.
    pub(super) fn new(
        job: &Job,
        config: &Incremental,
        columns: &Schema,
    ) -> Result<Self, KeptError> {
        Ok(Self {
            step: config.step.clone(),
            time_column: config.time_column.clone(),
            zone: job.window.timezone.clone(),
            stored: stored(config, columns)?,
        })
    }

    /// Rows that were computed from these days.
    pub(super) fn to_store(
        &self,
        days: &Range<NaiveDate>,
        rows: &RecordBatch,
    ) -> Result<RecordBatch, KeptError> {
        let mut columns = Vec::new();
        for (column, field) in rows.columns().iter().zip(self.stored.fields()) {
            columns.push(strict::cast(column, field.data_type())?);
        }
        let time = self.stored.index_of(&self.time_column)?;
        columns.push(Arc::new(self.days_of(days, &columns[time])?));
        Ok(RecordBatch::try_new(Arc::clone(&self.stored), columns)?)
    }

    /// The day of each row, which must be one of those that were computed.
    fn days_of(&self, days: &Range<NaiveDate>, times: &ArrayRef) -> Result<Date32Array, KeptError> {
        let day = |row: usize| -> Option<NaiveDate> {
            if times.is_null(row) {
                None
            } else if let Some(dates) = times.as_primitive_opt::<Date32Type>() {
                Date32Type::to_naive_date_opt(dates.value(row))
            } else {
                let times = times.as_primitive::<TimestampMicrosecondType>();
                DateTime::from_timestamp_micros(times.value(row)).map(|time| self.zone.day_of(time))
            }
        };
        let mut outside = 0;
        let numbers: Vec<_> = (0..times.len())
            .map(|row| match day(row) {
                Some(day) if days.contains(&day) => Date32Type::from_naive_date(day),
                _ => {
                    outside += 1;
                    0
                }
            })
            .collect();
        if outside > 0 {
            return Err(KeptError::OtherDays {
                step: self.step.clone(),
                count: outside,
                column: self.time_column.clone(),
                first: days.start,
                end: days.end,
            });
        }
        Ok(Date32Array::from(numbers))
    }
}

/// The rows of these days.
pub(super) fn are_in(days: &Range<NaiveDate>) -> Expr {
    let date = |day| {
        let days = Date32Type::from_naive_date(day);
        lit(ScalarValue::Date32(Some(days)))
    };
    let (first, end) = (date(days.start), date(days.end));
    ident(DAY).gt_eq(first).and(ident(DAY).lt(end))
}

/// The columns as they are stored, and the day.
fn stored(config: &Incremental, columns: &Schema) -> Result<SchemaRef, KeptError> {
    let mut fields = Vec::new();
    for field in columns.fields() {
        if field.name() == DAY {
            return Err(KeptError::Reserved { column: DAY });
        }
        let is_finer = matches!(
            field.data_type(),
            DataType::Timestamp(TimeUnit::Nanosecond, _)
        );
        let data_type = stored_type(field.data_type()).filter(|_| !is_finer);
        let data_type = data_type.ok_or_else(|| KeptError::Type {
            column: field.name().clone(),
            found: crate::display::type_name(field.data_type()),
        })?;
        fields.push(Field::new(field.name(), data_type, true));
    }
    let time = fields
        .iter()
        .find(|field| *field.name() == config.time_column);
    match time.map(Field::data_type) {
        Some(DataType::Timestamp(..) | DataType::Date32) => {}
        Some(other) => {
            return Err(KeptError::NotATime {
                column: config.time_column.clone(),
                found: crate::display::type_name(other),
            });
        }
        None => {
            return Err(KeptError::NoTime {
                step: config.step.clone(),
                column: config.time_column.clone(),
            });
        }
    }
    fields.push(Field::new(DAY, DataType::Date32, true));
    Ok(Arc::new(Schema::new(fields)))
}
