//! `crannog import`: files of a source that are not taken yet, appended to a Delta table.

use crannog::Result;
use crannog::display::plain;
use crannog::import::{self, Import};
use indicatif::HumanCount;

use super::{block_on, counted, say};
use crate::cli::ImportArgs;

pub fn run(args: &ImportArgs) -> Result<()> {
    let import = Import {
        format: args.format,
        source: args.source.clone(),
        table: args.table.clone(),
        time_column: args.time_column.clone(),
        strict: args.strict,
    };
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let imported = block_on(threads, import::import(&import))?;
    for (file, problem) in &imported.unreadable {
        tracing::warn!(
            "a file is left for a later import: `{}`: {}",
            plain(file),
            plain(problem)
        );
    }
    say(&format!(
        "{} taken, {} known already, {} left, in {}{}",
        counted(imported.files, "file"),
        HumanCount(imported.known as u64),
        imported.unreadable.len(),
        args.table,
        imported
            .version
            .map(|version| format!(", version {version}"))
            .unwrap_or_default(),
    ))
}
