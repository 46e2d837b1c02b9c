//! A dictionary: the rows of a step, as a model holds them.
//!
//! A column is kept as one of five kinds of values with the name of its type, and comes back as that type. Read from a
//! file its values go straight into Arrow's own memory, which takes a few times the text at most.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, UInt64Builder,
};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    UInt64Array,
};
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::number::Number;
use super::stored_type::{is_text, name_of, of_name};
use super::{MOST_COLUMNS, ModelError};
use crate::strict::cast;

/// A step's name and rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Dictionary {
    /// The step.
    pub name: String,
    /// All its rows.
    pub rows: RecordBatch,
}

/// A dictionary as it is written.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct DictionaryDocument {
    name: String,
    columns: Vec<ColumnDocument>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct ColumnDocument {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    values: Values,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Values {
    Boolean(List<BooleanArray>),
    Integer(List<Int64Array>),
    Unsigned(List<UInt64Array>),
    Float(List<Float64Array>),
    Text(List<StringArray>),
}

impl Dictionary {
    /// The rows of a step, put in the order of their columns, so that the same rows make the same file. They share no
    /// memory with the batches.
    pub fn try_new(
        name: String,
        schema: &SchemaRef,
        batches: &[RecordBatch],
    ) -> Result<Self, ArrowError> {
        let rows = concat_batches(schema, batches)?;
        let by = rows.columns().iter().map(|column| SortColumn {
            values: Arc::clone(column),
            options: None,
        });
        let order = lexsort_to_indices(&by.collect::<Vec<_>>(), None)?;
        let column = |column: &ArrayRef| {
            let is_text = is_text(column.data_type());
            if is_text || matches!(column.data_type(), DataType::Dictionary(..)) {
                // Views and keys refer to all that their batches hold.
                let own = take(&cast(column, &DataType::Utf8)?, &order, None)?;
                return cast(&own, column.data_type());
            }
            take(column, &order, None)
        };
        let columns = rows.columns().iter().map(column);
        let rows = RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)?;
        Ok(Self { name, rows })
    }

    pub(super) fn write(&self) -> Result<DictionaryDocument, ModelError> {
        let schema = self.rows.schema();
        let columns = schema.fields().iter().zip(self.rows.columns());
        let column = |(field, values): (&Arc<Field>, &ArrayRef)| {
            let cannot = || ModelError::Unstorable {
                dictionary: self.name.clone(),
                column: field.name().clone(),
                found: crate::display::type_name(field.data_type()),
            };
            Ok(ColumnDocument {
                name: field.name().clone(),
                data_type: name_of(field.data_type()).ok_or_else(cannot)?,
                values: Values::of(values).map_err(|_| cannot())?,
            })
        };
        Ok(DictionaryDocument {
            name: self.name.clone(),
            columns: columns.map(column).collect::<Result<_, ModelError>>()?,
        })
    }

    pub(super) fn read(document: DictionaryDocument) -> Result<Self, ModelError> {
        let name = document.name;
        let unfit = |problem: String| ModelError::Dictionary {
            name: name.clone(),
            problem,
        };
        if document.columns.len() > MOST_COLUMNS {
            return Err(unfit(format!("it has more than {MOST_COLUMNS} columns")));
        }
        let mut fields: Vec<Field> = Vec::new();
        let mut columns = Vec::new();
        for column in document.columns {
            let known = of_name(&column.data_type);
            let data_type = known
                .ok_or_else(|| unfit(format!("there is no column type `{}`", column.data_type)))?;
            if fields.iter().any(|field| *field.name() == column.name) {
                return Err(unfit(format!("it has two columns `{}`", column.name)));
            }
            let values = column.values.into_column(&data_type);
            columns.push(values.map_err(|problem| {
                unfit(format!(
                    "column `{}` is not {}: {problem}",
                    column.name, column.data_type
                ))
            })?);
            fields.push(Field::new(column.name, data_type, true));
        }
        if columns.is_empty() {
            return Err(unfit("it has no columns".to_owned()));
        }
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
        match rows {
            Ok(rows) => Ok(Self { name, rows }),
            Err(_) => Err(unfit("its columns have not the same length".to_owned())),
        }
    }
}

