//! Trees as two lists of operations on planes: which cuts a row passes, and which of them count.
//!
//! Each split has a slot that first holds its own decision, one bit a row: does the row go right? A
//! split's planes are its decision and then, level by level, those of its two sides merged by it:
//! where both sides have a plane, a mux takes the one the row goes to; where only one has, the plane
//! stays as it is, since a row that went to the other side never looks at it. Every mux takes one
//! plane away, so n decisions become the h bits of a path, the upper cut first, by n − h muxes.
//!
//! A mux waits for those below it, longer than it takes itself. So as many trees as there are slots
//! for make one program, and all muxes of one height stand together.

use fearless_simd::Simd;

use super::pruned::{Branch, PrunedTree};
use super::sums::TREES;
use super::word::{self, ROWS, Word};

/// Slots, and different paths of a tree.
pub const SLOTS: usize = 256;
/// A slot no split has: its bits are never set.
const NO_SPLIT: u8 = 255;
/// Splits of all trees of a program: those of a full tree of 8 levels.
const MOST_SPLITS: usize = NO_SPLIT as usize;
/// Cuts on the longest path.
const MOST_LEVELS: usize = 8;

/// The operations that find the paths of all rows of a block through some trees.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    cuts: Vec<Cut>,
    muxes: Vec<Mux>,
    /// Where the bits of each tree's path lie in the end.
    paths: Vec<[u8; MOST_LEVELS]>,
}

/// Where the planes of a threshold are: a rank reaches q = (h, l) if its high part reaches h + 1, or
/// its high part reaches h and its low part l.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// The plane "high part ≥ h"; the next is "high part ≥ h + 1".
    pub high: u16,
    /// The plane "low part ≥ l".
    pub low: u16,
}

/// `left` becomes `right` where `mask` is set.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Mux {
    mask: u8,
    left: u8,
    right: u8,
}

/// The slots of a split's planes, its own decision first.
#[derive(Clone, Copy)]
struct Levels {
    slots: [u8; MOST_LEVELS],
    n: usize,
}

impl Program {
    /// The program of some trees, at most `TREES`, each split's cut in the order of their splits. None
    /// if they have more than 255 splits together, or a path with more than 8.
    pub fn new(trees: &[PrunedTree], cuts: Vec<Cut>) -> Option<Self> {
        if cuts.len() > MOST_SPLITS {
            return None;
        }
        let mut muxes = Vec::with_capacity(cuts.len());
        let mut paths = Vec::with_capacity(trees.len());
        let mut first = 0;
        for tree in trees {
            paths.push(merge(tree, first, &mut muxes)?);
            first += tree.splits.len();
        }
        // Splits of one height, in one tree or several, have no slot in common.
        muxes.sort_by_key(|(height, _)| *height);
        let muxes = muxes.into_iter().map(|(_, mux)| mux).collect();
        Some(Self { cuts, muxes, paths })
    }

    /// How many trees.
    pub fn n_trees(&self) -> usize {
        self.paths.len()
    }

    /// Writes the path of each row through each tree, the first cut as the lowest bit, 1 for right.
    /// Bits past the end of a row's path can be anything; bits that no path of the tree has are 0.
    #[inline(always)]
    pub fn run<S: Simd>(
        &self,
        simd: S,
        planes: &[Word<S>],
        slots: &mut [Word<S>; SLOTS],
        paths: &mut [[u8; ROWS]; TREES],
    ) {
        for (slot, cut) in slots.iter_mut().zip(&self.cuts) {
            let high = usize::from(cut.high);
            let reached = planes[high] & planes[usize::from(cut.low)];
            *slot = planes[high + 1] | reached;
        }
        for mux in &self.muxes {
            let [mask, left, right] = [mux.mask, mux.left, mux.right].map(usize::from);
            slots[left] = word::select(slots[mask], slots[right], slots[left]);
        }
        slots[usize::from(NO_SPLIT)] = word::zeros(simd);
        for (path, paths) in self.paths.iter().zip(paths) {
            let mut words = path.map(|slot| slots[usize::from(slot)]);
            word::transpose(&mut words);
            for (bytes, word) in paths.as_chunks_mut().0.iter_mut().zip(words) {
                *bytes = word::to_bytes(word);
            }
        }
    }
}

/// Trees that make a program each: as many in a row as have few enough splits together.
pub fn groups(trees: &[PrunedTree]) -> impl Iterator<Item = &[PrunedTree]> {
    let mut rest = trees;
    std::iter::from_fn(move || {
        let mut splits = 0;
        let fits = |tree: &&PrunedTree| {
            splits += tree.splits.len();
            splits <= MOST_SPLITS
        };
        let n = rest.iter().take(TREES).take_while(fits).count();
        let (group, others) = rest.split_at(n.max(1).min(rest.len()));
        rest = others;
        (!group.is_empty()).then_some(group)
    })
}

