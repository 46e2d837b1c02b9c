//! `crannog query`: look at a job's sources, steps and output with SQL.

use arrow::array::RecordBatch;
use crannog::display::type_name;
use crannog::{Error, Result, query};

use super::{block_on, load, or_now, say, table, unless_closed};
use crate::cli::{QueryArgs, QueryFormat};

pub fn run(args: &QueryArgs) -> Result<()> {
    let (job, threads) = load(&args.job, &args.overrides)?;
    let rows = block_on(threads, query::query(&job, or_now(args.as_of), &args.sql))?;
    if args.format == QueryFormat::Csv {
        fits_csv(&rows)?;
    }
    let mut out = std::io::stdout().lock();
    let written = match args.format {
        QueryFormat::Table => return say(&table::all(&rows)),
        QueryFormat::Csv => {
            let mut writer = arrow::csv::Writer::new(&mut out);
            rows.iter().try_for_each(|batch| writer.write(batch))
        }
        QueryFormat::Json => {
            let mut writer = arrow::json::LineDelimitedWriter::new(&mut out);
            rows.iter().try_for_each(|batch| writer.write(batch)).and_then(|()| writer.finish())
        }
    };
    written.or_else(unless_closed)
}

fn fits_csv(rows: &[RecordBatch]) -> Result<()> {
    let nested = rows.first().and_then(|rows| {
        rows.schema_ref().fields().iter().find(|field| field.data_type().is_nested())
    });
    match nested {
        None => Ok(()),
        Some(field) => {
            Err(Error::NotCsv { column: field.name().clone(), found: type_name(field.data_type()) })
        }
    }
}
