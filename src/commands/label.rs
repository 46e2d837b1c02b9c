//! `crannog label`: somebody has looked at a finding.

use arrow::error::ArrowError;
use chrono::{SubsecRound, Utc};
use crannog::cells::cells;
use crannog::feedback::{Label, NewLabel, add_label};
use crannog::{Error, Job, Result, saved, session};

use super::{block_on, say};
use crate::cli::LabelArgs;

pub fn run(args: &LabelArgs) -> Result<()> {
    let job = Job::load(&args.job, &args.overrides)?;
    let label = NewLabel {
        label: args.label,
        reason: args.reason.clone(),
        author: args.author.clone(),
        at: Utc::now().trunc_subsecs(6),
    };
    let finding = block_on(session::threads(&job), async {
        let finding = saved::finding(&job, &args.finding).await?;
        add_label(&job, &finding, &label).await?;
        Ok(finding)
    })?;
    let of_all_days = args.label == Label::Benign;
    let keys = job.features.keys.iter();
    let keys = keys.filter(|key| !of_all_days || **key != job.window.time_column);
    let keys = keys.filter_map(|key| Some((key, finding.column_by_name(key)?)));
    let words = keys.map(|(key, column)| Ok(format!("{key} {}", cells(column)?[0])));
    let words = words
        .collect::<Result<Vec<_>, ArrowError>>()
        .map_err(Error::Print)?;
    say(&format!(
        "labelled {}: {}{}",
        args.label.word(),
        words.join(", "),
        if of_all_days { ", on any day" } else { "" }
    ))?;
    say(&format!("the next run of `{}` heeds it", job.name))
}
