//! One tree of an extended isolation forest.

use super::super::path_length::leaf_path_length;

/// A tree of random planes. Nodes are numbered parent first, left before right; node 0 is the root.
///
/// The coordinates of all planes stand one after the other: those of a plane are the `n_coordinates` from its own on.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtendedTree {
    n_coordinates: usize,
    nodes: Vec<ExtendedNode>,
    columns: Vec<u32>,
    normals: Vec<f32>,
    /// The path length of each node that is a leaf.
    path_lengths: Vec<f64>,
}

/// A cut, or the end of a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ExtendedNode {
    /// A row goes left if it is not above the plane. The left child is the next node.
    Split {
        /// The number of the plane among those of the tree.
        plane: usize,
        /// What the sum of a row is compared with.
        threshold: f64,
        /// The number of the right child.
        right: usize,
        /// Distinct training rows that came here.
        n_samples: usize,
    },
    /// No further cut.
    Leaf {
        /// Distinct training rows that came here; none where all lay on the other side of the plane.
        n_samples: usize,
    },
}

/// The rows x of which the sum of `normal` times x, over `columns`, is `threshold`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hyperplane<'a> {
    /// Columns of the training matrix, in ascending order.
    pub columns: &'a [u32],
    /// The normal vector's coordinate in each of them; it is zero in all others.
    pub normal: &'a [f32],
    /// The sum for a row on the plane.
    pub threshold: f64,
}

impl Hyperplane<'_> {
    /// Whether a row lies on the plane or below.
    #[inline]
    pub fn is_left(&self, row: &[f32]) -> bool {
        let value = |i: usize| f64::from(row[self.columns[i] as usize]);
        product(self.normal, value) <= self.threshold
    }
}

/// The sum of `normal` times values. A product of two `f32` is exact in `f64`; four sums run side by side.
#[inline]
pub fn product(normal: &[f32], value: impl Fn(usize) -> f64) -> f64 {
    const LANES: usize = 4;
    let mut sums = [0.0; LANES];
    for (chunk, normal) in normal.chunks(LANES).enumerate() {
        for (lane, (sum, coordinate)) in sums.iter_mut().zip(normal).enumerate() {
            *sum += f64::from(*coordinate) * value(chunk * LANES + lane);
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

impl ExtendedTree {
    /// The tree of these nodes, each split with the number of its plane and each right child in its place.
    pub(in crate::forest) fn new(
        n_coordinates: usize,
        nodes: Vec<ExtendedNode>,
        columns: Vec<u32>,
        normals: Vec<f32>,
    ) -> Self {
        let mut path_lengths = vec![0.0; nodes.len()];
        let mut todo = vec![(0, 0)]; // a node, and the splits above it
        while let Some((number, splits)) = todo.pop() {
            match nodes[number] {
                ExtendedNode::Leaf { n_samples } => {
                    path_lengths[number] = leaf_path_length(splits, n_samples);
                }
                ExtendedNode::Split { right, .. } => {
                    todo.extend([(number + 1, splits + 1), (right, splits + 1)]);
                }
            }
        }
        Self {
            n_coordinates,
            nodes,
            columns,
            normals,
            path_lengths,
        }
    }

    /// All nodes, the root first.
    pub fn nodes(&self) -> &[ExtendedNode] {
        &self.nodes
    }

    /// The plane of a node; `None` for a leaf.
    ///
    /// # Panics
    ///
    /// If there is no node of this number.
    pub fn plane(&self, number: usize) -> Option<Hyperplane<'_>> {
        match self.nodes[number] {
            ExtendedNode::Leaf { .. } => None,
            ExtendedNode::Split {
                plane, threshold, ..
            } => {
                let own = plane * self.n_coordinates..(plane + 1) * self.n_coordinates;
                Some(Hyperplane {
                    columns: &self.columns[own.clone()],
                    normal: &self.normals[own],
                    threshold,
                })
            }
        }
    }

    /// The number of the leaf that a row comes to.
    ///
    /// # Panics
    ///
    /// If the row has fewer values than the training matrix has columns.
    pub fn leaf(&self, row: &[f32]) -> usize {
        let mut number = 0;
        while let ExtendedNode::Split { right, .. } = self.nodes[number] {
            let is_left = self.plane(number).is_some_and(|plane| plane.is_left(row));
            number = if is_left { number + 1 } else { right };
        }
        number
    }

    /// How many cuts set this row apart, and the number still to be expected in its leaf.
    ///
    /// # Panics
    ///
    /// If the row has fewer values than the training matrix has columns.
    pub fn path_length(&self, row: &[f32]) -> f64 {
        self.path_lengths[self.leaf(row)]
    }
}

impl ExtendedNode {
    /// Distinct training rows that came here.
    pub fn n_samples(&self) -> usize {
        match *self {
            Self::Split { n_samples, .. } | Self::Leaf { n_samples } => n_samples,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::average_path_length;

    #[test]
    fn a_row_on_the_diagonal_goes_left_and_one_above_it_right() {
        // x + y <= 1 ? 3 rows : 2 rows
        let tree = stump(&[1.0, 1.0], 1.0, 3, 2);
        assert_eq!(tree.path_length(&[0.5, 0.5]), 1.0 + average_path_length(3));
        assert_eq!(tree.path_length(&[0.5, 0.75]), 1.0 + average_path_length(2));
    }

    #[test]
    fn a_leaf_that_no_training_row_came_to_ends_a_path_with_its_cut() {
        assert_eq!(stump(&[1.0], 0.0, 5, 0).path_length(&[1.0]), 1.0);
    }

    #[test]
    fn a_product_is_the_sum_whatever_its_length() {
        for n in 1..=9_u8 {
            let normal: Vec<f32> = (1..=n).map(f32::from).collect();
            let squares: f64 = (1..=n).map(|i| f64::from(i).powi(2)).sum();
            assert_eq!(product(&normal, |i| f64::from(normal[i])), squares);
        }
    }

    /// One cut through all columns and two leaves.
    fn stump(normal: &[f32], threshold: f64, left: usize, right: usize) -> ExtendedTree {
        let root = ExtendedNode::Split {
            plane: 0,
            threshold,
            right: 2,
            n_samples: left + right,
        };
        let leaf = |n_samples| ExtendedNode::Leaf { n_samples };
        let columns = (0..normal.len() as u32).collect();
        let nodes = vec![root, leaf(left), leaf(right)];
        ExtendedTree::new(normal.len(), nodes, columns, normal.to_vec())
    }
}
