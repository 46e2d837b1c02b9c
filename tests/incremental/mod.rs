//! Steps that are kept: what a night computes of them, and that it is what computing all of it would make.

mod histories;
mod nights;
mod refused;

use std::fs;
use std::path::Path;

use arrow::array::RecordBatch;
use crannog::feedback::Feedback;
use crannog::incremental::KeptSummary;
use crannog::pipeline::Pipeline;
use crannog::progress::Progress;
use crannog::{Job, session, source};
use deltalake::operations::optimize::OptimizeType;
use deltalake::{DeltaTable, ensure_table_uri};

use crate::kit::{Dir, JOB, block_on};

/// The shipped job with the step `grouped` kept.
const KEPT: [&str; 2] = [
    "sources.process_execution.time_column=TimeGenerated",
    "incremental.grouped={}",
];

fn open(dir: &Dir) -> DeltaTable {
    let url = ensure_table_uri(dir.events().to_str().unwrap()).unwrap();
    block_on(deltalake::open_table(url)).unwrap()
}

fn compact(dir: &Dir) {
    let table = open(dir);
    let compacted = table.optimize().with_type(OptimizeType::Compact);
    block_on(async { compacted.await.unwrap() });
}

fn delete(dir: &Dir, rows: &str) {
    let table = open(dir);
    block_on(async { table.delete().with_predicate(rows).await.unwrap() });
}

/// Removes the files that the latest version does not need.
fn vacuum(dir: &Dir) {
    let vacuum = open(dir)
        .vacuum()
        .with_retention_period(chrono::Duration::zero())
        .with_enforce_retention_duration(false);
    block_on(async { vacuum.await.unwrap() });
}

/// Leaves a checkpoint of the latest version in the place of all commits before it.
fn clean_log(dir: &Dir) {
    let table = open(dir);
    block_on(deltalake::checkpoints::create_checkpoint(&table, None)).unwrap();
    let latest = format!("{:020}.json", table.version().unwrap());
    let commits = fs::read_dir(dir.events().join("_delta_log")).unwrap();
    for commit in commits.map(|entry| entry.unwrap().path()) {
        let name = commit.file_name().unwrap().to_str().unwrap();
        if name.ends_with(".json") && name != latest {
            fs::remove_file(commit).unwrap();
        }
    }
}

/// The rows to judge, and what was done to the steps that are kept.
fn features(dir: &Dir, as_of: &str, overrides: &[&str]) -> (Vec<RecordBatch>, Vec<KeptSummary>) {
    let overrides: Vec<_> = overrides.iter().map(|text| (*text).to_owned()).collect();
    let job = Job::load(Path::new(&dir.path(JOB)), &overrides).unwrap();
    let interval = job.window.at(as_of.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let ctx = session::connect(&job).unwrap();
        let sources = source::register_all(&ctx, &job, &interval).await.unwrap();
        let pipeline = Pipeline::plan(
            &ctx,
            &job,
            &interval,
            sources,
            None,
            Feedback::default(),
            |_, _, _| (),
        )
        .await;
        let mut pipeline = pipeline.unwrap();
        let features = pipeline.features(&mut Progress::new(false)).await;
        let rows = match features {
            Ok(features) => features.into_rows().1,
            Err(error) => {
                // No row at all is an answer too.
                assert!(error.to_string().contains("has no rows"), "{error:?}");
                Vec::new()
            }
        };
        (rows, pipeline.take_kept_summaries())
    })
}
