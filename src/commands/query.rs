//! `crannog query`: look at a job's sources, steps and output with SQL.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::json::writer::{LineDelimited, WriterBuilder, make_encoder};
use arrow::json::{EncoderOptions, LineDelimitedWriter};
use crannog::{Error, Result, query};

use super::{block_on, load, say, table, unless_closed};
use crate::cli::{QueryArgs, QueryFormat};

pub fn run(args: &QueryArgs) -> Result<()> {
    let (job, threads, as_of) = load(&args.job, &args.over)?;
    let rows = block_on(threads, query::query(&job, as_of, &args.sql))?;
    let out = std::io::stdout().lock();
    let written = match args.format {
        QueryFormat::Table => {
            let rows = concat_batches(&rows[0].schema(), &rows).map_err(Error::Print)?;
            return say(&table::all(&rows).map_err(Error::Print)?);
        }
        QueryFormat::Csv => {
            let mut writer = arrow::csv::Writer::new(out);
            rows.iter()
                .try_for_each(|batch| writer.write(&flat(batch)?))
        }
        QueryFormat::Json => {
            // A key without a value is still a key.
            let mut writer: LineDelimitedWriter<_> = WriterBuilder::new()
                .with_explicit_nulls(true)
                .build::<_, LineDelimited>(out);
            rows.iter()
                .try_for_each(|batch| writer.write(batch))
                .and_then(|()| writer.finish())
        }
    };
    written.or_else(unless_closed)
}

/// CSV has no lists: they become JSON in a cell.
fn flat(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let flat = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| {
            if !field.data_type().is_nested() {
                return Ok((Arc::clone(field), Arc::clone(column)));
            }
            let text: ArrayRef = Arc::new(json_texts(field, column)?);
            Ok((
                Arc::new(Field::new(field.name(), text.data_type().clone(), true)),
                text,
            ))
        });
    let (fields, columns): (Vec<_>, Vec<_>) = flat
        .collect::<Result<Vec<_>, ArrowError>>()?
        .into_iter()
        .unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn json_texts(field: &Arc<Field>, column: &ArrayRef) -> Result<StringArray, ArrowError> {
    let options = EncoderOptions::default();
    let mut encoder = make_encoder(field, column.as_ref(), &options)?;
    let texts = (0..column.len()).map(|row| {
        let mut text = Vec::new();
        if encoder.is_null(row) {
            return None;
        }
        encoder.encode(row, &mut text);
        String::from_utf8(text).ok()
    });
    Ok(texts.collect())
}
