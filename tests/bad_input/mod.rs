//! Whatever is wrong, a run says what, where and what to do, ends with the code that tells whose turn it is (1 the
//! machine's, 2 the job's, 3 the data's), and leaves the findings of earlier runs as they were.

mod delta_source;
mod event_logs;
mod events;
mod features;
mod job_file;
mod output;
mod overrides;
mod parquet_source;
mod put_if_absent;
mod secrets;
mod silence;
mod sql_file;
mod system;
