//! A small table of texts: a CSV file, or what a Delta table holds.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Format;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sha2::{Digest, Sha256};

use super::FeedbackError;
use crate::job::Zone;
use crate::strict::cast;

/// Its rows, every column a text. A time without an offset is local time in the job's zone.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    rows: RecordBatch,
    zone: Zone,
}

impl Rows {
    /// Of batches with columns of any type.
    pub fn new(
        zone: &Zone,
        schema: &Schema,
        batches: &[RecordBatch],
    ) -> Result<Self, FeedbackError> {
        let mut names: Vec<_> = schema.fields().iter().map(|field| field.name()).collect();
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(FeedbackError::Row {
                name: "the table".to_owned(),
                problem: format!("it has two columns `{}`", pair[0]),
            });
        }
        let rows = concat_batches(&Arc::new(schema.clone()), batches)?;
        let texts = rows
            .columns()
            .iter()
            .map(|column| cast(column, &DataType::Utf8));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let fields = schema
            .fields()
            .iter()
            .map(|field| Field::new(field.name(), DataType::Utf8, true));
        let schema = Schema::new(fields.collect::<Vec<_>>());
        Ok(Self {
            rows: RecordBatch::try_new(Arc::new(schema), texts)?,
            zone: zone.clone(),
        })
    }

    /// Of a CSV file with a header.
    pub fn from_csv(zone: &Zone, text: &[u8]) -> Result<Self, FeedbackError> {
        let (header, _) = Format::default()
            .with_header(true)
            .infer_schema(Cursor::new(text), Some(0))?;
        let fields = header
            .fields()
            .iter()
            .map(|field| Field::new(field.name().trim(), DataType::Utf8, true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let reader = ReaderBuilder::new(Arc::clone(&schema))
            .with_header(true)
            .build(Cursor::new(text))?;
        let batches = reader.collect::<Result<Vec<_>, _>>()?;
        Self::new(zone, &schema, &batches)
    }

    /// The instant that a text means.
    pub fn instant(&self, text: &str) -> Option<DateTime<Utc>> {
        instant(&self.zone, text)
    }

    /// Takes all that it says into a digest, whatever the order of its rows.
    pub fn update(&self, hasher: &mut Sha256) {
        let mut lines: Vec<_> = (0..self.len())
            .map(|row| {
                let values = self
                    .names()
                    .map(|name| format!("{name:?}{:?}", self.exact(name, row)));
                values.collect::<Vec<_>>().join("\n")
            })
            .collect();
        lines.sort();
        for line in lines {
            hasher.update(line);
        }
    }

    pub fn len(&self) -> usize {
        self.rows.num_rows()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rows
            .schema_ref()
            .fields()
            .iter()
            .map(|field| field.name().as_str())
    }

    pub fn column(&self, name: &str) -> Option<&StringArray> {
        self.rows
            .column_by_name(name)
            .map(|column| column.as_string::<i32>())
    }

    /// A value to the letter; `None` where it is NULL or there is no such column.
    pub fn exact(&self, name: &str, row: usize) -> Option<&str> {
        let column = self.column(name)?;
        column.is_valid(row).then(|| column.value(row))
    }

    /// The same, and `None` too where it is empty.
    pub fn value(&self, name: &str, row: usize) -> Option<&str> {
        self.exact(name, row).filter(|text| !text.is_empty())
    }

    /// The values of some rows of a column, as another type.
    pub fn values(
        &self,
        name: &str,
        rows: &[usize],
        data_type: &DataType,
    ) -> Result<ArrayRef, ArrowError> {
        let texts: StringArray = rows.iter().map(|row| self.exact(name, *row)).collect();
        match data_type {
            // Text of a time may be a day alone, or have no offset.
            DataType::Timestamp(unit, zone) => {
                let instants = texts.iter().map(|text| match text {
                    None => Ok(None),
                    Some(text) => match self.instant(text) {
                        Some(instant) => Ok(Some(instant.timestamp_micros())),
                        None => Err(ArrowError::CastError(format!(
                            "`{text}` in `{name}` is no time"
                        ))),
                    },
                });
                let micros =
                    instants.collect::<Result<arrow::array::TimestampMicrosecondArray, _>>()?;
                cast(
                    &micros.with_timezone("UTC"),
                    &DataType::Timestamp(*unit, zone.clone()),
                )
            }
            other => cast(&texts, other),
        }
    }
}

/// The instant that a text means: with an offset, or on the job's clock.
pub(super) fn instant(zone: &Zone, text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.with_timezone(&Utc));
    }
    let day = text.parse::<NaiveDate>();
    let day = day.map(|day| day.and_time(NaiveTime::MIN));
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let time = || {
        let mut formats = formats.iter();
        formats.find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
    };
    day.ok().or_else(time).map(|time| zone.instant(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        serde_json::from_value(name.into()).unwrap()
    }

    #[test]
    fn a_value_keeps_its_spaces_and_an_empty_one_of_a_csv_file_is_none() {
        let rows =
            Rows::from_csv(&zone("UTC"), b"Process,label\n cmd.exe ,benign\n,benign\n").unwrap();
        assert_eq!(rows.exact("Process", 0), Some(" cmd.exe "));
        assert_eq!(
            (rows.value("Process", 1), rows.value("nothing", 0)),
            (None, None)
        );
        assert_eq!(rows.names().collect::<Vec<_>>(), ["Process", "label"]);
    }

    #[test]
    fn two_columns_of_one_name_are_refused() {
        let twice = Rows::from_csv(&zone("UTC"), b"Process,Process\na,b\n").unwrap_err();
        assert_eq!(twice.to_string(), "the table: it has two columns `Process`");
    }

    #[test]
    fn a_time_without_an_offset_is_on_the_jobs_clock() {
        let micros =
            |text| instant(&zone("Europe/Berlin"), text).map(|instant| instant.timestamp_micros());
        let noon = Some(1_741_608_000_000_000); // 2025-03-10T12:00:00Z
        for text in [
            "2025-03-10T12:00:00Z",
            "2025-03-10T07:00:00-05:00",
            "2025-03-10 13:00:00",
            "2025-03-10T13:00:00.000",
        ] {
            assert_eq!(micros(text), noon, "{text}");
        }
        assert_eq!(micros("2025-03-10"), Some(1_741_561_200_000_000)); // 23:00Z on the day before
        assert_eq!(micros("noon"), None);
    }
}
