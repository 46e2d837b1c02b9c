//! Sending what waits: some chunks at once to each receiver, all receivers beside each other, and what became of them noted as
//! soon as it is known.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Client;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::{Instant, sleep_until};

use super::Delivered;
use super::answer::{Answer, TRIES, pause};
use super::chunk::{Chunk, Form, Limits, halves};
use super::error::DeliveryError;
use super::files::{Files, print};
use super::http::HttpReceiver;
use super::outbox::{Entry, Outbox, State, Waiting};
use crate::job::{Receiver, ReceiverKind};

/// Chunks that are sent to one receiver at the same time.
const AT_ONCE: usize = 4;
/// Chunks of one receiver whose bodies are in memory at the same time.
const IN_MEMORY: usize = 32;

/// A receiver that can be sent to.
#[derive(Debug)]
pub(super) struct Sender {
    pub name: String,
    kind: SenderKind,
}

#[derive(Debug)]
enum SenderKind {
    Http(Box<HttpReceiver>),
    Files(Files),
    Stdout,
}

/// What became of a chunk.
enum Fate {
    Taken,
    Split(Vec<Chunk>),
    Waits {
        status: Option<u16>,
        why: String,
        /// Whether other chunks may fare better.
        is_chunk: bool,
    },
}

/// How fast a receiver may be sent to: what it asks of one request holds for all.
struct Pace {
    not_before: Mutex<Instant>,
    /// It does not answer, or does not let us in: no more is sent.
    is_over: AtomicBool,
}

impl Pace {
    fn new() -> Self {
        Self {
            not_before: Mutex::new(Instant::now()),
            is_over: AtomicBool::new(false),
        }
    }

