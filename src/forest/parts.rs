//! A forest taken apart into plain values, and put together again when each of them has been looked at.
//!
//! A tree is the list of its nodes, parent first, left before right. Where the children of a node stand follows from
//! the list, so no list can say that a node is reached twice, or never, or that it hangs below itself. Left out is what
//! scores do not depend on: which columns a tree chose from, and the random targets.

use super::outline::{Limits, Place, TreeProblem};
use super::trees::Trees;
use super::{
    ExtendedNode, ExtendedTree, ForestError, IsolationForest, IsolationForestParams, Node, Tree,
    planting,
};

/// More trees than a forest has that is put together: each is laid out in some kilobytes, however few its nodes are.
pub const MOST_TREES: usize = 10_000;
/// More columns than it has.
pub const MOST_FEATURES: usize = 10_000;

/// All that scores depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct ForestParts {
    /// What the forest was fitted with.
    pub params: IsolationForestParams,
    /// The columns of the training matrix.
    pub feature_names: Vec<String>,
    /// Rows each tree drew.
    pub max_samples: usize,
    /// The score below which a row is an outlier.
    pub offset: f64,
    /// The trees.
    pub trees: TreeParts,
}

/// The nodes of each tree, parent first, left before right.
#[derive(Debug, Clone, PartialEq)]
pub enum TreeParts {
    /// Of a forest whose cuts are axis-parallel.
    Axis(Vec<Vec<NodePart>>),
    /// Of an extended one.
    Extended(Vec<Vec<ExtendedNodePart>>),
}

