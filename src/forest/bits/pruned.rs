//! A tree without the cuts that change no path length.
//!
//! Two leaves under one split are one leaf if their path lengths have the same bits. A split of two
//! rows into one and one always is such a split, so about a fifth of all splits go.

use crate::forest::path_length::leaf_path_length;
use crate::forest::tree::{Node, Tree};
use crate::forest::walk::round_down;

/// The splits that are left, parents before children. Children of split 0 hang on `root`.
#[derive(Debug, PartialEq)]
pub struct PrunedTree {
    /// Where a row starts.
    pub root: Branch,
    /// Each after its parent.
    pub splits: Vec<Split>,
}

/// What hangs on a side of a split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Branch {
    /// The number of a split.
    Split(usize),
    /// The path length of a leaf.
    Leaf(f64),
}

/// A cut: a value above the threshold goes right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// The column of the matrix.
    pub feature: usize,
    /// The largest `f32` not above the split's own threshold, never −0.0.
    pub threshold: f32,
    /// The side of values up to the threshold.
    pub left: Branch,
    /// The side of values above it.
    pub right: Branch,
}

impl PrunedTree {
    /// What is left of this tree.
    pub fn new(tree: &Tree) -> Self {
        let nodes = tree.nodes();
        let mut depths = vec![0; nodes.len()];
        for (number, node) in nodes.iter().enumerate() {
            if let Node::Split { right, .. } = *node {
                depths[number + 1] = depths[number] + 1;
                depths[right] = depths[number] + 1;
            }
        }
        // Children come after their parent, so going backwards they are known before it.
        let mut branches = vec![Branch::Leaf(0.0); nodes.len()];
        let mut splits = Vec::new();
        for (number, node) in nodes.iter().enumerate().rev() {
            branches[number] = match *node {
                Node::Leaf { n_samples } => {
                    Branch::Leaf(leaf_path_length(depths[number], n_samples))
                }
                Node::Split {
                    feature,
                    threshold,
                    right,
                    ..
                } => match (branches[number + 1], branches[right]) {
                    (Branch::Leaf(a), Branch::Leaf(b)) if a.to_bits() == b.to_bits() => {
                        Branch::Leaf(a)
                    }
                    (left, right) => {
                        splits.push(Split {
                            feature,
                            threshold: round_down(threshold) + 0.0,
                            left,
                            right,
                        });
                        Branch::Split(splits.len() - 1)
                    }
                },
            };
        }
        Self::parents_first(branches[0], splits)
    }

    /// Renumbers splits that stand in the opposite order.
    fn parents_first(root: Branch, mut splits: Vec<Split>) -> Self {
        let last = splits.len().wrapping_sub(1);
        let renumbered = |branch| match branch {
            Branch::Split(number) => Branch::Split(last - number),
            leaf @ Branch::Leaf(_) => leaf,
        };
        splits.reverse();
        for split in &mut splits {
            split.left = renumbered(split.left);
            split.right = renumbered(split.right);
        }
        Self {
            root: renumbered(root),
            splits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::tree::tests::stump;

    #[test]
    fn equal_leaves_of_a_split_are_one_leaf() {
        let tree = PrunedTree::new(&stump(1.5, 1, 1));
        assert_eq!(tree.root, Branch::Leaf(1.0));
        assert_eq!(tree.splits, []);
    }

    #[test]
    fn unequal_leaves_stay() {
        let tree = PrunedTree::new(&stump(-1e-50, 1, 2)); // −1e-50 lies between −1e-45 and −0.0
        assert_eq!(tree.root, Branch::Split(0));
        let split = Split {
            feature: 0,
            threshold: 0.0_f32.next_down(),
            left: Branch::Leaf(1.0),
            right: Branch::Leaf(2.0),
        };
        assert_eq!(tree.splits, [split]);
    }
}
