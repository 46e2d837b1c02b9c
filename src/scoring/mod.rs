//! From the forest's scores to the table `scored`: every feature row with what the forest says of it.
//!
//! Here, and only here, the sign turns: `anomaly_score = -score_samples`, 0 to 1, high is strange, and back.

mod budget;
mod verdicts;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;

use crate::error::Error;
use crate::features::{FeatureTable, row_at};
use crate::feedback::{SUPPRESSED_BY, suppressed_by_type};
use crate::output_file::replace_by;
pub use verdicts::Verdicts;

/// The columns a model adds to a feature row.
fn columns() -> [Field; 5] {
    [
        Field::new("anomaly_score", DataType::Float64, false),
        Field::new("prediction", DataType::Int64, false),
        Field::new("rank", DataType::Int64, false),
        Field::new(WITHIN_BUDGET, DataType::Boolean, false),
        Field::new(SUPPRESSED_BY, suppressed_by_type(), true),
    ]
}

/// The column that says which rows the budget allows.
pub const WITHIN_BUDGET: &str = "within_budget";

/// Every feature row with `anomaly_score`, `prediction` (-1 anomaly, 1 ordinary), `rank` (1 is the strangest;
/// equal scores in the order of the keys), `within_budget` (true for all where the job has no budget) and `suppressed_by`
/// (NULL but for what people have allowed).
#[derive(Debug)]
pub struct Scored {
    /// The columns of the features, then those of the model.
    pub schema: SchemaRef,
    /// The rows in the order of the keys, with the columns of the model last.
    pub batches: Vec<RecordBatch>,
}

impl Scored {
    /// The columns of `scored` for these features; `Err` holds a feature column whose name is the model's.
    pub fn schema(features: &Schema) -> Result<SchemaRef, String> {
        let model = columns();
        let clash = model
            .iter()
            .find(|field| features.field_with_name(field.name()).is_ok());
        if let Some(field) = clash {
            return Err(field.name().clone());
        }
        let model = model.map(Arc::new);
        Ok(Arc::new(Schema::new(
            features
                .fields()
                .iter()
                .cloned()
                .chain(model)
                .collect::<Vec<_>>(),
        )))
    }

    /// Joins rows with what is said of them, by position.
    ///
    /// # Panics
    /// If something is said of another number of rows.
    pub fn new(table: FeatureTable, verdicts: &Verdicts<'_>) -> Result<Self, ArrowError> {
        assert_eq!(table.n_samples(), verdicts.len(), "a score for each row");
        let (schema, batches) = table.into_rows();
        let mut start = 0;
        let batches = batches.into_iter().map(|rows| {
            let places = start..start + rows.num_rows();
            start = places.end;
            let columns = verdicts.of_range(places)?;
            Ok((rows, columns))
        });
        Self::join(&schema, batches)
    }

    /// Some of the rows, with their places in the order of the keys.
    pub fn of_some(
        schema: &SchemaRef,
        rows: impl Iterator<Item = (RecordBatch, Vec<u32>)>,
        verdicts: &Verdicts<'_>,
    ) -> Result<Self, ArrowError> {
        let rows = rows.map(|(rows, places)| Ok((rows, verdicts.of_places(&places)?)));
        Self::join(schema, rows)
    }

    fn join(
        features: &Schema,
        rows: impl Iterator<Item = Result<(RecordBatch, [ArrayRef; 5]), ArrowError>>,
    ) -> Result<Self, ArrowError> {
        let schema =
            Self::schema(features).expect("names were checked when the features were planned");
        let joined = rows.map(|rows| {
            let (rows, verdicts) = rows?;
            let columns = rows.columns().iter().cloned().chain(verdicts);
            RecordBatch::try_new(Arc::clone(&schema), columns.collect())
        });
        let batches = joined.collect::<Result<_, _>>()?;
        Ok(Self { schema, batches })
    }
}

impl Scored {
    /// One row, by its place in the order of the keys.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, number: usize) -> RecordBatch {
        row_at(&self.batches, number)
    }

    /// The columns of the features.
    pub fn features(&self) -> Result<Schema, ArrowError> {
        let columns: Vec<_> = (0..self.schema.fields().len() - columns().len()).collect();
        self.schema.project(&columns)
    }

    /// The rows as the features' SQL made them.
    pub fn without_scores(&self) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
        let columns: Vec<_> = (0..self.schema.fields().len() - columns().len()).collect();
        let rows = self
            .batches
            .iter()
            .map(|batch| batch.project(&columns))
            .collect::<Result<_, _>>()?;
        Ok((Arc::new(self.schema.project(&columns)?), rows))
    }

    /// Looks whether a file can be written there, so that an hour's work is not lost on a missing folder.
    pub fn can_save(path: &Path) -> Result<(), Error> {
        let opened = File::options().append(true).create(true).open(path);
        opened.map(drop).map_err(|source| Error::Report {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// Writes every row to a Parquet file, its text as plain text.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Report {
            path: path.to_owned(),
            source,
        };
        let plain = |field: &Arc<Field>| match field.data_type() {
            DataType::Utf8View => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
            DataType::Dictionary(_, value) => Arc::new(
                field
                    .as_ref()
                    .clone()
                    .with_data_type(value.as_ref().clone()),
            ),
            _ => Arc::clone(field),
        };
        let schema = Arc::new(Schema::new(
            self.schema.fields().iter().map(plain).collect::<Vec<_>>(),
        ));
        let write = |file: &mut File| -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), None)?;
            for batch in &self.batches {
                let columns = batch.columns().iter().zip(schema.fields());
                let columns = columns.map(|(column, field)| cast(column, field.data_type()));
                writer.write(&RecordBatch::try_new(
                    Arc::clone(&schema),
                    columns.collect::<Result<_, _>>()?,
                )?)?;
            }
            writer.close()?;
            Ok(())
        };
        replace_by(path, write).map_err(failed)
    }
}

/// What the outside sees of `score_samples`: high is strange.
pub fn anomaly_score(score_sample: f64) -> f64 {
    -score_sample
}

/// What the forest said of an `anomaly_score`: low is strange.
pub fn score_sample(anomaly_score: f64) -> f64 {
    -anomaly_score
}

/// The rows by their scores, the lowest first; equal scores by position.
///
/// # Panics
/// If there are more than 2³² rows.
pub fn strangest_first(score_samples: &[f64]) -> Vec<u32> {
    let rows = u32::try_from(score_samples.len()).expect("rows have numbers of 32 bits");
    let mut order: Vec<(f64, u32)> = score_samples.iter().copied().zip(0..rows).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    order.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_score_is_the_strangest_and_ties_keep_their_order() {
        let order = strangest_first(&[-0.4, -0.7, -0.4, -0.5]);
        assert_eq!(order, [1, 3, 0, 2]);
    }
}
