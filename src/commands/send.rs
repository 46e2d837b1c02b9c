//! `crannog send`: what waits in the outbox.

use crannog::delivery::{Delivery, Waiting};
use crannog::{Job, Result, session};

use super::stop::Limits;
use super::{block_on_within, counted, leave_stdout, say, tell_delivered};
use crate::cli::{ResultFormat, SendArgs};

pub fn run(args: &SendArgs) -> Result<()> {
    let job = Job::load(&args.job, &args.overrides)?;
    if !args.list {
        leave_stdout(&job);
    }
    let work = async {
        let Some(mut delivery) = Delivery::open(&job).await? else {
            return say("the job has no sink that findings are sent to");
        };
        if let Some(chunk) = &args.discard {
            let given_up = delivery.discard(chunk).await?;
            return say(&format!("given up: {}", described(&given_up)));
        }
        if args.list {
            let failed = delivery.collect().await?;
            let waiting = delivery.waiting().await?;
            if waiting.is_empty() && args.format == ResultFormat::Table {
                say("nothing waits")?;
            }
            waiting.iter().try_for_each(|waiting| match args.format {
                ResultFormat::Json => say(&serde_json::to_string(waiting).unwrap_or_default()),
                ResultFormat::Table => say(&described(waiting)),
            })?;
            return tell_delivered(&failed, args.format);
        }
        let delivered = delivery.send(args.sink.as_deref(), args.timeout).await?;
        if args.format == ResultFormat::Json {
            delivered
                .iter()
                .try_for_each(|one| say(&serde_json::to_string(one).unwrap_or_default()))?;
        }
        tell_delivered(&delivered, args.format)
    };
    block_on_within(Limits::of(&job, None), session::threads(&job), work)
}

fn described(waiting: &Waiting) -> String {
    let Waiting { sink, chunk, .. } = waiting;
    let findings = counted(waiting.findings, "finding");
    let since = waiting.since.format("%F %R");
    let error = waiting.error.as_deref().map(|error| {
        let failures = counted(waiting.failures, "failure");
        format!("  {failures}, the last: {error}")
    });
    format!(
        "{sink}  {chunk}  {findings}  since {since} UTC{}",
        error.unwrap_or_default()
    )
}
