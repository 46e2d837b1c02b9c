//! Numbers as JSON has them, and the three that it does not have as words.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

/// A double: `0.5`, or `"inf"`, `"-inf"`, `"nan"`. Read again it has the same bits, NaN aside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            f64::INFINITY => serializer.serialize_str("inf"),
            f64::NEG_INFINITY => serializer.serialize_str("-inf"),
            number if number.is_nan() => serializer.serialize_str("nan"),
            number => serializer.serialize_f64(number),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// A single: the shortest double that rounds to it, so `0.1` and not `0.10000000149011612`. Read again it has the same bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Single(pub f32);

impl Serialize for Single {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let short = self.0.to_string().parse::<f64>().ok();
        let short = short.filter(|number| *number as f32 == self.0);
        Number(short.unwrap_or(f64::from(self.0))).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Single {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Number(number) = Number::deserialize(deserializer)?;
        Ok(Self(number as f32))
    }
}

struct Written;

impl Visitor<'_> for Written {
    type Value = Number;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number, \"inf\", \"-inf\" or \"nan\"")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
        Ok(Number(number))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a number written without a point is rounded as one with it"
    )]
    fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
        Ok(Number(number as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "as for one without a sign")]
    fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
        Ok(Number(number as f64))
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Number, E> {
        match word {
            "inf" => Ok(Number(f64::INFINITY)),
            "-inf" => Ok(Number(f64::NEG_INFINITY)),
            "nan" => Ok(Number(f64::NAN)),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_read_as_it_was_written() {
        let ends = [f64::MAX, f64::MIN_POSITIVE, 5e-324, 0.0, 0.1, 1.0 / 3.0];
        let signs = ends.iter().flat_map(|number| [*number, -number]);
        for number in signs.chain([f64::INFINITY, f64::NEG_INFINITY, f64::NAN]) {
            let text = serde_json::to_string(&Number(number)).unwrap();
            let Number(again) = serde_json::from_str(&text).unwrap();
            assert_eq!(again.to_bits(), number.to_bits(), "{text}");
        }
    }

    #[test]
    fn every_single_is_short_and_read_as_it_was_written() {
        assert_eq!(serde_json::to_string(&Single(0.1)).unwrap(), "0.1");
        let ends = [f32::MAX, f32::MIN_POSITIVE, 1e-45, 0.0, 1.0 / 3.0];
        let many = (0..100_000_u32).map(|i| f32::from_bits(0x3900_0000 + i * 1_013));
        for number in many.chain(ends).flat_map(|number| [number, -number]) {
            let text = serde_json::to_string(&Single(number)).unwrap();
            let Single(again) = serde_json::from_str(&text).unwrap();
            assert_eq!(again.to_bits(), number.to_bits(), "{text}");
        }
    }

    #[test]
    fn a_word_that_is_no_number_is_refused() {
        let error = serde_json::from_str::<Number>("\"much\"").unwrap_err();
        assert!(error.to_string().contains("expected a number"), "{error}");
    }
}
