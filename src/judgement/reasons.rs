//! `reasons(rank)`: why the judged row of that rank is strange, a list of structs with `feature`, `value`, `typical`,
//! `contribution` and `text`, the strongest first. Rows that nobody asks about are not explained.

use std::sync::Arc;

use arrow::array::{AsArray, Float64Builder, ListBuilder, StringBuilder, StructBuilder};
use arrow::datatypes::{DataType, Field, Fields, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::{JudgementSlot, judgement};
use crate::reasons::Reason;

/// What SQL calls it.
pub const REASONS: &str = "reasons";

pub(super) fn reasons_udf(slot: JudgementSlot) -> ScalarUDF {
    ScalarUDF::from(Reasons {
        signature: Signature::exact(vec![DataType::Int64], Volatility::Immutable),
        slot,
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Reasons {
    signature: Signature,
    slot: JudgementSlot,
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("feature", DataType::Utf8, true),
        Field::new("value", DataType::Float64, true),
        Field::new("typical", DataType::Float64, true),
        Field::new("contribution", DataType::Float64, true),
        Field::new("text", DataType::Utf8, true),
    ])
}

impl ScalarUDFImpl for Reasons {
    fn name(&self) -> &'static str {
        REASONS
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::new_list(DataType::Struct(fields()), true))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let judgement = judgement(&self.slot, self.name())?;
        let Some(reasons) = &judgement.reasons else {
            return exec_err!(
                "the model that judges is an extended forest, which cuts by planes of several features and has no {REASONS}() of one each"
            );
        };
        let ranks = ColumnarValue::values_to_arrays(&args.args)?;
        let mut lists = ListBuilder::new(StructBuilder::from_fields(fields(), 0));
        for rank in ranks[0].as_primitive::<Int64Type>() {
            match rank
                .map(|rank| reasons.of_rank(rank))
                .transpose()?
                .flatten()
            {
                None => lists.append_null(),
                Some(reasons) => {
                    for reason in &reasons {
                        append(lists.values(), reason);
                    }
                    lists.append(true);
                }
            }
        }
        Ok(ColumnarValue::Array(Arc::new(lists.finish())))
    }
}

fn append(structs: &mut StructBuilder, reason: &Reason) {
    let text = |structs: &mut StructBuilder, field, text: &str| {
        let builder = structs.field_builder::<StringBuilder>(field);
        builder.expect("the field is a text").append_value(text);
    };
    let number = |structs: &mut StructBuilder, field, number| {
        let builder = structs.field_builder::<Float64Builder>(field);
        builder
            .expect("the field is a number")
            .append_option(number);
    };
    text(structs, 0, &reason.feature);
    number(structs, 1, reason.value);
    number(structs, 2, reason.typical);
    number(structs, 3, Some(reason.contribution));
    text(structs, 4, &reason.text);
    structs.append(true);
}
