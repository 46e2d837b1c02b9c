//! The columns of a table of process starts: the same for every folder of event logs.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, Int64Builder, RecordBatch, RecordBatchOptions, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

use super::process_start::ProcessStart;
use crate::source::SOURCE_FILE;

/// Texts of more bytes than this end a batch, whatever its rows.
const BATCH_BYTES: usize = 16 << 20;

/// The event's own fields, by their own names: first those of 4688, then those that Sysmon adds.
const FIELDS: [&str; 35] = [
    "SubjectUserSid",
    "SubjectUserName",
    "SubjectDomainName",
    "SubjectLogonId",
    "NewProcessId",
    "NewProcessName",
    "TokenElevationType",
    "ProcessId",
    "TargetUserSid",
    "TargetUserName",
    "TargetDomainName",
    "TargetLogonId",
    "ParentProcessName",
    "MandatoryLabel",
    "RuleName",
    "UtcTime",
    "ProcessGuid",
    "Image",
    "FileVersion",
    "Description",
    "Product",
    "Company",
    "OriginalFileName",
    "CurrentDirectory",
    "User",
    "LogonGuid",
    "LogonId",
    "TerminalSessionId",
    "IntegrityLevel",
    "Hashes",
    "ParentProcessGuid",
    "ParentProcessId",
    "ParentImage",
    "ParentCommandLine",
    "ParentUser",
];

/// The columns, in their order.
pub(super) static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let number = |name: &str| Field::new(name, DataType::Int64, true);
    let fields = [
        Field::new("TimeGenerated", time, true),
        text("Account"),
        text("AccountType"),
        text("Computer"),
        text("Process"),
        text("CommandLine"),
        number("EventID"),
        text("Provider"),
        text("Channel"),
        number("EventRecordID"),
        text(SOURCE_FILE),
    ];
    let fields: Vec<_> = fields.into_iter().chain(FIELDS.map(text)).collect();
    Arc::new(Schema::new(fields))
});

/// The rows of a batch that is being read: of the columns that are asked for.
pub(super) struct Rows {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

enum Column {
    Time(TimestampMicrosecondBuilder),
    Number(Int64Builder),
    Text(StringBuilder),
}

impl Rows {
    /// No rows, of some columns of [`SCHEMA`].
    pub(super) fn new(schema: SchemaRef) -> Self {
        let column = |field: &Arc<Field>| match field.data_type() {
            DataType::Timestamp(..) => {
                Column::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
            DataType::Int64 => Column::Number(Int64Builder::new()),
            _ => Column::Text(StringBuilder::new()),
        };
        Self {
            columns: schema.fields().iter().map(column).collect(),
            schema,
            rows: 0,
            bytes: 0,
        }
    }

    /// Adds an event of this file.
    pub(super) fn push(&mut self, file: &str, event: &ProcessStart) {
        self.rows += 1;
        for (field, column) in self.schema.fields().iter().zip(&mut self.columns) {
            match column {
                Column::Time(times) => times.append_option(event.time_generated()),
                Column::Number(numbers) => numbers.append_option(match field.name().as_str() {
                    "EventID" => event.event_id(),
                    _ => event.record_id(),
                }),
                Column::Text(texts) => {
                    let text = text(field.name(), file, event);
                    self.bytes += text.as_ref().map_or(0, |text| text.len());
                    texts.append_option(text);
                }
            }
        }
    }

    /// Whether it is time for [`Rows::finish`].
    pub(super) fn are_enough(&self, batch_size: usize) -> bool {
        self.rows >= batch_size || self.bytes >= BATCH_BYTES
    }

    /// The batch of these rows, if there are any; the next one begins empty.
    pub(super) fn finish(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows == 0 {
            return None;
        }
        let array = |column: &mut Column| -> ArrayRef {
            match column {
                Column::Time(times) => Arc::new(times.finish()),
                Column::Number(numbers) => Arc::new(numbers.finish()),
                Column::Text(texts) => Arc::new(texts.finish()),
            }
        };
        let columns = self.columns.iter_mut().map(array).collect();
        // count(*) asks for no column.
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.schema);
        Some(RecordBatch::try_new_with_options(schema, columns, &options))
    }
}

/// The text in a column of this name.
fn text<'a>(name: &str, file: &'a str, event: &'a ProcessStart) -> Option<Cow<'a, str>> {
    match name {
        "Account" => event.account(),
        "AccountType" => event.account_type().map(Cow::Borrowed),
        "Computer" => event.computer().map(Cow::Borrowed),
        "Process" => event.process(),
        "CommandLine" => Some(event.command_line()),
        "Provider" => event.provider().map(Cow::Borrowed),
        "Channel" => event.channel().map(Cow::Borrowed),
        SOURCE_FILE => Some(Cow::Borrowed(file)),
        field => event.field(field),
    }
}
