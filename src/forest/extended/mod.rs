//! An extended isolation forest: trees that cut by hyperplanes of any direction.
//!
//! Hariri, Carrasco Kind and Brunner, "Extended Isolation Forest", IEEE TKDE 2019. A cut of one column leaves bands along
//! the axes in which a row far from all others looks ordinary; a plane of random direction leaves none. Rows are drawn and
//! path lengths become scores as in the forest beside it: only the cuts are others.
//!
//! **Columns weigh as much as they are wide.** A normal vector is drawn without a look at the columns, as in the paper, so
//! a plane through columns of very different scale is one of the widest column alone. They are brought to one scale before
//! (`StandardScaler`), and not in each node: a node that one strange row makes wide would lose that row among its columns.
//!
//! An infinite value counts as the largest `f32`. A missing one is refused before it comes here.

mod grow;
mod tree;
mod walk;

pub use grow::{SampledRows, grow};
pub use tree::{ExtendedNode, ExtendedTree, Hyperplane};
pub use walk::path_lengths;

/// A value that can be multiplied: planes through infinity have no side.
fn bounded(value: f32) -> f32 {
    value.clamp(f32::MIN, f32::MAX)
}
