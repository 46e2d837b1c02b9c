//! What makes the rows of a step that is kept: rows that another rule made are not its rows.

use arrow::datatypes::Schema;
use sha2::{Digest, Sha256};

use crate::job::{Job, SqlFile};
use crate::source::OpenSource;

/// Another number where what is stored, or how days are told, becomes another.
const FORMAT: &str = "1";

/// Identifies what makes the rows: the SQL, what is bound to it, how time is cut, and which tables are read.
pub(super) fn rule(job: &Job, step: &SqlFile, columns: &Schema, sources: &[OpenSource]) -> i64 {
    let mut digest = Sha256::new();
    let mut add = |text: &str| {
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text);
    };
    add(FORMAT);
    // Another version may compute a function otherwise.
    add(env!("CARGO_PKG_VERSION"));
    add(datafusion::DATAFUSION_VERSION);
    add(&step.text);
    for (name, value) in &job.parameters {
        if step.parameters.contains_key(name) {
            add(name);
            add(&format!("{value:?}"));
        }
    }
    add(job.window.bucket.as_str());
    add(job.window.timezone.name());
    for (key, value) in &job.engine.options {
        add(key);
        add(value);
    }
    for field in columns.fields() {
        add(field.name());
        add(&field.data_type().to_string());
    }
    if let Some(kept) = job.kept(&step.name) {
        add(&kept.time_column);
    }
    for source in job.sources_of(step) {
        add(&source.name);
        add(source.time_column.as_deref().unwrap_or_default());
        let opened = sources.iter().map(|source| &source.summary);
        for summary in opened.filter(|summary| summary.name == source.name) {
            add(&summary.identity);
        }
    }
    let digest = digest.finalize();
    let first = digest[..8].try_into().map(i64::from_be_bytes);
    first.unwrap_or_default() & i64::MAX
}
