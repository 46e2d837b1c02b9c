//! The rank of a value: how many of the forest's thresholds on its column lie below it.
//!
//! A row goes right at the k-th of the sorted thresholds, counted from one, if its rank is k or more.
//! The cell of a value gives the thresholds of all lower cells; a comparison with the few that can
//! share a cell does the rest. Where all values of a block are whole numbers from a
//! small range, as counts and dictionary codes are, one look-up gives the rank.

use fearless_simd::prelude::*;
use fearless_simd::{Simd, f32x4};

use super::cells::{CELLS, CellMap};
use super::word::ROWS;

/// The first values of a block, looked at before all are taken for whole numbers.
const GLANCE: usize = 16;
/// Thresholds that are compared with a value at once.
const WINDOW: usize = 4;
/// Cells with more thresholds than these windows hold are of no use.
const MOST_WINDOWS: usize = 4;
/// So few thresholds in a cell that a wider window is not needed.
const FEW: usize = WINDOW;

/// What turns the values of one column into ranks.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranks {
    /// Distinct and ascending.
    thresholds: Vec<f32>,
    cells: Cells,
    /// The thresholds from each on; past the last there are infinities.
    windows: Vec<[f32; WINDOW]>,
    /// The windows that hold the most thresholds of a cell.
    n_windows: usize,
    whole: Option<Cells>,
}

/// The thresholds in lower cells, for each cell.
#[derive(Debug, Clone, PartialEq)]
struct Cells {
    map: CellMap,
    starts: Box<[u16; CELLS]>,
}

impl Ranks {
    /// For the thresholds of one column in any order. None if there is none, more than a rank can
    /// count, or one that is not a number.
    pub fn new(mut thresholds: Vec<f32>) -> Option<Self> {
        thresholds.sort_unstable_by(f32::total_cmp);
        thresholds.dedup();
        let (lowest, highest) = (*thresholds.first()?, *thresholds.last()?);
        if thresholds.len() > usize::from(u16::MAX) || lowest.is_nan() || highest.is_nan() {
            return None;
        }
        let (cells, most) = Cells::choose(lowest, highest, &thresholds);
        Some(Self {
            windows: windows(&thresholds),
            n_windows: most.div_ceil(WINDOW),
            whole: Cells::of_whole(lowest, highest, &thresholds),
            cells,
            thresholds,
        })
    }

    /// How many distinct thresholds: the highest rank.
    pub fn len(&self) -> usize {
        self.thresholds.len()
    }

    /// The lowest rank that lies right of this threshold, which is one of the column's.
    pub fn right_of(&self, threshold: f32) -> usize {
        self.thresholds.partition_point(|other| *other <= threshold)
    }

    /// Turns a block of values into ranks; false if any value is NaN, whose rank can be anything.
    #[inline(always)]
    pub fn rank<S: Simd>(&self, simd: S, values: &[f32; ROWS], ranks: &mut [u16; ROWS]) -> bool {
        let mut cells = [0; ROWS];
        if let (Some(whole), Some(glance)) = (&self.whole, values.first_chunk())
            && whole.map.place(glance, &mut [0; GLANCE])
            && whole.map.place(values, &mut cells)
        {
            for (rank, cell) in ranks.iter_mut().zip(cells) {
                *rank = whole.starts[cell as usize % CELLS];
            }
            return true;
        }
        let no_missing = self.cells.map.place(values, &mut cells);
        match self.n_windows {
            1 => self.search::<S, 1>(simd, values, &cells, ranks),
            2 => self.search::<S, 2>(simd, values, &cells, ranks),
            3..=MOST_WINDOWS => self.search::<S, MOST_WINDOWS>(simd, values, &cells, ranks),
            _ => self.search_all(values, ranks),
        }
        no_missing
    }

    /// Counts on from the thresholds of lower cells, among as many as share a cell.
    #[inline(always)]
    fn search<S: Simd, const WINDOWS: usize>(
        &self,
        simd: S,
        values: &[f32; ROWS],
        cells: &[u32; ROWS],
        ranks: &mut [u16; ROWS],
    ) {
        let rank = |value: f32, cell: u32| {
            let start = self.cells.starts[cell as usize % CELLS];
            let value = f32x4::splat(simd, value);
            let mut rank = start;
            for window in 0..WINDOWS {
                let window = &self.windows[usize::from(start) + window * WINDOW];
                let below = value.simd_gt(f32x4::load_array_ref(simd, window));
                rank += below.to_bitmask().trailing_ones() as u16; // the thresholds ascend
            }
            rank
        };
        // Four a turn: one at a time is no more to read, but a tenth slower.
        let (ranks, _) = ranks.as_chunks_mut();
        let (values, cells) = (values.as_chunks().0, cells.as_chunks().0);
        for ((ranks, [a, b, c, d]), [e, f, g, h]) in ranks.iter_mut().zip(values).zip(cells) {
            *ranks = [rank(*a, *e), rank(*b, *f), rank(*c, *g), rank(*d, *h)];
        }
    }

    /// For thresholds so uneven that cells are of no use.
    #[inline(never)]
    fn search_all(&self, values: &[f32; ROWS], ranks: &mut [u16; ROWS]) {
        for (rank, value) in ranks.iter_mut().zip(values) {
            *rank = self
                .thresholds
                .partition_point(|threshold| value > threshold) as u16;
        }
    }
}

