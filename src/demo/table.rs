//! The demo's Delta table: partitioned by `date`, one commit a day.
//!
//! The table carries a property that says the demo wrote it. A table without it is never replaced.

use std::io;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use deltalake::kernel::{StructField, StructType, engine::arrow_conversion::TryIntoKernel};
use deltalake::operations::create::CreateBuilder;
use deltalake::parquet::basic::{Compression, ZstdLevel};
use deltalake::parquet::file::properties::WriterProperties;
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use deltalake::{DeltaTable, DeltaTableError, ensure_table_uri};

use super::columns;
use super::error::DemoError;
use super::params::DemoParams;

/// The table property by which the demo knows its own tables; the value says how it was made.
const MARK: &str = "crannog.demo";

const ROW_GROUP_ROWS: usize = 256 * 1024;

/// A day of a large demo becomes several files of about this size.
const TARGET_FILE_BYTES: u64 = 128 * 1024 * 1024;

/// The table while it is being written.
pub struct DemoTable {
    path: PathBuf,
    table: DeltaTable,
    writer: RecordBatchWriter,
}

impl DemoTable {
    /// Creates the table, in place of an earlier demo's.
    pub async fn create(path: &Path, params: &DemoParams) -> Result<DemoTable, DemoError> {
        clear(path).await?;
        tokio::fs::create_dir_all(path)
            .await
            .map_err(|source| at(path, source))?;
        let table = create(path, params)
            .await
            .map_err(|source| failed(path, source))?;
        let writer = RecordBatchWriter::for_table(&table)
            .map_err(|source| failed(path, source))?
            .with_writer_properties(properties())
            .with_target_file_size(TARGET_FILE_BYTES);
        Ok(DemoTable {
            path: path.to_path_buf(),
            table,
            writer,
        })
    }

    /// Appends rows to the day that the next `commit` ends.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<(), DemoError> {
        self.writer
            .write(batch)
            .await
            .map_err(|source| failed(&self.path, source))
    }

    /// Makes the rows written since the last commit part of the table.
    pub async fn commit(&mut self) -> Result<(), DemoError> {
        match self.writer.flush_and_commit(&mut self.table).await {
            Ok(_) => Ok(()),
            Err(source) => Err(failed(&self.path, source)),
        }
    }

    /// The size of the folder, log included.
    pub fn bytes(&self) -> Result<u64, DemoError> {
        folder_bytes(&self.path).map_err(|source| at(&self.path, source))
    }
}

/// Deletes an earlier demo's table; refuses when the folder holds anything else.
async fn clear(path: &Path) -> Result<(), DemoError> {
    match std::fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(at(path, source)),
        Ok(true) => return Ok(()),
        Ok(false) => {}
    }
    let path_of = || path.to_path_buf();
    if !path.join("_delta_log").is_dir() {
        return Err(DemoError::NotADemo { path: path_of() });
    }
    if !is_marked(path)
        .await
        .map_err(|source| DemoError::Unreadable {
            path: path_of(),
            source: Box::new(source),
        })?
    {
        return Err(DemoError::NotADemo { path: path_of() });
    }
    tokio::fs::remove_dir_all(path)
        .await
        .map_err(|source| at(path, source))
}

async fn is_marked(path: &Path) -> Result<bool, DeltaTableError> {
    let mut table = DeltaTable::try_from_url(location(path)?).await?;
    table.load().await?;
    Ok(table
        .snapshot()?
        .metadata()
        .configuration()
        .contains_key(MARK))
}

async fn create(path: &Path, params: &DemoParams) -> Result<DeltaTable, DeltaTableError> {
    let schema: StructType = columns::schema().as_ref().try_into_kernel()?;
    let columns: Vec<StructField> = schema.fields().cloned().collect();
    let DemoParams {
        rows,
        hosts,
        days,
        seed,
        intrusions,
        ..
    } = params;
    let made = format!("rows={rows} hosts={hosts} days={days} seed={seed} intrusions={intrusions}");
    CreateBuilder::new()
        .with_location(location(path)?.as_str())
        .with_table_name("process_execution")
        .with_comment("Made-up Windows process creation events (4688) of the crannog demo")
        .with_columns(columns)
        .with_partition_columns(["date"])
        // Without this, properties that Delta does not define are refused.
        .with_raise_if_key_not_exists(false)
        .with_configuration([(MARK, Some(made))])
        .await
}

fn location(path: &Path) -> Result<url::Url, DeltaTableError> {
    ensure_table_uri(path.to_string_lossy())
}

/// Plain strings and zstd: every reader of Parquet opens it.
fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(
            ZstdLevel::try_new(1).expect("1 is a zstd level"),
        ))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build()
}

fn folder_bytes(path: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            folder_bytes(&entry.path())?
        } else {
            metadata.len()
        };
    }
    Ok(bytes)
}

fn at(path: &Path, source: io::Error) -> DemoError {
    DemoError::Path {
        path: path.to_path_buf(),
        source,
    }
}

fn failed(path: &Path, source: DeltaTableError) -> DemoError {
    DemoError::Table {
        path: path.to_path_buf(),
        source: Box::new(source),
    }
}
