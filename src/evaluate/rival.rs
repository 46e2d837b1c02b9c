//! Rankings that need no thought: what a job is worth shows beside them.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::EvaluateError;
use crate::error::{Error, Result};
use crate::features::FeatureTable;
use crate::job::{Job, JobError};

/// Chance.
pub(super) fn random(n_rows: usize, seed: u32) -> Vec<f64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed.into());
    (0..n_rows).map(|_| random.random()).collect()
}

/// The column whose rare values alone are a ranking: the job's choice, or the last of its keys that is text. None: there is no
/// such key.
pub(super) fn alone<'a>(job: &'a Job, rows: &FeatureTable) -> Result<Option<&'a str>> {
    let type_of = |name: &str| {
        let field = rows.schema().field_with_name(name).ok();
        field.map(|field| field.data_type().clone())
    };
    match &job.evaluation.alone {
        Some(name) if type_of(name).is_some() => Ok(Some(name)),
        Some(name) => {
            let step = job.last_step();
            let fields = rows.schema().fields().iter();
            Err(Error::Job(JobError::UnknownName {
                place: job.document.place("evaluation.alone"),
                name: name.clone(),
                expected: format!("a column of `{}` ({})", step.name, step.path.display()),
                known: fields.map(|field| field.name().clone()).collect(),
            }))
        }
        None => {
            let is_text = |name: &&String| {
                use DataType::{LargeUtf8, Utf8, Utf8View};
                matches!(type_of(name), Some(Utf8 | LargeUtf8 | Utf8View))
            };
            Ok(job
                .features
                .keys
                .iter()
                .rev()
                .find(is_text)
                .map(String::as_str))
        }
    }
}

/// The fewer judged rows have a row's value of this column, the higher it stands. NULL is a value.
pub(super) fn rarity(column: &str, rows: &FeatureTable) -> Result<Vec<f64>, EvaluateError> {
    let field = rows.schema().field_with_name(column)?;
    let converter = RowConverter::new(vec![SortField::new(field.data_type().clone())])?;
    let values = |batch: &RecordBatch| -> Result<_, ArrowError> {
        let column = batch.column_by_name(column).cloned();
        converter.convert_columns(&column.into_iter().collect::<Vec<_>>())
    };
    let mut counts: HashMap<Box<[u8]>, f64> = HashMap::new();
    for batch in rows.rows() {
        for value in &values(batch)? {
            *counts.entry(value.as_ref().into()).or_default() += 1.0;
        }
    }
    let mut scores = Vec::with_capacity(rows.n_samples());
    for batch in rows.rows() {
        for value in &values(batch)? {
            scores.push(-counts[value.as_ref()]);
        }
    }
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_the_same_for_the_same_seed() {
        assert_eq!(random(9, 42), random(9, 42));
        assert_ne!(random(9, 42), random(9, 43));
    }
}
