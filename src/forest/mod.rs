//! Isolation forest: score rows by how few random cuts set them apart.
//!
//! Liu, Ting and Zhou, "Isolation Forest", ICDM 2008, as scikit-learn 1.9 computes it: the same
//! rows, parameters and `random_state` give the same seeds, sub-samples, trees, path lengths and
//! predictions, and the same scores to the last bit where its `pow` and `log` are glibc's with FMA.
//! Names and signs are scikit-learn's. Who asks for it (`kind`) has an extended forest instead, whose
//! trees cut by planes of any direction (`extended`): all but the cuts is the same.
//!
//! The forest sees numbers only: where rows come from and where scores go is not its business, so it
//! uses nothing of Arrow or DataFusion. The number of threads changes nothing, because each tree
//! draws from generators of its own and each row adds up its trees in order.

mod bits;
mod cut;
mod drawn;
mod error;
mod extended;
mod grow;
mod instructions;
mod matrix;
mod outline;
mod params;
mod parts;
mod path_length;
pub mod percentile;
mod planting;
mod power;
pub mod random;
pub mod sampling;
mod scaler;
mod summation;
mod targets;
mod training_scores;
mod tree;
mod tree_explainer;
mod trees;
mod walk;
pub mod weighted;
mod written;

pub use drawn::DrawnRows;
pub use error::ForestError;
pub use extended::{ExtendedNode, ExtendedTree, Hyperplane};
pub use instructions::InstructionSet;
pub use matrix::FeatureMatrix;
pub use outline::TreeProblem;
pub use params::{
    Contamination, ForestKind, Fraction, IsolationForestParams, MaxFeatures, MaxSamples,
    OutlierFraction,
};
pub use parts::{ExtendedNodePart, ForestParts, MOST_TREES, NodePart, PartsError, TreeParts};
pub use path_length::{Scorer, average_path_length};
pub use scaler::{ColumnScale, StandardScaler, SummationOrder};
pub use training_scores::{Level, TrainingScores};
pub use tree::{Node, NodeTargets, Tree};
pub use tree_explainer::TreeExplainer;

use percentile::percentile;
use planting::Rows;
use power::Arithmetic;
use trees::Trees;

/// The line between outliers and the rest where `contamination` is `"auto"`.
const AUTO_OFFSET: f64 = -0.5;

/// A fitted forest.
#[derive(Debug, Clone, PartialEq)]
pub struct IsolationForest {
    params: IsolationForestParams,
    feature_names: Vec<String>,
    max_samples: usize,
    max_features: usize,
    max_depth: usize,
    seeds: Vec<u32>,
    trees: Trees,
    offset: f64,
}

impl IsolationForest {
    /// Grows a forest on the rows of `x`, whose order is part of the answer.
    pub fn fit(params: &IsolationForestParams, x: &FeatureMatrix) -> Result<Self, ForestError> {
        Self::fit_weighted(params, x, None)
    }

    /// Like `fit`; trees draw rows with probability proportional to `sample_weight`.
    pub fn fit_weighted(
        params: &IsolationForestParams,
        x: &FeatureMatrix,
        sample_weight: Option<&[f64]>,
    ) -> Result<Self, ForestError> {
        let mut forest = Self::grow(params, Rows::All(x), sample_weight)?;
        if params.contamination != Contamination::Auto {
            let scores = forest.score_samples(x)?;
            forest.place_offset(scores);
        }
        Ok(forest)
    }

    /// Fits, and returns the `score_samples` of the training rows with the forest.
    pub fn fit_score(
        params: &IsolationForestParams,
        x: &FeatureMatrix,
    ) -> Result<(Self, Vec<f64>), ForestError> {
        let mut forest = Self::grow(params, Rows::All(x), None)?;
        let scores = forest.score_samples(x)?;
        if params.contamination != Contamination::Auto {
            forest.place_offset(scores.clone());
        }
        Ok((forest, scores))
    }

    /// −1 to 0 for each row, low is unusual.
    pub fn score_samples(&self, x: &FeatureMatrix) -> Result<Vec<f64>, ForestError> {
        self.score_samples_by(InstructionSet::chosen()?, x)
    }

    /// `score_samples` by these instructions: the bits are those of all others.
    pub fn score_samples_by(
        &self,
        instructions: InstructionSet,
        x: &FeatureMatrix,
    ) -> Result<Vec<f64>, ForestError> {
        let scorer = Scorer::new(self.seeds.len(), self.max_samples);
        self.add_up(
            instructions,
            x,
            #[inline(always)]
            |depth_sums, machine| scorer.score_all(depth_sums, machine),
        )
    }

    /// `score_samples` above the offset; an outlier is below zero.
    pub fn decision_function(&self, x: &FeatureMatrix) -> Result<Vec<f64>, ForestError> {
        let mut scores = self.score_samples(x)?;
        scores.iter_mut().for_each(|score| *score -= self.offset);
        Ok(scores)
    }

    /// Whether each row is an outlier: true where scikit-learn says −1.
    pub fn predict(&self, x: &FeatureMatrix) -> Result<Vec<bool>, ForestError> {
        let decisions = self.decision_function(x)?;
        Ok(decisions.iter().map(|decision| *decision < 0.0).collect())
    }

    /// The path length of each row, summed over the trees.
    pub fn path_lengths(&self, x: &FeatureMatrix) -> Result<Vec<f64>, ForestError> {
        self.path_lengths_by(InstructionSet::chosen()?, x)
    }

    /// `path_lengths` by these instructions: the bits are those of all others.
    pub fn path_lengths_by(
        &self,
        instructions: InstructionSet,
        x: &FeatureMatrix,
    ) -> Result<Vec<f64>, ForestError> {
        self.add_up(instructions, x, |_, _| ())
    }

