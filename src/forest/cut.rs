//! Choosing one random cut: a column that is not constant, and a threshold between its ends.

use std::hint::select_unpredictable;

use super::random::XorShift;

/// A stretch of the rows of a tree.
pub type Range = std::ops::Range<usize>;

/// A spread up to this is taken as constant, in `f32` as scikit-learn has it.
const CONSTANT_SPREAD: f32 = 1e-7;

/// A cut that leaves rows on both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Cut {
    /// The column, as numbered in the tree.
    pub column: usize,
    /// Rows up to and with this value went left.
    pub threshold: f64,
    /// Where missing values go.
    pub missing_go_to_left: bool,
    /// The first row of the right side.
    pub middle: usize,
}

/// The columns of a tree's training rows, and the two orders that change from cut to cut.
pub struct Columns<'a> {
    columns: &'a [Vec<f32>],
    /// The rows, so ordered that each node has a stretch of its own.
    rows: Vec<u32>,
    /// The values of one column, in the order of `rows`.
    values: Vec<f32>,
    /// Whether each goes left of the cut.
    goes_left: Vec<bool>,
    /// The rows in the order in which a cut leaves them.
    divided: Vec<u32>,
    /// The columns in the order they are drawn from: known constants, then the others.
    order: Vec<usize>,
    /// The constant columns of the nodes above, in the order they were found.
    constants: Vec<usize>,
}

/// What one column holds in one node.
struct Scan {
    low: f32,
    high: f32,
    missing: usize,
}

impl<'a> Columns<'a> {
    /// Columns of `n_samples` values each, in the order they came.
    pub fn new(columns: &'a [Vec<f32>], n_samples: usize) -> Self {
        Self {
            columns,
            rows: (0..n_samples as u32).collect(),
            values: vec![0.0; n_samples],
            goes_left: vec![false; n_samples],
            divided: vec![0; n_samples],
            order: (0..columns.len()).collect(),
            constants: vec![0; columns.len()],
        }
    }

    /// The rows of a node.
    pub fn rows(&self, range: &Range) -> &[u32] {
        &self.rows[range.clone()]
    }

    /// Draws columns until one is not constant and cuts there. `None` if all are constant, or if the
    /// cut has an empty side. Also says how many columns are now known to be constant.
    ///
    /// `order` holds, from the front: constants known from above and drawn again, other known
    /// constants, constants found here, columns not looked at, and from `end` the column cut.
    pub fn cut(
        &mut self,
        node: &Range,
        known: usize,
        generator: &mut XorShift,
    ) -> (Option<Cut>, usize) {
        let (mut drawn, mut found) = (0, 0);
        let mut end = self.order.len();
        let mut cut = None;
        while end > known + found {
            let mut place = generator.integer(drawn, end - found);
            if place < known {
                self.order.swap(drawn, place);
                drawn += 1;
                continue;
            }
            place += found;
            let column = self.order[place];
            let scan = self.scan(node, column);
            if scan.is_constant(node.len()) {
                self.order.swap(place, known + found);
                found += 1;
                continue;
            }
            end -= 1;
            self.order.swap(end, place);
            cut = self.cut_column(node, column, &scan, generator);
            break; // scikit-learn tries one column only, whether or not the cut holds
        }
        // The children expect the known constants in the order in which they were found.
        self.order[..known].copy_from_slice(&self.constants[..known]);
        let new = known..known + found;
        self.constants[new.clone()].copy_from_slice(&self.order[new]);
        (cut, known + found)
    }

    fn cut_column(
        &mut self,
        node: &Range,
        column: usize,
        scan: &Scan,
        generator: &mut XorShift,
    ) -> Option<Cut> {
        let (low, high) = (f64::from(scan.low), f64::from(scan.high));
        let mut threshold = generator.uniform(low, high);
        // Drawn only if a value is missing: without one, the generator must not move.
        let missing_left = scan.missing > 0 && generator.integer(0, 2) == 1;
        if threshold == high {
            threshold = low;
        }
        let middle = self.partition(node, threshold, missing_left);
        // Between infinities lies no number to compare with; scikit-learn refuses them.
        if threshold.is_nan() || middle == node.start || middle == node.end {
            return None;
        }
        let missing_go_to_left = if scan.missing > 0 {
            missing_left
        } else {
            middle - node.start > node.end - middle // with the larger side
        };
        Some(Cut {
            column,
            threshold,
            missing_go_to_left,
            middle,
        })
    }

