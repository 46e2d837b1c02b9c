//! What both ingestion APIs ask of the columns of a row.

use serde_json::Value;

use super::call::Call;
use super::log::Violation;

/// What is wrong with the first column name that is: letter first, at most 45 of `[A-Za-z0-9_]`, not reserved.
pub fn bad_name(rows: &[Value], reserved: &[&str]) -> Option<String> {
    let bad = |name: &&String| !is_name(name) || reserved.contains(&name.as_str());
    let name = names(rows).find(bad)?;
    Some(format!("`{name}` cannot name a column"))
}

/// The columns of all rows, each as often as it comes.
pub fn names(rows: &[Value]) -> impl Iterator<Item = &String> {
    rows.iter()
        .filter_map(Value::as_object)
        .flat_map(|row| row.keys())
}

fn is_name(name: &str) -> bool {
    name.len() <= 45
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A body over `limit` bytes, and fields over `field_limit`.
pub fn violations(call: &Call, limit: usize, field_limit: usize) -> Vec<Violation> {
    let (raw, size) = (call.raw.len(), call.size());
    let over = (raw.max(size) > limit).then_some(Violation::OverLimit { raw, size });
    let long = long_fields(call.rows().unwrap_or_default(), field_limit);
    over.into_iter().chain(long).collect()
}

/// The fields that the service would truncate; an object or array counts as its JSON.
fn long_fields(rows: &[Value], limit: usize) -> impl Iterator<Item = Violation> {
    let fields = rows.iter().filter_map(Value::as_object).flatten();
    let sizes = fields.map(|(column, value)| (column.clone(), size(value)));
    let long = sizes.filter(move |(_, bytes)| *bytes > limit);
    long.map(|(column, bytes)| Violation::LongField { column, bytes })
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(_) | Value::Object(_) => value.to_string().len(),
        _ => 0,
    }
}
