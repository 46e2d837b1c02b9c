//! `crannog label`: somebody has looked at a finding.

use chrono::{SubsecRound, Utc};
use crannog::feedback::{NewLabel, add_label};
use crannog::{Job, Result, saved, session};

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
    block_on(session::threads(&job), async {
        let finding = saved::finding(&job, &args.finding).await?;
        add_label(&job, &finding, &label).await
    })?;
    say(&format!(
        "labelled {}: the next run of `{}` heeds it",
        args.label.word(),
        job.name
    ))
}
