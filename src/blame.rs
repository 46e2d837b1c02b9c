//! Whose turn it is after a failure: what a scheduler reads from the exit code.

use std::error::Error;
use std::io;

use datafusion::error::DataFusionError;
use deltalake::DeltaTableError;
use object_store::client::HttpError;

use crate::cluster::ClusterError;

/// Who has to act; the number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Storage, network or memory: a later try may work.
    Outside = 1,
    /// The command line or the job: fix it.
    Job = 2,
    /// The data do not fit the job: look at them.
    Data = 3,
    /// Scored, but a sink did not take it all: run again, rows are replaced.
    Sink = 4,
    /// Nobody: a person pressed Ctrl-C. 128 and the number of SIGINT, as a shell says it.
    Interrupt = 130,
    /// Nobody: it was told to stop. 128 and the number of SIGTERM.
    Terminate = 143,
}

/// Finds the deepest cause that tells a failing machine from unfit data.
pub(crate) fn blame_of(error: &(dyn Error + 'static)) -> Blame {
    let mut blame = Blame::Data;
    let mut cause = Some(error);
    while let Some(error) = cause {
        // Whatever is below it: an answer that was cut short is the network's, not the data's.
        if error.is::<HttpError>() {
            return Blame::Outside;
        }
        if let Some(error) = error.downcast_ref::<ClusterError>() {
            return error.blame();
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            blame = match error.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::InvalidData
                | io::ErrorKind::UnexpectedEof => Blame::Data,
                _ => Blame::Outside,
            };
        }
        if let Some(error) = error.downcast_ref::<object_store::Error>() {
            blame = match error {
                object_store::Error::NotFound { .. } => Blame::Data,
                _ => Blame::Outside,
            };
        }
        match error
            .downcast_ref::<DataFusionError>()
            .map(DataFusionError::find_root)
        {
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
        // DataFusion's Parquet reader and the Delta kernel keep of storage's error only its words.
        if error.source().is_none() && is_storage(&error.to_string()) {
            blame = Blame::Outside;
        }
        cause = error.source();
    }
    blame
}

/// Whether a text is about storage that did not answer, or said no; a file that is gone or cut off is data.
fn is_storage(text: &str) -> bool {
    let layers = [
        "Object Store error: ",
        "Error interacting with object store: ",
    ];
    let said = layers.iter().find_map(|layer| text.split_once(layer));
    said.is_some_and(|(_, said)| !is_gone(said) && !said.contains("Requested range was invalid"))
}

/// Whether a text is `object_store`'s about a file that is not there.
pub(crate) fn is_gone(text: &str) -> bool {
    text.contains("Object at location ") && text.contains(" not found")
}

#[cfg(test)]
mod tests {
    use object_store::client::HttpErrorKind;

    use super::*;

    #[test]
    fn a_file_that_is_cut_off_is_data_and_an_answer_that_is_cut_off_is_not() {
        let cut_off = || io::Error::from(io::ErrorKind::UnexpectedEof);
        assert_eq!(blame_of(&cut_off()), Blame::Data);
        let answer = object_store::Error::Generic {
            store: "S3",
            source: HttpError::new(HttpErrorKind::Decode, cut_off()).into(),
        };
        assert_eq!(blame_of(&DeltaTableError::from(answer)), Blame::Outside);
    }
}
