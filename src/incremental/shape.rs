//! The rows of a step as its table has them: in the types of Delta tables, each with its day.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, RecordBatch};
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

    /// Rows as they are stored, each of which must belong to one of the days that they were computed from.
    pub(super) fn to_store(
        &self,
        days: &Range<NaiveDate>,
        rows: &[RecordBatch],
    ) -> Result<Vec<RecordBatch>, KeptError> {
        let time = self.stored.index_of(&self.time_column)?;
        let mut outside = 0;
        let mut stored = Vec::new();
        for rows in rows {
            let mut columns = Vec::new();
            for (column, field) in rows.columns().iter().zip(self.stored.fields()) {
                columns.push(strict::cast(column, field.data_type())?);
            }
            let days_of_rows = self.days_of(&columns[time]);
            let fits = |day: &Option<NaiveDate>| day.is_some_and(|day| days.contains(&day));
            outside += days_of_rows.iter().filter(|day| !fits(day)).count();
            let numbers = days_of_rows.into_iter();
            let numbers = numbers.map(|day| day.map(Date32Type::from_naive_date));
            columns.push(Arc::new(numbers.collect::<Date32Array>()));
            stored.push(RecordBatch::try_new(Arc::clone(&self.stored), columns)?);
        }
        self.none_outside(days, outside)?;
        Ok(stored)
    }

    /// Rows that are not stored must belong to the days that they were computed from too; or to none, where that is `undated`.
    pub(super) fn check(
        &self,
        days: &Range<NaiveDate>,
        rows: &[RecordBatch],
        undated: bool,
    ) -> Result<(), KeptError> {
        let time = self.stored.index_of(&self.time_column)?;
        let fits = |day: &Option<NaiveDate>| day.map_or(undated, |day| days.contains(&day));
        let mut outside = 0;
        for rows in rows {
            let times = strict::cast(rows.column(time), self.stored.field(time).data_type())?;
            let days_of_rows = self.days_of(&times);
            outside += days_of_rows.iter().filter(|day| !fits(day)).count();
        }
        self.none_outside(days, outside)
    }

    /// The day of each row; `None` of one without a time.
    fn days_of(&self, times: &ArrayRef) -> Vec<Option<NaiveDate>> {
        if let Some(dates) = times.as_primitive_opt::<Date32Type>() {
            let days = dates.iter();
            return days
                .map(|day| Date32Type::to_naive_date_opt(day?))
                .collect();
        }
        let mut last: Option<(i64, NaiveDate)> = None; // rows of one day have one time, where they are groups
        let times = times.as_primitive::<TimestampMicrosecondType>();
        let mut day = |time: i64| match last {
            Some((known, day)) if known == time => Some(day),
            _ => {
                let day = self.zone.day_of(DateTime::from_timestamp_micros(time)?);
                last = Some((time, day));
                Some(day)
            }
        };
        times.iter().map(|time| day(time?)).collect()
    }

    fn none_outside(&self, days: &Range<NaiveDate>, outside: usize) -> Result<(), KeptError> {
        if outside == 0 {
            return Ok(());
        }
        Err(KeptError::OtherDays {
            step: self.step.clone(),
            count: outside,
            column: self.time_column.clone(),
            first: days.start,
            end: days.end,
        })
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
        let data_type = stored_type(field.data_type()).filter(|_| !loses(field.data_type()));
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

/// Whether values of a type may not come back from the table as they were: finer times, and the upper half of what has no sign.
fn loses(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(TimeUnit::Nanosecond, _) | DataType::UInt64 => true,
        DataType::Dictionary(_, value) => loses(value),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => {
            loses(item.data_type())
        }
        DataType::Struct(fields) => fields.iter().any(|field| loses(field.data_type())),
        _ => false,
    }
}
