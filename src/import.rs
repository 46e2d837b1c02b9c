//! An import: what a source holds in many files becomes a Delta table, partitioned by day.
//!
//! Each row keeps the name of its file in `_source_file`, and a file is taken when the table has a row of it. So the record of
//! what was taken is written by the commit that writes the rows, and nothing can come between; it is still there after the
//! table's log is cleaned up and its files are compacted. A file is taken whole, in one commit, or not at all.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use datafusion::common::DFSchema;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{cast as cast_to, ident};
use datafusion::prelude::{DataFrame, SessionContext};
use deltalake::delta_datafusion::create_session;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{CommitProperties, TransactionError};
use deltalake::kernel::{StructType, Transaction};
use deltalake::parquet::basic::{Compression, ZstdLevel};
use deltalake::parquet::file::properties::WriterProperties;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError, ensure_table_uri};

use crate::blame::{Blame, blame_of};
use crate::error::{Error, Result};
use crate::job::Format;
use crate::source::{self, SOURCE_FILE, Skipped, SourceFiles};

/// The partition column: the day of the time column, in UTC.
const DATE: &str = "date";

/// Bytes of source files that one commit takes.
const COMMIT_BYTES: u64 = 256 << 20;

/// By which two imports at once know each other: of two commits from one version, the second is refused.
const APPLICATION: &str = "crannog.import";

/// What to import, and to where.
#[derive(Clone, Debug)]
pub struct Import {
    /// How the source is stored.
    pub format: Format,
    /// Path or URL of the source.
    pub source: String,
    /// Path or URL of the Delta table, there or to be made.
    pub table: String,
    /// The column whose day a row belongs to.
    pub time_column: String,
    /// Stop at a file that cannot be read to its end; else it is left for a later import.
    pub strict: bool,
}

impl Import {
    /// Where the files are, the same for every way to write a local path. Files are known by their names in it.
    fn origin(&self) -> String {
        match std::fs::canonicalize(&self.source) {
            Ok(path) => path.display().to_string(),
            Err(_) => self.source.trim_end_matches('/').to_owned(),
        }
    }

    fn failed(&self, source: DeltaTableError) -> ImportError {
        ImportError::Table {
            table: self.table.clone(),
            source,
        }
    }
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Files taken now.
    pub files: usize,
    /// Files that the table had already.
    pub known: usize,
    /// Files that cannot be read, each with what is wrong.
    pub unreadable: Vec<(String, String)>,
    /// The table's version.
    pub version: Option<u64>,
}

/// Why an import did not finish. What was committed before stays, and is not taken again.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The table is not one of an import.
    #[error(
        "the Delta table `{table}` has no column `{SOURCE_FILE}`, so it is not known what it holds"
    )]
    NotOurs {
        /// Where it is.
        table: String,
    },
    /// The table was imported from elsewhere, where other files may have the same names.
    #[error("the Delta table `{table}` was imported from `{origin}`")]
    OtherOrigin {
        /// Where it is.
        table: String,
        /// The other source.
        origin: String,
    },
    /// The source has no such time.
    #[error("there is no column `{column}` in the source")]
    NoTime {
        /// What was asked for.
        column: String,
    },
    /// Another import has written in the meantime.
    #[error("another import is writing to `{table}`")]
    Race {
        /// Where it is.
        table: String,
    },
    /// The rows cannot be read.
    #[error("the source cannot be read")]
    Read(#[source] DataFusionError),
    /// The table cannot be read or written.
    #[error("the Delta table `{table}` cannot be written")]
    Table {
        /// Where it is.
        table: String,
        /// Why not.
        source: DeltaTableError,
    },
}

