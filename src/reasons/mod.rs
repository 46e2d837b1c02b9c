//! Why a row is strange: what each feature did to its path, and the same in words.
//!
//! A reason's contribution is how many cuts shorter the row's mean path is since the feature has its value:
//! `-shap_values` of [`TreeExplainer`], high is strange. The contributions of a row add up to the path length that is to
//! be expected of a row of which nothing is known, less its own.
//!
//! Only rows that somebody asks about are explained.

mod typical;

pub(crate) use typical::median_of;

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use serde::Serialize;

use crate::cells::{Cell, cells};
use crate::display::start_of;
use crate::features::{FeatureTable, row_at};
use crate::forest::{FeatureMatrix, IsolationForest, TreeExplainer};
use crate::job::Job;
use crate::strict::cast;

/// More letters of one value are no help to a reader.
const MOST_LETTERS: usize = 200;

/// What explains the judged rows of a run.
#[derive(Debug)]
pub struct Reasons {
    explainer: TreeExplainer,
    job: Job,
    rows: ExplainedRows,
    /// The rows from the strangest to the least strange.
    order: Vec<u32>,
    /// What is typical of each feature.
    typical: Vec<Option<f64>>,
}

/// Rows that may be asked about.
#[derive(Debug)]
pub struct ExplainedRows {
    /// What the forest saw of them.
    pub matrix: Arc<FeatureMatrix>,
    /// The same rows as SQL made them.
    pub rows: Vec<RecordBatch>,
    /// Their places in the order of the keys, ascending; all rows are here where it is not said.
    pub places: Option<Vec<u32>>,
}

impl ExplainedRows {
    /// All rows of a table.
    pub fn all(table: &FeatureTable) -> Self {
        Self {
            matrix: table.shared_matrix(),
            rows: table.rows().to_vec(),
            places: None,
        }
    }

    /// Where the row of a place is here.
    fn find(&self, place: u32) -> Option<usize> {
        match &self.places {
            None => Some(place as usize),
            Some(places) => places.binary_search(&place).ok(),
        }
    }
}

/// What one feature did to a row's path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// The feature.
    pub feature: String,
    /// Its value; `None` where it is missing.
    pub value: Option<f64>,
    /// The median of the rows that were learnt from; `None` where all are missing.
    pub typical: Option<f64>,
    /// How many cuts shorter it makes the mean path; below zero, longer.
    pub contribution: f64,
    /// The reason in words.
    pub text: String,
}

impl Reasons {
    /// Of these rows and the forest that judged them, `None` for an extended one; `order` is all rows from the strangest to the
    /// least strange, and `typical` the median of each feature in those that were learnt from.
    pub fn new(
        job: &Job,
        forest: &IsolationForest,
        rows: ExplainedRows,
        order: &[u32],
        typical: Vec<Option<f64>>,
    ) -> Option<Self> {
        Some(Self {
            explainer: TreeExplainer::new(forest)?,
            job: job.clone(),
            rows,
            order: order.to_vec(),
            typical,
        })
    }

    /// The median of each feature in the rows that were learnt from; `None` of a feature without values.
    pub fn typical(&self) -> &[Option<f64>] {
        &self.typical
    }

    /// The reasons of the row of this rank, the strongest first; `None` if there is no such row.
    ///
    /// # Errors
    /// A column that cannot be read.
    pub fn of_rank(&self, rank: i64) -> Result<Option<Vec<Reason>>, ArrowError> {
        let place = usize::try_from(rank)
            .ok()
            .and_then(|rank| rank.checked_sub(1));
        let Some(row) = place.and_then(|place| self.order.get(place)) else {
            return Ok(None);
        };
        match self.rows.find(*row) {
            Some(row) => self.of_row(row).map(Some),
            None => Err(ArrowError::InvalidArgumentError(format!(
                "the row of rank {rank} is not among those that the SQL reads of `scored`: ask for the reasons of rows that it has"
            ))),
        }
    }

