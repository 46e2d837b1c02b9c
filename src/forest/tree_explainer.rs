//! Which feature made a row's path short: Shapley values of the path length.
//!
//! Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature Machine
//! Intelligence 2020: path-dependent TreeSHAP, where a feature that is not known leaves both sides of a cut open, each in
//! the share of the training rows that went there. Names and signs are those of `shap.TreeExplainer` over scikit-learn's
//! `IsolationForest`, and so are the values: a negative one makes the path shorter, the row stranger.
//!
//! At a leaf of value `v`, feature `j` of the path is known to lead there (`o` is 1) or not (0), and leads there in a
//! share `z` of the rows when unknown. Feature `i`'s share of the leaf is
//!
//! `v (o_i − z_i) ∫₀¹ ∏_{j≠i} (z_j (1 − t) + o_j t) dt`,
//!
//! since ∫ tᵏ (1 − t)ᵐ⁻¹⁻ᵏ dt are the Shapley weights of `k` known features among `m`. The product is a polynomial of
//! a degree below the tree's depth, so a few points of Gauss and Legendre integrate it exactly. All factors are above
//! zero: a feature's own is taken out by a division, and one walk over each tree does for all its leaves and features.

use super::path_length::leaf_path_length;
use super::tree::{Node, Tree};
use super::{ForestError, IsolationForest};

/// Points that are computed side by side.
const LANES: usize = 4;

/// A value at each of a few points of `t`.
type Points = [f64; LANES];

/// Explains the path lengths of a forest.
#[derive(Debug)]
pub struct TreeExplainer {
    n_features: usize,
    trees: Vec<ExplainedTree>,
    /// Points and weights that integrate a polynomial of the deepest tree's degree.
    quadrature: Vec<(Points, Points)>,
    expected_value: f64,
}

/// A tree with what its nodes weigh.
#[derive(Debug)]
struct ExplainedTree {
    nodes: Vec<ExplainedNode>,
}

#[derive(Debug, Clone, Copy)]
enum ExplainedNode {
    Split {
        feature: usize,
        threshold: f64,
        missing_go_to_left: bool,
        right: usize,
        /// The share of this node's training rows that went left.
        left_share: f64,
        right_share: f64,
    },
    Leaf {
        path_length: f64,
    },
}

impl TreeExplainer {
    /// An explainer of this forest; `None` for an extended one, whose cuts are not of one feature each.
    pub fn new(forest: &IsolationForest) -> Option<Self> {
        let trees = forest.trees();
        if trees.is_empty() {
            return None;
        }
        // A path has no more features than cuts: the degree is one less, and n points do for 2n - 1.
        let features = forest.max_depth().min(forest.feature_names().len());
        let expected: Vec<_> = trees.iter().map(|tree| expected(tree, 0, 0)).collect();
        Some(Self {
            n_features: forest.feature_names().len(),
            trees: trees.iter().map(ExplainedTree::new).collect(),
            quadrature: gauss_legendre(features.div_ceil(2).next_multiple_of(LANES)),
            expected_value: expected.iter().sum::<f64>() / trees.len() as f64,
        })
    }

    /// The path length of a row of which nothing is known, a mean over the trees.
    pub fn expected_value(&self) -> f64 {
        self.expected_value
    }

    /// What each feature of a row adds to its path length, a mean over the trees; below zero is strange. With the
    /// expected value they add up to the row's mean path length.
    ///
    /// # Errors
    /// A row that has not one value for each column of the training matrix.
    pub fn shap_values(&self, row: &[f32]) -> Result<Vec<f64>, ForestError> {
        if row.len() != self.n_features {
            return Err(ForestError::ColumnCount {
                expected: self.n_features,
                found: row.len(),
            });
        }
        let mut sums = vec![0.0; self.n_features];
        for (t, weight) in &self.quadrature {
            let mut walk = Shares {
                row,
                t: *t,
                weight: *weight,
                known: vec![Known::NOTHING; row.len()],
                sums: &mut sums,
            };
            for tree in &self.trees {
                walk.below(tree, 0, [1.0; LANES]);
            }
        }
        let trees = self.trees.len() as f64;
        sums.iter_mut().for_each(|sum| *sum /= trees);
        Ok(sums)
    }
}

/// What the cuts above say of one feature.
#[derive(Clone, Copy)]
struct Known {
    /// The share of rows that goes on this way when the feature is not known.
    unknown: f64,
    /// 1 if the row goes this way, else 0.
    known: f64,
    /// 1 / (`unknown` (1 - t) + `known` t).
    inverse: Points,
}

impl Known {
    /// No cut of the feature: it changes nothing.
    const NOTHING: Self = Self {
        unknown: 1.0,
        known: 1.0,
        inverse: [1.0; LANES],
    };
}

struct Shares<'a> {
    row: &'a [f32],
    t: Points,
    weight: Points,
    known: Vec<Known>,
    sums: &'a mut [f64],
}

