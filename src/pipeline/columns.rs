//! The columns that a job names must be there once its SQL is planned.

use arrow::datatypes::Schema;

use crate::features::is_number;
use crate::forest::ForestKind;
use crate::functions::REASONS;
use crate::job::{Job, JobError, SCORED, SqlFile};
use crate::scoring::WITHIN_BUDGET;

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

/// What is said of judged rows fits the features: the words for them, and a budget that somebody looks at.
pub(super) fn check_judgement(job: &Job, schema: &Schema) -> Result<(), JobError> {
    for (feature, sentence) in &job.features.text {
        let place = || job.document.place_in("features.text", feature);
        if !job.features.columns.contains(feature) {
            return Err(JobError::UnknownName {
                place: place(),
                name: feature.clone(),
                expected: "in [features] columns".to_owned(),
                known: job.features.columns.clone(),
            });
        }
        let is_known = |name: &str| {
            ["value", "typical"].contains(&name) || schema.field_with_name(name).is_ok()
        };
        if let Some(unknown) = sentence.columns().find(|name| !is_known(name)) {
            let file = job.last_step();
            return Err(JobError::UnknownName {
                place: place(),
                name: unknown.to_owned(),
                expected: format!("a column of `{}` ({})", file.name, file.path.display()),
                known: schema
                    .fields()
                    .iter()
                    .map(|field| field.name().clone())
                    .collect(),
            });
        }
    }
    let explains = |file: &SqlFile| file.words.contains(REASONS);
    if job.isolation_forest.kind == ForestKind::Extended && job.findings.iter().any(explains) {
        return Err(JobError::Value {
            place: job.document.place("isolation_forest.kind"),
            message: format!(
                "an extended forest cuts by planes of several features: leave {REASONS}() out of [findings] sql"
            ),
        });
    }
    let looks = |file: &SqlFile| file.words.contains(WITHIN_BUDGET);
    if job.budget.is_some() && !job.findings.iter().any(looks) {
        return Err(JobError::Value {
            place: job.document.place("findings.budget"),
            message: format!(
                "no file of [findings] sql looks at it: let one keep the rows of `{SCORED}` WHERE {WITHIN_BUDGET}"
            ),
        });
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
