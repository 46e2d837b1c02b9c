//! What the judged rows are, by the labels: which are attacks, and of which kind.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::Field;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};

use super::EvaluateError;
use super::label_table::{ATTACK, KeyedLabels, LABEL, LabelTable, SUBSET};
use crate::cells::cells;
use crate::display::{plain, start_of};
use crate::error::Result;
use crate::features::FeatureTable;
use crate::job::Job;
use crate::strict::{cast, comparable};

/// Letters of a name that is made of a row's keys.
const MOST_LETTERS: usize = 200;

/// What is known of the rows of one job.
pub(super) struct Truth {
    pub n_rows: usize,
    /// The columns by which labels are matched.
    pub keys: Vec<String>,
    /// Rows of labels, and those of them that match no judged row.
    pub label_rows: usize,
    pub unmatched: usize,
    /// Rows by number, in order.
    pub positives: BTreeSet<usize>,
    /// The rows of each attack. A row may be of several.
    pub attacks: Vec<Attack>,
    /// The positive rows of each subset.
    pub subsets: BTreeMap<String, BTreeSet<usize>>,
}

/// Rows that belong together: who has found one has found it.
pub(super) struct Attack {
    pub name: String,
    pub rows: BTreeSet<usize>,
}

/// One row of labels.
struct Label {
    is_positive: bool,
    attack: Option<String>,
    subset: Option<String>,
}

impl Truth {
    /// Matches labels with rows. A row with a label that says so is positive, whatever other labels it has; one without is not.
    ///
    /// # Errors
    /// A label that is none; no row has a label; the rows are of one kind.
    pub async fn new(labels: &LabelTable, job: &Job, rows: &FeatureTable) -> Result<Self> {
        let fields = job.features.keys.iter();
        let fields = fields.map(|key| rows.schema().field_with_name(key));
        let fields: Vec<_> = fields
            .collect::<Result<_, ArrowError>>()
            .map_err(EvaluateError::Match)?;
        let keyed = labels.keyed(job, &fields).await?;
        let truth = matched(&labels.location, job, &keyed, &fields, rows)?;
        if truth.unmatched == truth.label_rows {
            return Err(EvaluateError::NoMatch {
                location: labels.location.clone(),
                job: job.name.clone(),
                rows: truth.label_rows,
                keys: truth.keys,
            }
            .into());
        }
        let (location, job) = (labels.location.clone(), job.name.clone());
        match truth.positives.len() {
            0 => Err(EvaluateError::NoPositive { location, job }.into()),
            all if all == truth.n_rows => Err(EvaluateError::NoNegative { location, job }.into()),
            _ => Ok(truth),
        }
    }
}

fn matched(
    location: &str,
    job: &Job,
    keyed: &KeyedLabels,
    fields: &[&Field],
    rows: &FeatureTable,
) -> Result<Truth, EvaluateError> {
    let of_labels = fields
        .iter()
        .filter(|field| keyed.keys.contains(field.name()));
    let types: Vec<_> = of_labels
        .map(|field| comparable(field.data_type()))
        .collect();
    let converter = RowConverter::new(types.iter().cloned().map(SortField::new).collect())?;
    let bytes = |batch: &RecordBatch| -> Result<_, ArrowError> {
        let column = |(name, data_type): (&String, _)| cast(named(batch, name)?, data_type);
        let columns = keyed.keys.iter().zip(&types).map(column);
        converter.convert_columns(&columns.collect::<Result<Vec<_>, _>>()?)
    };

    let mut labels = Vec::new();
    let mut by_key: HashMap<Box<[u8]>, Vec<usize>> = HashMap::new();
    for batch in &keyed.batches {
        for (key, label) in bytes(batch)?.iter().zip(read(location, batch)?) {
            by_key
                .entry(key.as_ref().into())
                .or_default()
                .push(labels.len());
            labels.push(label);
        }
    }

    let mut found = vec![false; labels.len()];
    let mut positives = BTreeSet::new();
    let mut attacks: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let mut subsets: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let mut first = 0;
    for batch in rows.rows() {
        for (place, key) in bytes(batch)?.iter().enumerate() {
            let of_row = by_key.get(key.as_ref()).map_or(&[][..], Vec::as_slice);
            for label in of_row {
                found[*label] = true;
                let label = &labels[*label];
                if !label.is_positive {
                    continue;
                }
                let row = first + place;
                positives.insert(row);
                let attack = match &label.attack {
                    Some(attack) => attack.clone(),
                    None => keys_of(batch, place, &job.features.keys)?,
                };
                attacks.entry(attack).or_default().insert(row);
                if let Some(subset) = &label.subset {
                    subsets.entry(subset.clone()).or_default().insert(row);
                }
            }
        }
        first += batch.num_rows();
    }
    Ok(Truth {
        n_rows: first,
        keys: keyed.keys.clone(),
        label_rows: labels.len(),
        unmatched: found.iter().filter(|found| !**found).count(),
        positives,
        attacks: attacks
            .into_iter()
            .map(|(name, rows)| Attack { name, rows })
            .collect(),
        subsets,
    })
}

/// The keys of a row, by its number, in words.
pub(super) fn keys_of_row(
    rows: &FeatureTable,
    row: usize,
    keys: &[String],
) -> Result<String, ArrowError> {
    keys_of(&rows.row(row), 0, keys)
}

fn keys_of(batch: &RecordBatch, row: usize, keys: &[String]) -> Result<String, ArrowError> {
    let value = |key: &String| -> Result<_, ArrowError> {
        let value = cells(&named(batch, key)?.slice(row, 1))?;
        Ok(value.iter().map(ToString::to_string).collect::<String>())
    };
    let values = keys.iter().map(value).collect::<Result<Vec<_>, _>>()?;
    Ok(start_of(&values.join(", "), MOST_LETTERS))
}

fn named<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    let missing = || ArrowError::SchemaError(format!("there is no column `{name}`"));
    batch.column_by_name(name).ok_or_else(missing)
}

/// What stands in the columns that are no keys. A label that is missing says no; an attack or a subset without a name is none.
fn read(location: &str, batch: &RecordBatch) -> Result<Vec<Label>, EvaluateError> {
    let column = |name| {
        batch
            .column_by_name(name)
            .map(|column| column.as_string::<i32>())
    };
    let (label, attack, subset) = (column(LABEL), column(ATTACK), column(SUBSET));
    let text = |column: Option<&arrow::array::StringArray>, row: usize| {
        let column = column.filter(|column| !column.is_null(row))?;
        let text = plain(column.value(row).trim());
        (!text.is_empty()).then_some(text)
    };
    let row = |row| {
        let is_positive = match label {
            None => true,
            Some(_) => match text(label, row) {
                None => false,
                Some(value) => is_positive(&value).ok_or_else(|| EvaluateError::Label {
                    location: location.to_owned(),
                    value: start_of(&value, MOST_LETTERS),
                })?,
            },
        };
        Ok(Label {
            is_positive,
            attack: text(attack, row),
            subset: text(subset, row),
        })
    };
    (0..batch.num_rows()).map(row).collect()
}

fn is_positive(label: &str) -> Option<bool> {
    match label.to_ascii_lowercase().as_str() {
        "1" | "1.0" | "true" | "malicious" => Some(true),
        "0" | "0.0" | "false" | "benign" | "withdrawn" => Some(false),
        _ => None,
    }
}
