//! `local_time(t, zone)`: the instant at which the clock of a zone shows `t`, by Spark's rule for a timestamp without time zone.
//!
//! A cast does the same but where the clock is changed: there it fails. Here an hour that comes twice is its first one,
//! and an hour that is skipped moves forward by the gap.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{AsArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::DateTime;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use datafusion::prelude::cast;

use crate::{calendar, strict};

/// The instants of a column of times without a zone, as microseconds in `zone`.
pub(crate) fn local_time(column: Expr, zone: &str) -> Expr {
    let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
    let instants = ScalarUDF::from(LocalTime::new()).call(vec![column, lit(zone)]);
    cast(instants, zoned)
}

pub(super) fn local_time_udf() -> ScalarUDF {
    ScalarUDF::from(LocalTime::new())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LocalTime {
    signature: Signature,
}

impl LocalTime {
    fn new() -> Self {
        Self {
            signature: Signature::any(2, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for LocalTime {
    fn name(&self) -> &str {
        "local_time"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Timestamp(
            TimeUnit::Microsecond,
            Some("UTC".into()),
        ))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [times, ColumnarValue::Scalar(zone)] = &args.args[..] else {
            return exec_err!("local_time takes a time and the name of a zone");
        };
        let Some(zone) = zone.try_as_str().flatten() else {
            return exec_err!("local_time takes a time and the name of a zone");
        };
        let zone: Tz = zone.parse()?;
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        let times = strict::cast(&times.to_array(args.number_rows)?, &micros)?;
        let instant = |time: i64| {
            let local = DateTime::from_timestamp_micros(time).ok_or_else(|| {
                exec_datafusion_err!("the time {time} (microseconds since 1970) is out of range")
            })?;
            Ok(calendar::instant(zone, local.naive_utc()).timestamp_micros())
        };
        let times = times.as_primitive::<TimestampMicrosecondType>().iter();
        let instants: Result<TimestampMicrosecondArray> =
            times.map(|time| time.map(instant).transpose()).collect();
        Ok(ColumnarValue::Array(Arc::new(
            instants?.with_timezone("UTC"),
        )))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::ArrayRef;
    use arrow::datatypes::Field;
    use datafusion::common::ScalarValue;
    use datafusion::config::ConfigOptions;

    use super::*;

    #[test]
    fn an_hour_that_comes_twice_is_its_first_and_a_skipped_one_moves_on() {
        let berlin = |local: &str| {
            let local = local
                .parse::<chrono::NaiveDateTime>()
                .unwrap()
                .and_utc()
                .timestamp_micros();
            let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![local]));
            let instant = call(times, "Europe/Berlin");
            DateTime::from_timestamp_micros(instant)
                .unwrap()
                .to_rfc3339()
        };
        assert_eq!(berlin("2026-10-25T02:30:00"), "2026-10-25T00:30:00+00:00"); // still summer time, +02:00
        assert_eq!(berlin("2026-03-29T02:30:00"), "2026-03-29T01:30:00+00:00"); // shown as 03:30
        assert_eq!(berlin("2026-07-01T12:00:00"), "2026-07-01T10:00:00+00:00");
    }

    fn call(times: ArrayRef, zone: &str) -> i64 {
        let field = |data_type: DataType| Arc::new(Field::new("f", data_type, true));
        let udf = local_time_udf();
        let args = ScalarFunctionArgs {
            arg_fields: vec![field(times.data_type().clone()), field(DataType::Utf8)],
            return_field: field(udf.return_type(&[]).unwrap()),
            args: vec![
                ColumnarValue::Array(times),
                ColumnarValue::Scalar(ScalarValue::from(zone)),
            ],
            number_rows: 1,
            config_options: Arc::new(ConfigOptions::default()),
        };
        let instants = udf.invoke_with_args(args).unwrap().into_array(1).unwrap();
        instants.as_primitive::<TimestampMicrosecondType>().value(0)
    }
}
