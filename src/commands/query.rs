//! `crannog query`: look at a job's sources, steps and output with SQL.

use std::io::Write;

use crannog::{Result, query};

use super::{block_on, load, or_now, table};
use crate::cli::{QueryArgs, QueryFormat};

pub fn run(args: &QueryArgs) -> Result<()> {
    let (job, threads) = load(&args.job, &args.overrides)?;
    let rows = block_on(threads, query::query(&job, or_now(args.as_of), &args.sql))?;
    let mut out = std::io::stdout().lock();
    let written = match args.format {
        QueryFormat::Table => writeln!(out, "{}", table::all(&rows)).map_err(Into::into),
        QueryFormat::Csv => {
            let mut writer = arrow::csv::Writer::new(&mut out);
            rows.iter().try_for_each(|batch| writer.write(batch))
        }
        QueryFormat::Json => {
            let mut writer = arrow::json::LineDelimitedWriter::new(&mut out);
            rows.iter().try_for_each(|batch| writer.write(batch)).and_then(|()| writer.finish())
        }
    };
    written.map_err(|source| crannog::Error::Print(source))
}
