//! `crannog check`: everything that can be wrong before data is read.

use crannog::{Result, run};

use super::{block_on, load, or_now, say};
use crate::cli::JobArgs;

pub fn run(args: &JobArgs) -> Result<()> {
    let (job, threads) = load(&args.job, &args.overrides)?;
    let sources = block_on(threads, run::check(&job, or_now(args.as_of)))?;
    for source in sources {
        say(&format!("{}  {}  version {}  {} files  {} bytes", source.name, source.location, source.version, source.files, source.bytes))?;
    }
    say(&format!("{}: {} is in order", args.job.display(), job.name))
}