impl Shares<'_> {
    /// Adds the shares of all cuts below a node; `product` is that of the factors of all features above it. The
    /// value returned is the sum over the leaves below of path length and product.
    fn below(&mut self, tree: &ExplainedTree, number: usize, product: Points) -> Points {
        match tree.nodes[number] {
            ExplainedNode::Leaf { path_length } => product.map(|factor| factor * path_length),
            ExplainedNode::Split {
                feature,
                threshold,
                missing_go_to_left,
                right,
                left_share,
                right_share,
            } => {
                let value = self.row[feature];
                let goes_left = if value.is_nan() {
                    missing_go_to_left
                } else {
                    f64::from(value) <= threshold
                };
                let left = self.child(tree, number + 1, feature, left_share, goes_left, &product);
                let right = self.child(tree, right, feature, right_share, !goes_left, &product);
                std::array::from_fn(|i| left[i] + right[i])
            }
        }
    }

    fn child(
        &mut self,
        tree: &ExplainedTree,
        number: usize,
        feature: usize,
        share: f64,
        goes_there: bool,
        product: &Points,
    ) -> Points {
        let above = self.known[feature];
        let unknown = above.unknown * share;
        let known = if goes_there { above.known } else { 0.0 };
        let factor: Points =
            std::array::from_fn(|i| unknown * (1.0 - self.t[i]) + known * self.t[i]);
        let inverse = factor.map(|factor| 1.0 / factor);
        let product = std::array::from_fn(|i| product[i] * above.inverse[i] * factor[i]);
        self.known[feature] = Known {
            unknown,
            known,
            inverse,
        };
        let leaves = self.below(tree, number, product);
        self.known[feature] = above;
        // An earlier cut of this feature has counted these leaves with what it knew: that goes off again.
        let (now, before) = (known - unknown, above.known - above.unknown);
        self.sums[feature] += (0..LANES)
            .map(|i| self.weight[i] * leaves[i] * (now * inverse[i] - before * above.inverse[i]))
            .sum::<f64>();
        leaves
    }
}

impl ExplainedTree {
    fn new(tree: &Tree) -> Self {
        let mut depths = vec![0; tree.nodes().len()];
        let mut nodes = Vec::with_capacity(tree.nodes().len());
        for (number, node) in tree.nodes().iter().enumerate() {
            nodes.push(match *node {
                Node::Leaf { n_samples } => ExplainedNode::Leaf {
                    path_length: leaf_path_length(depths[number], n_samples),
                },
                Node::Split {
                    feature,
                    threshold,
                    missing_go_to_left,
                    right,
                    ..
                } => {
                    depths[number + 1] = depths[number] + 1;
                    depths[right] = depths[number] + 1;
                    let weight = weight(tree, number);
                    ExplainedNode::Split {
                        feature,
                        threshold,
                        missing_go_to_left,
                        right,
                        left_share: self::weight(tree, number + 1) / weight,
                        right_share: self::weight(tree, right) / weight,
                    }
                }
            });
        }
        Self { nodes }
    }
}

/// Training rows that came to a node, a row drawn twice counting twice where that is known.
fn weight(tree: &Tree, number: usize) -> f64 {
    match tree.targets().get(number) {
        Some(targets) => targets.weighted_n_samples,
        None => tree.nodes()[number].n_samples() as f64,
    }
}

/// The mean path length of the training rows below a node.
fn expected(tree: &Tree, number: usize, depth: usize) -> f64 {
    match tree.nodes()[number] {
        Node::Leaf { n_samples } => leaf_path_length(depth, n_samples),
        Node::Split { right, .. } => {
            let of = |child| weight(tree, child) * expected(tree, child, depth + 1);
            (of(number + 1) + of(right)) / weight(tree, number)
        }
    }
}

