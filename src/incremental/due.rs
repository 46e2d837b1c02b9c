//! Which days of a step are to be computed, and in which order, so that its table is right after each commit.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::{Days, NaiveDate};

use crate::job::{Interval, Train, Window};
use crate::source::Touched;

/// Days that are computed by one query and replaced by one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The days.
    pub days: Range<NaiveDate>,
    /// The days that the table holds once they are in it.
    pub(crate) covers: Range<NaiveDate>,
    /// Whether all that the table then holds is as the sources are now.
    pub(crate) is_current: bool,
    /// Whether nothing that is there stays.
    pub(crate) is_fresh: bool,
}

/// The days of a run that can be kept: those that lie in its time from end to end.
pub(crate) fn whole_days(window: &Window, interval: &Interval) -> Range<NaiveDate> {
    let zone = &window.timezone;
    let first = zone.day_of(interval.train_start);
    let is_cut = window.train != Train::All && zone.start_of(first) < interval.train_start;
    let first = if is_cut { after(first) } else { first };
    first..zone.day_of(interval.as_of)
}

fn after(day: NaiveDate) -> NaiveDate {
    day.succ_opt().unwrap_or(day)
}

/// What is to be computed so that a table holds `wanted`; `covered`: what it holds, of which `touched` is not right any more.
///
/// Days that the table holds come first, so that what it holds is current when other days come to it. It holds no gaps: what
/// lies between is computed too.
pub(super) fn batches(
    covered: Option<&Range<NaiveDate>>,
    touched: &Touched,
    wanted: &Range<NaiveDate>,
    chunks: impl Fn(Range<NaiveDate>) -> Vec<Range<NaiveDate>>,
) -> Vec<Batch> {
    let (covered, touched) = match (covered, touched) {
        (Some(covered), Touched::Days(days)) => (covered.clone(), days),
        _ => {
            let mut batches = Vec::new();
            for days in chunks(wanted.clone()) {
                batches.push(Batch {
                    covers: wanted.start..days.end,
                    is_current: true,
                    is_fresh: batches.is_empty(),
                    days,
                });
            }
            return batches;
        }
    };
    let mut batches = Vec::new();
    let mut covers = covered.clone();
    let inside = touched.iter().filter(|day| covered.contains(day));
    for days in runs(inside.copied()) {
        for days in chunks(days) {
            batches.push(batch(days, covers.clone(), false));
        }
    }
    if let Some(last) = batches.last_mut() {
        last.is_current = true;
    }
    if wanted.is_empty() {
        return batches;
    }
    for days in chunks(covered.end..wanted.end) {
        covers.end = days.end;
        batches.push(batch(days, covers.clone(), true));
    }
    for days in chunks(wanted.start..covered.start).into_iter().rev() {
        covers.start = days.start;
        batches.push(batch(days, covers.clone(), true));
    }
    batches
}

/// From the first day that is to be computed to after the last one.
pub(super) fn hull(
    covered: Option<&Range<NaiveDate>>,
    touched: &Touched,
    wanted: &Range<NaiveDate>,
) -> Option<Range<NaiveDate>> {
    let due = batches(covered, touched, wanted, |days| match days.is_empty() {
        true => Vec::new(),
        false => vec![days],
    });
    let first = due.iter().map(|batch| batch.days.start).min()?;
    let end = due.iter().map(|batch| batch.days.end).max()?;
    Some(first..end)
}

fn batch(days: Range<NaiveDate>, covers: Range<NaiveDate>, is_current: bool) -> Batch {
    Batch {
        days,
        covers,
        is_current,
        is_fresh: false,
    }
}

/// Days that follow each other, as ranges.
fn runs(days: impl Iterator<Item = NaiveDate>) -> Vec<Range<NaiveDate>> {
    let mut runs: Vec<Range<NaiveDate>> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some(run) if run.end == day => run.end = after(day),
            _ => runs.push(day..after(day)),
        }
    }
    runs
}

/// A range in parts of at most `size` days that have rows; all of it in one without a size.
pub(super) fn chunks(
    range: Range<NaiveDate>,
    size: Option<u32>,
    with_rows: &BTreeSet<NaiveDate>,
) -> Vec<Range<NaiveDate>> {
    if range.is_empty() {
        return Vec::new();
    }
    let mut chunks = Vec::new();
    let mut start = range.start;
    let size = size.map_or(usize::MAX, |size| size as usize);
    let days: Vec<_> = with_rows.range(range.clone()).collect();
    for first in days.iter().skip(size).step_by(size) {
        chunks.push(start..**first);
        start = **first;
    }
    chunks.push(start..range.end);
    chunks
}

/// The last days of a range.
pub(super) fn last(range: &Range<NaiveDate>, count: u32) -> impl Iterator<Item = NaiveDate> {
    let (start, end) = (range.start, range.end);
    (1..=u64::from(count))
        .filter_map(move |back| end.checked_sub_days(Days::new(back)))
        .take_while(move |day| *day >= start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn march(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
    }

    fn due(
        covered: Option<Range<u32>>,
        touched: &[u32],
        wanted: Range<u32>,
    ) -> Vec<(Range<NaiveDate>, Range<NaiveDate>, bool)> {
        let covered = covered.map(|days| march(days.start)..march(days.end));
        let touched = Touched::Days(touched.iter().map(|day| march(*day)).collect());
        let wanted = march(wanted.start)..march(wanted.end);
        let every: BTreeSet<_> = (1..31).map(march).collect();
        let batches = batches(covered.as_ref(), &touched, &wanted, |days| {
            chunks(days, Some(2), &every)
        });
        let batches = batches.into_iter();
        batches
            .map(|batch| (batch.days, batch.covers, batch.is_current))
            .collect()
    }

    #[test]
    fn a_table_that_is_not_there_is_filled_from_its_first_day_on() {
        let all = march(1)..march(3);
        assert_eq!(
            due(None, &[], 1..4),
            [
                (all.clone(), all, true),
                (march(3)..march(4), march(1)..march(4), true)
            ]
        );
    }

    #[test]
    fn days_that_changed_are_right_before_others_come() {
        assert_eq!(
            due(Some(10..20), &[5, 11, 12, 15], 8..22),
            [
                (march(11)..march(13), march(10)..march(20), false),
                (march(15)..march(16), march(10)..march(20), true),
                (march(20)..march(22), march(10)..march(22), true),
                (march(8)..march(10), march(8)..march(22), true),
            ]
        );
    }

    #[test]
    fn earlier_days_come_from_the_last_one_backwards_so_that_there_is_no_gap() {
        let covers: Vec<_> = due(Some(10..11), &[], 5..6)
            .into_iter()
            .map(|(_, covers, _)| covers.start)
            .collect();
        assert_eq!(covers, [march(9), march(7), march(5)]);
    }

    #[test]
    fn a_part_has_as_many_days_with_rows_as_it_may() {
        let with_rows = BTreeSet::from([march(2), march(9), march(10), march(30)]);
        assert_eq!(
            chunks(march(1)..march(31), Some(2), &with_rows),
            [march(1)..march(10), march(10)..march(31)]
        );
        assert_eq!(chunks(march(1)..march(31), None, &with_rows).len(), 1);
        assert_eq!(chunks(march(3)..march(5), Some(1), &with_rows).len(), 1);
    }
}
