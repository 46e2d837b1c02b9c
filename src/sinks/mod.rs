//! Sinks: where findings go. Each is opened before a row is read, and written after the last step.

mod commit;
mod delta;
mod error;
mod finding;

pub(crate) use commit::{commit_once, lost_a_race};
pub use delta::{DeltaSink, Receipt, Target};
pub(crate) use delta::{
    Made, create, open as open_table, open_to_read as open_table_to_read, write_session,
    writer_properties,
};
pub use error::SinkError;
pub(crate) use finding::{DATE, FINDING_ID, row_of, stored_type};
pub use finding::{ids, is_common};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::error::{Error, Result};
use crate::job::{DeltaTarget, Job};
use crate::run_id::RunId;

/// Opens every sink of the job for findings of this schema: a bad target fails now, not after an hour.
pub async fn open(job: &Job, findings: &SchemaRef) -> Result<Vec<DeltaSink>> {
    let schema =
        finding::table_schema(job, findings).map_err(|error| blame(&job.sinks[0], error))?;
    let mut sinks = Vec::new();
    for target in &job.sinks {
        let sink = DeltaSink::open(job, target, &schema).await;
        sinks.push(sink.map_err(|error| blame(target, error))?);
    }
    Ok(sinks)
}

/// Tries whether the stores of the sinks are safe for commits, by an object that is gone afterwards.
pub async fn prove(sinks: &[DeltaSink], job: &Job) -> Result<()> {
    for (sink, target) in sinks.iter().zip(&job.sinks) {
        let proven = sink.prove().await;
        proven.map_err(|error| blame(target, error))?;
    }
    Ok(())
}

/// Writes the findings of one run to every sink; one that fails does not hold the others back.
pub async fn write_all(
    sinks: Vec<DeltaSink>,
    job: &Job,
    run: &RunId,
    findings: &[RecordBatch],
) -> Result<Vec<Receipt>> {
    let rows = finding::rows(job, run, findings).map_err(|error| blame(&job.sinks[0], error))?;
    let mut receipts = Vec::new();
    for (sink, target) in sinks.into_iter().zip(&job.sinks) {
        let receipt = sink.replace(job, run, &rows).await;
        receipts.push(receipt.map_err(|error| Error::Write {
            location: target.location.to_string(),
            source: Box::new(error),
        }));
    }
    receipts.into_iter().collect()
}

fn blame(target: &DeltaTarget, error: SinkError) -> Error {
    match error {
        SinkError::Job(error) => Error::Job(error),
        error => Error::Sink {
            location: target.location.to_string(),
            source: Box::new(error),
        },
    }
}
