//! A forest taken apart into plain values, and put together again when each of them has been looked at.
//!
//! A tree is the list of its nodes, parent first, left before right. Where the children of a node stand follows from
//! the list, so no list can say that a node is reached twice, or never, or that it hangs below itself. Left out is what
//! scores do not depend on: which columns a tree chose from, and the random targets.

use super::bits::BitForest;
use super::walk::Walk;
use super::{ForestError, IsolationForest, IsolationForestParams, Node, Tree, planting};

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
    /// The nodes of each tree, parent first, left before right.
    pub trees: Vec<Vec<NodePart>>,
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

/// Why nodes are no tree of the forest.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TreeProblem {
    /// A split has no child.
    #[error("its nodes end before it is whole")]
    Unfinished,
    /// It is whole, and more comes.
    #[error("nodes are left over when it is whole")]
    Surplus,
    /// A path with more cuts than rows can be told apart by.
    #[error("it has more than {most} cuts on a path")]
    TooDeep {
        /// How many a path may have.
        most: usize,
    },
    /// A cut of a column that the forest does not know.
    #[error("it cuts column {feature}, and there are {n_features}, counted from 0")]
    Feature {
        /// The column.
        feature: usize,
        /// How many there are.
        n_features: usize,
    },
    /// A cut that no value can be compared with.
    #[error("a threshold is not a number")]
    Threshold,
    /// A leaf that no row came to.
    #[error("a leaf has no rows")]
    EmptyLeaf,
    /// More rows came to its leaves than it drew.
    #[error("its leaves have more than {most} rows together")]
    TooManyRows {
        /// Rows each tree drew.
        most: usize,
    },
}

impl IsolationForest {
    /// What scores depend on.
    pub fn parts(&self) -> ForestParts {
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
        let nodes = |tree: &Tree| tree.nodes().iter().map(part).collect();
        ForestParts {
            params: self.params.clone(),
            feature_names: self.feature_names.clone(),
            max_samples: self.max_samples,
            offset: self.offset,
            trees: self.trees.iter().map(nodes).collect(),
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
            n_features,
            max_samples,
            max_depth,
        };
        let tree = |(number, nodes): (usize, Vec<NodePart>)| {
            let made = limits.tree(&nodes);
            made.map_err(|problem| PartsError::Tree {
                tree: number,
                problem,
            })
        };
        let trees = parts.trees.into_iter().enumerate().map(tree);
        let trees: Vec<Tree> = trees.collect::<Result<_, _>>()?;
        Ok(Self {
            seeds: planting::seeds(&parts.params),
            params: parts.params,
            feature_names: parts.feature_names,
            max_samples,
            max_features,
            max_depth,
            walk: Walk::new(&trees),
            bits: BitForest::new(&trees),
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

/// What a tree of the forest may be.
struct Limits {
    n_features: usize,
    max_samples: usize,
    max_depth: usize,
}

impl Limits {
    /// The tree of these nodes.
    fn tree(&self, parts: &[NodePart]) -> Result<Tree, TreeProblem> {
        let mut nodes = Vec::with_capacity(parts.len());
        let mut open = Vec::new(); // splits whose right child is still to come, each with its depth
        let mut depth = 0;
        for (number, part) in parts.iter().enumerate() {
            match nodes.last() {
                None => {}
                Some(Node::Split { .. }) => depth += 1,
                Some(Node::Leaf { .. }) => {
                    let (parent, above) = open.pop().ok_or(TreeProblem::Surplus)?;
                    if let Some(Node::Split { right, .. }) = nodes.get_mut(parent) {
                        *right = number;
                    }
                    depth = above + 1;
                }
            }
            if depth > self.max_depth {
                return Err(TreeProblem::TooDeep {
                    most: self.max_depth,
                });
            }
            nodes.push(self.node(*part)?);
            if matches!(part, NodePart::Split { .. }) {
                open.push((number, depth));
            }
        }
        if !open.is_empty() || nodes.is_empty() {
            return Err(TreeProblem::Unfinished);
        }
        self.count_rows(&mut nodes)?;
        Ok(Tree {
            features: Vec::new(),
            nodes,
            targets: Vec::new(),
        })
    }

    fn node(&self, part: NodePart) -> Result<Node, TreeProblem> {
        match part {
            NodePart::Leaf { n_samples: 0 } => Err(TreeProblem::EmptyLeaf),
            NodePart::Leaf { n_samples } => Ok(Node::Leaf { n_samples }),
            NodePart::Split { threshold, .. } if threshold.is_nan() => Err(TreeProblem::Threshold),
            NodePart::Split { feature, .. } if feature >= self.n_features => {
                Err(TreeProblem::Feature {
                    feature,
                    n_features: self.n_features,
                })
            }
            NodePart::Split {
                feature,
                threshold,
                missing_go_to_left,
            } => Ok(Node::Split {
                feature,
                threshold,
                missing_go_to_left,
                right: 0,
                n_samples: 0,
            }),
        }
    }

    /// A row that comes to a split comes to one of its sides. Children stand after their parent.
    fn count_rows(&self, nodes: &mut [Node]) -> Result<(), TreeProblem> {
        for number in (0..nodes.len()).rev() {
            let below = match nodes[number] {
                Node::Leaf { n_samples } => n_samples,
                Node::Split { right, .. } => nodes[number + 1]
                    .n_samples()
                    .saturating_add(nodes[right].n_samples()),
            };
            if below > self.max_samples {
                return Err(TreeProblem::TooManyRows {
                    most: self.max_samples,
                });
            }
            if let Node::Split { n_samples, .. } = &mut nodes[number] {
                *n_samples = below;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::forest::{FeatureMatrix, average_path_length};

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
                |parts| parts.trees.clear(),
                "there are 0 trees, and `n_estimators` is 1",
            ),
            (
                |parts| parts.feature_names.clear(),
                "the table has no columns, the forest needs at least one",
            ),
            (
                |parts| parts.trees = vec![vec![leaf(1)]; MOST_TREES + 1],
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
            trees: vec![nodes],
        }
    }

    fn forest() -> IsolationForest {
        let column = (0..500).map(|i| (i * 37 % 501) as f32);
        let x = FeatureMatrix::try_new(vec!["a".into()], vec![column.collect()]).unwrap();
        IsolationForest::fit(&IsolationForestParams::default(), &x).unwrap()
    }
}
