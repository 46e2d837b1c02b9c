//! What tests of the program stand on: a folder with the shipped job, small tables, the real program, and what it said.
//!
//! Every folder already holds a table of findings, so that a test of a failing run can say: it is as it was.

mod binary_xml;
mod bucket;
mod dir;
pub mod event_log;
mod events;
mod page;
mod raw_delta;
mod said;
mod servers;
mod tables;

pub use binary_xml::Value;
pub use bucket::{Bucket, Conditions};
pub use dir::{AS_OF, Dir, JOB};
pub use events::{Event, batch, event, usual};
pub use page::Page;
pub use raw_delta::{RawDelta, add, delta_schema, z85};
pub use tables::{Table, append, read_delta, read_parquet, write_delta, write_parquet};

pub use said::Said;
pub use servers::{Servers, wait_for};

/// Runs what is asynchronous in a test's own preparations.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}
