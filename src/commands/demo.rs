//! `crannog demo`: sample data to run a job on.

use chrono::{NaiveDate, Utc};
use crannog::Result;
use crannog::demo::trail::{self, TrailParams};
use crannog::demo::{self, DemoParams};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

use super::{block_on, counted, say};
use crate::cli::{DemoArgs, DemoKind};

/// A dozen, but no more than one event in twenty can be part of one.
fn few(rows: u64) -> u32 {
    u32::try_from(rows / 20).map_or(12, |most| most.min(12))
}

pub fn run(args: &DemoArgs) -> Result<()> {
    let end = args.end.unwrap_or_else(|| Utc::now().date_naive());
    if args.kind == DemoKind::CloudTrail {
        return write_trail(args, end);
    }
    let rows = args.rows.unwrap_or(200_000);
    let params = DemoParams {
        rows,
        hosts: args.hosts,
        days: args.days.unwrap_or(14),
        seed: args.seed,
        intrusions: args.intrusions.unwrap_or_else(|| few(rows)),
        ..DemoParams::new(end)
    };
    let style =
        ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} events  {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(rows).with_style(style);
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

fn write_trail(args: &DemoArgs, end: NaiveDate) -> Result<()> {
    let params = TrailParams {
        rows: args.rows.unwrap_or(20_000),
        days: args.days.unwrap_or(2),
        seed: args.seed,
        end,
    };
    let summary = trail::write(&args.dir, &params)?;
    say(&format!(
        "{} events in {} of {}, {} of them by stolen keys: {}",
        HumanCount(summary.rows as u64),
        counted(summary.files, "file"),
        summary.bucket.display(),
        summary.planted,
        summary.labels.display(),
    ))
}
