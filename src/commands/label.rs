//! `crannog label`: somebody has looked at a finding.

use chrono::{SubsecRound, Utc};
use crannog::feedback::{Label, NewLabel, add_label};
use crannog::{Job, Result, saved, session};

use super::{block_on, keys_in_words, say};
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
    let keys = keys_in_words(&finding, keys)?;
    say(&format!(
        "labelled {}: {keys}{}",
        args.label.word(),
        if of_all_days { ", on any day" } else { "" }
    ))?;
    say(&format!("the next run of `{}` heeds it", job.name))
}
