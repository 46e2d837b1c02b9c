//! `crannog explain`: one finding whole.

use std::io::IsTerminal;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use arrow::json::ArrayWriter;
use arrow::json::writer::{JsonArray, WriterBuilder};
use crannog::cells::{Cell, cells};
use crannog::display::plain;
use crannog::explain::{Explanation, explain};
use crannog::progress::Progress;
use crannog::reasons::Reason;
use crannog::{Error, Job, Result, session};
use serde_json::{Value, json};

use super::{block_on, counted, keys_in_words, say, table};
use crate::cli::{ExplainArgs, ResultFormat};

pub fn run(args: &ExplainArgs) -> Result<()> {
    let job = Job::load(&args.job, &args.overrides)?;
    let mut progress = Progress::new(std::io::stderr().is_terminal());
    let explained = explain(&job, &args.finding, &mut progress);
    let explained = block_on(session::threads(&job), explained)?;
    match args.format {
        ResultFormat::Table => show(&job, &explained, args.show),
        ResultFormat::Json => say(&as_json(&explained).map_err(Error::Print)?.to_string()),
    }
}

fn show(job: &Job, explained: &Explanation, limit: usize) -> Result<()> {
    say(&whole(&explained.finding, limit)?)?;
    if let Some((expected, own)) = explained.path_lengths {
        say(&format!(
            "\nwhy: {own:.2} cuts set it apart on average, {expected:.2} are to be expected; the contributions are the difference"
        ))?;
        let reasons = reasons(job, explained).map_err(Error::Print)?;
        say(&table::all(&reasons).map_err(Error::Print)?)?;
    } else {
        say(
            "\nwhy: the forest cuts by planes of several features, and has no reasons of one each",
        )?;
    }
    if let Some(closest) = &explained.closest {
        let keys = keys_in_words(closest, job.features.keys.iter())?;
        say(&format!("closest, of the ordinary rows: {keys}"))?;
    }
    for shown in &explained.tables {
        say(&format!("\n{}", shown.title))?;
        match shown.rows.first() {
            None => say("(no rows)")?,
            Some(first) => {
                let rows = concat_batches(&first.schema(), &shown.rows).map_err(Error::Print)?;
                let some = rows.slice(0, limit.min(rows.num_rows()));
                say(&table::all(&some).map_err(Error::Print)?)?;
                if rows.num_rows() > limit {
                    say(&format!(
                        "and {} more",
                        counted(rows.num_rows() - limit, "row")
                    ))?;
                }
            }
        }
    }
    Ok(())
}

/// Every column of the finding on a line, lists on `limit` lines.
fn whole(finding: &RecordBatch, limit: usize) -> Result<String> {
    let schema = finding.schema();
    let width = schema.fields().iter().map(|field| field.name().len()).max();
    let width = width.unwrap_or_default();
    let mut lines = Vec::new();
    for (field, column) in schema.fields().iter().zip(finding.columns()) {
        if field.data_type().is_nested() && field.name() == "reasons" {
            continue; // they are told below
        }
        let name = plain(field.name());
        let cell = &cells(column).map_err(Error::Print)?[0];
        match cell {
            Cell::List(items) => {
                for (place, item) in items.iter().take(limit).enumerate() {
                    let name = if place == 0 { name.as_str() } else { "" };
                    lines.push(format!("{name:width$}  {item}"));
                }
                if let Some(more) = items.len().checked_sub(limit).filter(|more| *more > 0) {
                    lines.push(format!("{:width$}  and {more} more", ""));
                }
            }
            other => lines.push(format!("{name:width$}  {other}")),
        }
    }
    Ok(lines.join("\n"))
}

/// The reasons as rows, beside the closest ordinary row's values.
fn reasons(job: &Job, explained: &Explanation) -> Result<RecordBatch, ArrowError> {
    let reasons = &explained.reasons;
    let numbers = |numbers: Vec<Option<f64>>| -> ArrayRef { Arc::new(Float64Array::from(numbers)) };
    let texts = |texts: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(texts)) };
    let mut columns = vec![
        (
            "contribution",
            numbers(
                reasons
                    .iter()
                    .map(|reason| Some(reason.contribution))
                    .collect(),
            ),
        ),
        (
            "feature",
            texts(
                reasons
                    .iter()
                    .map(|reason| reason.feature.as_str())
                    .collect(),
            ),
        ),
        (
            "value",
            numbers(reasons.iter().map(|reason| reason.value).collect()),
        ),
        (
            "typical",
            numbers(reasons.iter().map(|reason| reason.typical).collect()),
        ),
    ];
    if let Some(closest) = &explained.closest {
        let number = |reason: &Reason| {
            let column = cast(closest.column_by_name(&reason.feature)?, &DataType::Float64).ok()?;
            let column = column.as_primitive::<Float64Type>();
            column.is_valid(0).then(|| column.value(0))
        };
        columns.push(("closest", numbers(reasons.iter().map(number).collect())));
    }
    if !job.features.text.is_empty() {
        columns.push((
            "in words",
            texts(reasons.iter().map(|reason| reason.text.as_str()).collect()),
        ));
    }
    let nullable = columns
        .into_iter()
        .map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(nullable)
}

fn as_json(explained: &Explanation) -> Result<Value, ArrowError> {
    let (expected, own) = explained.path_lengths.unzip();
    let first =
        |rows: &RecordBatch| Ok::<_, ArrowError>(objects(std::slice::from_ref(rows))?[0].take());
    let tables = explained.tables.iter().map(|shown| {
        let rows = objects(&shown.rows)?;
        Ok(json!({ "name": shown.name, "title": shown.title, "rows": rows }))
    });
    Ok(json!({
        "finding": first(&explained.finding)?,
        "path_length": own,
        "expected_path_length": expected,
        "reasons": explained.reasons,
        "closest": explained.closest.as_ref().map(first).transpose()?,
        "tables": tables.collect::<Result<Vec<_>, ArrowError>>()?,
    }))
}

/// Rows as JSON objects.
fn objects(rows: &[RecordBatch]) -> Result<Value, ArrowError> {
    // A key without a value is still a key.
    let mut writer: ArrayWriter<_> = WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, JsonArray>(Vec::new());
    for batch in rows {
        writer.write(batch)?;
    }
    writer.finish()?;
    let text = writer.into_inner();
    let objects = if text.is_empty() { &b"[]"[..] } else { &text };
    serde_json::from_slice(objects).map_err(|error| ArrowError::JsonError(error.to_string()))
}
