//! The scan of a trail's files: partitions of about the same number of bytes, each read file by file.
//!
//! A task fetches a few files ahead, so that a store's delay is paid once and not for every file; a blocking task unpacks
//! and decodes them.

use std::fmt;
use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{GetResult, GetResultPayload, ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;

use super::bucket::TrailFile;
use super::file::{self, FileProblem};
use super::rows::Rows;
use crate::source::{Skipped, UnreadableFile};

/// Files of a store that are fetched before they are needed.
const AHEAD: usize = 8;

/// A file up to this size is fetched whole; of a longer one, what the decoder asks for.
const WHOLE: u64 = 4 << 20;

/// What the partitions of a scan share.
#[derive(Clone)]
pub(super) struct Scan {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Of a file's path, how many parts are the source's location.
    pub(super) depth: usize,
    /// Columns of a record, by number.
    pub(super) columns: Vec<usize>,
    pub(super) schema: SchemaRef,
    pub(super) skipped: Skipped,
}

/// The plan node.
pub(super) struct CloudTrailExec {
    scan: Scan,
    partitions: Vec<Vec<TrailFile>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl CloudTrailExec {
    /// A scan of these files in at most so many partitions.
    pub(super) fn new(scan: Scan, files: Vec<TrailFile>, partitions: usize) -> Self {
        let partitions = deal(files, partitions);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&scan.schema)),
            Partitioning::UnknownPartitioning(partitions.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            scan,
            partitions,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

/// Deals files out, each to the partition with the fewest bytes; at least one partition, none empty.
fn deal(mut files: Vec<TrailFile>, partitions: usize) -> Vec<Vec<TrailFile>> {
    let partitions = partitions.min(files.len()).max(1);
    // The sort keeps the order of equally long files, so that a plan is always the same.
    files.sort_by_key(|file| std::cmp::Reverse(file.meta.size));
    let mut dealt = vec![(0, Vec::new()); partitions];
    for file in files {
        if let Some((bytes, files)) = dealt
            .iter_mut()
            .min_by_key(|(bytes, files)| (*bytes, files.len()))
        {
            *bytes += file.meta.size;
            files.push(file);
        }
    }
    let in_order = |(_, mut files): (u64, Vec<TrailFile>)| {
        files.sort_by(|a, b| a.meta.location.cmp(&b.meta.location));
        files
    };
    dealt.into_iter().map(in_order).collect()
}

impl fmt::Debug for CloudTrailExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudTrailExec").finish_non_exhaustive()
    }
}

impl DisplayAs for CloudTrailExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: usize = self.partitions.iter().map(Vec::len).sum();
        let columns = self
            .scan
            .schema
            .fields()
            .iter()
            .map(|field| field.name().as_str());
        let columns: Vec<_> = columns.collect();
        write!(
            f,
            "CloudTrailExec: files={files}, partitions={}, projection=[{}]",
            self.partitions.len(),
            columns.join(", ")
        )
    }
}

