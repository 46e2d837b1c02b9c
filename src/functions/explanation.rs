//! `explanation(reasons)`: the three strongest reasons that make a row strange, in one line of words.
//!
//! It takes any list of structs with `text` and `contribution`, so it reads reasons out of a table of findings too.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::strict::cast;

/// More are no help to who looks at a list of findings.
const MOST_REASONS: usize = 3;

pub(super) fn explanation_udf() -> ScalarUDF {
    ScalarUDF::from(Explanation {
        signature: Signature::any(1, Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Explanation {
    signature: Signature,
}

impl ScalarUDFImpl for Explanation {
    fn name(&self) -> &'static str {
        "explanation"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let has = |name: &str| match &types[0] {
            DataType::List(item) => match item.data_type() {
                DataType::Struct(fields) => fields.find(name).is_some(),
                _ => false,
            },
            _ => false,
        };
        if has("text") && has("contribution") {
            return Ok(DataType::Utf8);
        }
        plan_err!(
            "explanation() takes what reasons() gives, a list of structs with `text` and `contribution`"
        )
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let lists = ColumnarValue::values_to_arrays(&args.args)?;
        let mut texts = StringBuilder::new();
        for list in lists[0].as_list::<i32>().iter() {
            match list {
                None => texts.append_null(),
                Some(reasons) => texts.append_value(strongest(&reasons)?),
            }
        }
        Ok(ColumnarValue::Array(Arc::new(texts.finish())))
    }
}

fn strongest(reasons: &dyn Array) -> Result<String> {
    let reasons = reasons.as_struct();
    let column = |name: &str, data_type| {
        let column = reasons.column_by_name(name);
        cast(
            column.expect("was looked at when it was planned"),
            &data_type,
        )
    };
    let texts = column("text", DataType::Utf8)?;
    let texts: &StringArray = texts.as_string();
    let contributions = column("contribution", DataType::Float64)?;
    let mut found: Vec<_> = contributions
        .as_primitive::<Float64Type>()
        .iter()
        .zip(texts)
        .filter_map(|(contribution, text)| {
            Some((contribution.filter(|value| *value > 0.0)?, text?))
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let words: Vec<_> = found
        .iter()
        .take(MOST_REASONS)
        .map(|(_, text)| *text)
        .collect();
    Ok(words.join("; "))
}
