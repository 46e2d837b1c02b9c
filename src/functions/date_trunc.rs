//! `date_trunc` to days and hours for the whole of time, at the speed of arithmetic.
//!
//! DataFusion's own goes by way of the calendar for each row of a column that has a zone, and by way of nanoseconds, which
//! end in 1677 and 2262. Here days and hours in UTC are arithmetic on microseconds; in another zone they are
//! looked up once a bucket. Every other unit and type is DataFusion's own.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{AsArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, FieldRef, TimeUnit, TimestampMicrosecondType};
use chrono::DateTime;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::functions::datetime;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::calendar::{Bucket, floor};

pub(super) fn date_trunc_udf() -> ScalarUDF {
    ScalarUDF::from(DateTrunc {
        inner: datetime::date_trunc(),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    inner: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let [ColumnarValue::Scalar(unit), ColumnarValue::Array(times)] = &args.args[..]
            && let DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) = times.data_type()
            && let Some(bucket) = unit.try_as_str().flatten().and_then(bucket)
        {
            let times = truncate(times.as_primitive(), zone, bucket)?;
            return Ok(ColumnarValue::Array(Arc::new(
                times.with_timezone(Arc::clone(zone)),
            )));
        }
        self.inner.invoke_with_args(args)
    }

    fn output_ordering(&self, input: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(input)
    }
}

fn bucket(unit: &str) -> Option<Bucket> {
    [Bucket::Day, Bucket::Hour]
        .into_iter()
        .find(|bucket| bucket.as_str().eq_ignore_ascii_case(unit))
}

/// The start of the bucket of each instant.
///
/// # Errors
/// A zone that is not known, or an instant outside the calendar.
pub(crate) fn truncate(
    times: &TimestampMicrosecondArray,
    zone: &str,
    bucket: Bucket,
) -> Result<TimestampMicrosecondArray> {
    if matches!(zone, "UTC" | "Z" | "+00:00" | "Etc/UTC") {
        let length = bucket.micros();
        return Ok(times.unary::<_, TimestampMicrosecondType>(|time| {
            time.saturating_sub(time.rem_euclid(length))
        }));
    }
    let zone: Tz = zone.parse()?;
    let start_of = |time: i64| {
        let instant = DateTime::from_timestamp_micros(time).ok_or_else(|| {
            exec_datafusion_err!("the time {time} (microseconds since 1970) is out of range")
        })?;
        Ok::<_, datafusion::error::DataFusionError>(floor(zone, instant, bucket).timestamp_micros())
    };
    // Starts never decrease with time: all that lies between a bucket's start and a later time in it is in it too.
    let (mut start, mut in_it) = (1, 0);
    let mut truncate = |time: i64| {
        if !(start..=in_it).contains(&time) {
            start = start_of(time)?;
            let even_end = start + bucket.micros() - 1;
            in_it = if start_of(even_end)? == start {
                even_end
            } else {
                time
            };
        }
        Ok(start)
    };
    times
        .iter()
        .map(|time| time.map(&mut truncate).transpose())
        .collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, new_null_array};
    use arrow::datatypes::Field;
    use datafusion::config::ConfigOptions;

    use super::*;

    /// Every 37 minutes of the two years around the clock changes of 2025 to 2027, forwards and then back.
    fn times() -> Vec<Option<i64>> {
        let start = 1_740_000_000_000_000;
        let forwards: Vec<_> = (0..30_000)
            .map(|i| Some(start + i * 37 * 60_000_000))
            .collect();
        forwards
            .iter()
            .copied()
            .chain(forwards.iter().rev().copied())
            .chain([None])
            .collect()
    }

    #[test]
    fn days_and_hours_are_those_of_datafusion() {
        for zone in [
            "UTC",
            "+05:30",
            "Europe/Berlin",
            "America/Havana",
            "Australia/Lord_Howe",
            "Africa/Cairo",
        ] {
            for unit in ["day", "HOUR", "week"] {
                let ours = call(&date_trunc_udf(), unit, &times(), zone);
                let theirs = call(&datetime::date_trunc(), unit, &times(), zone);
                assert_eq!(&ours, &theirs, "{unit} in {zone}");
            }
        }
    }

    #[test]
    fn the_years_1601_and_9999_have_days_too() {
        let ends = vec![Some(-11_644_473_599_999_999), Some(253_402_300_799_999_999)];
        let days = [Some(-11_644_473_600_000_000), Some(253_402_214_400_000_000)];
        let utc = call(&date_trunc_udf(), "day", &ends, "UTC");
        assert_eq!(
            utc.as_primitive::<TimestampMicrosecondType>()
                .iter()
                .collect::<Vec<_>>(),
            days
        );
        let hour = 3_600_000_000;
        let west = call(&date_trunc_udf(), "day", &ends, "-01:00");
        let days = [
            Some(-11_644_473_600_000_000 - 23 * hour),
            Some(253_402_214_400_000_000 + hour),
        ];
        assert_eq!(
            west.as_primitive::<TimestampMicrosecondType>()
                .iter()
                .collect::<Vec<_>>(),
            days
        );
    }

    fn call(udf: &ScalarUDF, unit: &str, times: &[Option<i64>], zone: &str) -> ArrayRef {
        let times: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(times.to_vec()).with_timezone(zone));
        let rows = times.len();
        let field = |data_type: &DataType| Arc::new(Field::new("f", data_type.clone(), true));
        let args = ScalarFunctionArgs {
            arg_fields: vec![field(&DataType::Utf8), field(times.data_type())],
            return_field: field(times.data_type()),
            args: vec![
                ColumnarValue::Scalar(unit.into()),
                ColumnarValue::Array(times),
            ],
            number_rows: rows,
            config_options: Arc::new(ConfigOptions::default()),
        };
        match udf.invoke_with_args(args).unwrap() {
            ColumnarValue::Array(array) => array,
            ColumnarValue::Scalar(_) => new_null_array(&DataType::Null, rows),
        }
    }
}
