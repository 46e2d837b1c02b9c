//! The trees of a forest, of either kind, laid out for scoring.

use super::bits::BitForest;
use super::extended::{self, ExtendedTree};
use super::instructions::InstructionSet;
use super::power::Arithmetic;
use super::walk::Walk;
use super::{FeatureMatrix, ForestError, Tree};

/// All trees, in the order their path lengths are added.
#[derive(Debug, Clone, PartialEq)]
pub enum Trees {
    /// They cut one column at a time.
    Axis {
        trees: Vec<Tree>,
        walk: Walk,
        /// None for trees that can only be walked.
        bits: Option<BitForest>,
    },
    /// They cut by planes.
    Extended(Vec<ExtendedTree>),
}

impl Trees {
    /// Trees that cut one column at a time.
    pub fn axis(trees: Vec<Tree>) -> Self {
        Self::Axis {
            walk: Walk::new(&trees),
            bits: BitForest::new(&trees),
            trees,
        }
    }

    /// The path length of each row, summed over the trees in order and then changed by `finish`.
    pub fn path_lengths(
        &self,
        instructions: InstructionSet,
        x: &FeatureMatrix,
        finish: impl Fn(&mut [f64], Arithmetic) + Sync,
    ) -> Result<Vec<f64>, ForestError> {
        Ok(match self {
            Self::Axis {
                walk,
                bits: Some(bits),
                ..
            } => bits.path_lengths(x, walk, instructions, finish),
            Self::Axis { walk, .. } => walk.path_lengths(x, finish),
            Self::Extended(trees) => {
                x.check_complete()?;
                extended::path_lengths(trees, x, finish)
            }
        })
    }
}
