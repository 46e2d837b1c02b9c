//! What a demo is asked to be, and the bounds of it.

use chrono::{Days, NaiveDate};

/// How large a demo is and when it ends; equal parameters give equal rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoParams {
    /// Events in the table, 1 to ten thousand million.
    pub rows: u64,
    /// Hosts in the fleet, 1 to 100 000; about a fifth are servers.
    pub hosts: u32,
    /// Days in the table, 1 to 3650.
    pub days: u32,
    /// Another seed draws other events over the same fleet.
    pub seed: u64,
    /// The day after the last one.
    pub end: NaiveDate,
    /// Planted intrusions, at most one in twenty rows; about half of them on the last day.
    pub intrusions: u32,
}

/// A parameter outside its bounds.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{name}` is {value}, but a demo takes {bounds}")]
pub struct InvalidParam {
    /// Its name.
    pub name: &'static str,
    /// What was asked for.
    pub value: String,
    /// What is taken.
    pub bounds: String,
}

impl DemoParams {
    /// Thirty hosts over the two weeks before `end`, 200 000 events.
    pub fn new(end: NaiveDate) -> DemoParams {
        DemoParams {
            rows: 200_000,
            hosts: 30,
            days: 14,
            seed: 42,
            end,
            intrusions: 12,
        }
    }

    /// Refuses what cannot be made, before anything is written.
    pub fn validate(&self) -> Result<(), InvalidParam> {
        let within = |name, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(InvalidParam {
                name,
                value: value.to_string(),
                bounds: format!("{least} to {most}"),
            })
        };
        within("rows", self.rows, 1, 10_000_000_000)?;
        within("hosts", self.hosts.into(), 1, 100_000)?;
        within("days", self.days.into(), 1, 3650)?;
        // More would be the ordinary case, and the smallest demos could not hold them.
        let most = (self.rows / 20).min(10_000);
        within("intrusions", self.intrusions.into(), 0, most).map_err(|error| InvalidParam {
            bounds: format!("{} in {} rows", error.bounds, self.rows),
            ..error
        })?;
        self.first_day().map(|_| ())
    }

    /// The date of the first day; the table's dates lie between 1970 and 9999.
    pub fn first_day(&self) -> Result<NaiveDate, InvalidParam> {
        let earliest = NaiveDate::from_ymd_opt(1970, 1, 1).expect("a date");
        let latest = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a date");
        self.end
            .checked_sub_days(Days::new(self.days.into()))
            .filter(|first| *first >= earliest && self.end <= latest)
            .ok_or_else(|| InvalidParam {
                name: "end",
                value: self.end.to_string(),
                bounds: format!("{} days from {earliest} to {latest}", self.days),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_out_of_bounds_is_named_with_its_bounds() {
        let params = params(|params| params.hosts = 0);
        assert_eq!(
            params.validate().unwrap_err().to_string(),
            "`hosts` is 0, but a demo takes 1 to 100000"
        );
    }

    #[test]
    fn a_small_table_hides_few_intrusions() {
        assert_eq!(params(|params| params.rows = 240).validate(), Ok(()));
        let error = params(|params| params.rows = 100).validate().unwrap_err();
        assert_eq!(error.bounds, "0 to 5 in 100 rows");
    }

    #[test]
    fn the_first_day_is_not_before_1970() {
        let end = NaiveDate::from_ymd_opt(1970, 1, 15).unwrap();
        assert_eq!(params(|params| params.end = end).validate(), Ok(()));
        assert_eq!(
            params(|p| (p.end, p.days) = (end, 15))
                .validate()
                .unwrap_err()
                .name,
            "end"
        );
    }

    fn params(change: impl FnOnce(&mut DemoParams)) -> DemoParams {
        let mut params = DemoParams::new(NaiveDate::from_ymd_opt(2026, 11, 22).unwrap());
        change(&mut params);
        params
    }
}