    /// Reads a column of a node into `values`.
    fn scan(&mut self, node: &Range, column: usize) -> Scan {
        let column = &self.columns[column];
        let mut scan = Scan {
            low: f32::INFINITY,
            high: f32::NEG_INFINITY,
            missing: 0,
        };
        let rows = &self.rows[node.clone()];
        for (value, row) in self.values[node.clone()].iter_mut().zip(rows) {
            *value = column[*row as usize];
            // Comparisons with NaN are false.
            if *value < scan.low {
                scan.low = *value;
            }
            if *value > scan.high {
                scan.high = *value;
            }
            scan.missing += usize::from(value.is_nan());
        }
        scan
    }

    /// Moves the rows that go left to the front; returns where the others start.
    ///
    /// As scikit-learn does it: a row that goes right changes places with the last one not looked at,
    /// which is looked at next. Half of the guesses at where a row goes would be wrong, so there is no
    /// branch.
    fn partition(&mut self, node: &Range, threshold: f64, missing_left: bool) -> usize {
        let goes_left = &mut self.goes_left[node.clone()];
        for (left, value) in goes_left.iter_mut().zip(&self.values[node.clone()]) {
            *left = (f64::from(*value) <= threshold) | (missing_left & value.is_nan());
        }
        let rows = &mut self.rows[node.clone()];
        let divided = &mut self.divided[node.clone()];
        let (mut front, mut back, mut next) = (0, rows.len(), 0);
        for _ in 0..rows.len() {
            let left = goes_left[next];
            back -= usize::from(!left);
            divided[select_unpredictable(left, front, back)] = rows[next];
            front += usize::from(left);
            next = select_unpredictable(left, front, back);
        }
        rows.copy_from_slice(divided);
        node.start + front
    }
}

impl Scan {
    fn is_constant(&self, n_samples: usize) -> bool {
        self.missing == n_samples || (self.missing == 0 && self.high <= self.low + CONSTANT_SPREAD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_leaves_smaller_values_left_and_larger_ones_right() {
        let columns = [vec![9.0, 1.0, 8.0, 2.0]];
        let mut tree = Columns::new(&columns, 4);
        let (cut, constants) = tree.cut(&(0..4), 0, &mut XorShift::new(5));
        let cut = cut.unwrap();
        assert_eq!(constants, 0);
        for (i, row) in tree.rows.iter().enumerate() {
            let left = f64::from(columns[0][*row as usize]) <= cut.threshold;
            assert_eq!(left, i < cut.middle);
        }
    }

    #[test]
    fn a_row_that_goes_right_changes_places_with_the_last_one_not_looked_at() {
        let columns = [vec![9.0, 1.0, 8.0, 2.0]];
        let mut tree = Columns::new(&columns, 4);
        tree.scan(&(0..4), 0);
        // 9 goes right, in place of 2, which goes left; 1 goes left; 8 goes right, where it is.
        assert_eq!(tree.partition(&(0..4), 5.0, false), 2);
        assert_eq!(tree.rows, [3, 1, 2, 0]);
    }

    #[test]
    fn constant_columns_are_passed_over_and_remembered() {
        let columns = [vec![4.0; 3], vec![1.0, 2.0, 3.0], vec![5.0; 3]];
        for seed in 1..50 {
            let mut tree = Columns::new(&columns, 3);
            let (cut, constants) = tree.cut(&(0..3), 0, &mut XorShift::new(seed));
            assert_eq!(cut.unwrap().column, 1, "seed {seed}");
            assert!(constants <= 2);
            let known = &tree.order[..constants];
            assert!(!known.contains(&1) && known == &tree.constants[..constants]);
        }
    }

    #[test]
    fn when_all_columns_are_known_to_be_constant_nothing_is_drawn() {
        let columns = [vec![4.0; 3]];
        let mut tree = Columns::new(&columns, 3);
        let mut generator = XorShift::new(1);
        assert_eq!(tree.cut(&(0..3), 1, &mut generator), (None, 1));
        assert_eq!(generator.next_value(), 270_369); // the first value of seed 1
    }

    #[test]
    fn float_noise_around_one_is_constant_and_around_zero_is_not() {
        let scan = |low, high| Scan {
            low,
            high,
            missing: 0,
        };
        assert!(scan(1.0, 1.0 + f32::EPSILON).is_constant(2));
        assert!(!scan(0.0, 1.2e-7).is_constant(2));
        assert!(!scan(1e9, 1e9 + 64.0).is_constant(2)); // neighbours, but the spread is lost
    }

    #[test]
    fn a_present_value_among_missing_ones_is_set_apart_if_missing_go_right() {
        let columns = [vec![f32::NAN, 6.0, f32::NAN]];
        for seed in 1..20 {
            let mut tree = Columns::new(&columns, 3);
            let (cut, _) = tree.cut(&(0..3), 0, &mut XorShift::new(seed));
            if let Some(cut) = cut {
                assert_eq!((cut.threshold, cut.middle), (6.0, 1));
                assert!(!cut.missing_go_to_left);
            }
        }
    }
}
