//! Which days of delivery can hold an event that a query wants, by what the query says of `eventTime`.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, TimestampMicrosecondArray};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use datafusion::catalog::Session;
use datafusion::common::{Column, DFSchema};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_optimizer::pruning::{PruningPredicateBuilder, PruningStatistics};
use datafusion::scalar::ScalarValue;

use super::schema;

/// The days that are weighed, long before the first trail and long after the last; any other day is always wanted.
const FIRST: NaiveDate = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a day");
const LAST: NaiveDate = NaiveDate::from_ymd_opt(2100, 1, 1).expect("a day");

/// How long after an event its file may be delivered; AWS speaks of some minutes.
const DELAY: TimeDelta = TimeDelta::days(1);

/// For each day from [`FIRST`] on, whether it is wanted.
#[derive(Debug)]
pub(super) struct WantedDays(Vec<bool>);

impl WantedDays {
    /// The days on which the event of a row that passes all filters can have been delivered.
    pub(super) fn of(state: &dyn Session, filters: &[Expr]) -> Result<Self, DataFusionError> {
        let all = || (LAST - FIRST).num_days().unsigned_abs() as usize;
        let Some(filter) = conjunction(filters.iter().cloned()) else {
            return Ok(Self(vec![true; all()]));
        };
        let schema = schema::schema();
        let filter =
            state.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(&schema))?)?;
        let predicate = PruningPredicateBuilder::new()
            .with_file_schema(schema)
            .try_build(filter)?;
        let days = FIRST.iter_days().take(all()).collect();
        predicate.prune(&Deliveries(days)).map(Self)
    }

    /// Whether files of this day have to be read.
    pub(super) fn contains(&self, day: NaiveDate) -> bool {
        usize::try_from((day - FIRST).num_days())
            .ok()
            .and_then(|at| self.0.get(at))
            .is_none_or(|wanted| *wanted)
    }

    /// The first of them; `None`: there may be some before all that are weighed.
    pub(super) fn first(&self) -> Option<NaiveDate> {
        match self.0.iter().position(|wanted| *wanted) {
            Some(0) => None,
            Some(at) => FIRST.checked_add_days(Days::new(at as u64)),
            None => Some(LAST),
        }
    }
}

/// The first day on which an event of this instant or a later one can be delivered.
pub(super) fn first_delivery(event: DateTime<Utc>) -> Option<NaiveDate> {
    Some(event.date_naive()).filter(|day| *day > FIRST)
}

/// What the day of delivery says of `eventTime`.
struct Deliveries(Vec<NaiveDate>);

impl Deliveries {
    fn times(
        &self,
        column: &Column,
        of: impl Fn(DateTime<Utc>) -> DateTime<Utc>,
    ) -> Option<ArrayRef> {
        if column.name != schema::EVENT_TIME {
            return None;
        }
        let midnight = |day: &NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        let times = self
            .0
            .iter()
            .map(|day| of(midnight(day)).timestamp_micros());
        Some(Arc::new(
            TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"),
        ))
    }
}

impl PruningStatistics for Deliveries {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.times(column, |midnight| midnight - DELAY)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.times(column, |midnight| {
            midnight + TimeDelta::days(1) - TimeDelta::microseconds(1)
        })
    }

    fn num_containers(&self) -> usize {
        self.0.len()
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{cast, ident, lit};
    use datafusion::prelude::SessionContext;

    use super::*;

    fn wanted(filters: &[Expr]) -> Vec<String> {
        let state = SessionContext::new().state();
        let days = WantedDays::of(&state, filters).unwrap();
        let near: NaiveDate = "2026-11-15".parse().unwrap();
        near.iter_days()
            .take(10)
            .filter(|day| days.contains(*day))
            .map(|day| day.to_string())
            .collect()
    }

    fn at(time: &str) -> Expr {
        let time: DateTime<Utc> = time.parse().unwrap();
        lit(ScalarValue::TimestampMicrosecond(
            Some(time.timestamp_micros()),
            Some("UTC".into()),
        ))
    }

    #[test]
    fn a_window_needs_its_days_and_one_after() {
        let event_time = || ident(schema::EVENT_TIME);
        let filters = [
            event_time().gt_eq(at("2026-11-18T00:00:00Z")),
            event_time().lt(at("2026-11-19T03:00:00Z")),
        ];
        assert_eq!(wanted(&filters), ["2026-11-18", "2026-11-19", "2026-11-20"]);
    }

    #[test]
    fn the_zone_of_the_job_changes_nothing() {
        let local = arrow::datatypes::DataType::Timestamp(
            arrow::datatypes::TimeUnit::Microsecond,
            Some("Europe/Berlin".into()),
        );
        let filter = cast(ident(schema::EVENT_TIME), local.clone())
            .gt(cast(at("2026-11-23T12:00:00Z"), local));
        assert_eq!(wanted(&[filter]), ["2026-11-23", "2026-11-24"]);
    }

    #[test]
    fn what_says_nothing_of_the_time_needs_every_day() {
        assert_eq!(
            wanted(&[ident("eventName").eq(lit("ConsoleLogin"))]).len(),
            10
        );
        assert_eq!(wanted(&[ident(schema::EVENT_TIME).is_null()]).len(), 10);
        assert_eq!(wanted(&[]).len(), 10);
    }
}
