//! The one integration binary: each more would link DataFusion once more.

mod golden;
mod sklearn;