impl Values {
    fn of(column: &ArrayRef) -> Result<Self, ArrowError> {
        let as_integer = |column: &ArrayRef| cast(column, &DataType::Int64);
        Ok(match column.data_type() {
            DataType::Boolean => Self::Boolean(List(column.as_boolean().clone())),
            DataType::UInt64 => Self::Unsigned(List(column.as_primitive().clone())),
            DataType::Float32 | DataType::Float64 => {
                let wide = cast(column, &DataType::Float64)?;
                Self::Float(List(wide.as_primitive::<Float64Type>().clone()))
            }
            DataType::Date32 => {
                let days = as_integer(&cast(column, &DataType::Int32)?)?;
                Self::Integer(List(days.as_primitive().clone()))
            }
            text if is_text(text) || matches!(text, DataType::Dictionary(..)) => {
                let text = cast(column, &DataType::Utf8)?;
                Self::Text(List(text.as_string().clone()))
            }
            _ => Self::Integer(List(as_integer(column)?.as_primitive().clone())),
        })
    }

    /// The values as a column of a type that [`of_name`] knows.
    fn into_column(self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let is_float = matches!(data_type, DataType::Float32 | DataType::Float64);
        let is_date = *data_type == DataType::Date32;
        let is_timestamp = matches!(data_type, DataType::Timestamp(..));
        let is_keyed = matches!(data_type, DataType::Dictionary(..));
        let other_kind = || Err(ArrowError::CastError("it has other values".to_owned()));
        match self {
            Self::Boolean(List(values)) if *data_type == DataType::Boolean => Ok(Arc::new(values)),
            Self::Unsigned(List(values)) if *data_type == DataType::UInt64 => Ok(Arc::new(values)),
            Self::Integer(List(values)) if is_date => {
                cast(&cast(&values, &DataType::Int32)?, data_type)
            }
            Self::Integer(List(values))
                if data_type.is_integer() && *data_type != DataType::UInt64 || is_timestamp =>
            {
                cast(&values, data_type)
            }
            Self::Float(List(values)) if is_float => cast(&values, data_type),
            Self::Text(List(values)) if is_text(data_type) || is_keyed => cast(&values, data_type),
            _ => other_kind(),
        }
    }
}

/// An array as a list of JSON.
struct List<A>(A);

impl Serialize for List<BooleanArray> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl Serialize for List<Int64Array> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl Serialize for List<UInt64Array> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl Serialize for List<Float64Array> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|value| value.map(Number)))
    }
}

impl Serialize for List<StringArray> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl<'de> Deserialize<'de> for List<BooleanArray> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut builder = BooleanBuilder::with_capacity(0);
        each(deserializer, |value| builder.append_option(value))?;
        Ok(Self(builder.finish()))
    }
}

impl<'de> Deserialize<'de> for List<Int64Array> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut builder = Int64Builder::with_capacity(0);
        each(deserializer, |value| builder.append_option(value))?;
        Ok(Self(builder.finish()))
    }
}

impl<'de> Deserialize<'de> for List<UInt64Array> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut builder = UInt64Builder::with_capacity(0);
        each(deserializer, |value| builder.append_option(value))?;
        Ok(Self(builder.finish()))
    }
}

impl<'de> Deserialize<'de> for List<Float64Array> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut builder = Float64Builder::with_capacity(0);
        each(deserializer, |value: Option<Number>| {
            builder.append_option(value.map(|Number(value)| value));
        })?;
        Ok(Self(builder.finish()))
    }
}

impl<'de> Deserialize<'de> for List<StringArray> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut builder = StringBuilder::with_capacity(0, 0);
        each(deserializer, |value: Option<String>| {
            builder.append_option(value);
        })?;
        Ok(Self(builder.finish()))
    }
}

/// Takes the values of a list one after the other.
fn each<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
    take: impl FnMut(Option<T>),
) -> Result<(), D::Error> {
    deserializer.deserialize_seq(Each(take, PhantomData))
}

struct Each<F, T>(F, PhantomData<T>);

