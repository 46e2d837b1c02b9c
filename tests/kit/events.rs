//! Process events: a few, readable, and the batch that holds them.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, Utc};

/// One start of a process, as Windows writes it into its log (4688).
#[derive(Clone, Debug)]
pub struct Event {
    pub time: Option<DateTime<Utc>>,
    pub computer: Option<&'static str>,
    pub account: Option<&'static str>,
    pub account_type: Option<&'static str>,
    pub process: Option<&'static str>,
    pub command_line: Option<&'static str>,
}

/// A user's process.
pub fn event(
    time: &str,
    computer: &'static str,
    account: &'static str,
    process: &'static str,
) -> Event {
    Event {
        time: Some(time.parse().unwrap()),
        computer: Some(computer),
        account: Some(account),
        account_type: Some("User"),
        process: Some(process),
        command_line: Some(process),
    }
}

/// Three days of three hosts, the same every day but for one thing: on the 10th, `mallory` on `db-1`.
pub fn usual() -> RecordBatch {
    let mut events = Vec::new();
    for day in ["2026-03-08", "2026-03-09", "2026-03-10"] {
        for (computer, account) in [("web-1", "alice"), ("web-2", "bob"), ("db-1", "carol")] {
            for (process, times) in [("explorer.exe", 2), ("svchost.exe", 4), ("cmd.exe", 1)] {
                for hour in 0..times {
                    events.push(event(
                        &format!("{day}T{:02}:15:00Z", 9 + hour),
                        computer,
                        account,
                        process,
                    ));
                }
            }
        }
    }
    for minute in 0..40 {
        let time = format!("2026-03-10T23:{minute:02}:00Z");
        events.push(event(&time, "db-1", "mallory", "mimikatz.exe"));
    }
    batch(&events)
}

/// The events as rows: an instant and five texts.
pub fn batch(events: &[Event]) -> RecordBatch {
    let times = events
        .iter()
        .map(|event| event.time.map(|time| time.timestamp_micros()));
    let times = TimestampMicrosecondArray::from_iter(times).with_timezone("UTC");
    let text = |value: fn(&Event) -> Option<&'static str>| -> ArrayRef {
        Arc::new(events.iter().map(value).collect::<StringArray>())
    };
    RecordBatch::try_from_iter_with_nullable([
        ("TimeGenerated", Arc::new(times) as ArrayRef, true),
        ("Computer", text(|event| event.computer), true),
        ("Account", text(|event| event.account), true),
        ("AccountType", text(|event| event.account_type), true),
        ("Process", text(|event| event.process), true),
        ("CommandLine", text(|event| event.command_line), true),
    ])
    .unwrap()
}
