//! The table's columns, and how a chunk of them is filled.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch, StringBuilder, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef, TimeUnit};
use chrono::NaiveDate;

/// The columns of the table, `date` last.
pub fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields = vec![Field::new("TimeGenerated", time, true)];
    for name in [
        "Account",
        "AccountType",
        "Computer",
        "Process",
        "CommandLine",
    ] {
        fields.push(Field::new(name, DataType::Utf8, true));
    }
    fields.push(Field::new("date", DataType::Date32, true));
    Arc::new(Schema::new(fields))
}

/// The columns of a chunk while they grow; `date` is the same for all rows.
pub struct Columns {
    pub times: Vec<i64>,
    pub account: StringBuilder,
    pub account_type: StringBuilder,
    pub computer: StringBuilder,
    pub process: StringBuilder,
    pub command_line: StringBuilder,
}

impl Columns {
    /// Room for so many rows of common length.
    pub fn with_capacity(rows: usize) -> Columns {
        let strings = |bytes_per_row| StringBuilder::with_capacity(rows, rows * bytes_per_row);
        Columns {
            times: Vec::with_capacity(rows),
            account: strings(24),
            account_type: strings(7),
            computer: strings(20),
            process: strings(16),
            command_line: strings(160),
        }
    }

    /// The chunk, all of one date.
    pub fn finish(mut self, date: NaiveDate) -> RecordBatch {
        let rows = self.times.len();
        let times = TimestampMicrosecondArray::from(self.times).with_timezone("UTC");
        let date = Date32Array::from_value(Date32Type::from_naive_date(date), rows);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(times),
            Arc::new(self.account.finish()),
            Arc::new(self.account_type.finish()),
            Arc::new(self.computer.finish()),
            Arc::new(self.process.finish()),
            Arc::new(self.command_line.finish()),
            Arc::new(date),
        ];
        RecordBatch::try_new(schema(), columns).expect("the columns are those of the schema")
    }
}