    /// The path lengths, changed by `finish` while they are in cache.
    fn add_up(
        &self,
        instructions: InstructionSet,
        x: &FeatureMatrix,
        finish: impl Fn(&mut [f64], Arithmetic) + Sync,
    ) -> Result<Vec<f64>, ForestError> {
        x.check_columns(&self.feature_names)?;
        self.trees.path_lengths(instructions, x, finish)
    }

    /// The score below which a row is an outlier.
    pub fn offset(&self) -> f64 {
        self.offset
    }

    /// The trees, in the order their path lengths are added; none in an extended forest, whose trees are others.
    pub fn trees(&self) -> &[Tree] {
        match &self.trees {
            Trees::Axis { trees, .. } => trees,
            Trees::Extended(_) => &[],
        }
    }

    /// The trees of an extended forest, in the order their path lengths are added; none in one of axis-parallel cuts.
    pub fn extended_trees(&self) -> &[ExtendedTree] {
        match &self.trees {
            Trees::Axis { .. } => &[],
            Trees::Extended(trees) => trees,
        }
    }

    /// The seed of each tree, from which its sample and its cuts follow.
    pub fn seeds(&self) -> &[u32] {
        &self.seeds
    }

    /// The parameters the forest was fitted with.
    pub fn params(&self) -> &IsolationForestParams {
        &self.params
    }

    /// The columns of the training matrix.
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// Rows each tree drew.
    pub fn max_samples(&self) -> usize {
        self.max_samples
    }

    /// Columns each tree drew.
    pub fn max_features(&self) -> usize {
        self.max_features
    }

    /// Cuts on the longest path a tree may have.
    pub fn max_depth(&self) -> usize {
        self.max_depth
    }

    fn grow(
        params: &IsolationForestParams,
        table: Rows<'_>,
        sample_weight: Option<&[f64]>,
    ) -> Result<Self, ForestError> {
        let x = table.matrix();
        let sampler = planting::sampler(params, table.n_samples(), x.n_features(), sample_weight)?;
        let max_depth = planting::max_depth(sampler.max_samples);
        let seeds = planting::seeds(params);
        let trees = match params.resolve_extension_level(x.n_features())? {
            None => Trees::axis(planting::trees(
                &sampler,
                &seeds,
                table,
                params.random_state,
            )),
            Some(extension_level) => {
                x.check_complete()?;
                Trees::Extended(planting::extended_trees(
                    &sampler,
                    &seeds,
                    table,
                    extension_level,
                ))
            }
        };
        Ok(Self {
            params: params.clone(),
            feature_names: x.feature_names().to_vec(),
            max_samples: sampler.max_samples,
            max_features: sampler.max_features,
            max_depth,
            seeds,
            trees,
            offset: AUTO_OFFSET,
        })
    }

    /// Places the offset among the `score_samples` of the training rows, where `contamination` is not `"auto"`.
    pub fn place_offset(&mut self, mut training_scores: Vec<f64>) {
        if let Contamination::Fraction(share) = self.params.contamination
            && let Some(offset) = percentile(&mut training_scores, share.get())
        {
            self.offset = offset;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_far_off_scores_lowest() {
        let (forest, scores) =
            IsolationForest::fit_score(&params(), &line_and_one_far_off()).unwrap();
        let lowest = (0..21).min_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        assert_eq!(lowest, Some(20));
        assert_eq!(
            scores,
            forest.score_samples(&line_and_one_far_off()).unwrap()
        );
    }

    #[test]
    fn contamination_places_the_offset_so_that_its_share_is_below() {
        let x = line_and_one_far_off();
        let mut params = params();
        params.contamination = Contamination::Fraction(OutlierFraction::try_new(0.05).unwrap());
        let forest = IsolationForest::fit(&params, &x).unwrap();
        let outliers = forest.predict(&x).unwrap();
        assert_eq!(outliers.iter().position(|outlier| *outlier), Some(20));
        assert_eq!(outliers.iter().filter(|outlier| **outlier).count(), 1); // 5 % of 21 rows
        let (scored, _) = IsolationForest::fit_score(&params, &x).unwrap();
        assert_eq!(scored, forest);
    }

    #[test]
    fn one_row_is_neither_usual_nor_unusual() {
        let x = matrix(vec![vec![3.0]]);
        let (forest, scores) = IsolationForest::fit_score(&params(), &x).unwrap();
        assert_eq!(scores, [-0.5]);
        assert_eq!(forest.predict(&x), Ok(vec![false])); // on the line is not below it
    }

    #[test]
    fn a_forest_scores_only_the_columns_it_learned() {
        let forest = IsolationForest::fit(&params(), &line_and_one_far_off()).unwrap();
        let wider = matrix(vec![vec![1.0], vec![2.0]]);
        assert_eq!(
            forest.score_samples(&wider).unwrap_err().to_string(),
            "the forest learned 1 columns, but the table has 2"
        );
        assert_eq!(forest.score_samples(&matrix(vec![vec![]])), Ok(vec![]));
    }

    fn params() -> IsolationForestParams {
        IsolationForestParams::default()
    }

    /// 0, 1, … 19 and 1,000.
    fn line_and_one_far_off() -> FeatureMatrix {
        let line = (0..20).map(|i| i as f32);
        matrix(vec![line.chain([1_000.0]).collect()])
    }

    fn matrix(columns: Vec<Vec<f32>>) -> FeatureMatrix {
        let names = (0..columns.len()).map(|i| format!("column_{i}")).collect();
        FeatureMatrix::try_new(names, columns).unwrap()
    }
}
