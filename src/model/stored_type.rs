//! The types of columns that a model can hold, by names of its own: Arrow's may change with its version.

use arrow::array::timezone::Tz;
use arrow::datatypes::{DataType, TimeUnit};

const PLAIN: [(&str, DataType); 15] = [
    ("boolean", DataType::Boolean),
    ("int8", DataType::Int8),
    ("int16", DataType::Int16),
    ("int32", DataType::Int32),
    ("int64", DataType::Int64),
    ("uint8", DataType::UInt8),
    ("uint16", DataType::UInt16),
    ("uint32", DataType::UInt32),
    ("uint64", DataType::UInt64),
    ("float32", DataType::Float32),
    ("float64", DataType::Float64),
    ("utf8", DataType::Utf8),
    ("large_utf8", DataType::LargeUtf8),
    ("utf8_view", DataType::Utf8View),
    ("date32", DataType::Date32),
];

const UNITS: [(&str, TimeUnit); 4] = [
    ("s", TimeUnit::Second),
    ("ms", TimeUnit::Millisecond),
    ("us", TimeUnit::Microsecond),
    ("ns", TimeUnit::Nanosecond),
];

/// The name of a type; `None` for one that a model cannot hold.
pub(super) fn name_of(data_type: &DataType) -> Option<String> {
    match data_type {
        DataType::Timestamp(unit, zone) => {
            let (unit, _) = UNITS.iter().find(|(_, other)| other == unit)?;
            Some(match zone {
                None => format!("timestamp({unit})"),
                Some(zone) => format!("timestamp({unit}, {zone})"),
            })
        }
        DataType::Dictionary(keys, values) if keys.is_dictionary_key_type() && is_text(values) => {
            let (keys, values) = (name_of(keys)?, name_of(values)?);
            Some(format!("dictionary({keys}, {values})"))
        }
        plain => {
            let (name, _) = PLAIN.iter().find(|(_, other)| other == plain)?;
            Some((*name).to_owned())
        }
    }
}

/// The type of a name.
pub(super) fn of_name(name: &str) -> Option<DataType> {
    let Some((kind, inside)) = name.strip_suffix(')').and_then(|name| name.split_once('(')) else {
        let (_, plain) = PLAIN.iter().find(|(other, _)| *other == name)?;
        return Some(plain.clone());
    };
    match kind {
        "timestamp" => {
            let (unit, zone) = match inside.split_once(", ") {
                None => (inside, None),
                Some((unit, zone)) => (unit, Some(zone)),
            };
            let (_, unit) = UNITS.iter().find(|(other, _)| *other == unit)?;
            if let Some(zone) = zone {
                zone.parse::<Tz>().ok()?;
            }
            Some(DataType::Timestamp(*unit, zone.map(Into::into)))
        }
        "dictionary" => {
            let (keys, values) = inside.split_once(", ")?;
            let plain = |name: &str| (!name.contains('(')).then(|| of_name(name)).flatten();
            let (keys, values) = (plain(keys)?, plain(values)?);
            (keys.is_dictionary_key_type() && is_text(&values))
                .then(|| DataType::Dictionary(keys.into(), values.into()))
        }
        _ => None,
    }
}

pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_comes_back_from_its_name() {
        let keyed = |keys| DataType::Dictionary(Box::new(keys), Box::new(DataType::Utf8));
        let times = UNITS.iter().flat_map(|(_, unit)| {
            [None, Some("UTC"), Some("+05:30"), Some("America/New_York")]
                .map(|zone| DataType::Timestamp(*unit, zone.map(Into::into)))
        });
        let plain = PLAIN.iter().map(|(_, plain)| plain.clone());
        let keyed = [keyed(DataType::Int32), keyed(DataType::UInt8)];
        for data_type in plain.chain(times).chain(keyed) {
            let name = name_of(&data_type).unwrap();
            assert_eq!(of_name(&name), Some(data_type), "{name}");
        }
    }

    #[test]
    fn what_a_model_cannot_hold_has_no_name() {
        assert_eq!(name_of(&DataType::Binary), None);
        assert_eq!(name_of(&DataType::Decimal128(10, 2)), None);
        for name in [
            "",
            "()",
            "text",
            "timestamp(us, Nowhere/Land)",
            "dictionary(utf8, utf8)",
            "dictionary(int32, dictionary(int32, utf8))",
        ] {
            assert_eq!(of_name(name), None, "{name}");
        }
    }
}
