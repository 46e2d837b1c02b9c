//! How many findings a day is worth a person's time.

use std::fmt;
use std::num::NonZeroUsize;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// How many of a day's judged rows are within the budget, the strangest first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// So many: `"20 per day"`.
    PerDay(NonZeroUsize),
    /// This share of them, rounded down, but one at least: `0.01`.
    Share(f64),
}

impl Budget {
    /// How many rows of a day that has `rows`.
    pub fn of(self, rows: usize) -> usize {
        match self {
            Self::PerDay(count) => count.get(),
            // 0.29 of 100 rows are 29, though the product is a little less.
            Self::Share(share) => ((rows as f64 * share + 1e-9) as usize).max(1),
        }
    }
}

impl<'de> Deserialize<'de> for Budget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl Visitor<'_> for Written {
    type Value = Budget;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a number of findings such as \"20 per day\", or a share of each day's rows above 0 and below 1 such as 0.01",
        )
    }

    fn visit_f64<E: Error>(self, share: f64) -> Result<Budget, E> {
        if share > 0.0 && share < 1.0 {
            return Ok(Budget::Share(share));
        }
        Err(E::invalid_value(Unexpected::Float(share), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Budget, E> {
        let count = text.strip_suffix("per day").map(str::trim_end);
        match count.and_then(|count| count.parse().ok()) {
            Some(count) => Ok(Budget::PerDay(count)),
            None => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_count_a_day_or_a_share_of_a_day() {
        let read = |text| serde_json::from_str::<Budget>(text);
        let twenty = read("\"20 per day\"").unwrap();
        assert_eq!((twenty.of(5), twenty.of(5_000)), (20, 20));
        assert_eq!(read("0.29").unwrap().of(100), 29);
        let hundredth = read("0.01").unwrap();
        assert_eq!((hundredth.of(1_299), hundredth.of(7)), (12, 1));
        for wrong in [
            "\"20\"",
            "\"0 per day\"",
            "\"-1 per day\"",
            "\"per day\"",
            "0.0",
            "1.0",
            "20",
            "true",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
