//! `date_trunc`, DataFusion's own, without its detour for times in UTC.
//!
//! DataFusion cuts a time that has a zone by way of its calendar, some hundred nanoseconds a row, even where the zone
//! is UTC, in which days and hours are plain arithmetic, as they are for a time without a zone. So a column in UTC is
//! handed over without its zone, and gets it back. Results are the same to the bit.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, FieldRef, TimeUnit, TimestampMicrosecondType};
use datafusion::common::Result;
use datafusion::functions::datetime;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

pub(super) fn date_trunc_udf() -> ScalarUDF {
    ScalarUDF::from(DateTrunc { inner: datetime::date_trunc() })
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

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = match &args.args[..] {
            [_, ColumnarValue::Array(times)] => utc(times.data_type()),
            _ => None,
        };
        let Some(zone) = zone else { return self.inner.invoke_with_args(args) };
        if let ColumnarValue::Array(times) = &mut args.args[1] {
            *times = with_zone(times, None);
        }
        let zoneless = DataType::Timestamp(TimeUnit::Microsecond, None);
        let field = |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(zoneless.clone()));
        args.arg_fields[1] = field(&args.arg_fields[1]);
        args.return_field = field(&args.return_field);
        match self.inner.invoke_with_args(args)? {
            ColumnarValue::Array(times) => Ok(ColumnarValue::Array(with_zone(&times, Some(zone)))),
            scalar => Ok(scalar),
        }
    }

    fn output_ordering(&self, input: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(input)
    }
}

/// The zone of a column of microseconds, if it is UTC by one of its names.
fn utc(data_type: &DataType) -> Option<Arc<str>> {
    match data_type {
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone))
            if matches!(zone.as_ref(), "UTC" | "Z" | "+00:00" | "Etc/UTC") =>
        {
            Some(Arc::clone(zone))
        }
        _ => None,
    }
}

fn with_zone(times: &ArrayRef, zone: Option<Arc<str>>) -> ArrayRef {
    Arc::new(times.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(zone))
}

#[cfg(test)]
mod tests {
    use arrow::array::{TimestampMicrosecondArray, new_null_array};
    use arrow::datatypes::Field;
    use datafusion::config::ConfigOptions;

    use super::*;

    #[test]
    fn the_short_way_gives_what_datafusion_gives() {
        let day = 86_400_000_000;
        let times = vec![Some(0), Some(-1), Some(day - 1), Some(day), None, Some(1_800_000_000_123_456), Some(-11_644_473_600_000_000)];
        for unit in ["day", "hour", "week", "month"] {
            let ours = call(&date_trunc_udf(), unit, &times, "UTC");
            let theirs = call(&datetime::date_trunc(), unit, &times, "UTC");
            assert_eq!(&ours, &theirs, "{unit}");
            assert_eq!(ours.data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        }
    }

    #[test]
    fn other_zones_are_left_to_datafusion() {
        let noon = vec![Some(1_800_000_000_000_000)];
        let berlin = call(&date_trunc_udf(), "day", &noon, "Europe/Berlin");
        assert_eq!(&berlin, &call(&datetime::date_trunc(), "day", &noon, "Europe/Berlin"));
    }

    fn call(udf: &ScalarUDF, unit: &str, times: &[Option<i64>], zone: &str) -> ArrayRef {
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(times.to_vec()).with_timezone(zone));
        let rows = times.len();
        let field = |data_type: &DataType| Arc::new(Field::new("f", data_type.clone(), true));
        let args = ScalarFunctionArgs {
            arg_fields: vec![field(&DataType::Utf8), field(times.data_type())],
            return_field: field(times.data_type()),
            args: vec![ColumnarValue::Scalar(unit.into()), ColumnarValue::Array(times)],
            number_rows: rows,
            config_options: Arc::new(ConfigOptions::default()),
        };
        match udf.invoke_with_args(args).unwrap() {
            ColumnarValue::Array(array) => array,
            ColumnarValue::Scalar(_) => new_null_array(&DataType::Null, rows),
        }
    }
}
