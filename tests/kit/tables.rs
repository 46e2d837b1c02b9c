//! Small Delta tables and Parquet files, written and read without the program.

use std::fs::{self, File};
use std::path::Path;

use arrow::array::RecordBatch;
use datafusion::prelude::SessionContext;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTable, ensure_table_uri};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::block_on;

/// A Delta table's rows, in no order of their own, at a version.
#[derive(Debug, Default, PartialEq)]
pub struct Table {
    pub version: Option<u64>,
    pub rows: Vec<Value>,
}

/// Makes a Delta table of these rows, partitioned by these columns: version 0.
pub fn write_delta(path: &Path, rows: &RecordBatch, partition_by: &[&str]) {
    save(path, rows, partition_by);
}

/// Appends rows to the Delta table, as one more version.
pub fn append(path: &Path, rows: &RecordBatch) {
    save(path, rows, &[]);
}

fn save(path: &Path, rows: &RecordBatch, partition_by: &[&str]) {
    fs::create_dir_all(path).unwrap();
    block_on(async {
        let table = DeltaTable::try_from_url(ensure_table_uri(path.to_str().unwrap()).unwrap())
            .await
            .unwrap();
        let write = table.write([rows.clone()]).with_save_mode(SaveMode::Append);
        let partition_by = partition_by.iter().map(|column| (*column).to_owned());
        let write = match partition_by.len() {
            0 => write, // as the table is, where there is one
            _ => write.with_partition_columns(partition_by),
        };
        write.await.unwrap();
    });
}

/// The latest version of a Delta table, as JSON objects in the order of their text.
pub fn read_delta(path: &Path) -> Table {
    block_on(async {
        let url = ensure_table_uri(path.to_str().unwrap()).unwrap();
        let table = deltalake::open_table(url).await.unwrap();
        let rows = SessionContext::new()
            .read_table(table.table_provider().await.unwrap())
            .unwrap();
        Table {
            version: table.version(),
            rows: objects(&rows.collect().await.unwrap()),
        }
    })
}

/// The rows of a Parquet file, as JSON objects in the order of their text.
pub fn read_parquet(path: &Path) -> Vec<Value> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap())
        .unwrap()
        .build()
        .unwrap();
    objects(&reader.map(Result::unwrap).collect::<Vec<_>>())
}

fn objects(batches: &[RecordBatch]) -> Vec<Value> {
    let mut text = Vec::new();
    let mut writer = arrow::json::LineDelimitedWriter::new(&mut text);
    batches
        .iter()
        .for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    drop(writer);
    let mut lines: Vec<_> = str::from_utf8(&text).unwrap().lines().collect();
    lines.sort_unstable();
    lines
        .into_iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Writes one Parquet file, and the folders it lies in.
pub fn write_parquet(path: &Path, rows: &RecordBatch) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
}