/// `WINDOW` thresholds from each place on, and as many places more as a search looks at.
fn windows(thresholds: &[f32]) -> Vec<[f32; WINDOW]> {
    let at = |i| thresholds.get(i).copied().unwrap_or(f32::INFINITY);
    let starts = 0..=thresholds.len() + MOST_WINDOWS * WINDOW;
    starts
        .map(|start| std::array::from_fn(|i| at(start + i)))
        .collect()
}

impl Cells {
    /// The map that spreads these thresholds better, and the most thresholds that share a cell.
    fn choose(lowest: f32, highest: f32, thresholds: &[f32]) -> (Self, usize) {
        let by_distance = CellMap::linear(lowest, highest).map(|map| Self::new(map, thresholds));
        match by_distance {
            Some(found) if found.1 <= FEW => found,
            found => {
                let by_float = Self::new(CellMap::float(lowest, highest), thresholds);
                found
                    .filter(|found| found.1 <= by_float.1)
                    .unwrap_or(by_float)
            }
        }
    }

    /// The table of a map, and the most thresholds that share a cell.
    fn new(map: CellMap, thresholds: &[f32]) -> (Self, usize) {
        let mut counts = [0_u16; CELLS];
        let mut cell = [0];
        for threshold in thresholds {
            map.place(&[*threshold], &mut cell);
            counts[cell[0] as usize] += 1;
        }
        let most = counts.iter().max().map_or(0, |most| usize::from(*most));
        let mut below = 0;
        let starts = Box::new(counts.map(|count| {
            let start = below;
            below += count;
            start
        }));
        (Self { map, starts }, most)
    }

    /// The ranks of the whole numbers about these thresholds, if they are few.
    fn of_whole(lowest: f32, highest: f32, thresholds: &[f32]) -> Option<Self> {
        let map = CellMap::whole(lowest, highest)?;
        let mut starts = Box::new([0; CELLS]);
        let mut cell = [0];
        for threshold in thresholds {
            let above = threshold.floor() + 1.0; // the first whole number that goes right
            map.place(&[above], &mut cell);
            starts[cell[0] as usize] += 1;
        }
        let mut below = 0;
        for start in starts.iter_mut() {
            below += *start;
            *start = below;
        }
        Some(Self { map, starts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::InstructionSet;
    use fearless_simd::{Level, dispatch};

    #[test]
    fn a_rank_counts_the_thresholds_below() {
        let crowded = (0..300).map(|i| 1.0 + i as f32 * 1e-6);
        let skewed = (0..300).map(|i| (i as f32 / 10.0).exp());
        let sets: [Vec<f32>; 8] = [
            vec![0.5],
            vec![-1.5, 0.0, 2.0, 2.0],
            vec![f32::NEG_INFINITY, 3.0, f32::INFINITY],
            vec![f32::MIN, 1e-45, -1e-45, f32::MAX],
            vec![-1e6, -1e6 + 0.5, 1e6],
            (0..500)
                .map(|i| (i * 31 % 501) as f32 / 8.0 - 20.0)
                .collect(),
            crowded.chain([1e6, -1e6]).collect(),
            skewed.collect(),
        ];
        for thresholds in sets {
            check(&thresholds, &values_about(&thresholds));
            let whole: Vec<f32> = (-600..600).map(|i| i as f32).collect();
            check(&thresholds, &whole);
        }
    }

    #[test]
    fn a_missing_value_is_told_but_harms_no_other() {
        let ranks = Ranks::new(vec![1.5, 2.5]).unwrap();
        let mut values = [2.0; ROWS];
        values[300] = f32::NAN;
        let mut found = [0; ROWS];
        assert!(!rank(&ranks, &values, &mut found));
        assert_eq!((found[299], found[301]), (1, 1));
    }

    #[test]
    fn what_cannot_be_ranked_is_refused() {
        assert_eq!(Ranks::new(vec![]), None);
        assert_eq!(Ranks::new(vec![1.0, f32::NAN]), None);
        assert_eq!(Ranks::new((0..65_536).map(|i| i as f32).collect()), None);
    }

    /// By all instructions of the machine, which agree.
    fn rank(ranks: &Ranks, values: &[f32; ROWS], found: &mut [u16; ROWS]) -> bool {
        let good = dispatch!(Level::baseline(), simd => ranks.rank(simd, values, found));
        for instructions in InstructionSet::available() {
            let mut again = [0; ROWS];
            let level = instructions.level();
            assert_eq!(
                dispatch!(level, simd => ranks.rank(simd, values, &mut again)),
                good
            );
            assert_eq!(again, *found);
        }
        good
    }

    /// Thresholds, their neighbours, and the ends of the number line.
    fn values_about(thresholds: &[f32]) -> Vec<f32> {
        let near = thresholds
            .iter()
            .flat_map(|t| [*t, t.next_up(), t.next_down(), -t]);
        let ends = [f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e-45];
        near.chain(ends).collect()
    }

    fn check(thresholds: &[f32], values: &[f32]) {
        let ranks = Ranks::new(thresholds.to_vec()).unwrap();
        for values in values.chunks(ROWS) {
            let mut block = [values[0]; ROWS];
            block[..values.len()].copy_from_slice(values);
            let mut found = [0; ROWS];
            assert!(rank(&ranks, &block, &mut found));
            for (value, rank) in block.iter().zip(found) {
                let mut distinct = thresholds.to_vec();
                distinct.sort_by(f32::total_cmp);
                distinct.dedup();
                let expected = distinct.iter().filter(|t| *value > **t).count();
                assert_eq!(usize::from(rank), expected, "{value:?} of {thresholds:?}");
            }
        }
    }
}
