//! Whose turn it is after a failure: what a scheduler reads from the exit code.

use std::error::Error;
use std::io;

use datafusion::error::DataFusionError;
use deltalake::DeltaTableError;

/// Who has to act; the number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Storage, network or memory: a later try may work.
    Outside = 1,
    /// The command line or the job: fix it.
    Job = 2,
    /// The data do not fit the job: look at them.
    Data = 3,
}

/// Finds the deepest cause that tells a failing machine from unfit data.
pub(crate) fn blame_of(error: &(dyn Error + 'static)) -> Blame {
    let mut blame = Blame::Data;
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            blame = match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Blame::Data,
                _ => Blame::Outside,
            };
        }
        if let Some(error) = error.downcast_ref::<object_store::Error>() {
            blame = match error {
                object_store::Error::NotFound { .. } => Blame::Data,
                _ => Blame::Outside,
            };
        }
        match error.downcast_ref::<DataFusionError>().map(DataFusionError::find_root) {
            Some(DataFusionError::ResourcesExhausted(_)) => return Blame::Outside,
            Some(root) if !std::ptr::addr_eq(root, error) => {
                cause = Some(root);
                continue;
            }
            _ => {}
        }
        if let Some(DeltaTableError::Transaction { .. }) = error.downcast_ref() {
            blame = Blame::Outside;
        }
        cause = error.source();
    }
    blame
}
