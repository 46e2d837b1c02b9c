//! The SQL that counts and names the rows of a feature table on a cluster.

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};

use crate::cluster::{NUMBER, REPEATED};
use crate::job::Job;

/// The rows with their numbers, kept on the cluster.
pub(super) const NUMBERED: &str = "crannog_numbered";
/// How many rows stand before those of each first key.
pub(super) const STARTS: &str = "crannog_starts";
/// The rows with their places.
pub(super) const PLACED: &str = "crannog_placed";
/// The rows that a forest draws.
pub(super) const DRAWN: &str = "crannog_drawn";

/// A row's place in the order of the keys, from 0.
pub(super) const PLACE: &str = "crannog_place";

/// How many rows stand before those of a first key.
pub(super) const START: &str = "crannog_start";

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn ascending(name: &str) -> String {
    format!("{} ASC NULLS FIRST", quoted(name))
}

pub(super) fn list(schema: &SchemaRef, column: impl Fn(&str) -> String) -> String {
    let fields = schema.fields().iter();
    let columns: Vec<_> = fields.map(|field| column(&quoted(field.name()))).collect();
    columns.join(", ")
}

/// Of rows with the same keys the first one counts.
fn count_if(condition: &str, name: &str) -> String {
    format!("sum(CASE WHEN NOT {REPEATED} AND ({condition}) THEN 1 ELSE 0 END) AS {name}")
}

pub(super) fn missing(index: usize) -> String {
    format!("crannog_missing_{index}")
}

pub(super) fn infinite(index: usize) -> String {
    format!("crannog_infinite_{index}")
}

pub(super) fn since() -> String {
    "crannog_since".to_owned()
}

fn is_float(schema: &SchemaRef, name: &str) -> bool {
    let field = schema.field_with_name(name);
    field.is_ok_and(|field| field.data_type().is_floating())
}

pub(super) fn is_time(schema: &SchemaRef, name: &str) -> bool {
    let field = schema.field_with_name(name);
    field.is_ok_and(|field| matches!(field.data_type(), DataType::Timestamp(..)))
}

/// A column of instants as microseconds.
pub(super) fn micros(name: &str) -> String {
    format!(
        "cast(arrow_cast({}, 'Timestamp(Microsecond, None)') AS bigint)",
        quoted(name)
    )
}

pub(super) fn micros_of(kind: &DataType) -> DataType {
    match kind {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        other => other.clone(),
    }
}

/// The SQL that counts the rows of each first key, and what there is to know of all of them.
pub(super) fn counting(job: &Job, detect_start: i64, schema: &SchemaRef) -> String {
    let features = &job.features;
    let mut columns = vec![
        quoted(&features.keys[0]),
        count_if("true", NUMBER),
        format!("sum(cast({REPEATED} AS bigint)) AS {REPEATED}"),
    ];
    for (index, name) in features.columns.iter().enumerate() {
        let (value, is_float) = (quoted(name), is_float(schema, name));
        let is_nan = if is_float {
            format!(" OR isnan({value})")
        } else {
            String::new()
        };
        columns.push(count_if(
            &format!("{value} IS NULL{is_nan}"),
            &missing(index),
        ));
        if is_float && features.scaler.is_some() {
            let is_infinite = format!("abs(cast({value} AS double)) = 'Infinity'::double");
            columns.push(count_if(&is_infinite, &infinite(index)));
        }
    }
    let time = &job.window.time_column;
    if is_time(schema, time) {
        let start = detect_start;
        columns.push(count_if(&format!("{} >= {start}", micros(time)), &since()));
    }
    format!(
        "SELECT {} FROM {NUMBERED} GROUP BY {}",
        columns.join(", "),
        quoted(&features.keys[0])
    )
}