/// Adds the muxes of one tree, whose splits have the slots from `first` on, each with the height of
/// its split, and returns the slots of its path. None if a path has more than 8 cuts.
fn merge(
    tree: &PrunedTree,
    first: usize,
    muxes: &mut Vec<(usize, Mux)>,
) -> Option<[u8; MOST_LEVELS]> {
    let none = Levels {
        slots: [NO_SPLIT; MOST_LEVELS],
        n: 0,
    };
    let mut levels = vec![none; tree.splits.len()];
    let below = |levels: &[Levels], branch| match branch {
        Branch::Split(number) => levels[number],
        Branch::Leaf(_) => none,
    };
    for (number, split) in tree.splits.iter().enumerate().rev() {
        let left = below(&levels, split.left);
        let right = below(&levels, split.right);
        let n = left.n.max(right.n) + 1;
        if n > MOST_LEVELS {
            return None;
        }
        let mask = (first + number) as u8;
        let mut merged = Levels { n, ..none };
        merged.slots[0] = mask;
        for level in 0..n - 1 {
            merged.slots[level + 1] = if level >= right.n {
                left.slots[level]
            } else if level >= left.n {
                right.slots[level]
            } else {
                let (left, right) = (left.slots[level], right.slots[level]);
                muxes.push((n, Mux { mask, left, right }));
                left
            };
        }
        levels[number] = merged;
    }
    Some(below(&levels, tree.root).slots)
}

/// The path length of every path as `Program::run` writes it.
pub fn path_lengths(tree: &PrunedTree) -> [f64; SLOTS] {
    let mut lengths = [0.0; SLOTS];
    let mut todo = vec![(tree.root, 0, 0)]; // where, the path to it, its cuts
    while let Some((branch, path, cuts)) = todo.pop() {
        match branch {
            Branch::Leaf(length) => {
                for path in (path..SLOTS).step_by(1 << cuts) {
                    lengths[path] = length;
                }
            }
            Branch::Split(number) => {
                let split = &tree.splits[number];
                todo.push((split.left, path, cuts + 1));
                todo.push((split.right, path | 1 << cuts, cuts + 1));
            }
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::bits::pruned::Split;

    const ANY: Cut = Cut { high: 0, low: 0 };

    #[test]
    fn three_cuts_become_two_bits_by_one_mux() {
        let tree = tree_of_three();
        let program = Program::new(std::slice::from_ref(&tree), vec![ANY; 3]).unwrap();
        assert_eq!(program.muxes, [mux(0, 1, 2)]);
        assert_eq!(program.paths[0][..3], [0, 1, NO_SPLIT]);
        // First bit 1: right at the first cut. Second bit 1: right at the second.
        assert_eq!(path_lengths(&tree)[..4], [1.0, 3.0, 2.0, 4.0]);
    }

    #[test]
    fn a_second_tree_has_the_next_slots() {
        let program = Program::new(&[tree_of_three(), tree_of_three()], vec![ANY; 6]).unwrap();
        assert_eq!(program.muxes, [mux(0, 1, 2), mux(3, 4, 5)]);
        assert_eq!(program.paths[1][..3], [3, 4, NO_SPLIT]);
    }

    #[test]
    fn muxes_of_lower_splits_come_first() {
        // 0 on top, below it 1 and 4, each with two splits below.
        let below = |number| split(Branch::Split(number), Branch::Split(number + 1));
        let leaves = || split(Branch::Leaf(1.0), Branch::Leaf(2.0));
        let mut splits = vec![split(Branch::Split(1), Branch::Split(4)), below(2)];
        splits.extend([leaves(), leaves(), below(5), leaves(), leaves()]);
        let tree = PrunedTree {
            root: Branch::Split(0),
            splits,
        };
        let program = Program::new(&[tree], vec![ANY; 7]).unwrap();
        let expected = [mux(4, 5, 6), mux(1, 2, 3), mux(0, 1, 4), mux(0, 2, 5)];
        assert_eq!(program.muxes, expected);
    }

    #[test]
    fn nine_cuts_on_a_path_are_too_many() {
        let program = |n| Program::new(&[chain(n)], vec![ANY; n]);
        assert!(program(8).is_some());
        assert!(program(9).is_none());
    }

    #[test]
    fn a_group_has_255_splits_at_most_or_one_tree() {
        let sizes = |splits: &[usize]| {
            let trees: Vec<PrunedTree> = splits.iter().map(|n| chain(*n)).collect();
            groups(&trees).map(<[_]>::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&[100, 155, 1, 300, 2, 0]), [2, 1, 1, 2]);
        assert_eq!(sizes(&[1; TREES + 1]), [TREES, 1]);
    }

    fn mux(mask: u8, left: u8, right: u8) -> Mux {
        Mux { mask, left, right }
    }

    fn split(left: Branch, right: Branch) -> Split {
        Split {
            feature: 0,
            threshold: 0.0,
            left,
            right,
        }
    }

    fn tree_of_three() -> PrunedTree {
        PrunedTree {
            root: Branch::Split(0),
            splits: vec![
                split(Branch::Split(1), Branch::Split(2)),
                split(Branch::Leaf(1.0), Branch::Leaf(2.0)),
                split(Branch::Leaf(3.0), Branch::Leaf(4.0)),
            ],
        }
    }

    /// A tree of `n` splits, all on one path.
    fn chain(n: usize) -> PrunedTree {
        let next = |number| match number < n {
            true => Branch::Split(number),
            false => Branch::Leaf(1.5),
        };
        let split = |number| split(Branch::Leaf(0.5), next(number + 1));
        PrunedTree {
            root: next(0),
            splits: (0..n).map(split).collect(),
        }
    }
}
