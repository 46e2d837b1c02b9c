//! `crannog demo`: sample data to run a job on.

use chrono::Utc;
use crannog::Result;
use crannog::demo::{self, DemoParams};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

use super::{block_on, say};
use crate::cli::DemoArgs;

/// A dozen, but no more than one event in twenty can be part of one.
fn few(rows: u64) -> u32 {
    u32::try_from(rows / 20).map_or(12, |most| most.min(12))
}

pub fn run(args: &DemoArgs) -> Result<()> {
    let end = args.end.unwrap_or_else(|| Utc::now().date_naive());
    let params = DemoParams {
        rows: args.rows,
        hosts: args.hosts,
        days: args.days,
        seed: args.seed,
        intrusions: args.intrusions.unwrap_or_else(|| few(args.rows)),
        ..DemoParams::new(end)
    };
    let style =
        ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} events  {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(args.rows).with_style(style);
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let summary = block_on(threads, async {
        Ok(demo::write(&args.dir, &params, &mut |rows| bar.set_position(rows)).await?)
    });
    bar.finish_and_clear();
    let summary = summary?;
    say(&format!(
        "{} events of {} hosts and {} days in {} ({}), {} intrusions in {}",
        HumanCount(summary.rows),
        summary.hosts,
        summary.days,
        summary.table.display(),
        HumanBytes(summary.bytes),
        summary.intrusions,
        summary.labels.display(),
    ))
}