impl ExecutionPlan for CloudTrailExec {
    fn name(&self) -> &'static str {
        "CloudTrailExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion, DataFusionError>,
    ) -> Result<TreeNodeRecursion, DataFusionError> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        Ok(self)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream, DataFusionError> {
        let scan = self.scan.clone();
        let files = self.partitions[partition].clone();
        let bytes = MetricBuilder::new(&self.metrics).counter("bytes_scanned", partition);
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let batch_rows = context.session_config().batch_size();

        let (fetched, mut arrived) = tokio::sync::mpsc::channel(1);
        let mut batches = RecordBatchReceiverStream::builder(Arc::clone(&scan.schema), 2);
        let store = Arc::clone(&scan.store);
        batches.spawn(async move {
            let mut inputs = stream::iter(files)
                .map(|file| SpawnedTask::spawn(fetch(Arc::clone(&store), file)).join())
                .buffered(AHEAD);
            while let Some(input) = inputs.next().await {
                let input = input.map_err(|error| DataFusionError::External(Box::new(error)))??;
                if fetched.send(input).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
        let batch_sender = batches.tx();
        let runtime = Handle::current();
        batches.spawn_blocking(move || {
            let mut rows = Rows::new(&scan.columns, Arc::clone(&scan.schema), batch_rows);
            while let Some(input) = arrived.blocking_recv() {
                if scan
                    .read(input, &runtime, &mut rows, &batch_sender, &bytes)?
                    .is_break()
                {
                    return Ok(());
                }
            }
            let _ = send(&mut rows, &batch_sender);
            Ok(())
        });
        let batches = batches.build().inspect_ok(move |batch: &RecordBatch| {
            baseline.output_rows().add(batch.num_rows());
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            batches,
        )))
    }
}

/// A file that was asked for.
struct Input {
    file: TrailFile,
    content: Content,
}

enum Content {
    Whole(Box<dyn Read + Send>),
    Streamed(GetResult),
}

async fn fetch(store: Arc<dyn ObjectStore>, file: TrailFile) -> Result<Input, DataFusionError> {
    let got = store.get(&file.meta.location).await?;
    let content = match got.payload {
        GetResultPayload::File(open, _) => Content::Whole(Box::new(open)),
        GetResultPayload::Stream(_) if got.meta.size <= WHOLE => {
            Content::Whole(Box::new(Cursor::new(got.bytes().await?)))
        }
        GetResultPayload::Stream(_) => Content::Streamed(got),
    };
    Ok(Input { file, content })
}

impl Scan {
    /// Reads a file into rows, and hands on those that are enough.
    fn read(
        &self,
        input: Input,
        runtime: &Handle,
        rows: &mut Rows,
        sender: &Sender<Result<RecordBatch, DataFusionError>>,
        bytes: &Count,
    ) -> Result<ControlFlow<()>, DataFusionError> {
        let source: Box<dyn Read + Send> = match input.content {
            Content::Whole(source) => source,
            Content::Streamed(got) => Box::new(Streamed {
                stream: got.into_stream(),
                runtime: runtime.clone(),
                piece: Cursor::default(),
            }),
        };
        rows.file = input.file.name(self.depth);
        let read = file::read(source, rows, &mut |rows| send(rows, sender));
        bytes.add(usize::try_from(input.file.meta.size).unwrap_or(0));
        let problem = match read {
            Ok(flow) => return Ok(flow),
            Err(problem) => problem,
        };
        let file = rows.file.clone();
        let skipped = match problem {
            FileProblem::Storage(_) => Err(UnreadableFile::new(file, problem)),
            problem => self.skipped.skip(&file, problem),
        };
        skipped.map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(ControlFlow::Continue(()))
    }
}

/// Hands on the rows so far; breaks off when nobody takes them.
fn send(rows: &mut Rows, sender: &Sender<Result<RecordBatch, DataFusionError>>) -> ControlFlow<()> {
    let batch = match rows.finish() {
        Ok(None) => return ControlFlow::Continue(()),
        Ok(Some(batch)) => Ok(batch),
        Err(error) => Err(error.into()),
    };
    match sender.blocking_send(batch) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

/// A store's answer, read on a thread that may wait for it.
struct Streamed<S, P> {
    stream: S,
    runtime: Handle,
    piece: Cursor<P>,
}

impl<S, P> Read for Streamed<S, P>
where
    S: futures::Stream<Item = Result<P, object_store::Error>> + Unpin,
    P: AsRef<[u8]>,
{
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.piece.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.runtime.block_on(self.stream.next()) {
                None => return Ok(0),
                Some(piece) => self.piece = Cursor::new(piece.map_err(io::Error::other)?),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use datafusion::prelude::SessionContext;
    use object_store::memory::InMemory;
    use object_store::path::Path;

    use super::*;
    use crate::source::cloudtrail::bucket::Bucket;
    use crate::source::cloudtrail::schema;

    #[tokio::test(flavor = "multi_thread")]
    async fn short_and_long_files_of_a_store_are_read_in_every_number_of_partitions() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let long = "x".repeat(1000);
        for (name, records) in [
            ("long.ndjson", 6000),
            ("short.ndjson", 3),
            ("b/short.ndjson", 2),
        ] {
            let lines = (0..records)
                .map(|n| format!(r#"{{"eventID": "{name} {n}", "userAgent": "{long}"}}"#));
            let text = lines.collect::<Vec<_>>().join("\n");
            assert_eq!(text.len() as u64 > WHOLE, records == 6000);
            store.put(&Path::from(name), text.into()).await.unwrap();
        }
        let bucket = Bucket::open(Arc::clone(&store), &Path::default())
            .await
            .unwrap();
        let files = bucket.since(None).await.unwrap();
        for partitions in [1, 2, 3, 8] {
            let column = schema::schema().index_of("eventID").unwrap();
            let scan = Scan {
                store: Arc::clone(&store),
                depth: 0,
                columns: vec![column],
                schema: Arc::new(schema::schema().project(&[column]).unwrap()),
                skipped: Skipped::new(true),
            };
            let plan = Arc::new(CloudTrailExec::new(scan, files.clone(), partitions));
            let expected = partitions.min(3);
            assert_eq!(
                plan.properties().output_partitioning().partition_count(),
                expected
            );
            let context = SessionContext::new().task_ctx();
            let batches = datafusion::physical_plan::collect(plan, context)
                .await
                .unwrap();
            let mut ids: Vec<_> = batches
                .iter()
                .flat_map(|batch| batch.column(0).as_string_view().iter().flatten())
                .collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), 6005);
        }
    }
}
