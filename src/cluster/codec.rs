//! How the plan nodes and functions of ours cross to the scheduler and the executors: beside those of Ballista, whose codec
//! has all the others.

use std::sync::{Arc, LazyLock};

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};

use super::keep::KeepExec;
use super::number::NumberExec;
use super::one_input;
use super::score::Score;

/// What the nodes of ours begin with. No message of Ballista's does: `c` would begin a group, which protobuf 3 has not.
const KEEP: &[u8] = b"crannog keep\n";
const NUMBER: &[u8] = b"crannog number\n";

/// Ballista's codec, and ours before it.
#[derive(Debug, Default)]
pub(super) struct Codec {
    ballista: BallistaPhysicalExtensionCodec,
}

static CODEC: LazyLock<Arc<Codec>> = LazyLock::new(Arc::default);

/// The one of this process.
pub(super) fn codec() -> Arc<Codec> {
    Arc::clone(&CODEC)
}

fn malformed(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl PhysicalExtensionCodec for Codec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(folder) = buf.strip_prefix(KEEP) {
            let folder = serde_json::from_slice(folder).map_err(malformed)?;
            Ok(Arc::new(KeepExec::new(one_input(inputs)?, folder)))
        } else if let Some(keys) = buf.strip_prefix(NUMBER) {
            let keys: Vec<String> = serde_json::from_slice(keys).map_err(malformed)?;
            Ok(Arc::new(NumberExec::new(one_input(inputs)?, keys)))
        } else {
            self.ballista.try_decode(buf, inputs, ctx, converter)
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        if let Some(keep) = node.downcast_ref::<KeepExec>() {
            buf.extend_from_slice(KEEP);
            serde_json::to_writer(buf, keep.folder()).map_err(malformed)
        } else if let Some(number) = node.downcast_ref::<NumberExec>() {
            buf.extend_from_slice(NUMBER);
            serde_json::to_writer(buf, number.keys()).map_err(malformed)
        } else {
            self.ballista.try_encode(node, buf, converter)
        }
    }

    fn try_encode_udf(&self, function: &ScalarUDF, buf: &mut Vec<u8>) -> Result<()> {
        match Score::of(function) {
            Some(score) => {
                buf.extend_from_slice(score.bytes());
                Ok(())
            }
            None => self.ballista.try_encode_udf(function, buf),
        }
    }

    fn try_decode_udf(&self, name: &str, buf: &[u8]) -> Result<Arc<ScalarUDF>> {
        match name {
            Score::NAME => Score::decode(buf),
            _ => self.ballista.try_decode_udf(name, buf),
        }
    }

    fn try_encode_udaf(&self, function: &AggregateUDF, buf: &mut Vec<u8>) -> Result<()> {
        self.ballista.try_encode_udaf(function, buf)
    }

    fn try_decode_udaf(&self, name: &str, buf: &[u8]) -> Result<Arc<AggregateUDF>> {
        self.ballista.try_decode_udaf(name, buf)
    }

    fn try_encode_udwf(&self, function: &WindowUDF, buf: &mut Vec<u8>) -> Result<()> {
        self.ballista.try_encode_udwf(function, buf)
    }

    fn try_decode_udwf(&self, name: &str, buf: &[u8]) -> Result<Arc<WindowUDF>> {
        self.ballista.try_decode_udwf(name, buf)
    }
}
