//! crannog: SQL-defined anomaly detection for the lakehouse.
//!
//! ```text
//! job file → sources → SQL → matrix → forest → SQL → sinks → report
//! ```
//!
//! [`run::run`] is that line, one call for each arrow. What is judged, and which judged rows are worth a person's
//! time, is said in a job file and its SQL; nothing about it is written in Rust.
//!
//! - [`calendar`]: where local days and hours begin.
//! - [`job`]: what the user asked for, checked.
//! - [`session`], [`source`], [`pipeline`]: DataFusion, the tables, the SQL files.
//! - [`cluster`]: the same plans on many machines.
//! - [`incremental`]: steps whose rows are kept from run to run.
//! - [`features`]: rows in the order of their keys, and their matrix.
//! - [`feedback`]: what people have said of findings.
//! - [`forest`]: scikit-learn's isolation forest, to the bit; knows nothing of all the others.
//! - [`model`]: what a run judged by, as a file that a later run can judge by.
//! - `judge`: from rows to judged rows, here or on a cluster.
//! - [`scoring`], [`judgement`], [`reasons`]: what the forest says of a row, and why; the last two as functions of SQL.
//! - [`sinks`], [`report`]: what comes out; [`cells`], [`chart`], [`page`]: as a person reads it;
//!   [`output_file`]: where it goes; [`runs`]: what was done when; [`maintain`]: their tables kept small; [`saved`], [`diff`]: again, later.
//! - [`delivery`]: findings sent to where people work, none lost; `folder`: files of any store.
//! - [`explain`]: one finding whole.
//! - [`plan`]: what a run would do; [`backfill`]: many days, one run each.
//! - [`evaluate`]: how good a ranking is, where labels say which rows are attacks.
//! - [`import`]: many files to one Delta table; `put_if_absent`: whether a store is safe for one.
//! - [`demo`]: sample data.

pub mod backfill;
pub mod blame;
pub mod calendar;
pub mod cells;
pub mod chart;
pub mod cluster;
pub mod delivery;
pub mod demo;
pub mod diff;
pub mod display;
mod driver_read;
pub mod error;
pub mod evaluate;
pub mod explain;
mod fault;
pub mod features;
pub mod feedback;
mod folder;
pub mod forest;
mod functions;
pub mod import;
pub mod incremental;
pub mod job;
mod judge;
pub mod judgement;
pub mod maintain;
mod misfit;
pub mod model;
mod nearest;
pub mod output_file;
pub mod page;
pub mod pipeline;
pub mod plan;
pub mod progress;
mod put_if_absent;
pub mod query;
pub mod reasons;
pub mod report;
pub mod run;
pub mod run_id;
pub mod runs;
pub mod saved;
pub mod scoring;
pub mod session;
pub mod sinks;
pub mod source;
mod stores;
mod strict;

pub use error::{Error, Result};
pub use job::Job;
pub use report::RunReport;

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
