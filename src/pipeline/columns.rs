//! The columns that a job names must be there once its SQL is planned.

use arrow::datatypes::Schema;

use crate::features::is_number;
use crate::job::{Job, JobError, SqlFile};

/// The features hold the keys, and the feature columns as numbers.
pub(super) fn check_features(job: &Job, schema: &Schema) -> Result<(), JobError> {
    let file = job.last_step();
    let keys = listed("features.keys", &job.features.keys);
    let columns = listed("features.columns", &job.features.columns);
    check(job, file, schema, keys.chain(columns))?;
    for (key, name) in listed("features.columns", &job.features.columns) {
        if let Ok(field) = schema.field_with_name(name)
            && !is_number(field.data_type())
        {
            let found = crate::display::type_name(field.data_type());
            let message = format!("`{name}` of `{}` is {found}, not a number", file.name);
            let place = job.document.place(&key);
            return Err(JobError::Value { place, message });
        }
    }
    Ok(())
}

/// The findings hold the keys, and what the page shows.
pub(super) fn check_findings(job: &Job, schema: &Schema) -> Result<(), JobError> {
    let keys = listed("features.keys", &job.features.keys);
    check(
        job,
        job.last_finding(),
        schema,
        keys.chain(job.report.columns()),
    )
}

fn check<'n>(
    job: &Job,
    file: &SqlFile,
    schema: &Schema,
    mut named: impl Iterator<Item = (String, &'n String)>,
) -> Result<(), JobError> {
    let known = || schema.fields().iter().map(|field| field.name().clone());
    match named.find(|(_, name)| schema.field_with_name(name).is_err()) {
        None => Ok(()),
        Some((key, name)) => Err(JobError::UnknownName {
            place: job.document.place(&key),
            name: name.clone(),
            expected: format!("a column of `{}` ({})", file.name, file.path.display()),
            known: known().collect(),
        }),
    }
}

/// The columns that a list of the job names, each with its key.
fn listed<'n>(
    key: &'static str,
    names: &'n [String],
) -> impl Iterator<Item = (String, &'n String)> {
    let named = move |(index, name)| (format!("{key}[{index}]"), name);
    names.iter().enumerate().map(named)
}
