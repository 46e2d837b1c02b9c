//! `crannog check`: everything that can be wrong before data is read.

use crannog::{Result, run};

use super::{block_on, described, load, say};
use crate::cli::JobArgs;

pub fn run(args: &JobArgs) -> Result<()> {
    let (job, threads, as_of) = load(&args.job, &args.over)?;
    let sources = block_on(threads, run::check(&job, as_of))?;
    for source in sources {
        say(&described(&source))?;
    }
    say(&format!("{}: {} is in order", args.job.display(), job.name))
}
