//! One isolation tree, as scikit-learn describes it.

use super::path_length::leaf_path_length;

/// A tree of random cuts. Nodes are numbered parent first, left before right; node 0 is the root.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    pub(super) features: Vec<usize>,
    pub(super) nodes: Vec<Node>,
    pub(super) targets: Vec<NodeTargets>,
}

/// A cut, or the end of a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A row goes left if its value is not above the threshold. The left child is the next node.
    Split {
        /// The column of the training matrix.
        feature: usize,
        /// Compared in `f64`, though the rows are `f32`.
        threshold: f64,
        /// Where a missing value goes.
        missing_go_to_left: bool,
        /// The number of the right child.
        right: usize,
        /// Distinct training rows that came here.
        n_samples: usize,
    },
    /// No further cut.
    Leaf {
        /// Distinct training rows that came here.
        n_samples: usize,
    },
}

/// What scikit-learn keeps of a node's random targets. Scores do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodeTargets {
    /// Training rows, a row drawn twice counting twice.
    pub weighted_n_samples: f64,
    /// The variance of their targets.
    pub impurity: f64,
}

impl Node {
    /// Distinct training rows that came here.
    pub fn n_samples(&self) -> usize {
        match *self {
            Self::Split { n_samples, .. } | Self::Leaf { n_samples } => n_samples,
        }
    }
}

impl Tree {
    /// The columns the tree chose its cuts from, in the order drawn; none in a forest that was put together of its parts.
    pub fn features(&self) -> &[usize] {
        &self.features
    }

    /// All nodes, the root first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The targets of each node; none in a forest that was put together of its parts.
    pub fn targets(&self) -> &[NodeTargets] {
        &self.targets
    }

    /// The number of the leaf a row comes to, and the splits it passes.
    ///
    /// # Panics
    ///
    /// If the row has fewer values than the training matrix has columns.
    pub fn leaf(&self, row: &[f32]) -> (usize, usize) {
        let mut number = 0;
        let mut splits = 0;
        loop {
            match self.nodes[number] {
                Node::Leaf { .. } => return (number, splits),
                Node::Split {
                    feature,
                    threshold,
                    missing_go_to_left,
                    right,
                    ..
                } => {
                    let value = row[feature];
                    let left = if value.is_nan() {
                        missing_go_to_left
                    } else {
                        f64::from(value) <= threshold
                    };
                    number = if left { number + 1 } else { right };
                    splits += 1;
                }
            }
        }
    }

    /// How many cuts set this row apart, and the number still to be expected in its leaf.
    ///
    /// # Panics
    ///
    /// If the row has fewer values than the training matrix has columns.
    pub fn path_length(&self, row: &[f32]) -> f64 {
        let (leaf, splits) = self.leaf(row);
        leaf_path_length(splits, self.nodes[leaf].n_samples())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::forest::average_path_length;

    #[test]
    fn path_length_adds_the_unbuilt_part_of_the_leaf() {
        let tree = stump(1.5, 10, 20); // x <= 1.5 ? 10 rows : 20 rows
        assert_eq!(
            tree.path_length(&[1.0]),
            2.0 + average_path_length(10) - 1.0
        );
        assert_eq!(
            tree.path_length(&[2.0]),
            2.0 + average_path_length(20) - 1.0
        );
    }

    #[test]
    fn a_value_on_the_threshold_goes_left() {
        assert_eq!(stump(1.5, 1, 1).leaf(&[1.5]), (1, 1));
    }

    #[test]
    fn a_threshold_between_two_floats_is_not_rounded() {
        // The next f32 above 1 is 1 + 2⁻²³; the threshold lies a quarter of the way.
        let tree = stump(1.0 + f64::from(f32::EPSILON) / 4.0, 1, 1);
        assert_eq!(tree.leaf(&[1.0]).0, 1);
        assert_eq!(tree.leaf(&[1.0 + f32::EPSILON]).0, 2);
    }

    #[test]
    fn a_missing_value_goes_where_the_split_says() {
        assert_eq!(stump(1.5, 1, 1).leaf(&[f32::NAN]).0, 2);
        let mut tree = stump(1.5, 1, 1);
        if let Node::Split {
            missing_go_to_left, ..
        } = &mut tree.nodes[0]
        {
            *missing_go_to_left = true;
        }
        assert_eq!(tree.leaf(&[f32::NAN]).0, 1);
    }

    /// One cut of column 0 and two leaves; missing values go right.
    pub fn stump(threshold: f64, left: usize, right: usize) -> Tree {
        let root = Node::Split {
            feature: 0,
            threshold,
            missing_go_to_left: false,
            right: 2,
            n_samples: left + right,
        };
        Tree {
            features: vec![0],
            nodes: vec![
                root,
                Node::Leaf { n_samples: left },
                Node::Leaf { n_samples: right },
            ],
            targets: vec![],
        }
    }
}
