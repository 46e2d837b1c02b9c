//! Growing one tree of random planes.
//!
//! A plane has a normal vector of standard normal coordinates, all but `extension_level + 1` of them zero, and goes through
//! a point drawn uniformly in the box around the rows of its node. So it may have all rows on one side: the other is then a
//! leaf without rows, which sets apart what no training row is like. Rows that are all the same are not cut, as planes
//! tell them from nothing that is there.

use super::super::FeatureMatrix;
use super::super::random::Mt19937;
use super::bounded;
use super::tree::{ExtendedNode, ExtendedTree, Hyperplane, product};

/// The training rows of one tree, one row after the other.
#[derive(Debug, Clone)]
pub struct SampledRows {
    /// The columns the tree drew, as numbered in the training matrix, in ascending order.
    features: Vec<u32>,
    values: Vec<f32>,
}

impl SampledRows {
    /// These rows and columns of the matrix.
    pub fn of(x: &FeatureMatrix, rows: &[usize], mut features: Vec<usize>) -> Self {
        features.sort_unstable();
        let row = |row: &usize| {
            let row = *row;
            let values = features.iter().map(move |feature| x.column(*feature)[row]);
            values.map(bounded)
        };
        Self {
            values: rows.iter().flat_map(row).collect(),
            features: features.iter().map(|feature| *feature as u32).collect(),
        }
    }

    fn row(&self, number: u32) -> &[f32] {
        let n = self.features.len();
        &self.values[number as usize * n..][..n]
    }
}

/// Grows a tree of at most `max_depth` cuts on a path; `seed` starts the generator of its planes.
pub fn grow(
    sample: &SampledRows,
    extension_level: usize,
    max_depth: usize,
    seed: u32,
) -> ExtendedTree {
    let n_features = sample.features.len();
    let mut growing = Growing {
        sample,
        n_coordinates: extension_level + 1,
        max_depth,
        generator: Mt19937::new(seed),
        order: (0..n_features as u32).collect(),
        nodes: Vec::new(),
        columns: Vec::new(),
        normals: Vec::new(),
    };
    let rows = sample.values.len() / n_features;
    growing.node(&(0..rows as u32).collect::<Vec<_>>(), 0);
    ExtendedTree::new(
        growing.n_coordinates,
        growing.nodes,
        growing.columns,
        growing.normals,
    )
}

struct Growing<'a> {
    sample: &'a SampledRows,
    n_coordinates: usize,
    max_depth: usize,
    generator: Mt19937,
    /// The columns of the sample, of which each plane takes the first after some were put there.
    order: Vec<u32>,
    nodes: Vec<ExtendedNode>,
    columns: Vec<u32>,
    normals: Vec<f32>,
}

