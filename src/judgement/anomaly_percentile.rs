//! `anomaly_percentile(anomaly_score)`: so many of 100 rows that the forest learnt from are less strange, 0 to 100.
//!
//! A score says how short a row's paths are, and means another thing in each forest; a percentile means the same next
//! month. It is NULL where an older model judges that was saved without its scores.

use std::sync::Arc;

use arrow::array::{AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::{JudgementSlot, check_scores, judgement};

pub(super) fn anomaly_percentile_udf(slot: JudgementSlot) -> ScalarUDF {
    ScalarUDF::from(AnomalyPercentile {
        signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable),
        slot,
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AnomalyPercentile {
    signature: Signature,
    slot: JudgementSlot,
}

impl ScalarUDFImpl for AnomalyPercentile {
    fn name(&self) -> &'static str {
        "anomaly_percentile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let judgement = judgement(&self.slot, self.name())?;
        let scores = ColumnarValue::values_to_arrays(&args.args)?;
        let scores = scores[0].as_primitive::<Float64Type>();
        check_scores(self.name(), scores)?;
        let scores = scores.iter();
        let percentiles: Float64Array = scores.map(|score| judgement.percentile(score?)).collect();
        Ok(ColumnarValue::Array(Arc::new(percentiles)))
    }
}
