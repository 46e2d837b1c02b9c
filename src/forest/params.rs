//! The parameters of scikit-learn's `IsolationForest`, with its names and defaults, and the two of an extended forest.
//!
//! A parameter that scikit-learn reads by type, where `1` is one column and `1.0` is all of them, is
//! an enum here; how each is written in TOML or JSON is in `written.rs`.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::ForestError;

/// What `"auto"` rows a tree means, for a table that has as many.
const AUTO_MAX_SAMPLES: usize = 256;

/// How to grow a forest and where to draw the line. The default is scikit-learn's, `random_state` 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IsolationForestParams {
    /// Trees.
    pub n_estimators: NonZeroUsize,
    /// Rows each tree draws.
    pub max_samples: MaxSamples,
    /// Columns each tree draws.
    pub max_features: MaxFeatures,
    /// Whether a tree may draw a row more than once.
    pub bootstrap: bool,
    /// The share of training rows to call outliers.
    pub contamination: Contamination,
    /// The seed of everything random.
    pub random_state: u32,
    /// Which cuts its trees make.
    #[serde(skip_serializing_if = "ForestKind::is_axis")]
    pub kind: ForestKind,
    /// How many columns a cut of an extended forest mixes besides one; all that a tree drew unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension_level: Option<usize>,
}

impl IsolationForestParams {
    /// How many columns a cut mixes besides one, for a table of `n_features`; `None` where cuts are axis-parallel.
    ///
    /// # Errors
    /// An `extension_level` without an extended forest, or one that the columns of a tree do not have.
    pub fn resolve_extension_level(&self, n_features: usize) -> Result<Option<usize>, ForestError> {
        let wrong = |level: usize, allowed| ForestError::Parameter {
            parameter: "extension_level",
            value: level.to_string(),
            allowed,
        };
        let most = self.max_features.resolve(n_features)?.saturating_sub(1);
        match (self.kind, self.extension_level) {
            (ForestKind::Axis, None) => Ok(None),
            (ForestKind::Axis, Some(level)) => {
                let allowed = "only a forest of `kind = \"extended\"` has one";
                Err(wrong(level, allowed.to_owned()))
            }
            (ForestKind::Extended, Some(level)) if level > most => {
                let columns = most + 1;
                let allowed =
                    format!("a tree has columns enough for {most} at most: it draws {columns}");
                Err(wrong(level, allowed))
            }
            (ForestKind::Extended, level) => Ok(Some(level.unwrap_or(most))),
        }
    }
}

/// Which cuts the trees of a forest make. Written `"axis"` or `"extended"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForestKind {
    /// Of one column each: scikit-learn's forest, to the bit.
    #[default]
    Axis,
    /// Hyperplanes in any direction: Hariri, Carrasco Kind and Brunner, "Extended Isolation Forest", IEEE TKDE 2019.
    Extended,
}

impl ForestKind {
    fn is_axis(&self) -> bool {
        *self == Self::Axis
    }
}

impl Default for IsolationForestParams {
    fn default() -> Self {
        Self {
            n_estimators: const { NonZeroUsize::new(100).expect("100 is not zero") },
            max_samples: MaxSamples::Auto,
            max_features: MaxFeatures::Fraction(Fraction::ALL),
            bootstrap: false,
            contamination: Contamination::Auto,
            random_state: 0,
            kind: ForestKind::Axis,
            extension_level: None,
        }
    }
}

/// How many rows one tree draws. Written `"auto"`, `256` or `0.5`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxSamples {
    /// 256 rows, or all of a smaller table.
    Auto,
    /// This many rows, or all of a smaller table.
    Count(NonZeroUsize),
    /// This share of the rows.
    Fraction(Fraction),
}

impl MaxSamples {
    /// The number of rows for a table of `n_samples`: at least one, never more than there are.
    pub fn resolve(self, n_samples: usize) -> Result<usize, ForestError> {
        match self {
            Self::Auto => Ok(AUTO_MAX_SAMPLES.min(n_samples)),
            Self::Count(count) => Ok(count.get().min(n_samples)),
            Self::Fraction(fraction) => match fraction.of(n_samples) {
                0 => Err(ForestError::Parameter {
                    parameter: "max_samples",
                    value: fraction.get().to_string(),
                    allowed: format!("that is less than one of {n_samples} rows"),
                }),
                count => Ok(count),
            },
        }
    }
}

/// How many columns one tree draws. Written `1` for one column, `1.0` for all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxFeatures {
    /// This many columns.
    Count(NonZeroUsize),
    /// This share of the columns, but at least one column.
    Fraction(Fraction),
}