impl Growing<'_> {
    /// Adds the node of these rows and all below it. At most `max_depth` calls lie within each other.
    fn node(&mut self, rows: &[u32], depth: usize) {
        let n_samples = rows.len();
        if depth == self.max_depth || self.are_the_same(rows) {
            self.nodes.push(ExtendedNode::Leaf { n_samples });
            return;
        }
        let columns = self.columns();
        let normal = self.normal();
        let point = self.point(rows, &columns);
        let plane = Hyperplane {
            columns: &columns,
            normal: &normal,
            threshold: product(&normal, |i| point[i]),
        };
        let sample = self.sample;
        let is_left = |row: &u32| plane.is_left(sample.row(*row));
        let (left, right): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| is_left(row));

        let number = self.nodes.len();
        self.nodes.push(ExtendedNode::Split {
            plane: self.normals.len() / self.n_coordinates,
            threshold: plane.threshold,
            right: 0, // known when all below the left child has come
            n_samples,
        });
        let features = &sample.features;
        let in_table = columns.iter().map(|column| features[*column as usize]);
        self.columns.extend(in_table);
        self.normals.extend(&normal);
        self.node(&left, depth + 1);
        let place = self.nodes.len();
        if let ExtendedNode::Split { right, .. } = &mut self.nodes[number] {
            *right = place;
        }
        self.node(&right, depth + 1);
    }

    /// Whether no plane can be drawn between these rows.
    fn are_the_same(&self, rows: &[u32]) -> bool {
        let mut pairs = rows.array_windows();
        pairs.all(|[a, b]| self.sample.row(*a) == self.sample.row(*b))
    }

    /// The columns of the next plane, as they stand in the sample: each set of so many is as likely.
    fn columns(&mut self) -> Vec<u32> {
        let (n, all) = (self.n_coordinates, self.order.len());
        if n < all {
            for place in 0..n {
                let other = place + self.generator.below(all - place);
                self.order.swap(place, other);
            }
        }
        let mut columns = self.order[..n].to_vec();
        columns.sort_unstable();
        columns
    }

    /// Rounded to `f32`, so that a last bit in which logarithms differ between machines hardly ever makes another forest.
    fn normal(&mut self) -> Vec<f32> {
        let pairs = (0..self.n_coordinates.div_ceil(2)).flat_map(|_| self.generator.next_normals());
        let coordinates = pairs.take(self.n_coordinates);
        coordinates.map(|coordinate| coordinate as f32).collect()
    }

    /// A point of the box around the rows.
    fn point(&mut self, rows: &[u32], columns: &[u32]) -> Vec<f64> {
        let coordinate = |column: &u32| {
            let values = rows
                .iter()
                .map(|row| self.sample.row(*row)[*column as usize]);
            let [low, high] = values
                .fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], value| {
                    [low.min(value), high.max(value)]
                })
                .map(f64::from);
            low + (high - low) * self.generator.next_f64()
        };
        columns.iter().map(coordinate).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_are_set_apart_or_stay_together_with_nobody_beside_them() {
        let mut apart = 0;
        for seed in 0..100 {
            let tree = grow(&sample(&[[0.0, 0.0], [1.0, 1.0]]), 1, 1, seed);
            let [
                ExtendedNode::Split { right: 2, .. },
                ExtendedNode::Leaf { n_samples: left },
                ExtendedNode::Leaf { n_samples: right },
            ] = *tree.nodes()
            else {
                panic!("{tree:?}")
            };
            assert_eq!(left + right, 2);
            apart += usize::from(left == 1);
        }
        assert!((50..100).contains(&apart), "{apart}"); // a plane through the box may pass by both
    }

    #[test]
    fn rows_that_are_the_same_make_a_tree_of_one_leaf() {
        let tree = grow(&sample(&[[3.0, 7.0]; 5]), 1, 3, 1);
        assert_eq!(tree.nodes(), [ExtendedNode::Leaf { n_samples: 5 }]);
        let tree = grow(&sample(&[[3.0, 7.0]]), 1, 3, 1);
        assert_eq!(tree.nodes(), [ExtendedNode::Leaf { n_samples: 1 }]);
    }

    #[test]
    fn infinite_values_are_the_largest_numbers() {
        let rows = [[f32::INFINITY, 0.0], [f32::NEG_INFINITY, 1.0], [0.0, 2.0]];
        let tree = grow(&sample(&rows), 1, 8, 3);
        for number in 0..tree.nodes().len() {
            let threshold = tree.plane(number).map(|plane| plane.threshold);
            assert!(threshold.is_none_or(f64::is_finite), "{tree:?}");
        }
    }

    #[test]
    fn every_row_is_counted_on_one_side_and_paths_end_at_the_depth() {
        let rows: Vec<[f32; 2]> = (0..64_u8)
            .map(|i| [f32::from(i), f32::from(i % 8)])
            .collect();
        let sample = sample(&rows);
        for extension_level in [0, 1] {
            let tree = grow(&sample, extension_level, 4, 9);
            for (number, node) in tree.nodes().iter().enumerate() {
                if let ExtendedNode::Split { right, .. } = *node {
                    let below = [number + 1, right].map(|child| tree.nodes()[child].n_samples());
                    assert_eq!(below[0] + below[1], node.n_samples());
                }
                let normal = tree.plane(number).map(|plane| plane.normal.len());
                assert!(normal.is_none_or(|n| n == extension_level + 1));
            }
            assert!(tree.nodes().len() < 2 << 4);
        }
    }

    #[test]
    fn a_tree_cuts_the_columns_that_it_drew() {
        let columns = (0..5).map(|i| vec![i as f32, 9.0, 2.0]).collect();
        let names = (0..5).map(|i| format!("column_{i}")).collect();
        let x = FeatureMatrix::try_new(names, columns).unwrap();
        let tree = grow(&SampledRows::of(&x, &[0, 1, 2], vec![4, 1]), 1, 2, 0);
        assert_eq!(tree.plane(0).unwrap().columns, [1, 4]);
    }

    fn sample(rows: &[[f32; 2]]) -> SampledRows {
        let column = |i: usize| rows.iter().map(|row| row[i]).collect();
        let names = vec!["a".to_owned(), "b".to_owned()];
        let x = FeatureMatrix::try_new(names, vec![column(0), column(1)]).unwrap();
        let numbers: Vec<usize> = (0..rows.len()).collect();
        SampledRows::of(&x, &numbers, vec![0, 1])
    }
}
