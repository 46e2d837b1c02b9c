//! One tree as two lists of operations on planes: which cuts a row passes, and which of them count.
//!
//! Each split has a slot that first holds its own decision, one bit a row: does the row go right? A
//! split's planes are its decision and then, level by level, those of its two sides merged by it:
//! where both sides have a plane, a mux takes the one the row goes to; where only one has, the plane
//! stays as it is, since a row that went to the other side never looks at it. Every mux takes one
//! plane away, so n decisions become the h bits of a path, the upper cut first, by n − h muxes.

use super::pruned::{Branch, PrunedTree};
use super::word::{ROWS, Word};

/// Slots, and different paths of a tree.
pub const SLOTS: usize = 256;
/// A slot no split has: its bits are never set.
const NO_SPLIT: u8 = 255;
/// Cuts on the longest path.
const MOST_LEVELS: usize = 8;

/// The operations that find the paths of all rows of a block through one tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    cuts: Vec<Cut>,
    muxes: Vec<Mux>,
    /// Where the bits of the path lie in the end.
    path: [u8; MOST_LEVELS],
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
    /// The program of a tree, each split's cut in the order of its splits. None if the tree has more
    /// than 254 splits, or more than 8 on a path.
    pub fn new(tree: &PrunedTree, cuts: Vec<Cut>) -> Option<Self> {
        if tree.splits.len() >= usize::from(NO_SPLIT) {
            return None;
        }
        let none = Levels {
            slots: [NO_SPLIT; MOST_LEVELS],
            n: 0,
        };
        let mut muxes = Vec::with_capacity(cuts.len());
        let mut levels = vec![none; cuts.len()];
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
            let mask = number as u8;
            let mut merged = Levels { n, ..none };
            merged.slots[0] = mask;
            for level in 0..n - 1 {
                merged.slots[level + 1] = if level >= right.n {
                    left.slots[level]
                } else if level >= left.n {
                    right.slots[level]
                } else {
                    let (left, right) = (left.slots[level], right.slots[level]);
                    muxes.push(Mux { mask, left, right });
                    left
                };
            }
            levels[number] = merged;
        }
        let path = below(&levels, tree.root).slots;
        Some(Self { cuts, muxes, path })
    }

    /// Writes the path of each row, the first cut as the lowest bit, 1 for right. Bits past the end of
    /// a row's path can be anything; bits that no path of the tree has are 0.
    #[inline(always)]
    pub fn run<W: Word>(&self, planes: &[W], slots: &mut [W; SLOTS], paths: &mut [u8; ROWS]) {
        for (slot, cut) in slots.iter_mut().zip(&self.cuts) {
            let high = usize::from(cut.high);
            let reached = planes[high].and(planes[usize::from(cut.low)]);
            *slot = planes[high + 1].or(reached);
        }
        for mux in &self.muxes {
            let [mask, left, right] = [mux.mask, mux.left, mux.right].map(usize::from);
            slots[left] = slots[mask].select(slots[right], slots[left]);
        }
        slots[usize::from(NO_SPLIT)] = W::zeros();
        let mut words = [W::zeros(); MOST_LEVELS];
        for (word, slot) in words.iter_mut().zip(self.path) {
            *word = slots[usize::from(slot)];
        }
        W::transpose(&mut words);
        for (bytes, word) in paths.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_bytes();
        }
    }
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

    #[test]
    fn three_cuts_become_two_bits_by_one_mux() {
        let split = |left, right| Split {
            feature: 0,
            threshold: 0.0,
            left,
            right,
        };
        let tree = PrunedTree {
            root: Branch::Split(0),
            splits: vec![
                split(Branch::Split(1), Branch::Split(2)),
                split(Branch::Leaf(1.0), Branch::Leaf(2.0)),
                split(Branch::Leaf(3.0), Branch::Leaf(4.0)),
            ],
        };
        let program = Program::new(&tree, vec![Cut { high: 0, low: 0 }; 3]).unwrap();
        let mux = Mux {
            mask: 0,
            left: 1,
            right: 2,
        };
        assert_eq!(program.muxes, [mux]);
        assert_eq!(program.path[..3], [0, 1, NO_SPLIT]);
        // First bit 1: right at the first cut. Second bit 1: right at the second.
        assert_eq!(path_lengths(&tree)[..4], [1.0, 3.0, 2.0, 4.0]);
    }

    #[test]
    fn nine_cuts_on_a_path_are_too_many() {
        let chain = |n: usize| {
            let split = |number| Split {
                feature: 0,
                threshold: 0.0,
                left: Branch::Leaf(0.5),
                right: match number + 1 {
                    next if next < n => Branch::Split(next),
                    _ => Branch::Leaf(1.5),
                },
            };
            let tree = PrunedTree {
                root: Branch::Split(0),
                splits: (0..n).map(split).collect(),
            };
            Program::new(&tree, vec![Cut { high: 0, low: 0 }; n])
        };
        assert!(chain(8).is_some());
        assert!(chain(9).is_none());
    }
}
