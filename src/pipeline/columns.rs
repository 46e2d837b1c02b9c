//! The columns that a job names must be there once its SQL is planned.

use arrow::datatypes::{DataType, Field, Schema};

use crate::features::is_number;
use crate::forest::ForestKind;
use crate::job::{Job, JobError, SCORED, SqlFile};
use crate::judgement::REASONS;
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

/// The words for features speak of features, in columns that are there.
pub(super) fn check_words(job: &Job, schema: &Schema) -> Result<(), JobError> {
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
    Ok(())
}

/// SQL after the model asks for reasons that the forest has, and heeds a budget of days that the rows have.
pub(super) fn check_judgement(job: &Job, schema: &Schema) -> Result<(), JobError> {
    let wrong = |key: &str, message: String| JobError::Value {
        place: job.document.place(key),
        message,
    };
    let mut files = job.findings.iter().chain(&job.explain);
    let explains = |file: &SqlFile| file.calls.contains(REASONS);
    if job.isolation_forest.kind == ForestKind::Extended
        && let Some(file) = files.find(|file| explains(file))
    {
        let message = format!(
            "an extended forest cuts by planes of several features: leave {REASONS}() out of {}",
            file.path.display()
        );
        return Err(wrong("isolation_forest.kind", message));
    }
    if job.budget.is_none() {
        return Ok(());
    }
    let looks = |file: &SqlFile| file.words.contains(WITHIN_BUDGET);
    if !job.findings.iter().any(looks) {
        let message = format!(
            "no file of [findings] sql looks at it: let one keep the rows of `{SCORED}` WHERE {WITHIN_BUDGET}"
        );
        return Err(wrong("findings.budget", message));
    }
    let (file, time) = (job.last_step(), &job.window.time_column);
    let column = schema.field_with_name(time).map(Field::data_type);
    match column {
        Ok(DataType::Timestamp(_, Some(_))) => Ok(()),
        _ => Err(wrong(
            "findings.budget",
            format!(
                "a budget is one of days, and `{}` ({}) makes no instant `{time}` ([window] time_column)",
                file.name,
                file.path.display()
            ),
        )),
    }
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
