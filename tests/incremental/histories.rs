//! Whatever is done to a source, a step that is kept has the rows that computing all of it makes.

use std::fs;

use arrow::array::RecordBatch;
use arrow::json::LineDelimitedWriter;
use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;

use super::{KEPT, clean_log, compact, delete, features, vacuum};
use crate::kit::{Dir, Event, append, batch, event, write_delta, write_parquet};

const COMPUTERS: [&str; 2] = ["web-1", "db-1"];
const ACCOUNTS: [&str; 3] = ["alice", "bob", "carol"];

/// What is done between two runs.
#[derive(Clone, Debug)]
enum Change {
    /// Events come: of which hour from the beginning on, or of no time at all, by which account.
    Append(Vec<(Option<u32>, usize, usize)>),
    DeleteAccount(usize),
    DeleteFrom(u32),
    Compact,
    Vacuum,
    CleanLog,
    ReplaceTable,
}

/// The time that events are of: six days.
const HOURS: u32 = 6 * 24;

fn start() -> DateTime<Utc> {
    "2026-03-06T00:00:00Z".parse().unwrap()
}

fn instant(hour: u32) -> String {
    (start() + Duration::hours(hour.into())).to_rfc3339()
}

fn events(of: &[(Option<u32>, usize, usize)]) -> RecordBatch {
    let events = of.iter().map(|(hour, computer, account)| Event {
        time: hour.map(|hour| instant(hour).parse().unwrap()),
        ..event(
            &instant(0),
            COMPUTERS[*computer],
            ACCOUNTS[*account],
            "cmd.exe",
        )
    });
    batch(&events.collect::<Vec<_>>())
}

fn some_events() -> impl Strategy<Value = Vec<(Option<u32>, usize, usize)>> {
    let hour = prop_oneof![9 => (0..HOURS).prop_map(Some), 1 => Just(None)];
    prop::collection::vec((hour, 0..COMPUTERS.len(), 0..ACCOUNTS.len()), 1..12)
}

fn a_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => some_events().prop_map(Change::Append),
        2 => (0..ACCOUNTS.len()).prop_map(Change::DeleteAccount),
        2 => (0..HOURS).prop_map(Change::DeleteFrom),
        2 => Just(Change::Compact),
        1 => Just(Change::Vacuum),
        1 => Just(Change::CleanLog),
        1 => Just(Change::ReplaceTable),
    ]
}

/// Some changes, then a run at an hour, which may lie before that of the run before.
fn a_night() -> impl Strategy<Value = (Vec<Change>, u32)> {
    (prop::collection::vec(a_change(), 0..3), 1..HOURS + 24)
}

fn settings() -> impl Strategy<Value = Vec<&'static str>> {
    let of = |values: &'static [&'static str]| prop::sample::select(values);
    (
        of(&["window.timezone=UTC", "window.timezone=America/New_York"]),
        of(&["window.bucket=day", "window.bucket=hour"]),
        of(&[
            "window.train=2 days",
            "window.train=50 hours",
            "window.train=all",
        ]),
        of(&[
            "parameters.keep_undated=false",
            "parameters.keep_undated=true",
        ]),
        of(&[
            "incremental.grouped={}",
            "incremental.grouped={batch_size=1}",
            "incremental.grouped={batch_size=2,lookback=1}",
        ]),
    )
        .prop_map(|(zone, bucket, train, undated, kept)| {
            let nan = "features.missing_values=allow-nan"; // an undated group has no time
            vec![zone, bucket, train, undated, nan, KEPT[0], kept]
        })
}

fn change(dir: &Dir, change: &Change) {
    match change {
        Change::Append(of) => append(&dir.events(), &events(of)),
        Change::DeleteAccount(account) => {
            delete(dir, &format!("\"Account\" = '{}'", ACCOUNTS[*account]));
        }
        Change::DeleteFrom(hour) => {
            let time = format!(
                "arrow_cast('{}', 'Timestamp(Microsecond, Some(\"UTC\"))')",
                instant(*hour)
            );
            delete(dir, &format!("\"TimeGenerated\" >= {time}"));
        }
        Change::Compact => compact(dir),
        Change::Vacuum => vacuum(dir),
        Change::CleanLog => clean_log(dir),
        Change::ReplaceTable => {
            fs::remove_dir_all(dir.events()).unwrap();
            write_delta(
                &dir.events(),
                &events(&[(Some(50), 0, 0), (Some(80), 1, 1)]),
                &[],
            );
        }
    }
}

fn text(rows: &[RecordBatch]) -> String {
    let mut lines = LineDelimitedWriter::new(Vec::new());
    rows.iter().for_each(|batch| lines.write(batch).unwrap());
    lines.finish().unwrap();
    String::from_utf8(lines.into_inner()).unwrap()
}

/// A run that keeps the step makes the rows of one that does not.
fn is_as_if_computed_anew(dir: &Dir, as_of: &str, settings: &[&str]) -> Result<(), TestCaseError> {
    let (kept, summaries) = features(dir, as_of, settings);
    let (anew, _) = features(dir, as_of, &settings[..settings.len() - 2]);
    prop_assert_eq!(text(&kept), text(&anew), "{:?}", summaries);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn of_a_delta_table(
        first in some_events(),
        nights in prop::collection::vec(a_night(), 1..5),
        settings in settings(),
    ) {
        let dir = Dir::bare();
        write_delta(&dir.events(), &events(&first), &[]);
        for (changes, hour) in nights {
            changes.iter().for_each(|it| change(&dir, it));
            is_as_if_computed_anew(&dir, &instant(hour), &settings)?;
        }
    }

    #[test]
    fn of_parquet_files(
        nights in prop::collection::vec((prop::collection::vec((0..4_usize, prop::option::of(some_events())), 1..3), 1..HOURS + 24), 1..5),
        settings in settings(),
    ) {
        let dir = Dir::bare();
        let mut settings = settings;
        settings.insert(0, "sources.process_execution.format=parquet");
        write_parquet(&dir.events().join("first.parquet"), &events(&[(Some(30), 0, 0), (None, 0, 1)]));
        for (changes, hour) in nights {
            for (number, of) in changes {
                // A file comes, is written anew, or goes.
                let file = dir.events().join(format!("{number}.parquet"));
                match of {
                    Some(of) => write_parquet(&file, &events(&of)),
                    None => drop(fs::remove_file(file)),
                }
            }
            is_as_if_computed_anew(&dir, &instant(hour), &settings)?;
        }
    }
}

/// `PROPTEST_CASES=500 cargo test histories` looks further.
fn cases() -> u32 {
    let set = std::env::var("PROPTEST_CASES").ok();
    set.and_then(|cases| cases.parse().ok()).unwrap_or(8)
}
