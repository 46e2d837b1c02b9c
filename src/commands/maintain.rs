//! `crannog maintain`: the tables that a job writes, kept small.

use crannog::maintain::{Maintained, maintain};
use crannog::{Job, Result, session};

use super::{block_on, counted, say};
use crate::cli::{MaintainArgs, ResultFormat};

pub fn run(args: &MaintainArgs) -> Result<()> {
    let job = Job::load(&args.job, &args.overrides)?;
    let maintain = maintain(&job, args.retention, args.dry_run);
    let tables = block_on(session::threads(&job), maintain)?;
    tables.iter().try_for_each(|table| match args.format {
        ResultFormat::Json => say(&serde_json::to_string(table).unwrap_or_default()),
        ResultFormat::Table => say(&told(table, args.dry_run)),
    })
}

fn told(table: &Maintained, dry_run: bool) -> String {
    let location = &table.location;
    let removed = counted(table.files_removed, "file");
    match table.version {
        None => format!("{location}: no table is there yet"),
        Some(version) if dry_run => {
            format!("{location}: {removed} of version {version} would be removed")
        }
        Some(version) => format!(
            "{location}: {} put together into {}, {removed} and {} of the log removed, version {version}",
            counted(table.files_compacted as usize, "file"),
            table.files_made,
            counted(table.commits_removed, "commit"),
        ),
    }
}