impl ImportError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::NotOurs { .. } | Self::OtherOrigin { .. } | Self::NoTime { .. } => Blame::Job,
            Self::Race { .. } => Blame::Outside,
            Self::Read(error) => blame_of(error),
            Self::Table { source, .. } => blame_of(source),
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotOurs { .. } | Self::OtherOrigin { .. } => "import into a folder of its own",
            Self::NoTime { .. } => "name a column with --time-column",
            Self::Race { .. } => "run it again when the other has ended: nothing is taken twice",
            Self::Read(_) | Self::Table { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// Appends to the table the files that it does not have yet.
pub async fn import(import: &Import) -> Result<Imported> {
    let ctx: SessionContext = create_session().into();
    let files = source::files(&ctx, import.format, &import.source).await?;
    let table = open(import).await?;
    let known = known(&ctx, &table, import).await?;
    let (old, new): (Vec<_>, Vec<_>) = files
        .names
        .iter()
        .cloned()
        .partition(|(name, _)| known.contains(name));
    let mut imported = Imported {
        files: 0,
        known: old.len(),
        unreadable: Vec::new(),
        version: table.version(),
    };
    let mut table = match table.version() {
        None if !new.is_empty() => {
            let rows = rows(&ctx, import, (files.table)(&[], &Skipped::new(true)))?;
            create(table, import, rows.schema().as_arrow()).await?
        }
        _ => table,
    };
    for group in groups(new) {
        table = take(&ctx, table, import, &files, group, &mut imported).await?;
    }
    imported.version = table.version();
    Ok(imported)
}

/// Files in their order, cut where a commit has enough of them.
fn groups(files: Vec<(String, u64)>) -> Vec<Vec<String>> {
    let (mut groups, mut bytes) = (Vec::<Vec<String>>::new(), COMMIT_BYTES);
    for (name, size) in files {
        if bytes >= COMMIT_BYTES {
            groups.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        groups.last_mut().expect("a group was begun").push(name);
    }
    groups
}

/// Takes one group of files in one commit; those that cannot be read are left out.
async fn take(
    ctx: &SessionContext,
    table: DeltaTable,
    import: &Import,
    files: &SourceFiles,
    mut group: Vec<String>,
    imported: &mut Imported,
) -> Result<DeltaTable> {
    loop {
        if group.is_empty() {
            return Ok(table);
        }
        // A file counts whole or not at all: what could be read of a broken one would be taken again when it is mended.
        let broken = Skipped::new(true);
        let rows = rows(ctx, import, (files.table)(&group, &broken))?;
        let written = append(table.clone(), import, rows).await;
        let broken = broken.files();
        if written.is_ok() || broken.is_empty() || import.strict {
            imported.files += group.len();
            return Ok(written?);
        }
        group.retain(|name| !broken.iter().any(|(file, _)| file == name));
        imported.unreadable.extend(broken);
    }
}

/// The rows with their day.
fn rows(
    ctx: &SessionContext,
    import: &Import,
    table: Arc<dyn datafusion::catalog::TableProvider>,
) -> Result<DataFrame, ImportError> {
    let rows = ctx.read_table(table).map_err(ImportError::Read)?;
    let schema: &DFSchema = rows.schema();
    if !schema.has_column_with_unqualified_name(&import.time_column) {
        return Err(ImportError::NoTime {
            column: import.time_column.clone(),
        });
    }
    rows.with_column(DATE, cast_to(ident(&import.time_column), DataType::Date32))
        .map_err(ImportError::Read)
}

async fn open(import: &Import) -> Result<DeltaTable, ImportError> {
    let failed = |source| import.failed(source);
    if !import.table.contains("://") {
        std::fs::create_dir_all(&import.table)
            .map_err(|error| failed(DeltaTableError::Io { source: error }))?;
    }
    let url = ensure_table_uri(&import.table).map_err(failed)?;
    let mut table = DeltaTableBuilder::from_url(url)
        .and_then(DeltaTableBuilder::build)
        .map_err(failed)?;
    if table.verify_deltatable_existence().await.map_err(failed)? {
        table.load().await.map_err(failed)?;
    }
    Ok(table)
}

/// Makes the table, empty: of two that append to it at once one is refused, which of two that make it is not.
async fn create(
    mut table: DeltaTable,
    import: &Import,
    schema: &Schema,
) -> Result<DeltaTable, ImportError> {
    let failed = |source| import.failed(source);
    let schema: StructType = schema
        .try_into_kernel()
        .map_err(|error| failed(error.into()))?;
    let created = table
        .clone()
        .create()
        .with_columns(schema.fields().cloned())
        .with_partition_columns([DATE])
        .with_comment(import.origin())
        .await;
    match created {
        Ok(table) => Ok(table),
        // Another import may have made it a moment ago.
        Err(error) => match table.load().await {
            Ok(()) => Ok(table),
            Err(_) => Err(failed(error)),
        },
    }
}

/// The files that the table has rows of.
async fn known(
    ctx: &SessionContext,
    table: &DeltaTable,
    import: &Import,
) -> Result<HashSet<String>, ImportError> {
    if table.version().is_none() {
        return Ok(HashSet::new());
    }
    let failed = |source| import.failed(source);
    table
        .update_datafusion_session(&ctx.state())
        .map_err(failed)?;
    let provider = table.table_provider().await.map_err(ImportError::Read)?;
    let rows = ctx.read_table(provider).map_err(ImportError::Read)?;
    if !rows.schema().has_column_with_unqualified_name(SOURCE_FILE) {
        return Err(ImportError::NotOurs {
            table: import.table.clone(),
        });
    }
    let snapshot = table.snapshot().map_err(failed)?;
    let origin = snapshot.metadata().description().unwrap_or_default();
    if origin != import.origin() {
        return Err(ImportError::OtherOrigin {
            table: import.table.clone(),
            origin: origin.to_owned(),
        });
    }
    let names = async {
        rows.select([ident(SOURCE_FILE)])?
            .distinct()?
            .collect()
            .await
    };
    let mut known = HashSet::new();
    for batch in names.await.map_err(ImportError::Read)? {
        let names = cast(batch.column(0), &DataType::Utf8)
            .map_err(|error| ImportError::Read(error.into()))?;
        known.extend(names.as_string::<i32>().iter().flatten().map(str::to_owned));
    }
    Ok(known)
}

async fn append(
    table: DeltaTable,
    import: &Import,
    rows: DataFrame,
) -> Result<DeltaTable, ImportError> {
    let failed = |source| import.failed(source);
    let last = match table.version() {
        None => None,
        Some(_) => {
            let snapshot = table.snapshot().map_err(failed)?;
            let log = table.log_store();
            let last = snapshot
                .transaction_version(log.as_ref(), APPLICATION)
                .await;
            last.map_err(failed)?
        }
    };
    let transaction = Transaction::new(APPLICATION, last.unwrap_or(0) + 1);
    let (state, plan) = rows.into_parts();
    let compression = Compression::ZSTD(ZstdLevel::default());
    let written = table
        .write(std::iter::empty::<arrow::array::RecordBatch>())
        .with_input_plan(plan)
        .with_session_state(Arc::new(state))
        .with_save_mode(SaveMode::Append)
        .with_partition_columns([DATE])
        .with_writer_properties(
            WriterProperties::builder()
                .set_compression(compression)
                .build(),
        )
        .with_commit_properties(
            CommitProperties::default().with_application_transaction(transaction),
        );
    written.await.map_err(|error| match error {
        DeltaTableError::Transaction {
            source: TransactionError::CommitConflict(_) | TransactionError::VersionAlreadyExists(_),
        } => ImportError::Race {
            table: import.table.clone(),
        },
        error => failed(error),
    })
}

impl From<ImportError> for Error {
    fn from(error: ImportError) -> Self {
        Self::Import(Box::new(error))
    }
}
