//! What a finding looks like to a receiver: a query over the table `findings`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, TimeUnit, TimestampMicrosecondType};
use chrono::DateTime;
use datafusion::datasource::MemTable;

use super::chunk::ID;
use super::error::DeliveryError;
use super::names::{RESERVED, RESERVED_LEGACY, renamed};
use crate::error::causes;
use crate::job::{BuiltInShape, Job, Receiver, ReceiverKind, Shape};
use crate::misfit::misfit;
use crate::session;
use crate::sinks::FINDING_ID;
use crate::strict::cast;

/// The table that a shape is a query of.
const FINDINGS: &str = "findings";
/// The column of it that says what is known of a finding besides what its table has.
const DELIVERY: &str = "delivery";

/// Whether a finding is sent for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    Create,
    Update,
}

impl Activity {
    fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

/// The SQL of a shape, and the file that it is in.
fn sql(shape: &Shape) -> (&str, &Path) {
    let built_in = |text, path| (text, Path::new(path));
    match shape {
        Shape::Sql(file) => (&file.text, &file.path),
        Shape::BuiltIn(BuiltInShape::Finding) => built_in(
            include_str!("../../sql/shapes/finding.sql"),
            "sql/shapes/finding.sql",
        ),
        Shape::BuiltIn(BuiltInShape::LogAnalytics) => built_in(
            include_str!("../../sql/shapes/log_analytics.sql"),
            "sql/shapes/log_analytics.sql",
        ),
        Shape::BuiltIn(BuiltInShape::LogAnalyticsLegacy) => built_in(
            include_str!("../../sql/shapes/log_analytics_legacy.sql"),
            "sql/shapes/log_analytics_legacy.sql",
        ),
        Shape::BuiltIn(BuiltInShape::Ocsf) => built_in(
            include_str!("../../sql/shapes/ocsf.sql"),
            "sql/shapes/ocsf.sql",
        ),
        Shape::BuiltIn(BuiltInShape::SentinelAnomalies) => built_in(
            include_str!("../../sql/shapes/sentinel_anomalies.sql"),
            "sql/shapes/sentinel_anomalies.sql",
        ),
    }
}

/// Findings, as their table has them, in the shape of a receiver; `activity` has an entry for each row.
pub(super) async fn shaped(
    job: &Job,
    receiver: &Receiver,
    findings: &RecordBatch,
    activity: &[Activity],
) -> Result<Vec<RecordBatch>, DeliveryError> {
    let (text, path) = sql(&receiver.shape);
    let ctx = session::connect(job)?;
    let rows = with_delivery(job, findings, activity)?;
    let table = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
    ctx.register_table(FINDINGS, Arc::new(table))?;
    let planned = ctx.sql_with_options(text, session::only_queries()).await;
    let shaped =
        planned.map_err(|error| DeliveryError::Sql(Box::new(misfit(&ctx, path, &error))))?;
    let wrong = |message: String| DeliveryError::Shape {
        sink: receiver.name.clone(),
        place: receiver.place.clone(),
        message: format!("`{}`: {message}", path.display()),
    };
    if shaped.schema().field_with_unqualified_name(ID).is_err() {
        return Err(wrong(format!("it makes no column `{ID}`")));
    }
    let schema = Arc::clone(shaped.schema().inner());
    let collected = shaped.collect().await;
    let mut shaped = collected.map_err(|error| wrong(causes(&error).join(": ")))?;
    if shaped.is_empty() {
        shaped.push(RecordBatch::new_empty(schema));
    }
    let ids = findings.column(findings.schema().index_of(FINDING_ID)?);
    let ids = cast(ids, &DataType::Utf8)?;
    let ids: BTreeSet<_> = ids.as_string::<i32>().iter().collect();
    for rows in &shaped {
        let of = cast(rows.column(rows.schema().index_of(ID)?), &DataType::Utf8)?;
        if of.as_string::<i32>().iter().any(|id| !ids.contains(&id)) {
            return Err(wrong(format!("`{ID}` of a row is no `{FINDING_ID}`")));
        }
    }
    let reserved = match &receiver.kind {
        ReceiverKind::LogAnalytics(_) => RESERVED,
        ReceiverKind::LogAnalyticsLegacy(_) => RESERVED_LEGACY,
        _ => return Ok(shaped),
    };
    let renamed = shaped
        .iter()
        .map(|rows| renamed(rows, ID, reserved).map_err(wrong));
    renamed.collect()
}

/// The findings with a column [`DELIVERY`].
fn with_delivery(
    job: &Job,
    findings: &RecordBatch,
    activity: &[Activity],
) -> Result<RecordBatch, DeliveryError> {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let times = |name: &str| -> Result<TimestampMicrosecondArray, DeliveryError> {
        let column = findings.column(findings.schema().index_of(name)?);
        let times = cast(column, &utc)?;
        Ok(times.as_primitive::<TimestampMicrosecondType>().clone())
    };
    let as_of = times("as_of")?;
    let windows = as_of.iter().map(|micros| {
        let as_of = micros.and_then(DateTime::from_timestamp_micros)?;
        Some(job.window.at(as_of))
    });
    let windows: Vec<_> = windows.collect();
    let instants = |instants: Vec<Option<i64>>| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(instants).with_timezone("UTC"))
    };
    let start = windows
        .iter()
        .map(|window| Some(window.as_ref()?.detect_start.timestamp_micros()));
    let end = windows
        .iter()
        .map(|window| Some(window.as_ref()?.detect_end.timestamp_micros()));
    let score: ArrayRef = match findings.column_by_name("anomaly_score") {
        Some(score) if *score.data_type() == DataType::Float64 => {
            Arc::new(score.as_primitive::<Float64Type>().clone())
        }
        _ => Arc::new(Float64Array::new_null(findings.num_rows())),
    };
    let text = |name: &str| -> Result<ArrayRef, DeliveryError> {
        match findings.column_by_name(name) {
            Some(column) if is_text(column.data_type()) => Ok(cast(column, &DataType::Utf8)?),
            _ => Ok(new_null_array(&DataType::Utf8, findings.num_rows())),
        }
    };
    let activity: StringArray = activity
        .iter()
        .map(|activity| Some(activity.word()))
        .collect();
    let version = StringArray::from(vec![env!("CARGO_PKG_VERSION"); findings.num_rows()]);
    let fields: Vec<(&str, ArrayRef)> = vec![
        ("event_time", Arc::new(times(&job.window.time_column)?)),
        ("detect_start", instants(start.collect())),
        ("detect_end", instants(end.collect())),
        ("activity", Arc::new(activity)),
        ("title", Arc::new(titles(job, findings)?)),
        ("score", score),
        ("severity", text("severity")?),
        ("explanation", text("explanation")?),
        ("version", Arc::new(version)),
        ("details", Arc::new(details(findings)?)),
    ];
    let fields = fields.into_iter().map(|(name, column)| {
        let field = Field::new(name, column.data_type().clone(), true);
        (Arc::new(field), column)
    });
    let delivery = StructArray::from(fields.collect::<Vec<_>>());
    let schema = findings.schema();
    let known = schema.fields().iter().cloned();
    let field = Field::new(DELIVERY, delivery.data_type().clone(), true);
    let schema = Schema::new(known.chain([Arc::new(field)]).collect::<Vec<_>>());
    let columns = findings.columns().iter().cloned();
    let delivery: ArrayRef = Arc::new(delivery);
    let columns = columns.chain([delivery]).collect();
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8
    )
}

