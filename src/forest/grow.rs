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
    /// Exact in whatever order it was added up, as the weights of rows are whole numbers.
    weight: f64,
    impurity: f64,
    known_constants: usize,
}

/// Sums over the rows of a node, in their current order; or what one row adds to them.
#[derive(Clone, Copy)]
struct Sums {
    weight: f64,
    target: f64,
    square: f64,
}

impl Sums {
    fn of_row(weight: f64, target: f64) -> Self {
        Self {
            weight,
            target: weight * target,
            square: weight * target * target,
        }
    }

    // Inlined into a long function, the sums would lie in memory.
    #[inline(never)]
    fn of(terms: &[Self], rows: &[u32]) -> Self {
        let (mut weight, mut target, mut square) = (0.0, 0.0, 0.0);
        for row in rows {
            let term = &terms[*row as usize];
            weight += term.weight;
            target += term.target;
            square += term.square;
        }
        Self {
            weight,
            target,
            square,
        }
    }

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

    let pairs = training.weights.iter().zip(&training.targets);
    let terms: Vec<Sums> = pairs.map(|(w, t)| Sums::of_row(*w, *t)).collect();
    let all = 0..terms.len();
    let sums = Sums::of(&terms, columns.rows(&all));
    let mut stack = vec![Pending {
        weight: sums.weight,
        impurity: sums.impurity(),
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
        targets.push(NodeTargets {
            weighted_n_samples: node.weight,
            impurity: node.impurity,
        });
        let may_split = node.depth < max_depth && n_samples > 1 && node.impurity > PURE;
        if !may_split {
            nodes.push(Node::Leaf { n_samples });
            continue;
        }

        let before = Sums::of(&terms, columns.rows(&node.rows)); // a cut changes the order
        let (cut, known_constants) = columns.cut(&node.rows, node.known_constants, &mut generator);
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

        let (left, right) = columns
            .rows(&node.rows)
            .split_at(cut.middle - node.rows.start);
        let (left, right) = children(&terms, &before, left, right);
        let child = |rows, sums: Sums, right_child_of| Pending {
            rows,
            depth: node.depth + 1,
            right_child_of,
            weight: sums.weight,
            impurity: sums.impurity(),
            known_constants,
        };
        stack.push(child(cut.middle..node.rows.end, right, Some(number)));
        stack.push(child(node.rows.start..cut.middle, left, None));
    }
    Tree {
        features: training.features.clone(),
        nodes,
        targets,
    }
}

/// The sums of both children. Only the smaller side is added up, the other is what remains, and the
/// squares are always added up on the left: these are scikit-learn's roundings.
#[inline(never)] // for the same reason as `Sums::of`
fn children(terms: &[Sums], parent: &Sums, left_rows: &[u32], right_rows: &[u32]) -> (Sums, Sums) {
    let mut left = Sums::of(terms, left_rows);
    if left_rows.len() > right_rows.len() {
        (left.weight, left.target) = (parent.weight, parent.target);
        for row in right_rows.iter().rev() {
            left.weight -= terms[*row as usize].weight;
            left.target -= terms[*row as usize].target;
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
        let tree = tree(vec![3.0, 5.0], vec![0.1, 0.9], 1);
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
        let tree = tree(values.clone(), targets, 2);
        for value in values {
            assert!(tree.leaf(&[value]).1 <= 2);
        }
    }

    #[test]
    fn rows_with_equal_targets_are_not_split() {
        let tree = tree(vec![3.0, 5.0], vec![0.25, 0.25], 1);
        assert_eq!(tree.nodes(), [Node::Leaf { n_samples: 2 }]);
    }

    #[test]
    fn constant_columns_make_a_tree_of_one_leaf() {
        let tree = tree(vec![7.0; 5], vec![0.1, 0.2, 0.3, 0.4, 0.5], 3);
        assert_eq!(tree.nodes(), [Node::Leaf { n_samples: 5 }]);
        assert_eq!(tree.targets()[0].weighted_n_samples, 5.0);
    }

    /// The tree of seed 1 that grows on one column.
    fn tree(column: Vec<f32>, targets: Vec<f64>, max_depth: usize) -> Tree {
        let training = TrainingRows {
            features: vec![0],
            weights: vec![1.0; column.len()],
            columns: vec![column],
            targets,
        };
        grow(&training, max_depth, 1)
    }
}
