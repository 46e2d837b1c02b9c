//! A model as it is written: the exact shape of its JSON, formats 1 and 2.
//!
//! **A file of either is read by every later version.** A change that an older file does not fit is a format of the next
//! number, with a shape of its own beside these. Keys that are not known are passed over, so that a key more needs none.
//!
//! Format 2 is an extended forest, whose trees a version that knows format 1 alone would misread: it refuses the number.
//! All other forests are written in format 1.

use serde::{Deserialize, Serialize};

use super::dictionary::{Dictionary, DictionaryDocument};
use super::number::Number;
use super::trees::{ExtendedTreeDocument, TreeDocument};
use super::{ModelError, ModelRun, SavedModel};
use crate::forest::{
    ColumnScale, ForestParts, IsolationForest, IsolationForestParams, Level, TrainingScores,
    TreeParts,
};

/// What a file says that it is.
const FORMAT: &str = "crannog.model";
/// Axis-parallel trees.
const FORMAT_VERSION: u32 = 1;
/// Extended trees.
const EXTENDED_FORMAT_VERSION: u32 = 2;

/// What is looked at first.
#[derive(Deserialize)]
struct Head {
    format: String,
    format_version: u32,
}

/// A model of either format.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Written {
    Axis(Document<TreeDocument>),
    Extended(Document<ExtendedTreeDocument>),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Document<Tree> {
    format: String,
    format_version: u32,
    run: ModelRun,
    isolation_forest: IsolationForestParams,
    feature_names: Vec<String>,
    max_samples: usize,
    offset: Number,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    training_scores: Option<ScoresDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    typical: Option<Vec<Option<Number>>>,
    standard_scaler: Option<ScalerDocument>,
    dictionaries: Vec<DictionaryDocument>,
    trees: Vec<Tree>,
}

/// Some scores of the rows that were learnt from, the strangest first, and how many rows are less strange than each.
#[derive(Serialize, Deserialize)]
struct ScoresDocument {
    n_samples: u64,
    score: Vec<Number>,
    above: Vec<u64>,
}

/// The scaler's numbers, in the order of the feature columns.
#[derive(Serialize, Deserialize)]
struct ScalerDocument {
    mean: Vec<Number>,
    variance: Vec<Number>,
    scale: Vec<Number>,
}

pub(super) fn write(model: &SavedModel) -> Result<Written, ModelError> {
    let parts = model.forest.parts();
    // What cannot be read again is not written.
    let most = crate::forest::MOST_TREES;
    if parts.trees.len() > most {
        return Err(ModelError::TooManyTrees { most });
    }
    match &parts.trees {
        TreeParts::Axis(trees) => {
            let trees = trees.iter().map(TreeDocument::of).collect();
            Document::of(model, &parts, FORMAT_VERSION, trees).map(Written::Axis)
        }
        TreeParts::Extended(trees) => {
            let n_features = parts.feature_names.len();
            let tree = |nodes| ExtendedTreeDocument::of(nodes, n_features);
            let trees = trees.iter().map(tree).collect();
            Document::of(model, &parts, EXTENDED_FORMAT_VERSION, trees).map(Written::Extended)
        }
    }
}

pub(super) fn read(text: &[u8]) -> Result<SavedModel, ModelError> {
    let head: Head = serde_json::from_slice(text).map_err(|_| ModelError::NoModel)?;
    if head.format != FORMAT {
        return Err(ModelError::NoModel);
    }
    match head.format_version {
        FORMAT_VERSION => {
            let document: Document<TreeDocument> = parse(text)?;
            document.into_model(TreeDocument::into_nodes, TreeParts::Axis)
        }
        EXTENDED_FORMAT_VERSION => {
            let document: Document<ExtendedTreeDocument> = parse(text)?;
            document.into_model(ExtendedTreeDocument::into_nodes, TreeParts::Extended)
        }
        found => Err(ModelError::Format { found }),
    }
}

fn parse<'de, T: Deserialize<'de>>(text: &'de [u8]) -> Result<T, ModelError> {
    serde_json::from_slice(text).map_err(ModelError::Json)
}

