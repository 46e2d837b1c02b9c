//! Sending what waits: some chunks at once to each receiver, all receivers beside each other, and what became of them noted as
//! soon as it is known. No more than a few chunks are ever answered for and not noted.

use std::collections::BTreeMap;

use futures::future::join_all;
use futures::{StreamExt, stream};
use tokio::sync::mpsc::{self, Sender as Channel};
use tokio::time::Instant;

use super::Delivered;
use super::chunk::Chunk;
use super::entry::{Entry, State, Waiting};
use super::error::DeliveryError;
use super::lease::Lease;
use super::outbox::Outbox;
use super::pace::Pace;
use super::sender::{Fate, Sender};

/// Requests to one receiver at the same time.
const REQUESTS: usize = 4;
/// Chunks that may be answered for before what became of them is written down.
const UNNOTED: usize = 16;
/// Bytes of the bodies of one receiver that are in memory at the same time, uncompressed.
const IN_MEMORY: u64 = 32_000_000;

/// What became of a chunk, as it is noted.
struct Done {
    sink: String,
    entries: Vec<Entry>,
    fate: Fate,
    findings: usize,
}

/// Sends all that waits for these receivers, and what others put there meanwhile.
pub(super) async fn send_all(
    outbox: &mut Outbox,
    senders: &[&Sender],
    lease: &Lease,
    deadline: Instant,
) -> Result<Vec<Delivered>, DeliveryError> {
    let mut told: BTreeMap<&str, Delivered> = BTreeMap::new();
    for sender in senders {
        told.insert(&sender.name, Delivered::none(&sender.name));
    }
    // Of a receiver that failed no more is tried: chunks of it that wait are for the next call.
    while Instant::now() < deadline && lease.is_held() {
        let waiting = outbox.waiting().await?;
        let open = |sink: &str| told.get(sink).is_some_and(|told| told.error.is_none());
        let waiting: Vec<_> = waiting.into_iter().filter(|one| open(&one.sink)).collect();
        if waiting.is_empty() {
            break;
        }
        let (done, dones) = mpsc::channel(UNNOTED);
        let reader = outbox.clone();
        let sending = senders.iter().map(|sender| {
            let own: Vec<_> = waiting
                .iter()
                .filter(|one| one.sink == sender.name)
                .collect();
            let (done, reader) = (done.clone(), &reader);
            async move {
                let drain = Drain {
                    sender,
                    lease,
                    deadline,
                    pace: Pace::new(),
                    done,
                };
                (&sender.name, drain.run(reader, &own).await)
            }
        });
        let sending = join_all(sending.collect::<Vec<_>>());
        drop(done);
        let noting = note(outbox, dones, &mut told);
        let (sent, noted) = futures::future::join(sending, noting).await;
        noted?;
        for (sink, sent) in sent {
            if let (Err(error), Some(told)) = (sent, told.get_mut(sink.as_str())) {
                let why = || crate::error::causes(&error).join(": ");
                told.error.get_or_insert_with(why);
            }
        }
    }
    for waiting in outbox.waiting().await? {
        if let Some(told) = told.get_mut(waiting.sink.as_str()) {
            told.waiting += waiting.findings;
            let late = || "the time to send was over".to_owned();
            told.error.get_or_insert_with(late);
        }
    }
    Ok(told.into_values().collect())
}

/// Writes down what becomes of chunks, all that is known at a time by one commit. Where that fails it ends, and with it the
/// channel, so that nobody sends any more.
async fn note(
    outbox: &mut Outbox,
    mut dones: mpsc::Receiver<Done>,
    told: &mut BTreeMap<&str, Delivered>,
) -> Result<(), DeliveryError> {
    let mut some = Vec::new();
    while dones.recv_many(&mut some, UNNOTED).await > 0 {
        let entries = some.iter_mut();
        let entries = entries.flat_map(|done: &mut Done| std::mem::take(&mut done.entries));
        outbox.note(&entries.collect::<Vec<_>>()).await?;
        for done in some.drain(..) {
            if let Some(told) = told.get_mut(done.sink.as_str()) {
                told.add(&done);
            }
        }
    }
    Ok(())
}

