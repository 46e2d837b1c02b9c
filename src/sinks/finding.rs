//! A finding as a row of a table: what the job's SQL says of it, and what every finding carries.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use chrono::{DateTime, SecondsFormat};
use sha2::{Digest, Sha256};

use super::error::SinkError;
use crate::job::Job;
use crate::run_id::RunId;
use crate::strict::cast;

/// The column by which tables of findings are partitioned: the local day of the time column, as a plain ISO date.
pub(crate) const DATE: &str = "date";

/// The column that names a finding.
pub(crate) const FINDING_ID: &str = "finding_id";

/// The columns that every finding carries, after those of the job's SQL.
fn common_fields() -> [Field; 5] {
    [
        Field::new(FINDING_ID, DataType::Utf8, true),
        Field::new("job", DataType::Utf8, true),
        Field::new("run_id", DataType::Utf8, true),
        Field::new("as_of", instant(), true),
        Field::new(DATE, DataType::Date32, true),
    ]
}

/// Whether every finding carries a column of this name, whatever the job's SQL makes.
pub fn is_common(column: &str) -> bool {
    common_fields().iter().any(|field| field.name() == column)
}

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The columns of a table of findings.
pub(super) fn table_schema(job: &Job, findings: &Schema) -> Result<SchemaRef, SinkError> {
    let time_column = &job.window.time_column;
    match findings.field_with_name(time_column).map(Field::data_type) {
        Ok(DataType::Timestamp(_, Some(_))) => {}
        Ok(other) => {
            let found = crate::display::type_name(other);
            return Err(SinkError::NotATime {
                column: time_column.clone(),
                found,
            });
        }
        Err(_) => {
            let needed = format!("time in a column `{time_column}` ([window] time_column)");
            return Err(SinkError::NoColumn { needed });
        }
    }
    let common = common_fields();
    let mut fields = Vec::new();
    for field in findings.fields() {
        if common.iter().any(|other| other.name() == field.name()) {
            return Err(SinkError::Reserved {
                column: field.name().clone(),
            });
        }
        let data_type = stored_type(field.data_type()).ok_or_else(|| SinkError::Type {
            column: field.name().clone(),
            found: crate::display::type_name(field.data_type()),
        })?;
        fields.push(Field::new(field.name(), data_type, true));
    }
    fields.extend(common);
    Ok(Arc::new(Schema::new(fields)))
}

/// The type in which a value is stored: plain ones, which every reader of Delta tables knows.
pub(crate) fn stored_type(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Boolean
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32
        | DataType::Decimal128(..) => data_type.clone(),
        data_type if data_type.is_integer() => DataType::Int64,
        DataType::Timestamp(_, Some(_)) => instant(),
        DataType::Dictionary(_, value) => stored_type(value)?,
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => {
            // Delta's own name for an item, so that the file says what the table's log says.
            DataType::List(Arc::new(Field::new(
                "element",
                stored_type(item.data_type())?,
                true,
            )))
        }
        DataType::Struct(fields) => {
            let store = |field: &Arc<Field>| {
                Some(Field::new(
                    field.name(),
                    stored_type(field.data_type())?,
                    true,
                ))
            };
            DataType::Struct(fields.iter().map(store).collect::<Option<Vec<_>>>()?.into())
        }
        _ => return None,
    })
}

/// Brings findings into the table's shape, each with its id, run and date.
pub(super) fn rows(
    job: &Job,
    run: &RunId,
    findings: &[RecordBatch],
) -> Result<Vec<RecordBatch>, SinkError> {
    let findings = findings.iter().filter(|batch| batch.num_rows() > 0);
    let rows = findings
        .map(|batch| complete(job, run, batch))
        .collect::<Result<Vec<_>, _>>()?;
    check_unique(&rows)?;
    Ok(rows)
}

fn check_unique(rows: &[RecordBatch]) -> Result<(), SinkError> {
    let mut seen = HashSet::new();
    let ids = rows
        .iter()
        .filter_map(|batch| batch.column_by_name(FINDING_ID));
    let count = ids
        .flat_map(|ids| ids.as_string::<i32>())
        .filter(|id| !seen.insert(*id))
        .count();
    if count == 0 {
        Ok(())
    } else {
        Err(SinkError::Repeated { count })
    }
}