impl TreeParts {
    /// How many trees.
    pub fn len(&self) -> usize {
        match self {
            Self::Axis(trees) => trees.len(),
            Self::Extended(trees) => trees.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A node without what its place in the list says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NodePart {
    /// A cut: the next node is its left child, and the right one follows when all below the left one has come.
    Split {
        /// The column of the training matrix.
        feature: usize,
        /// A row goes left if its value is not above.
        threshold: f64,
        /// Where a missing value goes.
        missing_go_to_left: bool,
    },
    /// No further cut.
    Leaf {
        /// Distinct training rows that came here.
        n_samples: usize,
    },
}

/// A node of an extended forest without what its place in the list says.
#[derive(Debug, Clone, PartialEq)]
pub enum ExtendedNodePart {
    /// A cut by a plane; children as in [`NodePart`].
    Split {
        /// The columns that it mixes, in ascending order: as many in each cut of the forest.
        columns: Vec<u32>,
        /// The normal vector's coordinate in each of them.
        normal: Vec<f32>,
        /// A row goes left if the sum of `normal` times its values is not above.
        threshold: f64,
    },
    /// No further cut.
    Leaf {
        /// Distinct training rows that came here; there may be none.
        n_samples: usize,
    },
}

/// Why parts make no forest.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PartsError {
    /// The parameters are no forest's.
    #[error(transparent)]
    Params(#[from] ForestError),
    /// More than fits.
    #[error("{found} {what} are too many: {most} at most")]
    TooMany {
        /// `trees` or `columns`.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// Trees are missing, or there are some of another forest.
    #[error("there are {found} trees, and `n_estimators` is {expected}")]
    TreeCount {
        /// `n_estimators`.
        expected: usize,
        /// How many.
        found: usize,
    },
    /// The parameters are those of a forest of the other kind.
    #[error("its trees are not those of the `kind` that its parameters name")]
    Kind,
    /// A number that no fitted forest has.
    #[error("`{name}` is {value}, but {allowed}")]
    Number {
        /// Its name.
        name: &'static str,
        /// What it is.
        value: String,
        /// The rule it breaks, as the end of a sentence.
        allowed: &'static str,
    },
    /// The nodes are no tree.
    #[error("tree {tree}: {problem}")]
    Tree {
        /// Counted from 0.
        tree: usize,
        /// Why not.
        problem: TreeProblem,
    },
}

impl IsolationForest {
    /// What scores depend on.
    pub fn parts(&self) -> ForestParts {
        ForestParts {
            params: self.params.clone(),
            feature_names: self.feature_names.clone(),
            max_samples: self.max_samples,
            offset: self.offset,
            trees: match &self.trees {
                Trees::Axis { trees, .. } => TreeParts::Axis(trees.iter().map(nodes).collect()),
                Trees::Extended(trees) => {
                    TreeParts::Extended(trees.iter().map(extended_nodes).collect())
                }
            },
        }
    }

    /// The forest of these parts: its scores have the bits of the one they are of.
    ///
    /// # Errors
    /// Parts that no fitted forest has.
    pub fn try_from_parts(parts: ForestParts) -> Result<Self, PartsError> {
        let (n_trees, n_features) = (parts.trees.len(), parts.feature_names.len());
        at_most("trees", n_trees, MOST_TREES)?;
        at_most("columns", n_features, MOST_FEATURES)?;
        let expected = parts.params.n_estimators.get();
        if n_trees != expected {
            return Err(PartsError::TreeCount {
                expected,
                found: n_trees,
            });
        }
        if n_features == 0 {
            return Err(ForestError::Empty { what: "columns" }.into());
        }
        let max_features = parts.params.max_features.resolve(n_features)?;
        let max_samples = parts.max_samples;
        let number = |name, value: String, allowed| PartsError::Number {
            name,
            value,
            allowed,
        };
        if !(1..=planting::MOST_SAMPLES).contains(&max_samples) {
            let allowed = "a tree draws one row at least, and 2147483648 at most";
            return Err(number("max_samples", max_samples.to_string(), allowed));
        }
        if !(-1.0..=0.0).contains(&parts.offset) {
            let allowed = "a score lies between -1 and 0";
            return Err(number("offset", parts.offset.to_string(), allowed));
        }
        let max_depth = planting::max_depth(max_samples);
        let limits = Limits {
            max_samples,
            max_depth,
        };
        let extension_level = parts.params.resolve_extension_level(n_features)?;
        let trees = match (parts.trees, extension_level) {
            (TreeParts::Axis(trees), None) => {
                Trees::axis(each(trees, |nodes| axis_tree(&limits, n_features, nodes))?)
            }
            (TreeParts::Extended(trees), Some(level)) => {
                let tree = |nodes| extended_tree(&limits, n_features, level + 1, nodes);
                Trees::Extended(each(trees, tree)?)
            }
            _ => return Err(PartsError::Kind),
        };
        Ok(Self {
            seeds: planting::seeds(&parts.params),
            params: parts.params,
            feature_names: parts.feature_names,
            max_samples,
            max_features,
            max_depth,
            trees,
            offset: parts.offset,
        })
    }
}

fn at_most(what: &'static str, found: usize, most: usize) -> Result<(), PartsError> {
    match found <= most {
        true => Ok(()),
        false => Err(PartsError::TooMany { what, found, most }),
    }
}

/// A tree of each list of nodes.
fn each<N, T>(
    trees: Vec<N>,
    tree: impl Fn(N) -> Result<T, TreeProblem>,
) -> Result<Vec<T>, PartsError> {
    let made = trees.into_iter().enumerate().map(|(number, nodes)| {
        tree(nodes).map_err(|problem| PartsError::Tree {
            tree: number,
            problem,
        })
    });
    made.collect()
}

fn nodes(tree: &Tree) -> Vec<NodePart> {
    let part = |node: &Node| match *node {
        Node::Leaf { n_samples } => NodePart::Leaf { n_samples },
        Node::Split {
            feature,
            threshold,
            missing_go_to_left,
            ..
        } => NodePart::Split {
            feature,
            threshold,
            missing_go_to_left,
        },
    };
    tree.nodes().iter().map(part).collect()
}

fn extended_nodes(tree: &ExtendedTree) -> Vec<ExtendedNodePart> {
    let part = |(number, node): (usize, &ExtendedNode)| match tree.plane(number) {
        None => ExtendedNodePart::Leaf {
            n_samples: node.n_samples(),
        },
        Some(plane) => ExtendedNodePart::Split {
            columns: plane.columns.to_vec(),
            normal: plane.normal.to_vec(),
            threshold: plane.threshold,
        },
    };
    tree.nodes().iter().enumerate().map(part).collect()
}

fn axis_tree(
    limits: &Limits,
    n_features: usize,
    parts: Vec<NodePart>,
) -> Result<Tree, TreeProblem> {
    let leaf = |part: &NodePart| match *part {
        NodePart::Leaf { n_samples } => Some(n_samples),
        NodePart::Split { .. } => None,
    };
    let outline = limits.outline(parts.iter().map(leaf))?;
    let node = |(part, place): (NodePart, Place)| match part {
        NodePart::Leaf { n_samples: 0 } => Err(TreeProblem::EmptyLeaf),
        NodePart::Leaf { n_samples } => Ok(Node::Leaf { n_samples }),
        NodePart::Split { threshold, .. } if threshold.is_nan() => Err(TreeProblem::Threshold),
        NodePart::Split { feature, .. } if feature >= n_features => Err(TreeProblem::Feature {
            feature,
            n_features,
        }),
        NodePart::Split {
            feature,
            threshold,
            missing_go_to_left,
        } => Ok(Node::Split {
            feature,
            threshold,
            missing_go_to_left,
            right: place.right,
            n_samples: place.n_samples,
        }),
    };
    let nodes = parts.into_iter().zip(outline).map(node);
    Ok(Tree {
        features: Vec::new(),
        nodes: nodes.collect::<Result<_, _>>()?,
        targets: Vec::new(),
    })
}

fn extended_tree(
    limits: &Limits,
    n_features: usize,
    n_coordinates: usize,
    parts: Vec<ExtendedNodePart>,
) -> Result<ExtendedTree, TreeProblem> {
    let leaf = |part: &ExtendedNodePart| match *part {
        ExtendedNodePart::Leaf { n_samples } => Some(n_samples),
        ExtendedNodePart::Split { .. } => None,
    };
    let outline = limits.outline(parts.iter().map(leaf))?;
    let mut nodes = Vec::with_capacity(parts.len());
    let (mut all_columns, mut all_normals) = (Vec::new(), Vec::new());
    for (part, place) in parts.into_iter().zip(outline) {
        match part {
            ExtendedNodePart::Leaf { n_samples } => nodes.push(ExtendedNode::Leaf { n_samples }),
            ExtendedNodePart::Split {
                columns,
                normal,
                threshold,
            } => {
                if !threshold.is_finite() {
                    return Err(TreeProblem::Threshold);
                }
                if let Some(feature) = columns.iter().map(|column| *column as usize).max()
                    && feature >= n_features
                {
                    return Err(TreeProblem::Feature {
                        feature,
                        n_features,
                    });
                }
                let is_one = columns.len() == n_coordinates
                    && columns.is_sorted_by(|a, b| a < b)
                    && normal.len() == n_coordinates
                    && normal.iter().all(|coordinate| coordinate.is_finite());
                if !is_one {
                    return Err(TreeProblem::Plane { n_coordinates });
                }
                nodes.push(ExtendedNode::Split {
                    plane: all_normals.len() / n_coordinates,
                    threshold,
                    right: place.right,
                    n_samples: place.n_samples,
                });
                all_columns.extend(columns);
                all_normals.extend(normal);
            }
        }
    }
    Ok(ExtendedTree::new(
        n_coordinates,
        nodes,
        all_columns,
        all_normals,
    ))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::forest::{FeatureMatrix, ForestKind, average_path_length};

    #[test]
    fn nodes_in_their_order_are_the_tree_they_were_taken_from() {
        let forest = forest();
        let again = IsolationForest::try_from_parts(forest.parts()).unwrap();
        assert_eq!(again.parts(), forest.parts());
        for (tree, other) in again.trees().iter().zip(forest.trees()) {
            assert_eq!(tree.nodes(), other.nodes());
        }
        assert_eq!(again.seeds(), forest.seeds());
    }

    #[test]
    fn a_tree_of_two_cuts_can_be_followed_by_hand() {
        // x <= 1 ? 2 rows : (x <= 5 ? 1 row : 3 rows)
        let nodes = vec![cut(0, 1.0), leaf(2), cut(0, 5.0), leaf(1), leaf(3)];
        let forest = IsolationForest::try_from_parts(of(nodes)).unwrap();
        let x = FeatureMatrix::try_new(vec!["a".into()], vec![vec![0.0, 5.0, 6.0]]).unwrap();
        let lengths = [2.0, 2.0, 2.0 + average_path_length(3)];
        assert_eq!(forest.path_lengths(&x).unwrap(), lengths);
        assert_eq!(forest.trees()[0].nodes()[0].n_samples(), 6);
    }

    #[test]
    fn nodes_that_are_no_tree_are_told_apart() {
        let depth = |most| TreeProblem::TooDeep { most };
        let chain = |cuts| {
            let mut nodes = [cut(0, 0.0), leaf(1)].repeat(cuts);
            nodes.push(leaf(1));
            nodes
        };
        for (nodes, expected) in [
            (vec![], TreeProblem::Unfinished),
            (vec![cut(0, 1.0)], TreeProblem::Unfinished),
            (vec![cut(0, 1.0), leaf(1)], TreeProblem::Unfinished),
            (vec![leaf(1), leaf(1)], TreeProblem::Surplus),
            (chain(4), depth(3)), // 8 rows are told apart by 3 cuts of a path
            (vec![leaf(0)], TreeProblem::EmptyLeaf),
            (
                vec![cut(0, f64::NAN), leaf(1), leaf(1)],
                TreeProblem::Threshold,
            ),
            (
                vec![cut(1, 0.0), leaf(1), leaf(1)],
                TreeProblem::Feature {
                    feature: 1,
                    n_features: 1,
                },
            ),
            (
                vec![cut(0, 0.0), leaf(8), leaf(1)],
                TreeProblem::TooManyRows { most: 8 },
            ),
            (
                vec![cut(0, 0.0), leaf(usize::MAX), leaf(usize::MAX)],
                TreeProblem::TooManyRows { most: 8 },
            ),
        ] {
            let error = IsolationForest::try_from_parts(of(nodes)).unwrap_err();
            let expected = PartsError::Tree {
                tree: 0,
                problem: expected,
            };
            assert_eq!(error, expected);
        }
        assert!(IsolationForest::try_from_parts(of(chain(3))).is_ok());
    }

    #[test]
    fn numbers_that_no_forest_has_are_named() {
        let refused = |change: fn(&mut ForestParts)| {
            let mut parts = of(vec![leaf(1)]);
            change(&mut parts);
            let error = IsolationForest::try_from_parts(parts).unwrap_err();
            error.to_string()
        };
        for (change, expected) in [
            (
                (|parts| parts.offset = f64::NAN) as fn(&mut ForestParts),
                "`offset` is NaN, but a score lies between -1 and 0",
            ),
            (
                |parts| parts.max_samples = 0,
                "`max_samples` is 0, but a tree draws one row at least, and 2147483648 at most",
            ),
            (
                |parts| parts.trees = TreeParts::Axis(Vec::new()),
                "there are 0 trees, and `n_estimators` is 1",
            ),
            (
                |parts| parts.feature_names.clear(),
                "the table has no columns, the forest needs at least one",
            ),
            (
                |parts| parts.trees = TreeParts::Axis(vec![vec![leaf(1)]; MOST_TREES + 1]),
                "10001 trees are too many: 10000 at most",
            ),
            (
                |parts| parts.feature_names = vec![String::new(); MOST_FEATURES + 1],
                "10001 columns are too many: 10000 at most",
            ),
        ] {
            assert_eq!(refused(change), expected);
        }
    }

    #[test]
    fn planes_in_their_order_are_the_tree_they_were_taken_from() {
        for extension_level in 0..3 {
            let forest = extended(Some(extension_level));
            let again = IsolationForest::try_from_parts(forest.parts()).unwrap();
            assert_eq!(again, forest);
        }
    }

    #[test]
    fn planes_that_no_forest_has_are_told_apart() {
        let plane = TreeProblem::Plane { n_coordinates: 3 };
        for (columns, normal, threshold, expected) in [
            (
                vec![0, 1, 2],
                vec![1.0; 3],
                f64::NAN,
                TreeProblem::Threshold,
            ),
            (vec![0, 1], vec![1.0; 2], 0.0, plane.clone()),
            (vec![0, 2, 2], vec![1.0; 3], 0.0, plane.clone()),
            (vec![0, 1, 2], vec![1.0, f32::NAN, 1.0], 0.0, plane.clone()),
            (vec![0, 1, 2], vec![1.0; 2], 0.0, plane),
            (
                vec![0, 1, 3],
                vec![1.0; 3],
                0.0,
                TreeProblem::Feature {
                    feature: 3,
                    n_features: 3,
                },
            ),
        ] {
            let mut parts = extended(None).parts();
            let split = ExtendedNodePart::Split {
                columns,
                normal,
                threshold,
            };
            let leaf = ExtendedNodePart::Leaf { n_samples: 0 };
            parts.trees = TreeParts::Extended(vec![vec![split, leaf.clone(), leaf]; 100]);
            let error = IsolationForest::try_from_parts(parts).unwrap_err();
            let expected = PartsError::Tree {
                tree: 0,
                problem: expected,
            };
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn a_forest_of_one_kind_has_no_trees_of_the_other() {
        let (mut axis, mut planes) = (forest().parts(), extended(None).parts());
        std::mem::swap(&mut axis.trees, &mut planes.trees);
        for parts in [axis, planes] {
            assert_eq!(
                IsolationForest::try_from_parts(parts),
                Err(PartsError::Kind)
            );
        }
    }

    fn extended(extension_level: Option<usize>) -> IsolationForest {
        let column = |step: u32| (0..100).map(|i| (i * step % 101) as f32).collect();
        let names = ["a", "b", "c"].map(str::to_owned).into();
        let x = FeatureMatrix::try_new(names, [37, 11, 59].map(column).into()).unwrap();
        let params = IsolationForestParams {
            kind: ForestKind::Extended,
            extension_level,
            ..Default::default()
        };
        IsolationForest::fit(&params, &x).unwrap()
    }

    fn cut(feature: usize, threshold: f64) -> NodePart {
        NodePart::Split {
            feature,
            threshold,
            missing_go_to_left: false,
        }
    }

    fn leaf(n_samples: usize) -> NodePart {
        NodePart::Leaf { n_samples }
    }

    /// A forest of one tree of 8 rows and one column.
    fn of(nodes: Vec<NodePart>) -> ForestParts {
        ForestParts {
            params: IsolationForestParams {
                n_estimators: NonZeroUsize::MIN,
                ..Default::default()
            },
            feature_names: vec!["a".to_owned()],
            max_samples: 8,
            offset: -0.5,
            trees: TreeParts::Axis(vec![nodes]),
        }
    }

    fn forest() -> IsolationForest {
        let column = (0..500).map(|i| (i * 37 % 501) as f32);
        let x = FeatureMatrix::try_new(vec!["a".into()], vec![column.collect()]).unwrap();
        IsolationForest::fit(&IsolationForestParams::default(), &x).unwrap()
    }
}
