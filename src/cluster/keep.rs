//! Rows that stay on the cluster: each partition of a plan goes into a Parquet file of the scratch folder, and what comes
//! back of it is one row that says where, and how much.
//!
//! Whoever asks for the rows later reads the files: they are there though the executor that wrote them is not. A task that
//! is tried again writes another file; a file that no row speaks of is none of the rows.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{AsArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, SendableRecordBatchStream,
};
use futures::{TryStreamExt, stream};
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::AsyncArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};

use super::one_input;

/// Rows in a row group: the statistics of one tell a reader whether it needs it.
const ROWS_IN_GROUP: usize = 128 * 1024;

/// What comes back of a partition.
static RECEIPT: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("path", DataType::Utf8, false),
        Field::new("rows", DataType::UInt64, false),
        Field::new("bytes", DataType::UInt64, false),
    ]))
});

/// A folder of a store that every executor and the driver can reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Folder {
    /// The store: scheme and host, such as `s3://bucket` or `file://`.
    pub(crate) store: String,
    /// The path in it.
    pub(crate) path: String,
}

impl Folder {
    pub(super) fn store_url(&self) -> Result<ObjectStoreUrl> {
        ObjectStoreUrl::parse(&self.store)
    }

    /// A folder in it.
    pub(super) fn inside(&self, name: &str) -> Self {
        Self {
            store: self.store.clone(),
            path: format!("{}/{name}", self.path),
        }
    }
}

/// A file of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptFile {
    /// The path in the store.
    pub(crate) path: String,
    /// Rows; at least one.
    pub(crate) rows: u64,
    /// Bytes.
    pub(crate) bytes: u64,
}

impl KeptFile {
    /// The file, as the reader of Parquet has it.
    pub(super) fn read(&self) -> Result<PartitionedFile> {
        let mut file = PartitionedFile::new(String::new(), self.bytes);
        file.object_meta.location = Path::parse(&self.path).map_err(object_store::Error::from)?;
        Ok(file)
    }
}

/// Keeps the rows of its input.
#[derive(Debug)]
pub(super) struct KeepExec {
    input: Arc<dyn ExecutionPlan>,
    folder: Folder,
    properties: Arc<PlanProperties>,
}

impl KeepExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, folder: Folder) -> Self {
        let partitions = input.output_partitioning().partition_count();
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&RECEIPT)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Final,
            Boundedness::Bounded,
        ));
        Self {
            input,
            folder,
            properties,
        }
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }
}

impl DisplayAs for KeepExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeepExec: {}{}", self.folder.store, self.folder.path)
    }
}

impl ExecutionPlan for KeepExec {
    fn name(&self) -> &'static str {
        "KeepExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = one_input(&children)?;
        Ok(Arc::new(Self::new(input, self.folder.clone())))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let store = context
            .runtime_env()
            .object_store(self.folder.store_url()?)?;
        let rows = self.input.execute(partition, context)?;
        let folder = self.folder.path.clone();
        let receipt = async move {
            let file = write(rows, store, &folder).await?;
            receipt(file.as_slice())
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&RECEIPT),
            stream::once(receipt),
        )))
    }
}

/// Writes rows into a file of the folder, under a name that no other has; `None` of no rows.
pub(super) async fn write(
    mut rows: SendableRecordBatchStream,
    store: Arc<dyn ObjectStore>,
    folder: &str,
) -> Result<Option<KeptFile>> {
    let Some(first) = next(&mut rows).await? else {
        return Ok(None);
    };
    let path = format!("{folder}/{:032x}.parquet", rand::random::<u128>());
    let writer = properties(&rows.schema());
    let unwritable = |error: ParquetError| {
        DataFusionError::Execution(format!(
            "the scratch folder `{folder}` cannot be written: {error}"
        ))
    };
    let location = Path::parse(&path).map_err(object_store::Error::from)?;
    let object = BufWriter::new(store, location);
    let mut writer = AsyncArrowWriter::try_new(object, rows.schema(), Some(writer))?;
    let mut count = first.num_rows() as u64;
    writer.write(&first).await.map_err(unwritable)?;
    while let Some(batch) = next(&mut rows).await? {
        count += batch.num_rows() as u64;
        writer.write(&batch).await.map_err(unwritable)?;
    }
    writer.finish().await.map_err(unwritable)?;
    let bytes = writer.bytes_written() as u64;
    Ok(Some(KeptFile {
        path,
        rows: count,
        bytes,
    }))
}

/// Quick to write, and quick to read: numbers as they are, text by what it repeats, the statistics of row groups alone.
fn properties(schema: &SchemaRef) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::LZ4_RAW)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(ROWS_IN_GROUP));
    for field in schema.fields() {
        let is_number = field.data_type().is_primitive();
        let column = ColumnPath::new(vec![field.name().clone()]);
        properties = properties.set_column_dictionary_enabled(column, !is_number);
    }
    properties.build()
}

/// The next batch that has rows.
async fn next(rows: &mut SendableRecordBatchStream) -> Result<Option<RecordBatch>> {
    while let Some(batch) = rows.try_next().await? {
        if batch.num_rows() > 0 {
            return Ok(Some(batch));
        }
    }
    Ok(None)
}

fn receipt(files: &[KeptFile]) -> Result<RecordBatch> {
    let paths = files.iter().map(|file| Some(file.path.as_str()));
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(paths.collect::<StringArray>()),
        Arc::new(UInt64Array::from_iter_values(
            files.iter().map(|file| file.rows),
        )),
        Arc::new(UInt64Array::from_iter_values(
            files.iter().map(|file| file.bytes),
        )),
    ];
    Ok(RecordBatch::try_new(Arc::clone(&RECEIPT), columns)?)
}

/// The files that the receipts of a job speak of, in the order of their paths.
pub(super) fn files(receipts: &[RecordBatch]) -> Vec<KeptFile> {
    let mut files = Vec::new();
    for batch in receipts {
        let paths = batch.column(0).as_string::<i32>();
        let (rows, bytes) = (
            batch.column(1).as_primitive::<UInt64Type>(),
            batch.column(2).as_primitive::<UInt64Type>(),
        );
        for (row, path) in paths.iter().enumerate() {
            files.push(KeptFile {
                path: path.unwrap_or_default().to_owned(),
                rows: rows.value(row),
                bytes: bytes.value(row),
            });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}
