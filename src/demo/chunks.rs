//! The chunks of a day in order, made on all cores a little ahead of the writer.

use std::sync::Arc;

use arrow::array::RecordBatch;
use rayon::prelude::*;
use tokio::task::JoinHandle;

use super::events::{DayPlan, Events};

/// A chunk takes some 20 MB, and two groups of chunks are held at a time.
const MOST_AT_ONCE: usize = 8;

/// The rows of one day, a group of chunks at a time.
pub struct DayChunks {
    events: Arc<Events>,
    plan: Arc<DayPlan>,
    next_chunk: u32,
    ahead: Option<JoinHandle<Vec<RecordBatch>>>,
}

impl DayChunks {
    pub fn new(events: Arc<Events>, plan: DayPlan) -> DayChunks {
        let mut chunks = DayChunks {
            events,
            plan: Arc::new(plan),
            next_chunk: 0,
            ahead: None,
        };
        chunks.start_next();
        chunks
    }

    /// The next chunks, or none when the day is over.
    pub async fn next(&mut self) -> Option<Vec<RecordBatch>> {
        let made = self.ahead.take()?.await;
        self.start_next();
        match made {
            Ok(batches) => Some(batches),
            // The task is never cancelled, so it can only have panicked.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    fn start_next(&mut self) {
        let from = self.next_chunk;
        let at_once = rayon::current_num_threads().min(MOST_AT_ONCE) as u32;
        let to = from.saturating_add(at_once).min(self.plan.n_chunks());
        if from == to {
            return;
        }
        self.next_chunk = to;
        let (events, plan) = (Arc::clone(&self.events), Arc::clone(&self.plan));
        self.ahead = Some(tokio::task::spawn_blocking(move || {
            (from..to)
                .into_par_iter()
                .map(|chunk| events.chunk(&plan, chunk))
                .collect()
        }));
    }
}
