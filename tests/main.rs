//! The one integration binary: each more would link DataFusion once more.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod adbench;
mod bad_input;
mod cli;
mod cloudtrail;
mod cluster;
mod delivery;
mod encoders;
mod extended;
mod golden;
mod import;
mod incremental;
mod judged;
mod kit;
mod layers;
mod model;
mod quality;
mod rarity;
mod real_data;
mod real_logs;
mod sklearn;
mod steps;