/// What the job's own SQL says of each finding.
fn details(findings: &RecordBatch) -> Result<StructArray, DeliveryError> {
    let schema = findings.schema();
    let own = schema.fields().iter().enumerate();
    let own = own.filter(|(_, field)| !crate::sinks::is_common(field.name()));
    let columns = own.map(|(place, field)| (Arc::clone(field), Arc::clone(findings.column(place))));
    Ok(StructArray::from(columns.collect::<Vec<_>>()))
}

/// One line of each finding: the job's name and the row's keys, but for the time.
fn titles(job: &Job, findings: &RecordBatch) -> Result<StringArray, DeliveryError> {
    let keys = job.features.keys.iter();
    let keys = keys.filter(|key| **key != job.window.time_column);
    let mut columns = BTreeMap::new();
    for (place, key) in keys.enumerate() {
        if let Some(column) = findings.column_by_name(key) {
            let texts = cast(column, &DataType::Utf8)?;
            columns.insert(place, (key, texts));
        }
    }
    let title = |row: usize| {
        let keys = columns.values().map(|(key, texts)| {
            let texts = texts.as_string::<i32>();
            let text = if texts.is_valid(row) {
                texts.value(row)
            } else {
                "NULL"
            };
            format!("{key} {}", crate::display::plain(text))
        });
        let keys: Vec<_> = keys.collect();
        format!("Anomaly of {}: {}", job.name, keys.join(", "))
    };
    Ok((0..findings.num_rows())
        .map(|row| Some(title(row)))
        .collect())
}
