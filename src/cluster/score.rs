//! A model as a function of the feature columns: what a forest says of a row, where the row is.
//!
//! The function takes the model with it: its bytes are part of the plan, and an executor reads them once, however many
//! tasks speak of them. It makes of the columns what a run on one machine makes of them, and so do the scores have the
//! same bits.

use std::any::Any;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Result, exec_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, ident,
};

use crate::features::matrix_of;
use crate::forest::{FeatureMatrix, IsolationForest};
use crate::job::{DuplicateKeys, Features, MissingValues, Scaler};
use crate::model::SavedModel;

/// Models that a process keeps in its memory: those of the jobs that run at one time.
const KEPT: usize = 4;

/// A model, and the bytes that it was read from.
type ReadModel = (Arc<[u8]>, Arc<SavedModel>);

/// The models that were read last, the latest first.
static MODELS: Mutex<Vec<ReadModel>> = Mutex::new(Vec::new());

/// `isolation_forest(columns…)`: `score_samples` of each row, low is strange.
#[derive(Debug)]
pub(crate) struct Score {
    signature: Signature,
    bytes: Arc<[u8]>,
    model: OnceLock<Arc<SavedModel>>,
}

impl Score {
    pub(super) const NAME: &str = "isolation_forest";

    /// Of the feature columns of a table, by this model.
    pub(crate) fn expression(model: &SavedModel) -> Result<Expr> {
        let bytes = model.to_bytes().map_err(external)?;
        let columns = model.forest.feature_names().iter();
        Ok(Self::decode(&bytes)?.call(columns.map(ident).collect()))
    }

    /// The function's own state, where a function is this one.
    pub(super) fn of(function: &ScalarUDF) -> Option<&Self> {
        let inner: &dyn Any = function.inner().as_ref();
        inner.downcast_ref()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The function of these bytes. They are read when the first row comes.
    pub(super) fn decode(bytes: &[u8]) -> Result<Arc<ScalarUDF>> {
        Ok(Arc::new(ScalarUDF::from(Self {
            signature: Signature::variadic_any(Volatility::Immutable),
            bytes: bytes.into(),
            model: OnceLock::new(),
        })))
    }

    fn model(&self) -> Result<&SavedModel> {
        if let Some(model) = self.model.get() {
            return Ok(model);
        }
        let mut models = MODELS.lock().unwrap_or_else(PoisonError::into_inner);
        let known = models.iter().position(|(bytes, _)| *bytes == self.bytes);
        let entry = match known {
            Some(place) => models.remove(place),
            None => {
                let model = SavedModel::from_bytes(&self.bytes).map_err(external)?;
                (Arc::clone(&self.bytes), Arc::new(model))
            }
        };
        let model = Arc::clone(&entry.1);
        models.insert(0, entry);
        models.truncate(KEPT);
        drop(models);
        Ok(self.model.get_or_init(|| model))
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// What a forest is asked about: missing values have been counted before, and infinite ones too.
fn matrix(model: &SavedModel, rows: &RecordBatch) -> Result<FeatureMatrix> {
    let features = Features {
        sql: Vec::new(),
        keys: Vec::new(),
        columns: model.forest.feature_names().to_vec(),
        missing_values: MissingValues::AllowNan,
        duplicate_keys: DuplicateKeys::Error,
        scaler: model.scales.is_some().then_some(Scaler::Standard),
        text: BTreeMap::new(),
    };
    matrix_of(Score::NAME, &features, model.scales.as_deref(), rows).map_err(external)
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Score {}

impl Hash for Score {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl ScalarUDFImpl for Score {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let model = self.model()?;
        let forest: &IsolationForest = &model.forest;
        let names = forest.feature_names();
        if names.len() != args.args.len() {
            return exec_err!(
                "the forest learned {} columns, and is asked about {}",
                names.len(),
                args.args.len()
            );
        }
        let columns = args.args.iter();
        let columns = columns.map(|column| column.to_array(args.number_rows));
        let columns: Vec<_> = columns.collect::<Result<_>>()?;
        let field = |(name, column): (&String, &arrow::array::ArrayRef)| {
            Field::new(name, column.data_type().clone(), true)
        };
        let fields: Vec<_> = names.iter().zip(&columns).map(field).collect();
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        let scores = forest.score_samples(&matrix(model, &rows)?);
        let scores = scores.map_err(external)?;
        Ok(ColumnarValue::Array(Arc::new(Float64Array::from(scores))))
    }
}
