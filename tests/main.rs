//! The one integration binary: each more would link DataFusion once more.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

mod golden;
mod sklearn;