    /// The same of a row by its place among those that may be asked about.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn of_row(&self, number: usize) -> Result<Vec<Reason>, ArrowError> {
        let row = row_at(&self.rows.rows, number);
        let matrix = &self.rows.matrix;
        let columns = 0..matrix.n_features();
        let numbers: Vec<_> = columns
            .map(|column| matrix.column(column)[number])
            .collect();
        let values = self.explainer.shap_values(&numbers);
        let values = values.map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
        let features = self.job.features.columns.iter();
        let mut reasons = features
            .zip(values)
            .zip(&self.typical)
            .map(|((feature, shap), typical)| {
                let value = number_in(&row, feature)?;
                Ok(Reason {
                    feature: feature.clone(),
                    value,
                    typical: *typical,
                    contribution: 0.0 - shap,
                    text: self.words(&row, feature, value, *typical, shap < 0.0)?,
                })
            })
            .collect::<Result<Vec<_>, ArrowError>>()?;
        reasons.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
        Ok(reasons)
    }

    /// The path length that is to be expected of any row, and that of the row with these reasons: means over the trees.
    pub fn path_lengths(&self, reasons: &[Reason]) -> (f64, f64) {
        let expected = self.explainer.expected_value();
        let shorter: f64 = reasons.iter().map(|reason| reason.contribution).sum();
        (expected, expected - shorter)
    }

    /// The job's sentence for a feature, or the plain one: a sentence says what is strange, and is none for what is not.
    fn words(
        &self,
        row: &RecordBatch,
        feature: &str,
        value: Option<f64>,
        typical: Option<f64>,
        is_reason: bool,
    ) -> Result<String, ArrowError> {
        let sentence = self.job.features.text.get(feature);
        let Some(sentence) = sentence.filter(|_| is_reason) else {
            return Ok(format!(
                "`{feature}` is {} (typical: {})",
                number(value),
                number(typical)
            ));
        };
        sentence.fill(|name| match (row.column_by_name(name), name) {
            (Some(column), _) => word(&cells(column)?[0]),
            (None, "value") => Ok(number(value)),
            (None, "typical") => Ok(number(typical)),
            (None, other) => Err(ArrowError::SchemaError(format!(
                "there is no column `{other}`"
            ))),
        })
    }
}

/// What is typical of each feature: its median in the rows that are learnt from; `None` of a feature without values.
///
/// # Errors
/// A feature that cannot be read as numbers.
pub fn typical(job: &Job, table: &FeatureTable) -> Result<Vec<Option<f64>>, ArrowError> {
    let median = |feature: &String| typical::median(table.rows(), feature, table.learnt_rows());
    job.features.columns.iter().map(median).collect()
}

/// The number in a column of one row.
fn number_in(row: &RecordBatch, column: &str) -> Result<Option<f64>, ArrowError> {
    let values = row
        .column_by_name(column)
        .ok_or_else(|| ArrowError::SchemaError(format!("there is no column `{column}`")))?;
    let values = cast(values, &DataType::Float64)?;
    let values = values.as_primitive::<Float64Type>();
    Ok(values
        .is_valid(0)
        .then(|| values.value(0))
        .filter(|value| !value.is_nan()))
}

fn word(cell: &Cell) -> Result<String, ArrowError> {
    Ok(match cell {
        Cell::Float(value) => number(Some(*value)),
        other => start_of(&other.to_string(), MOST_LETTERS),
    })
}

/// A number as a person writes it: whole if it is, else with three digits that count or three of a fraction.
fn number(value: Option<f64>) -> String {
    match value {
        None => "missing".to_owned(),
        Some(value) if value == value.trunc() && value.abs() < 1e15 => {
            format!("{:.0}", value + 0.0)
        }
        Some(value) if value.abs() < 0.01 || value.abs() >= 1e15 => format!("{value:.2e}"),
        Some(value) => {
            let text = format!("{value:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_a_person_writes_them() {
        for (value, text) in [
            (3.0, "3"),
            (-0.0, "0"),
            (-12.5, "-12.5"),
            (0.123_456, "0.123"),
            (0.001_234, "1.23e-3"),
            (2.999_9, "3"),
            (1e20, "1.00e20"),
        ] {
            assert_eq!(number(Some(value)), text);
        }
        assert_eq!(number(None), "missing");
    }
}