impl MaxFeatures {
    /// The number of columns for a table of `n_features`.
    pub fn resolve(self, n_features: usize) -> Result<usize, ForestError> {
        match self {
            Self::Count(count) if count.get() > n_features => Err(ForestError::Parameter {
                parameter: "max_features",
                value: count.to_string(),
                allowed: format!("the table has only {n_features} columns"),
            }),
            Self::Count(count) => Ok(count.get()),
            Self::Fraction(fraction) => Ok(fraction.of(n_features).max(1)),
        }
    }
}

/// Where the line between outliers and the rest lies. Written `"auto"` or `0.01`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Contamination {
    /// At a score of −0.5, as in the paper.
    Auto,
    /// So that about this share of the training rows are outliers.
    Fraction(OutlierFraction),
}

/// A share above 0 and up to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fraction(f64);

impl Fraction {
    /// The whole.
    pub const ALL: Self = Self(1.0);

    /// The fraction, or an error if it is not above 0 and up to 1.
    pub fn try_new(fraction: f64) -> Result<Self, ForestError> {
        if fraction > 0.0 && fraction <= 1.0 {
            return Ok(Self(fraction));
        }
        Err(ForestError::Parameter {
            parameter: "fraction",
            value: fraction.to_string(),
            allowed: "a fraction lies above 0 and goes up to 1".into(),
        })
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// This share of `n`, rounded down as Python's `int(fraction * n)`.
    fn of(self, n: usize) -> usize {
        // A count above 2⁵³ could round up past n.
        ((self.0 * n as f64) as usize).min(n)
    }
}

/// A share of outliers, above 0 and up to 0.5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutlierFraction(f64);

impl OutlierFraction {
    /// The fraction, or an error if it is not above 0 and up to 0.5.
    pub fn try_new(fraction: f64) -> Result<Self, ForestError> {
        if fraction > 0.0 && fraction <= 0.5 {
            return Ok(Self(fraction));
        }
        Err(ForestError::Parameter {
            parameter: "contamination",
            value: fraction.to_string(),
            allowed: "a share of outliers lies above 0 and goes up to 0.5".into(),
        })
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_samples_never_exceeds_the_table_and_never_is_zero() {
        assert_eq!(MaxSamples::Auto.resolve(1_000), Ok(256));
        assert_eq!(MaxSamples::Auto.resolve(10), Ok(10));
        assert_eq!(MaxSamples::Count(NonZeroUsize::MAX).resolve(7), Ok(7));
        let tenth = MaxSamples::Fraction(Fraction::try_new(0.1).unwrap());
        assert_eq!(tenth.resolve(39), Ok(3)); // 3.9 is cut, not rounded
        assert_eq!(
            tenth.resolve(9).unwrap_err().to_string(),
            "`max_samples` is 0.1, but that is less than one of 9 rows"
        );
    }

    #[test]
    fn one_is_one_column_and_one_point_zero_is_all() {
        let count = |n| MaxFeatures::Count(NonZeroUsize::new(n).unwrap());
        assert_eq!(count(1).resolve(12), Ok(1));
        assert_eq!(MaxFeatures::Fraction(Fraction::ALL).resolve(12), Ok(12));
        let little = MaxFeatures::Fraction(Fraction::try_new(0.01).unwrap());
        assert_eq!(little.resolve(12), Ok(1)); // at least one column
        assert!(count(13).resolve(12).is_err());
    }

    #[test]
    fn a_cut_of_an_extended_forest_mixes_no_more_columns_than_a_tree_drew() {
        let params = |kind, extension_level, max_features| IsolationForestParams {
            kind,
            extension_level,
            max_features: MaxFeatures::Fraction(Fraction::try_new(max_features).unwrap()),
            ..Default::default()
        };
        let extended = |level, max_features| {
            let params = params(ForestKind::Extended, level, max_features);
            params.resolve_extension_level(6)
        };
        assert_eq!(extended(None, 1.0), Ok(Some(5))); // fully extended
        assert_eq!(extended(None, 0.5), Ok(Some(2))); // 3 of 6 columns a tree
        assert_eq!(extended(Some(0), 0.5), Ok(Some(0)));
        assert_eq!(
            extended(Some(3), 0.5).unwrap_err().to_string(),
            "`extension_level` is 3, but a tree has columns enough for 2 at most: it draws 3"
        );
        let axis = |level| params(ForestKind::Axis, level, 1.0).resolve_extension_level(6);
        assert_eq!(axis(None), Ok(None));
        assert_eq!(
            axis(Some(1)).unwrap_err().to_string(),
            "`extension_level` is 1, but only a forest of `kind = \"extended\"` has one"
        );
    }

    #[test]
    fn a_fraction_is_above_zero_and_up_to_one() {
        for wrong in [0.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Fraction::try_new(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Fraction::try_new(1.0), Ok(Fraction::ALL));
        assert!(OutlierFraction::try_new(0.5).is_ok());
        assert!(OutlierFraction::try_new(0.51).is_err());
    }
}
