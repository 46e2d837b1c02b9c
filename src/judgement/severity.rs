//! `severity(anomaly_score)`: the word for a score's percentile, by the bands of `[findings.severity]`.

use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::{JudgementSlot, check_scores, judgement};

pub(super) fn severity_udf(slot: JudgementSlot) -> ScalarUDF {
    ScalarUDF::from(Severity {
        signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable),
        slot,
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Severity {
    signature: Signature,
    slot: JudgementSlot,
}

impl ScalarUDFImpl for Severity {
    fn name(&self) -> &'static str {
        "severity"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let judgement = judgement(&self.slot, self.name())?;
        let scores = ColumnarValue::values_to_arrays(&args.args)?;
        let scores = scores[0].as_primitive::<Float64Type>();
        check_scores(self.name(), scores)?;
        let scores = scores.iter();
        let words: StringArray = scores.map(|score| judgement.severity(score?)).collect();
        Ok(ColumnarValue::Array(Arc::new(words)))
    }
}
