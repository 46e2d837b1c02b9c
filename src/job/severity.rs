//! How bad a finding is, by its percentile: five words, those of OCSF.

use serde::Deserialize;

/// From which percentile on a score has each severity; below the first it is `informational`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Severity {
    /// From here on `low`.
    pub low: f64,
    /// From here on `medium`.
    pub medium: f64,
    /// From here on `high`.
    pub high: f64,
    /// From here on `critical`.
    pub critical: f64,
}

impl Default for Severity {
    fn default() -> Self {
        Self {
            low: 95.0,
            medium: 99.0,
            high: 99.9,
            critical: 99.99,
        }
    }
}

impl Severity {
    /// The word for a percentile.
    pub fn of(&self, percentile: f64) -> &'static str {
        let bands = [
            (self.critical, "critical"),
            (self.high, "high"),
            (self.medium, "medium"),
            (self.low, "low"),
        ];
        let found = bands.iter().find(|(from, _)| percentile >= *from);
        found.map_or("informational", |(_, word)| *word)
    }

    /// What is wrong with the bands, if anything is.
    pub(super) fn misfit(&self) -> Option<&'static str> {
        let bands = [self.low, self.medium, self.high, self.critical];
        let fits = bands.iter().all(|from| (0.0..=100.0).contains(from)) && bands.is_sorted();
        (!fits).then_some(
            "severities begin at percentiles from 0 to 100, and none before the one below it: low, medium, high, critical",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_begins_with_its_percentile() {
        let severity = Severity::default();
        for (percentile, word) in [
            (0.0, "informational"),
            (95.0, "low"),
            (98.99, "low"),
            (99.0, "medium"),
            (99.9, "high"),
            (99.99, "critical"),
            (100.0, "critical"),
        ] {
            assert_eq!(severity.of(percentile), word);
        }
    }
}
