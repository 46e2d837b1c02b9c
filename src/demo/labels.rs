//! Labels: the groups of the planted events, in a file beside the table, as `crannog evaluate` takes them.
//!
//! The table itself does not say which events are planted; a detection is judged by this file.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Date32Type;
use chrono::{Days, NaiveDate};
use deltalake::parquet::arrow::ArrowWriter;

use super::error::DemoError;
use super::events::Events;
use super::intrusion::Intrusion;

/// One row for each planted group, with the number of its events.
pub fn batch(events: &Events, first_day: NaiveDate) -> RecordBatch {
    let planted = &events.intrusions;
    let strings = |column: &dyn Fn(&Intrusion) -> String| -> ArrayRef {
        Arc::new(
            planted
                .iter()
                .map(|i| Some(column(i)))
                .collect::<StringArray>(),
        )
    };
    let account = |intrusion: &Intrusion| &events.fleet.accounts[intrusion.account as usize];
    let dates: Date32Array = planted
        .iter()
        .map(|i| Date32Type::from_naive_date(first_day + Days::new(i.day.into())))
        .collect::<Vec<_>>()
        .into();
    // Each by its kind, and which of that kind it is.
    let attacks = planted.iter().enumerate().map(|(place, intrusion)| {
        let name = intrusion.kind.name();
        let earlier = planted[..place].iter();
        let number = 1 + earlier.filter(|other| other.kind == intrusion.kind).count();
        Some(format!("{name} {number}"))
    });
    let attacks: StringArray = attacks.collect();
    let counts: Int64Array = planted
        .iter()
        .map(|i| i.events.len() as i64)
        .collect::<Vec<_>>()
        .into();
    RecordBatch::try_from_iter([
        ("interval", Arc::new(dates) as ArrayRef),
        (
            "Computer",
            strings(&|i| events.fleet.hosts[i.host as usize].computer.clone()),
        ),
        ("Account", strings(&|i| account(i).name.clone())),
        (
            "AccountType",
            strings(&|i| account(i).account_type.to_string()),
        ),
        ("Process", strings(&|i| i.program.to_string())),
        ("attack", Arc::new(attacks) as ArrayRef),
        ("kind", strings(&|i| i.kind.name().to_string())),
        ("events", Arc::new(counts)),
    ])
    .expect("columns of one length")
}

/// Writes the labels as a Parquet file, over one that is there.
pub fn write(path: &Path, labels: &RecordBatch) -> Result<(), DemoError> {
    let file = File::create(path).map_err(|source| DemoError::Path {
        path: path.to_path_buf(),
        source,
    })?;
    let written = ArrowWriter::try_new(file, labels.schema(), None).and_then(|mut writer| {
        writer.write(labels)?;
        writer.close()
    });
    match written {
        Ok(_) => Ok(()),
        Err(source) => Err(DemoError::Labels {
            path: path.to_path_buf(),
            source,
        }),
    }
}