/// `n` points between 0 and 1 and their weights: the sum over them of weight and value is the integral of any polynomial of
/// a degree below 2 `n`. The points are where Legendre's polynomial is zero, found by Newton's method.
fn gauss_legendre(n: usize) -> Vec<(Points, Points)> {
    let point = |i: usize| {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 0.0;
        for _ in 0..100 {
            let (mut last, mut value) = (1.0, x);
            for k in 2..=n {
                let k = k as f64;
                (last, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * last) / k);
            }
            slope = n as f64 * (x * value - last) / (x * x - 1.0);
            let step = value / slope;
            x -= step;
            if step.abs() < 1e-16 {
                break;
            }
        }
        ((1.0 - x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
    };
    let points: Vec<_> = (0..n).map(point).collect();
    let (lanes, rest) = points.as_chunks::<LANES>();
    assert!(rest.is_empty(), "whole lanes of points");
    lanes
        .iter()
        .map(|lanes| (lanes.map(|(t, _)| t), lanes.map(|(_, weight)| weight)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::stump;
    use super::*;
    use crate::forest::{FeatureMatrix, IsolationForestParams, MaxSamples};

    #[test]
    fn points_and_weights_integrate_powers_exactly() {
        for n in [4, 8, 12] {
            let quadrature = gauss_legendre(n);
            for power in 0..2 * n {
                let of = |(t, weight): &(Points, Points)| {
                    let value = |i: usize| weight[i] * t[i].powi(i32::try_from(power).unwrap());
                    (0..LANES).map(value).sum::<f64>()
                };
                let integral: f64 = quadrature.iter().map(of).sum();
                assert!((integral - 1.0 / (power as f64 + 1.0)).abs() < 1e-14, "{n}");
            }
        }
    }

    #[test]
    fn one_cut_gives_its_feature_all_of_what_it_changes() {
        // 1 of 4 rows goes left: there a row has one cut, on the right one and what 3 rows still need.
        let (tree, row) = (stump(1.5, 1, 3), [1.0]);
        let (left, right) = (tree.path_length(&[1.0]), tree.path_length(&[2.0]));
        assert_eq!(expected(&tree, 0, 0), 0.25 * left + 0.75 * right);
        let explained = ExplainedTree::new(&tree);
        let (t, weight) = gauss_legendre(LANES)[0];
        let mut sums = [0.0];
        let mut walk = Shares {
            row: &row,
            t,
            weight,
            known: vec![Known::NOTHING],
            sums: &mut sums,
        };
        walk.below(&explained, 0, [1.0; LANES]);
        assert!((sums[0] - 0.75 * (left - right)).abs() < 1e-15);
    }

    #[test]
    fn the_values_are_those_of_shapleys_definition() {
        for (max_samples, seed) in [(8, 1), (64, 2), (200, 3)] {
            let x = table(200);
            let params = IsolationForestParams {
                n_estimators: 5.try_into().unwrap(),
                max_samples: MaxSamples::Count(max_samples.try_into().unwrap()),
                bootstrap: seed == 2,
                random_state: seed,
                ..IsolationForestParams::default()
            };
            let forest = IsolationForest::fit(&params, &x).unwrap();
            let explainer = TreeExplainer::new(&forest).unwrap();
            let lengths = forest.path_lengths(&x).unwrap();
            for (i, length) in lengths.iter().enumerate().take(20) {
                let row: Vec<_> = (0..x.n_features()).map(|f| x.column(f)[i]).collect();
                let values = explainer.shap_values(&row).unwrap();
                for (value, defined) in values.iter().zip(by_definition(&forest, &row)) {
                    assert!((value - defined).abs() < 1e-12, "{value} {defined}");
                }
                let sum = explainer.expected_value() + values.iter().sum::<f64>();
                assert!((sum - length / 5.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_row_of_another_width_is_refused() {
        let forest = IsolationForest::fit(&IsolationForestParams::default(), &table(30)).unwrap();
        let refused = TreeExplainer::new(&forest)
            .unwrap()
            .shap_values(&[1.0])
            .unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the forest learned 5 columns, but the table has 1"
        );
    }

    /// The mean over all orders of the features of what each changes when it becomes known: the sum over all sets of others.
    fn by_definition(forest: &IsolationForest, row: &[f32]) -> Vec<f64> {
        let n = row.len();
        let trees = forest.trees();
        let length = |known: usize| -> f64 {
            let lengths = trees.iter().map(|tree| knowing(tree, 0, 0, row, known));
            lengths.sum::<f64>() / trees.len() as f64
        };
        let lengths: Vec<_> = (0..1 << n).map(length).collect();
        let factorial = |n: usize| (1..=n).product::<usize>() as f64;
        let value = |feature: usize| {
            let others = (0..1_usize << n).filter(|set| set & (1 << feature) == 0);
            let change = |set: usize| {
                let size = set.count_ones() as usize;
                let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
                weight * (lengths[set | (1 << feature)] - lengths[set])
            };
            others.map(change).sum()
        };
        (0..n).map(value).collect()
    }

    /// The path length to be expected when the features of a set are known.
    fn knowing(tree: &Tree, number: usize, depth: usize, row: &[f32], known: usize) -> f64 {
        match tree.nodes()[number] {
            Node::Leaf { n_samples } => leaf_path_length(depth, n_samples),
            Node::Split {
                feature,
                threshold,
                right,
                ..
            } => {
                let of = |child| knowing(tree, child, depth + 1, row, known);
                if known & (1 << feature) == 0 {
                    let of = |child| weight(tree, child) * of(child);
                    (of(number + 1) + of(right)) / weight(tree, number)
                } else if f64::from(row[feature]) <= threshold {
                    of(number + 1)
                } else {
                    of(right)
                }
            }
        }
    }

    /// Five columns of numbers without a pattern.
    fn table(rows: usize) -> FeatureMatrix {
        let column = |feature: usize| {
            let value =
                |row: usize| ((row * (7 + 4 * feature) * (row + 3)) % (41 + feature)) as f32;
            (0..rows).map(value).collect()
        };
        let names = (0..5).map(|i| format!("column_{i}")).collect();
        FeatureMatrix::try_new(names, (0..5).map(column).collect()).unwrap()
    }
}
