//! `crannog diff`: two runs side by side.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::json::LineDelimitedWriter;
use crannog::diff::{Diff, diff};
use crannog::{Error, Job, Result, session};

use super::{block_on, counted, say, table, unless_closed};
use crate::cli::{DiffArgs, ResultFormat};

pub fn run(args: &DiffArgs) -> Result<()> {
    let job = Job::load(&args.job, &args.overrides)?;
    let diff = block_on(session::threads(&job), diff(&job, &args.from, &args.to))?;
    match args.format {
        ResultFormat::Json => {
            let mut out = LineDelimitedWriter::new(std::io::stdout().lock());
            let written = out.write(&diff.rows).and_then(|()| out.finish());
            written.or_else(unless_closed)
        }
        ResultFormat::Table => show(&diff),
    }
}

fn show(diff: &Diff) -> Result<()> {
    if diff.rows.num_rows() > 0 {
        say(&table::all(&diff.rows).map_err(Error::Print)?)?;
    }
    let changes = changes(&diff.rows).map_err(Error::Print)?;
    let count = |change: &str| changes.iter().filter(|other| *other == change).count();
    say(&format!(
        "{} appeared, {} vanished, {} moved; {} as before",
        count("appeared"),
        count("vanished"),
        count("moved"),
        counted(diff.same, "finding"),
    ))
}

fn changes(rows: &RecordBatch) -> Result<Vec<String>, ArrowError> {
    let changes = cast(rows.column(0), &DataType::Utf8)?;
    let changes = changes.as_string::<i32>();
    Ok(changes.iter().flatten().map(str::to_owned).collect())
}