    fn next(&self) -> Instant {
        *self
            .not_before
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until(&self, time: Instant) {
        let mut next = self
            .not_before
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *next = time.max(*next);
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

impl Sender {
    pub fn open(receiver: &Receiver, client: &Client) -> Result<Self, DeliveryError> {
        let http = |receiver| SenderKind::Http(Box::new(receiver));
        Ok(Self {
            name: receiver.name.clone(),
            kind: match &receiver.kind {
                ReceiverKind::LogAnalytics(sink) => {
                    http(HttpReceiver::log_analytics(sink, client)?)
                }
                ReceiverKind::LogAnalyticsLegacy(sink) => {
                    tracing::warn!(
                        "sink `{}`: Microsoft's support of the HTTP Data Collector API ended on 2026-09-14; `type = \"log_analytics\"` takes its place",
                        receiver.name
                    );
                    http(HttpReceiver::log_analytics_legacy(sink, client)?)
                }
                ReceiverKind::Webhook(sink) => http(HttpReceiver::webhook(sink, client)?),
                ReceiverKind::Ndjson(target) => {
                    SenderKind::Files(Files::open(target, Form::Lines)?)
                }
                ReceiverKind::Parquet(target) => {
                    SenderKind::Files(Files::open(target, Form::Parquet)?)
                }
                ReceiverKind::Stdout => SenderKind::Stdout,
            },
        })
    }

    pub fn limits(&self) -> Limits {
        match &self.kind {
            SenderKind::Http(receiver) => receiver.limits(),
            SenderKind::Files(files) => Limits {
                form: files.form,
                bytes: 64_000_000,
                field: None,
            },
            SenderKind::Stdout => Limits {
                form: Form::Lines,
                bytes: 1_000_000,
                field: None,
            },
        }
    }

    async fn send(&self, chunk: &Chunk, anew: bool) -> Answer {
        match &self.kind {
            SenderKind::Http(receiver) => receiver.send(chunk, anew).await,
            SenderKind::Files(files) => files.put(chunk).await,
            SenderKind::Stdout => print(chunk),
        }
    }

    fn has_tokens(&self) -> bool {
        matches!(&self.kind, SenderKind::Http(receiver) if receiver.has_tokens())
    }

    /// Sends a chunk until it is taken, or it is no use to try again, or the time is over.
    async fn deliver(
        &self,
        chunk: &Chunk,
        pace: &Pace,
        deadline: Instant,
    ) -> Result<Fate, DeliveryError> {
        let (mut tries, mut anew) = (0, false);
        loop {
            sleep_until(pace.next()).await;
            let answer = self.send(chunk, anew).await;
            tries += 1;
            let waits = |status, why, is_chunk| {
                Ok(Fate::Waits {
                    status,
                    why,
                    is_chunk,
                })
            };
            match answer {
                Answer::Taken => return Ok(Fate::Taken),
                Answer::TooLarge { why } => {
                    let is_list = self.limits().form == Form::Array;
                    let parts = if is_list { halves(chunk)? } else { None };
                    return match parts {
                        Some(parts) => Ok(Fate::Split(parts)),
                        None => waits(Some(413), why, true),
                    };
                }
                Answer::Unauthorized { .. } if self.has_tokens() && !anew => anew = true,
                Answer::Unauthorized { why } => return waits(Some(401), why, false),
                Answer::Refused {
                    status,
                    why,
                    is_chunk,
                } => return waits(status, why, is_chunk),
                Answer::Later { status, why, after } => {
                    let next = Instant::now() + pause(tries, after);
                    if tries >= TRIES || next > deadline {
                        return waits(status, format!("{why}, after {tries} tries"), false);
                    }
                    tracing::debug!(sink = self.name, tries, "{why}");
                    match after {
                        Some(_) => pace.wait_until(next),
                        None => sleep_until(next).await,
                    }
                }
            }
        }
    }
}

impl Entry {
    /// What became of a chunk that waited.
    pub fn of(waiting: &Waiting, state: State, status: Option<u16>, error: Option<String>) -> Self {
        Self {
            sink: waiting.sink.clone(),
            chunk: Chunk {
                id: waiting.chunk.clone(),
                findings: waiting.sent.clone(),
                body: Vec::new(),
                bytes: usize::try_from(waiting.bytes).unwrap_or(usize::MAX),
            },
            state,
            version: waiting.version,
            status,
            error,
        }
    }
}

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
    deadline: Instant,
) -> Result<Vec<Delivered>, DeliveryError> {
    let mut told: BTreeMap<&str, Delivered> = BTreeMap::new();
    for sender in senders {
        told.insert(&sender.name, Delivered::none(&sender.name));
    }
    // Of a receiver that failed no more is tried: chunks of it that wait are for the next call.
    while Instant::now() < deadline {
        let waiting = outbox.waiting().await?;
        let open = |sink: &str| told.get(sink).is_some_and(|told| told.error.is_none());
        let waiting: Vec<_> = waiting
            .into_iter()
            .filter(|waiting| open(&waiting.sink))
            .collect();
        if waiting.is_empty() {
            break;
        }
        let reader = outbox.clone();
        let (done, mut dones) = mpsc::unbounded_channel();
        let sending = senders.iter().map(|sender| {
            let own = waiting.iter().filter(|waiting| waiting.sink == sender.name);
            drain(sender, &reader, own.collect(), deadline, done.clone())
        });
        let sending = try_join_all(sending.collect::<Vec<_>>());
        drop(done);
        let noting = async {
            let mut some = Vec::new();
            while dones.recv_many(&mut some, IN_MEMORY).await > 0 {
                let entries = some.iter_mut();
                let entries = entries.flat_map(|done: &mut Done| std::mem::take(&mut done.entries));
                outbox.note(&entries.collect::<Vec<_>>()).await?;
                for done in some.drain(..) {
                    if let Some(told) = told.get_mut(done.sink.as_str()) {
                        told.add(&done);
                    }
                }
            }
            Ok::<_, DeliveryError>(())
        };
        let (sent, noted) = futures::future::join(sending, noting).await;
        noted?;
        sent?;
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

/// Sends what waits for one receiver. The chunks that one look at the table of findings put there are done with before those of
/// the next: of a finding that changed the later word is the last.
async fn drain(
    sender: &Sender,
    reader: &Outbox,
    waiting: Vec<&Waiting>,
    deadline: Instant,
    done: UnboundedSender<Done>,
) -> Result<(), DeliveryError> {
    let pace = Pace::new();
    for of_one_look in waiting.chunk_by(|a, b| a.version == b.version) {
        for some in of_one_look.chunks(IN_MEMORY) {
            let bodies = reader.bodies(some).await?;
            let sending = stream::iter(some).map(Ok::<_, DeliveryError>);
            let sending = sending.try_for_each_concurrent(AT_ONCE, |waiting| {
                let (pace, done, body) = (&pace, &done, bodies.get(&waiting.chunk));
                async move {
                    let body = body.ok_or_else(|| DeliveryError::Damaged {
                        what: format!("no body of chunk {}", waiting.chunk),
                    })?;
                    send_whole(sender, waiting, body.clone(), pace, deadline, done).await
                }
            });
            sending.await?;
        }
    }
    Ok(())
}

/// Sends a chunk, and where it is too large its parts.
async fn send_whole(
    sender: &Sender,
    waiting: &Waiting,
    body: Vec<u8>,
    pace: &Pace,
    deadline: Instant,
    done: &UnboundedSender<Done>,
) -> Result<(), DeliveryError> {
    let whole = Entry::of(waiting, State::Pending, None, None).chunk;
    let mut parts = vec![Chunk { body, ..whole }];
    while let Some(chunk) = parts.pop() {
        if pace.is_over() || Instant::now() > deadline {
            return Ok(());
        }
        let fate = sender.deliver(&chunk, pace, deadline).await?;
        let entry = |chunk: Chunk, state, status, error| Entry {
            sink: waiting.sink.clone(),
            chunk,
            state,
            version: waiting.version,
            status,
            error,
        };
        let findings = chunk.findings.len();
        let entries = match &fate {
            Fate::Taken => vec![entry(chunk, State::Delivered, None, None)],
            Fate::Split(smaller) => {
                parts.extend(smaller.iter().rev().cloned());
                let pending = smaller.iter().cloned();
                let pending = pending.map(|chunk| entry(chunk, State::Pending, None, None));
                let split = entry(chunk, State::Split, Some(413), None);
                [split].into_iter().chain(pending).collect()
            }
            Fate::Waits {
                status,
                why,
                is_chunk,
            } => {
                pace.is_over.fetch_or(!is_chunk, Ordering::Relaxed);
                vec![entry(chunk, State::Failed, *status, Some(why.clone()))]
            }
        };
        // Whoever notes it is there as long as anybody sends.
        let _ = done.send(Done {
            sink: waiting.sink.clone(),
            entries,
            fate,
            findings,
        });
    }
    Ok(())
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
