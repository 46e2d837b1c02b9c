//! Growing one tree, draw for draw as scikit-learn's `ExtraTreeRegressor` with one random cut.
//!
//! The order matters three times: nodes are taken depth first, left before right, because they share
//! a generator; columns are shuffled in place from node to node; and rows keep the order in which
//! splits left them, because sums of targets are added in that order.

use super::cut::{Columns, Range};
use super::random::XorShift;
use super::tree::{Node, NodeTargets, Tree};

/// Targets that vary no more than this are not told apart.
const PURE: f64 = f64::EPSILON;

/// The training rows of one tree: each distinct row once, in the order of the training matrix.
#[derive(Debug, Clone)]
pub struct TrainingRows {
    /// The columns the tree drew, as numbered in the training matrix.
    pub features: Vec<usize>,
    /// The values of each of them.
    pub columns: Vec<Vec<f32>>,
    /// How often each row was drawn.
    pub weights: Vec<f64>,
    /// The random target of each row.
    pub targets: Vec<f64>,
}

/// A node on its way to be built: rows, depth, and what its parent found out.
struct Pending {
    rows: Range,
    depth: usize,
    /// The parent, if this is its right child.
    right_child_of: Option<usize>,
    impurity: f64,
    known_constants: usize,
}

/// Sums over the rows of a node, in their current order.
#[derive(Default)]
struct Sums {
    weight: f64,
    target: f64,
    square: f64,
}

impl Sums {
    fn impurity(&self) -> f64 {
        let mean = self.target / self.weight;
        self.square / self.weight - mean * mean
    }
}

/// Grows a tree of at most `max_depth` cuts on a path; `seed` starts the generator of its cuts.
pub fn grow(training: &TrainingRows, max_depth: usize, seed: u32) -> Tree {
    let mut generator = XorShift::new(seed);
    let mut columns = Columns::new(&training.columns, training.weights.len());
    let mut nodes = Vec::new();
    let mut targets = Vec::new();

    let all = 0..training.weights.len();
    let mut stack = vec![Pending {
        impurity: sums(training, columns.rows(&all)).impurity(),
        rows: all,
        depth: 0,
        right_child_of: None,
        known_constants: 0,
    }];
    while let Some(node) = stack.pop() {
        let number = nodes.len();
        if let Some(Node::Split { right, .. }) =
            node.right_child_of.and_then(|parent| nodes.get_mut(parent))
        {
            *right = number;
        }
        let n_samples = node.rows.len();
        let before = sums(training, columns.rows(&node.rows)); // a cut changes the order
        targets.push(NodeTargets {
            weighted_n_samples: before.weight,
            impurity: node.impurity,
        });

        let may_split = node.depth < max_depth && n_samples > 1 && node.impurity > PURE;
        let (cut, known_constants) = if may_split {
            columns.cut(&node.rows, node.known_constants, &mut generator)
        } else {
            (None, node.known_constants)
        };
        let Some(cut) = cut else {
            nodes.push(Node::Leaf { n_samples });
            continue;
        };
        nodes.push(Node::Split {
            feature: training.features[cut.column],
            threshold: cut.threshold,
            missing_go_to_left: cut.missing_go_to_left,
            right: 0, // known when the right child is taken off the stack
            n_samples,
        });

        let (left, right) = children(training, &before, &columns, &node.rows, cut.middle);
        let child = |rows, impurity, right_child_of| Pending {
            rows,
            depth: node.depth + 1,
            right_child_of,
            impurity,
            known_constants,
        };
        stack.push(child(
            cut.middle..node.rows.end,
            right.impurity(),
            Some(number),
        ));
        stack.push(child(node.rows.start..cut.middle, left.impurity(), None));
    }
    Tree {
        features: training.features.clone(),
        nodes,
        targets,
    }
}

fn sums(training: &TrainingRows, rows: &[u32]) -> Sums {
    let mut sums = Sums::default();
    for &row in rows {
        let (weight, target) = (
            training.weights[row as usize],
            training.targets[row as usize],
        );
        sums.weight += weight;
        sums.target += weight * target;
        sums.square += weight * target * target;
    }
    sums
}

/// The sums of both children. Only the smaller side is added up, the other is what remains, and the
/// squares are always added up on the left: these are scikit-learn's roundings.
fn children(
    training: &TrainingRows,
    parent: &Sums,
    columns: &Columns,
    rows: &Range,
    middle: usize,
) -> (Sums, Sums) {
    let (left_rows, right_rows) = (rows.start..middle, middle..rows.end);
    let mut left = sums(training, columns.rows(&left_rows));
    if left_rows.len() > right_rows.len() {
        (left.weight, left.target) = (parent.weight, parent.target);
        for &row in columns.rows(&right_rows).iter().rev() {
            let weight = training.weights[row as usize];
            left.weight -= weight;
            left.target -= weight * training.targets[row as usize];
        }
    }
    let right = Sums {
        weight: parent.weight - left.weight,
        target: parent.target - left.target,
        square: parent.square - left.square,
    };
    (left, right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_are_set_apart_by_one_cut_between_them() {
        let tree = grow(&rows(vec![3.0, 5.0], vec![0.1, 0.9]), 1, 1);
        let [
            Node::Split {
                threshold,
                right: 2,
                n_samples: 2,
                ..
            },
            Node::Leaf { n_samples: 1 },
            Node::Leaf { n_samples: 1 },
        ] = tree.nodes()
        else {
            panic!("{tree:?}")
        };
        assert!((3.0..5.0).contains(threshold));
    }

    #[test]
    fn a_tree_is_no_deeper_than_allowed() {
        let values: Vec<f32> = (0..8).map(|i| i as f32).collect();
        let targets: Vec<f64> = (0..8).map(|i| f64::from(i) / 8.0).collect();
        let tree = grow(&rows(values.clone(), targets), 2, 1);
        for value in values {
            assert!(tree.leaf(&[value]).1 <= 2);
        }
    }

    #[test]
    fn rows_with_equal_targets_are_not_split() {
        let tree = grow(&rows(vec![3.0, 5.0], vec![0.25, 0.25]), 1, 1);
        assert_eq!(tree.nodes(), [Node::Leaf { n_samples: 2 }]);
    }

    #[test]
    fn constant_columns_make_a_tree_of_one_leaf() {
        let tree = grow(&rows(vec![7.0; 5], vec![0.1, 0.2, 0.3, 0.4, 0.5]), 3, 1);
        assert_eq!(tree.nodes(), [Node::Leaf { n_samples: 5 }]);
        assert_eq!(tree.targets()[0].weighted_n_samples, 5.0);
    }

    fn rows(column: Vec<f32>, targets: Vec<f64>) -> TrainingRows {
        TrainingRows {
            features: vec![0],
            weights: vec![1.0; column.len()],
            columns: vec![column],
            targets,
        }
    }
}