/// The sending of what waits for one receiver.
struct Drain<'a> {
    sender: &'a Sender,
    lease: &'a Lease,
    deadline: Instant,
    pace: Pace,
    done: Channel<Done>,
}

impl Drain<'_> {
    /// The chunks of one look are done with before those of the next: of a finding that changed the later word is the last.
    async fn run(&self, reader: &Outbox, waiting: &[&Waiting]) -> Result<(), DeliveryError> {
        for of_one_look in waiting.chunk_by(|a, b| a.look == b.look) {
            let mut rest = of_one_look;
            while !rest.is_empty() && !self.is_over() {
                let (some, later) = rest.split_at(fitting(rest));
                rest = later;
                let mut bodies = reader.bodies(some).await?;
                let with_bodies = some.iter().map(|one| (*one, bodies.remove(&one.chunk)));
                let with_bodies: Vec<_> = with_bodies.collect();
                let sending = stream::iter(with_bodies).map(|(one, body)| self.send(one, body));
                let sent: Vec<_> = sending.buffer_unordered(REQUESTS).collect().await;
                sent.into_iter().collect::<Result<(), _>>()?;
            }
        }
        Ok(())
    }

    /// Whether no more is to be sent: also since nobody writes down what becomes of it, or another call sends.
    fn is_over(&self) -> bool {
        self.pace.is_over()
            || self.done.is_closed()
            || !self.lease.is_held()
            || Instant::now() > self.deadline
    }

    /// Sends a chunk, and where it is too large its parts.
    async fn send(&self, waiting: &Waiting, body: Option<Vec<u8>>) -> Result<(), DeliveryError> {
        let body = body.ok_or_else(|| DeliveryError::Damaged {
            what: format!("no body of chunk {}", waiting.chunk),
        })?;
        let mut parts = vec![waiting.whole(body)];
        while let Some(chunk) = parts.pop() {
            if self.is_over() || self.pace.holds(&chunk.findings) {
                return Ok(());
            }
            let fate = self
                .sender
                .deliver(&chunk, &self.pace, self.deadline)
                .await?;
            let findings = chunk.findings.len();
            match &fate {
                Fate::Taken => self.pace.taken(),
                Fate::Split(smaller) => parts.extend(smaller.iter().rev().cloned()),
                Fate::Waits { is_chunk, .. } => self.pace.failed(&chunk.findings, *is_chunk),
            }
            let done = Done {
                sink: waiting.sink.clone(),
                entries: entries(waiting, chunk, &fate),
                fate,
                findings,
            };
            if self.done.send(done).await.is_err() {
                return Ok(()); // whoever notes it failed, and tells
            }
        }
        Ok(())
    }
}

/// How many of some chunks are in memory together: one at least.
fn fitting(waiting: &[&Waiting]) -> usize {
    let mut bytes = 0;
    let fits = waiting.iter().take_while(|one| {
        bytes += one.bytes;
        bytes <= IN_MEMORY
    });
    fits.count().max(1)
}

/// What is noted of a chunk.
fn entries(waiting: &Waiting, chunk: Chunk, fate: &Fate) -> Vec<Entry> {
    let entry = |state, chunk| Entry::new(&waiting.sink, waiting.look, state, chunk);
    match fate {
        Fate::Taken => vec![entry(State::Delivered, chunk)],
        Fate::Split(smaller) => {
            let split = Entry {
                status: Some(413),
                ..entry(State::Split, chunk)
            };
            let pending = smaller.iter().cloned();
            let pending = pending.map(|chunk| entry(State::Pending, chunk));
            [split].into_iter().chain(pending).collect()
        }
        Fate::Waits { status, why, .. } => vec![Entry {
            status: *status,
            error: Some(why.clone()),
            ..entry(State::Failed, chunk)
        }],
    }
}

impl Delivered {
    fn add(&mut self, done: &Done) {
        match &done.fate {
            Fate::Taken => {
                self.findings += done.findings;
                self.chunks += 1;
            }
            Fate::Split(_) => {}
            Fate::Waits { why, .. } => {
                self.error.get_or_insert_with(|| why.clone());
            }
        }
    }
}
