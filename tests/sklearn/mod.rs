//! Is it the real algorithm? Every step compared with scikit-learn's own output, bit for bit.
//!
//! The vectors are read from `tests/data/sklearn`, a small set that is part of the repository, and
//! from the full set where there is one: the folder named by `CRANNOG_SKLEARN_VECTORS`, or
//! `../shared/sklearn-vectors`. Vectors of other seeds and sizes in the same layout work as well.
//! The order to look at failures in: rng, sampling, math, forests, scaler.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod agreement;
mod digest;
mod forests;
mod laws;
mod math;
mod metrics;
mod rng;
mod sampling;
mod scaler;
mod shap;
mod table;
mod vectors;
pub use vectors::folders;
