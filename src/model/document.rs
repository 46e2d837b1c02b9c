//! A model as it is written: the exact shape of its JSON, format 1.
//!
//! **A file of format 1 is read by every later version.** A change that an older file does not fit is a format of the next
//! number, with a shape of its own beside this one. Keys that are not known are passed over, so that a key more needs none.

use serde::{Deserialize, Serialize};

use super::dictionary::{Dictionary, DictionaryDocument};
use super::number::Number;
use super::{ModelError, ModelRun, SavedModel};
use crate::forest::{
    ColumnScale, ForestParts, IsolationForest, IsolationForestParams, Level, NodePart,
    TrainingScores,
};

/// What a file says that it is.
const FORMAT: &str = "crannog.model";
const FORMAT_VERSION: u32 = 1;

/// What is looked at first.
#[derive(Deserialize)]
struct Head {
    format: String,
    format_version: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Document {
    format: String,
    format_version: u32,
    run: ModelRun,
    isolation_forest: IsolationForestParams,
    feature_names: Vec<String>,
    max_samples: usize,
    offset: Number,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    training_scores: Option<ScoresDocument>,
    standard_scaler: Option<ScalerDocument>,
    dictionaries: Vec<DictionaryDocument>,
    trees: Vec<TreeDocument>,
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

/// The nodes of a tree, parent first, left before right. `feature` has an entry for each node, null for a leaf;
/// `threshold` and `missing_go_to_left` have one for each split, and `n_samples` for each leaf, in their order.
#[derive(Default, Serialize, Deserialize)]
struct TreeDocument {
    feature: Vec<Option<u32>>,
    threshold: Vec<Number>,
    missing_go_to_left: Vec<bool>,
    n_samples: Vec<usize>,
}

pub(super) fn write(model: &SavedModel) -> Result<Document, ModelError> {
    let parts = model.forest.parts();
    let number = |scales: &[ColumnScale], of: fn(&ColumnScale) -> f64| {
        scales.iter().map(|scale| Number(of(scale))).collect()
    };
    let scaler = |scales: &Vec<ColumnScale>| ScalerDocument {
        mean: number(scales, |scale| scale.mean),
        variance: number(scales, |scale| scale.variance),
        scale: number(scales, |scale| scale.scale),
    };
    // What cannot be read again is not written.
    let most = crate::forest::MOST_TREES;
    if parts.trees.len() > most {
        return Err(ModelError::TooManyTrees { most });
    }
    let dictionaries = model.dictionaries.iter().map(Dictionary::write);
    Ok(Document {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        run: model.run.clone(),
        isolation_forest: parts.params,
        feature_names: parts.feature_names,
        max_samples: parts.max_samples,
        offset: Number(parts.offset),
        training_scores: model.training_scores.as_ref().map(ScoresDocument::of),
        standard_scaler: model.scales.as_ref().map(scaler),
        dictionaries: dictionaries.collect::<Result<_, _>>()?,
        trees: parts.trees.iter().map(TreeDocument::of).collect(),
    })
}

pub(super) fn read(text: &[u8]) -> Result<SavedModel, ModelError> {
    let head: Head = serde_json::from_slice(text).map_err(|_| ModelError::NoModel)?;
    if head.format != FORMAT {
        return Err(ModelError::NoModel);
    }
    match head.format_version {
        FORMAT_VERSION => {}
        found => return Err(ModelError::Format { found }),
    }
    let document: Document = serde_json::from_slice(text).map_err(ModelError::Json)?;
    let n_features = document.feature_names.len();
    let scales = document.standard_scaler;
    let scales = scales.map(|scaler| scaler.into_scales(n_features));
    let trees = document.trees.into_iter().enumerate();
    let trees = trees.map(|(tree, nodes)| nodes.into_nodes().ok_or(ModelError::Nodes { tree }));
    let parts = ForestParts {
        params: document.isolation_forest,
        feature_names: document.feature_names,
        max_samples: document.max_samples,
        offset: document.offset.0,
        trees: trees.collect::<Result<_, _>>()?,
    };
    let scores = document.training_scores;
    let scores = scores.map(|scores| scores.into_scores().ok_or(ModelError::TrainingScores));
    let dictionaries = document.dictionaries.into_iter().map(Dictionary::read);
    Ok(SavedModel {
        run: document.run,
        forest: IsolationForest::try_from_parts(parts)?,
        scales: scales.transpose()?,
        training_scores: scores.transpose()?,
        dictionaries: dictionaries.collect::<Result<_, _>>()?,
    })
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

impl TreeDocument {
    fn of(nodes: &Vec<NodePart>) -> Self {
        let mut tree = Self::default();
        for node in nodes {
            match *node {
                NodePart::Leaf { n_samples } => {
                    tree.feature.push(None);
                    tree.n_samples.push(n_samples);
                }
                NodePart::Split {
                    feature,
                    threshold,
                    missing_go_to_left,
                } => {
                    // A forest with more columns than this has no file: `MOST_FEATURES`.
                    tree.feature
                        .push(Some(u32::try_from(feature).unwrap_or(u32::MAX)));
                    tree.threshold.push(Number(threshold));
                    tree.missing_go_to_left.push(missing_go_to_left);
                }
            }
        }
        tree
    }

    /// The nodes; `None` where an entry is missing or left over.
    fn into_nodes(self) -> Option<Vec<NodePart>> {
        let mut cuts = self.threshold.into_iter().zip(self.missing_go_to_left);
        let mut leaves = self.n_samples.into_iter();
        let node = |feature: Option<u32>| match feature {
            None => Some(NodePart::Leaf {
                n_samples: leaves.next()?,
            }),
            Some(feature) => {
                let (Number(threshold), missing_go_to_left) = cuts.next()?;
                Some(NodePart::Split {
                    feature: feature as usize,
                    threshold,
                    missing_go_to_left,
                })
            }
        };
        let nodes = self.feature.into_iter().map(node).collect::<Option<_>>();
        nodes.filter(|_| cuts.next().is_none() && leaves.next().is_none())
    }
}
