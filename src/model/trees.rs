//! The trees of a model as they are written, of either format.

use serde::{Deserialize, Serialize};

use super::number::{Number, Single};
use crate::forest::{ExtendedNodePart, NodePart};

/// The nodes of a tree, parent first, left before right. `feature` has an entry for each node, null for a leaf;
/// `threshold` and `missing_go_to_left` have one for each split, and `n_samples` for each leaf, in their order.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct TreeDocument {
    feature: Vec<Option<u32>>,
    threshold: Vec<Number>,
    missing_go_to_left: Vec<bool>,
    n_samples: Vec<usize>,
}

impl TreeDocument {
    pub fn of(nodes: &Vec<NodePart>) -> Self {
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
    pub fn into_nodes(self) -> Option<Vec<NodePart>> {
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

/// The nodes of an extended tree, in the same order. `threshold` has an entry for each node, null for a leaf, and
/// `n_samples` one for each leaf. `normal` has as many entries for each split as any other, and `column` says of which
/// columns they are; it is empty where each split has all columns.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct ExtendedTreeDocument {
    threshold: Vec<Option<Number>>,
    column: Vec<u32>,
    normal: Vec<Single>,
    n_samples: Vec<usize>,
}

impl ExtendedTreeDocument {
    /// `n_features` are the columns of the forest.
    pub fn of(nodes: &Vec<ExtendedNodePart>, n_features: usize) -> Self {
        let mut tree = Self::default();
        for node in nodes {
            match node {
                ExtendedNodePart::Leaf { n_samples } => {
                    tree.threshold.push(None);
                    tree.n_samples.push(*n_samples);
                }
                ExtendedNodePart::Split {
                    columns,
                    normal,
                    threshold,
                } => {
                    tree.threshold.push(Some(Number(*threshold)));
                    tree.normal.extend(normal.iter().copied().map(Single));
                    if columns.len() < n_features {
                        tree.column.extend(columns);
                    }
                }
            }
        }
        tree
    }

    /// The nodes; `None` where an entry is missing or left over.
    pub fn into_nodes(self) -> Option<Vec<ExtendedNodePart>> {
        let splits = self.threshold.iter().flatten().count();
        let n_coordinates = self.normal.len().checked_div(splits).unwrap_or(0);
        let has_all = self.column.is_empty();
        if self.normal.len() != splits * n_coordinates
            || !(has_all || self.column.len() == self.normal.len())
        {
            return None;
        }
        let mut columns = self.column.into_iter();
        let mut normals = self.normal.into_iter().map(|Single(number)| number);
        let mut leaves = self.n_samples.into_iter();
        let node = |threshold: Option<Number>| match threshold {
            None => Some(ExtendedNodePart::Leaf {
                n_samples: leaves.next()?,
            }),
            Some(Number(threshold)) => Some(ExtendedNodePart::Split {
                columns: match has_all {
                    true => (0..n_coordinates as u32).collect(),
                    false => columns.by_ref().take(n_coordinates).collect(),
                },
                normal: normals.by_ref().take(n_coordinates).collect(),
                threshold,
            }),
        };
        let nodes = self.threshold.into_iter().map(node).collect::<Option<_>>();
        nodes.filter(|_| leaves.next().is_none())
    }
}
