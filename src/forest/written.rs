//! How the parameters that are a word, a count or a fraction are written in TOML and JSON.

use std::fmt;
use std::num::NonZeroUsize;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

use super::params::{Contamination, Fraction, MaxFeatures, MaxSamples, OutlierFraction};

const MAX_SAMPLES: &str = "max_samples to be \"auto\", a whole number of rows such as 256, \
                           or a fraction above 0 and up to 1.0 such as 0.5";
const MAX_FEATURES: &str = "max_features to be a whole number of columns such as 1, \
                            or a fraction above 0 and up to 1.0 such as 0.5";
const CONTAMINATION: &str =
    "contamination to be \"auto\", or a fraction above 0 and up to 0.5 such as 0.01";

/// A value as it stands in the file. `parse` turns it into the parameter, or says no.
enum Written<'a> {
    Auto,
    Count(NonZeroUsize),
    Fraction(f64),
    Other(Unexpected<'a>),
}

struct Parameter<T> {
    /// Completes "expected …" in the message.
    expected: &'static str,
    parse: fn(&Written) -> Option<T>,
}

impl<T> Parameter<T> {
    fn read<E: Error>(&self, written: &Written) -> Result<T, E> {
        (self.parse)(written).ok_or_else(|| {
            let found = match written {
                Written::Auto => Unexpected::Str("auto"),
                Written::Count(count) => Unexpected::Unsigned(count.get() as u64),
                Written::Fraction(fraction) => Unexpected::Float(*fraction),
                Written::Other(other) => *other,
            };
            E::invalid_value(found, &self.expected)
        })
    }
}

impl<T> Visitor<'_> for Parameter<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        let count = usize::try_from(number).ok().and_then(NonZeroUsize::new);
        let other = Written::Other(Unexpected::Unsigned(number));
        self.read(&count.map_or(other, Written::Count))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => self.read(&Written::Other(Unexpected::Signed(number))),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        self.read(&Written::Fraction(number))
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<T, E> {
        match word {
            "auto" => self.read(&Written::Auto),
            other => self.read(&Written::Other(Unexpected::Str(other))),
        }
    }
}

impl<'de> Deserialize<'de> for MaxSamples {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Parameter {
            expected: MAX_SAMPLES,
            parse: |written| match written {
                Written::Auto => Some(Self::Auto),
                Written::Count(count) => Some(Self::Count(*count)),
                Written::Fraction(f) => Fraction::try_new(*f).ok().map(Self::Fraction),
                Written::Other(_) => None,
            },
        })
    }
}

impl<'de> Deserialize<'de> for MaxFeatures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Parameter {
            expected: MAX_FEATURES,
            parse: |written| match written {
                Written::Count(count) => Some(Self::Count(*count)),
                Written::Fraction(f) => Fraction::try_new(*f).ok().map(Self::Fraction),
                Written::Auto | Written::Other(_) => None,
            },
        })
    }
}

impl<'de> Deserialize<'de> for Contamination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Parameter {
            expected: CONTAMINATION,
            parse: |written| match written {
                Written::Auto => Some(Self::Auto),
                Written::Fraction(f) => OutlierFraction::try_new(*f).ok().map(Self::Fraction),
                Written::Count(_) | Written::Other(_) => None,
            },
        })
    }
}

impl Serialize for MaxSamples {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Count(count) => count.serialize(serializer),
            Self::Fraction(fraction) => serializer.serialize_f64(fraction.get()),
        }
    }
}

impl Serialize for MaxFeatures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => count.serialize(serializer),
            Self::Fraction(fraction) => serializer.serialize_f64(fraction.get()),
        }
    }
}

impl Serialize for Contamination {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Fraction(fraction) => serializer.serialize_f64(fraction.get()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::forest::IsolationForestParams;

    #[test]
    fn parameters_left_out_are_scikit_learns_defaults() {
        assert_eq!(read("{}").unwrap(), IsolationForestParams::default());
    }

    #[test]
    fn what_is_written_is_read_back_the_same() {
        let text = r#"{"n_estimators":50,"max_samples":0.5,"max_features":1,"bootstrap":true,"contamination":0.01,"random_state":42}"#;
        assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
        let text = r#"{"n_estimators":100,"max_samples":"auto","max_features":1.0,"bootstrap":false,"contamination":"auto","random_state":0}"#;
        assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
        let extended = text.replace('}', r#","kind":"extended","extension_level":2}"#);
        assert_eq!(
            serde_json::to_string(&read(&extended).unwrap()).unwrap(),
            extended
        );
    }

    #[test]
    fn a_wrong_value_is_told_what_is_allowed() {
        let message = read(r#"{"max_samples":1.5}"#).unwrap_err().to_string();
        assert!(
            message.starts_with(
                "invalid value: floating point `1.5`, expected max_samples to be \"auto\", a whole \
                 number of rows such as 256, or a fraction above 0 and up to 1.0 such as 0.5"
            ),
            "{message}"
        );
        for wrong in [
            r#"{"max_samples":0}"#,
            r#"{"max_samples":-3}"#,
            r#"{"max_samples":"all"}"#,
            r#"{"max_samples":true}"#,
            r#"{"max_features":"auto"}"#,
            r#"{"max_features":0.0}"#,
            r#"{"contamination":1}"#,
            r#"{"contamination":0.6}"#,
            r#"{"n_estimators":0}"#,
            r#"{"random_state":-1}"#,
            r#"{"num_trees":10}"#,
            r#"{"kind":"oblique"}"#,
            r#"{"extension_level":-1}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    fn read(text: &str) -> serde_json::Result<IsolationForestParams> {
        serde_json::from_str(text)
    }
}