impl<'de, T: Deserialize<'de>, F: FnMut(Option<T>)> Visitor<'de> for Each<F, T> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut values: A) -> Result<(), A::Error> {
        while let Some(value) = values.next_element()? {
            (self.0)(value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::TimeUnit;

    fn column(data_type: &DataType, text: &[Option<&str>]) -> ArrayRef {
        cast(&StringArray::from(text.to_vec()), data_type).unwrap()
    }

    fn again(dictionary: &Dictionary) -> Result<Dictionary, ModelError> {
        let text = serde_json::to_string(&dictionary.write()?).unwrap();
        Dictionary::read(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn rows_come_back_with_the_types_they_had() {
        let keyed = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let far = i64::MAX.to_string();
        let columns: [(DataType, [Option<&str>; 3]); 9] = [
            (DataType::Boolean, [Some("true"), None, Some("false")]),
            (DataType::Int8, [Some("-128"), None, Some("7")]),
            (DataType::Int64, [Some(&far), None, Some("-1")]),
            (
                DataType::UInt64,
                [Some("18446744073709551615"), None, Some("0")],
            ),
            (DataType::Float32, [Some("0.1"), None, Some("-inf")]),
            (DataType::Float64, [Some("0.1"), None, Some("inf")]),
            (
                DataType::Utf8View,
                [Some(""), None, Some("a \"quoted\" \u{1f512}\0")],
            ),
            (keyed, [Some("x"), None, Some("x")]),
            (
                DataType::Date32,
                [Some("1969-12-31"), None, Some("2026-03-10")],
            ),
        ];
        let mut columns: Vec<(String, ArrayRef)> = columns
            .iter()
            .map(|(data_type, text)| (data_type.to_string(), column(data_type, text)))
            .collect();
        let times = Int64Array::from(vec![Some(i64::MIN), None, Some(1)]);
        columns.push(("t".to_owned(), cast(&times, &instant).unwrap()));
        let fields = columns.iter();
        let fields = fields.map(|(name, column)| (name, Arc::clone(column), true));
        let dictionary = Dictionary {
            name: "all".to_owned(),
            rows: RecordBatch::try_from_iter_with_nullable(fields).unwrap(),
        };
        assert_eq!(again(&dictionary).unwrap(), dictionary);
    }

    #[test]
    fn rows_stand_in_one_order_whatever_the_batches() {
        let batch = |labels: &[Option<&str>]| {
            let labels = column(&DataType::Utf8View, labels);
            RecordBatch::try_from_iter_with_nullable([("label", labels, true)]).unwrap()
        };
        let made = |batches: &[RecordBatch]| {
            let schema = batches[0].schema();
            Dictionary::try_new("labels".to_owned(), &schema, batches).unwrap()
        };
        let one = made(&[batch(&[Some("b"), None, Some("a")])]);
        assert_eq!(one, made(&[batch(&[Some("a")]), batch(&[Some("b"), None])]));
        assert_eq!(one.rows, batch(&[None, Some("a"), Some("b")]));
    }

    #[test]
    fn a_dictionary_without_rows_keeps_its_columns() {
        let rows = RecordBatch::try_from_iter_with_nullable([(
            "label",
            column(&DataType::Utf8View, &[]),
            true,
        )]);
        let dictionary = Dictionary {
            name: "none".to_owned(),
            rows: rows.unwrap(),
        };
        assert_eq!(again(&dictionary).unwrap(), dictionary);
    }

    #[test]
    fn a_type_that_cannot_be_kept_is_named() {
        let bytes = column(&DataType::Binary, &[Some("x")]);
        let dictionary = Dictionary {
            name: "labels".to_owned(),
            rows: RecordBatch::try_from_iter([("raw", bytes)]).unwrap(),
        };
        let message = again(&dictionary).unwrap_err().to_string();
        assert!(message.contains("column `raw` of `labels`"), "{message}");
    }

    #[test]
    fn columns_that_do_not_fit_their_types_or_each_other_are_refused() {
        let read = |columns: &str| {
            let text = format!("{{\"name\":\"d\",\"columns\":[{columns}]}}");
            let document = serde_json::from_str(&text).unwrap();
            Dictionary::read(document).unwrap_err().to_string()
        };
        for (columns, expected) in [
            ("", "dictionary `d`: it has no columns"),
            (
                r#"{"name":"a","type":"int8","values":{"integer":[300]}}"#,
                "dictionary `d`: column `a` is not int8: ",
            ),
            (
                r#"{"name":"a","type":"int8","values":{"text":["3"]}}"#,
                "dictionary `d`: column `a` is not int8: ",
            ),
            (
                r#"{"name":"a","type":"blob","values":{"text":[]}}"#,
                "dictionary `d`: there is no column type `blob`",
            ),
            (
                r#"{"name":"a","type":"utf8","values":{"text":[]}},{"name":"b","type":"utf8","values":{"text":["x"]}}"#,
                "dictionary `d`: its columns have not the same length",
            ),
            (
                r#"{"name":"a","type":"utf8","values":{"text":[]}},{"name":"a","type":"utf8","values":{"text":[]}}"#,
                "dictionary `d`: it has two columns `a`",
            ),
        ] {
            let message = read(columns);
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