impl<Tree> Document<Tree> {
    /// The model, but for its trees, which are these.
    fn of(
        model: &SavedModel,
        parts: &ForestParts,
        format_version: u32,
        trees: Vec<Tree>,
    ) -> Result<Self, ModelError> {
        let dictionaries = model.dictionaries.iter().map(Dictionary::write);
        Ok(Self {
            format: FORMAT.to_owned(),
            format_version,
            run: model.run.clone(),
            isolation_forest: parts.params.clone(),
            feature_names: parts.feature_names.clone(),
            max_samples: parts.max_samples,
            offset: Number(parts.offset),
            training_scores: model.training_scores.as_ref().map(ScoresDocument::of),
            typical: model
                .typical
                .as_ref()
                .map(|typical| typical.iter().map(|value| value.map(Number)).collect()),
            standard_scaler: model.scales.as_deref().map(ScalerDocument::of),
            dictionaries: dictionaries.collect::<Result<_, _>>()?,
            trees,
        })
    }

    fn into_model<Node>(
        self,
        nodes: impl Fn(Tree) -> Option<Vec<Node>>,
        kind: impl Fn(Vec<Vec<Node>>) -> TreeParts,
    ) -> Result<SavedModel, ModelError> {
        let n_features = self.feature_names.len();
        let scales = self.standard_scaler;
        let scales = scales.map(|scaler| scaler.into_scales(n_features));
        let trees = self.trees.into_iter().enumerate();
        let trees = trees.map(|(tree, list)| nodes(list).ok_or(ModelError::Nodes { tree }));
        let parts = ForestParts {
            params: self.isolation_forest,
            feature_names: self.feature_names,
            max_samples: self.max_samples,
            offset: self.offset.0,
            trees: kind(trees.collect::<Result<_, _>>()?),
        };
        let scores = self.training_scores;
        let scores = scores.map(|scores| scores.into_scores().ok_or(ModelError::TrainingScores));
        let typical = self
            .typical
            .map(|typical| match typical.len() == n_features {
                true => Ok(typical
                    .into_iter()
                    .map(|value| value.map(|Number(value)| value))
                    .collect()),
                false => Err(ModelError::Typical),
            });
        let dictionaries = self.dictionaries.into_iter().map(Dictionary::read);
        Ok(SavedModel {
            run: self.run,
            forest: IsolationForest::try_from_parts(parts)?,
            scales: scales.transpose()?,
            training_scores: scores.transpose()?,
            typical: typical.transpose()?,
            dictionaries: dictionaries.collect::<Result<_, _>>()?,
        })
    }
}

impl ScoresDocument {
    fn of(scores: &TrainingScores) -> Self {
        let levels = scores.levels();
        Self {
            n_samples: scores.n_samples(),
            score: levels.iter().map(|level| Number(level.score)).collect(),
            above: levels.iter().map(|level| level.above).collect(),
        }
    }

    /// The scores; `None` if no forest's are so.
    fn into_scores(self) -> Option<TrainingScores> {
        if self.score.len() != self.above.len() {
            return None;
        }
        let levels = self.score.into_iter().zip(self.above);
        let levels = levels.map(|(Number(score), above)| Level { score, above });
        TrainingScores::try_from_levels(self.n_samples, levels.collect())
    }
}

impl ScalerDocument {
    fn of(scales: &[ColumnScale]) -> Self {
        let number =
            |of: fn(&ColumnScale) -> f64| scales.iter().map(|scale| Number(of(scale))).collect();
        Self {
            mean: number(|scale| scale.mean),
            variance: number(|scale| scale.variance),
            scale: number(|scale| scale.scale),
        }
    }

    fn into_scales(self, n_features: usize) -> Result<Vec<ColumnScale>, ModelError> {
        let lists = [&self.mean, &self.variance, &self.scale];
        if lists.iter().any(|list| list.len() != n_features) {
            return Err(ModelError::ScalerLength);
        }
        let columns = self.mean.into_iter().zip(self.variance).zip(self.scale);
        // A column without a value has none of the three.
        let is_one = |((mean, variance), scale): &((Number, Number), Number)| {
            (mean.0.is_finite() && variance.0 >= 0.0 && scale.0 > 0.0)
                || (mean.0.is_nan() && variance.0.is_nan() && scale.0.is_nan())
        };
        let columns: Vec<_> = columns.collect();
        if !columns.iter().all(is_one) {
            return Err(ModelError::Scaler);
        }
        let column = |((mean, variance), scale): ((Number, Number), Number)| ColumnScale {
            mean: mean.0,
            variance: variance.0,
            scale: scale.0,
        };
        Ok(columns.into_iter().map(column).collect())
    }
}
