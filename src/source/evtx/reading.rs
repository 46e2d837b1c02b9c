//! One file, or a part of a large one, as batches of rows: a few chunks are in memory at a time.

use std::ops::{Deref, Range};
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::metrics::Count;
use futures::stream::{self, Stream};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::columns::Rows;
use super::event_log::{CHUNK_SIZE, Damage, EventLog, HEADER_SIZE};
use super::process_start::ProcessStart;
use crate::source::Skipped;

/// Chunks that are fetched at once: 2 MiB.
const FETCHED: u64 = 32;

/// A file that is being read.
pub(super) struct Reading {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) file: ObjectMeta,
    /// What a person calls it.
    pub(super) name: String,
    pub(super) skipped: Skipped,
    pub(super) is_damaged: bool,
    pub(super) rows: Rows,
    pub(super) batch_size: usize,
    pub(super) bytes_scanned: Count,
    pub(super) records_left_out: Count,
}

/// The chunks that are still to be read.
struct Rest {
    log: EventLog,
    chunks: Range<u64>,
}

impl Reading {
    /// The rows of the chunks that start in this range of the file's bytes.
    pub(super) fn batches(
        self,
        bytes: Range<u64>,
    ) -> impl Stream<Item = Result<RecordBatch>> + Send {
        stream::try_unfold((self, None), move |(mut reading, rest)| {
            let bytes = bytes.clone();
            async move {
                let rest = match rest {
                    Some(rest) => Some(rest),
                    None => reading.begin(bytes).await?,
                };
                let Some(mut rest) = rest else {
                    return Ok(None);
                };
                let batch = reading.next(&mut rest).await?;
                Ok(batch.map(|batch| (batch, (reading, Some(rest)))))
            }
        })
    }

    /// Reads the header; `None` if that is where the file ends for us.
    async fn begin(&mut self, bytes: Range<u64>) -> Result<Option<Rest>> {
        let header = match HEADER_SIZE.min(self.file.size) {
            0 => Vec::new(),
            size => self.fetch(0..size).await?.to_vec(),
        };
        let mut damage = Vec::new();
        let log = EventLog::open(&header, self.file.size, &mut |found| damage.push(found));
        let log = log.map_err(|found| damage.push(found)).ok();
        self.leave_out(damage)?;
        Ok(log.map(|log| Rest {
            chunks: log.chunks_in(bytes),
            log,
        }))
    }

    /// The next batch; `None` at the end.
    async fn next(&mut self, rest: &mut Rest) -> Result<Option<RecordBatch>> {
        while !rest.chunks.is_empty() && !self.rows.are_enough(self.batch_size) {
            let first = rest.chunks.start;
            let end = rest.chunks.end.min(first + FETCHED);
            rest.chunks.start = end;
            let bytes = HEADER_SIZE + first * CHUNK_SIZE..HEADER_SIZE + end * CHUNK_SIZE;
            let fetched = self.fetch(bytes).await?;
            for (number, chunk) in (first..end).zip(fetched.chunks(CHUNK_SIZE as usize)) {
                self.read(&rest.log, number, chunk)?;
            }
        }
        self.rows
            .finish()
            .transpose()
            .map_err(DataFusionError::from)
    }

    fn read(&mut self, log: &EventLog, number: u64, chunk: &[u8]) -> Result<()> {
        let (rows, name) = (&mut self.rows, &self.name);
        let mut left_out = 0;
        let mut damage = Vec::new();
        let take = |record: &[u8]| {
            match ProcessStart::from_json(record)? {
                Some(event) => rows.push(name, &event),
                None => left_out += 1,
            }
            Ok(())
        };
        log.records(number, chunk, take, |found| damage.push(found));
        self.records_left_out.add(left_out);
        self.leave_out(damage)
    }

    async fn fetch(&self, bytes: Range<u64>) -> Result<impl Deref<Target = [u8]> + use<>> {
        self.bytes_scanned.add((bytes.end - bytes.start) as usize);
        Ok(self.store.get_range(&self.file.location, bytes).await?)
    }

    /// Takes note of the first thing that is wrong with the file.
    fn leave_out(&mut self, damage: Vec<Damage>) -> Result<()> {
        let first = damage.into_iter().next();
        let Some(first) = first.filter(|_| !self.is_damaged) else {
            return Ok(());
        };
        self.is_damaged = true;
        let taken = self.skipped.skip(&self.name, first);
        taken.map_err(|error| DataFusionError::External(Box::new(error)))
    }
}
