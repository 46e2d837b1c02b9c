//! Casts that lose nothing in silence, and types that compare.

use arrow::array::{Array, ArrayRef};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

/// Casts a column; a value that the type cannot hold is an error, where Arrow's own default is a NULL.
pub(crate) fn cast(column: &dyn Array, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(column, data_type, &strict)
}

/// The type in which values are compared: text is text, however it is held in memory.
pub(crate) fn comparable(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::Dictionary(_, values) => comparable(values),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::UInt64Array;

    use super::*;

    #[test]
    fn a_number_that_does_not_fit_is_an_error() {
        let large = UInt64Array::from(vec![u64::MAX]);
        assert!(cast(&large, &DataType::Int64).is_err());
        assert!(cast(&UInt64Array::from(vec![7]), &DataType::Int64).is_ok());
    }
}
