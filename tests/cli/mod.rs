//! What a person and a scheduler see when things go right.

mod backfill;
mod evaluate;
mod event_logs;
mod findings;
mod formats;
mod killed;
mod maintain;
mod memory;
mod memory_limit;
mod model;
mod output_file;
mod page;
mod plan;
mod query;
mod runs;
mod sources;
mod stop;
mod times;
mod window;