fn complete(job: &Job, run: &RunId, batch: &RecordBatch) -> Result<RecordBatch, SinkError> {
    let schema = table_schema(job, &batch.schema())?;
    let rows = batch.num_rows();
    let mut columns = Vec::new();
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        columns.push(cast(column, field.data_type())?);
    }
    let time = &columns[schema.index_of(&job.window.time_column)?];
    let dates = dates(job, run, time.as_primitive())?;
    let text = |value: &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
            value, rows,
        )))
    };
    let as_of = TimestampMicrosecondArray::from_value(run.interval.as_of.timestamp_micros(), rows);
    columns.extend([
        Arc::new(finding_ids(job, batch)?) as ArrayRef,
        text(&job.name),
        text(&run.id),
        Arc::new(as_of.with_timezone("UTC")),
        Arc::new(dates),
    ]);
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// The local day of each finding, which must lie in the interval that the run replaces.
fn dates(
    job: &Job,
    run: &RunId,
    time: &TimestampMicrosecondArray,
) -> Result<Date32Array, SinkError> {
    let interval = &run.interval;
    let window = interval.detect_start.timestamp_micros()..interval.detect_end.timestamp_micros();
    let count = time
        .iter()
        .filter(|time| !time.is_some_and(|time| window.contains(&time)))
        .count();
    if count > 0 {
        return Err(SinkError::OutsideWindow {
            count,
            start: interval
                .detect_start
                .to_rfc3339_opts(SecondsFormat::AutoSi, true),
            end: interval
                .detect_end
                .to_rfc3339_opts(SecondsFormat::AutoSi, true),
        });
    }
    let date = |time: Option<i64>| {
        let instant = time.and_then(DateTime::from_timestamp_micros)?;
        Some(Date32Type::from_naive_date(
            job.window.timezone.date(instant),
        ))
    };
    Ok(time.iter().map(date).collect())
}

/// SHA-256 over the job's name and the row's keys, its first 128 bits in hex: the same row of the same job has the
/// same id in every run.
fn finding_ids(job: &Job, batch: &RecordBatch) -> Result<StringArray, SinkError> {
    let mut keys = Vec::new();
    for name in &job.features.keys {
        let column = batch
            .column_by_name(name)
            .ok_or_else(|| SinkError::NoColumn {
                needed: format!("column `{name}`"),
            })?;
        keys.push(canonical(column)?);
    }
    let id = |row: usize| {
        let mut hasher = Sha256::new();
        update(&mut hasher, Some(job.name.as_bytes()));
        for key in &keys {
            match key {
                Key::Number(numbers) if numbers.is_valid(row) => {
                    update(&mut hasher, Some(&numbers.value(row).to_le_bytes()));
                }
                Key::Text(texts) if texts.is_valid(row) => {
                    update(&mut hasher, Some(texts.value(row).as_bytes()))
                }
                _ => update(&mut hasher, None),
            }
        }
        crate::hex(&hasher.finalize()[..16])
    };
    Ok(StringArray::from_iter_values((0..batch.num_rows()).map(id)))
}

/// The ids of findings as the job's SQL makes them.
///
/// # Errors
/// A key is missing.
pub fn ids(job: &Job, findings: &RecordBatch) -> Result<Vec<String>, ArrowError> {
    let ids = finding_ids(job, findings);
    let ids = ids.map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
    Ok(ids.iter().flatten().map(str::to_owned).collect())
}

/// The row whose finding has this id, counted over all batches; `None` if none has.
pub(crate) fn row_of(
    job: &Job,
    rows: &[RecordBatch],
    id: &str,
) -> Result<Option<usize>, ArrowError> {
    let mut start = 0;
    for batch in rows {
        let ids =
            finding_ids(job, batch).map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
        if let Some(row) = ids.iter().position(|other| other == Some(id)) {
            return Ok(Some(start + row));
        }
        start += batch.num_rows();
    }
    Ok(None)
}

/// A length before each value, so that no two rows of keys run into the same bytes; NULL is not the empty text.
fn update(hasher: &mut Sha256, value: Option<&[u8]>) {
    match value {
        Some(value) => {
            hasher.update((value.len() as u64).to_le_bytes());
            hasher.update(value);
        }
        None => hasher.update(u64::MAX.to_le_bytes()),
    }
}

enum Key {
    Number(arrow::array::Int64Array),
    Text(StringArray),
}

/// One form for each kind of key: times are microseconds whatever their unit or zone, all else is text.
fn canonical(column: &ArrayRef) -> Result<Key, SinkError> {
    match column.data_type() {
        DataType::Timestamp(..) => {
            let micros = cast(column, &instant())?;
            let micros: &TimestampMicrosecondArray =
                micros.as_primitive::<TimestampMicrosecondType>();
            Ok(Key::Number(micros.reinterpret_cast::<Int64Type>()))
        }
        data_type if data_type.is_integer() && *data_type != DataType::UInt64 => Ok(Key::Number(
            cast(column, &DataType::Int64)?.as_primitive().clone(),
        )),
        _ => Ok(Key::Text(
            cast(column, &DataType::Utf8)?.as_string().clone(),
        )),
    }
}
