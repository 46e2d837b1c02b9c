//! Records as rows of Arrow columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, NullBufferBuilder, RecordBatch, RecordBatchOptions,
    StringViewBuilder, StructArray, TimestampMicrosecondBuilder,
};
use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use chrono::Utc;

use super::record::{Values, Wanted, unescaped};
use super::schema::{self, Field, Kind, RECORD};

/// A batch is handed on when its texts are this long, however few rows it has.
const BATCH_BYTES: usize = 32 << 20;

/// Rows that are being gathered.
pub(super) struct Rows {
    /// What to take from each record.
    pub(super) wanted: Wanted,
    /// How many values and objects there are in it.
    pub(super) places: (usize, usize),
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
    batch_rows: usize,
    /// The name of the file that is being read.
    pub(super) file: String,
}

enum Column {
    Text(StringViewBuilder),
    Json(StringViewBuilder),
    Boolean(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    File(StringViewBuilder),
    Object(&'static [Field], Vec<Column>, NullBufferBuilder),
}

impl Rows {
    /// No row yet, of these columns of a record, which make `schema`.
    pub(super) fn new(columns: &[usize], schema: SchemaRef, batch_rows: usize) -> Self {
        let (wanted, values, objects) = Wanted::columns(columns);
        Self {
            wanted,
            places: (values, objects),
            schema,
            columns: columns
                .iter()
                .map(|column| Column::new(RECORD[*column].kind))
                .collect(),
            rows: 0,
            bytes: 0,
            batch_rows,
            file: String::new(),
        }
    }

    /// Appends a record.
    pub(super) fn push(&mut self, record: &Values<'_>) {
        let (mut values, mut objects) = (record.values.iter(), record.objects.iter());
        for column in &mut self.columns {
            self.bytes += match column {
                Column::File(names) => {
                    names.append_value(&self.file);
                    self.file.len()
                }
                column => column.push(&mut values, &mut objects),
            };
        }
        self.rows += 1;
    }

    /// Whether the rows should be handed on now.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= self.batch_rows || self.bytes >= BATCH_BYTES
    }

    /// The rows so far; none are left.
    pub(super) fn finish(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if self.rows == 0 {
            return Ok(None);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let columns = self.columns.iter_mut().map(Column::finish).collect();
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map(Some)
    }
}

impl Column {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(StringViewBuilder::new()),
            Kind::Json => Self::Json(StringViewBuilder::new()),
            Kind::File => Self::File(StringViewBuilder::new().with_deduplicate_strings()),
            Kind::Boolean => Self::Boolean(BooleanBuilder::new()),
            Kind::Time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Object(fields) => {
                let columns = fields.iter().map(|field| Self::new(field.kind)).collect();
                Self::Object(fields, columns, NullBufferBuilder::new(0))
            }
        }
    }

    /// Appends what is next among the values, and gives the length of the text.
    fn push<'v>(
        &mut self,
        values: &mut impl Iterator<Item = &'v Option<&'v str>>,
        objects: &mut impl Iterator<Item = &'v bool>,
    ) -> usize {
        if let Self::Object(_, columns, nulls) = self {
            nulls.append(objects.next().copied().unwrap_or(false));
            return columns
                .iter_mut()
                .map(|column| column.push_dyn(values, objects))
                .sum();
        }
        let json = values
            .next()
            .copied()
            .flatten()
            .filter(|json| *json != "null");
        match self {
            Self::Text(texts) => match json {
                Some(json) if json.starts_with('"') => texts.append_value(unescaped(json)),
                json => texts.append_option(json),
            },
            Self::Json(texts) => texts.append_option(json),
            Self::Boolean(booleans) => booleans.append_option(json.and_then(boolean)),
            Self::Time(times) => times.append_option(json.and_then(instant)),
            Self::File(_) | Self::Object(..) => {}
        }
        json.map_or(0, str::len)
    }

    /// [`Column::push`] for the columns of an object: by way of `dyn`, or the types of the iterators would have no end.
    fn push_dyn<'v>(
        &mut self,
        mut values: &mut dyn Iterator<Item = &'v Option<&'v str>>,
        mut objects: &mut dyn Iterator<Item = &'v bool>,
    ) -> usize {
        self.push(&mut values, &mut objects)
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(texts) | Self::Json(texts) | Self::File(texts) => Arc::new(texts.finish()),
            Self::Boolean(booleans) => Arc::new(booleans.finish()),
            Self::Time(times) => Arc::new(times.finish()),
            Self::Object(fields, columns, nulls) => {
                let columns = columns.iter_mut().map(Self::finish).collect();
                Arc::new(StructArray::new(
                    schema::arrow_fields(fields),
                    columns,
                    nulls.finish(),
                ))
            }
        }
    }
}

fn boolean(json: &str) -> Option<bool> {
    match unescaped(json).as_ref() {
        "true" | "True" => Some(true),
        "false" | "False" => Some(false),
        _ => None,
    }
}

/// The instant, to the microsecond, that a JSON string names; one without a zone is UTC, as all of CloudTrail's are.
fn instant(json: &str) -> Option<i64> {
    if !json.starts_with('"') {
        return None;
    }
    let time = string_to_datetime(&Utc, &unescaped(json)).ok()?;
    Some(time.timestamp_micros())
}
