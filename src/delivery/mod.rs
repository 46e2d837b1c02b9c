//! Delivery: findings leave their table for the places where people work, each at least once and none lost.
//!
//! What is to be sent is what the table of findings has: after each commit to it the rows of the days that were written since
//! the last look are compared with what was sent of them, and what is new or says something else goes into the outbox, in
//! chunks as they are sent, by one commit. A run that ends between the two commits has lost nothing: the next look begins
//! where the last one ended. Then the chunks are sent, receivers beside each other, and what became of each is noted.

mod answer;
mod chunk;
mod client;
mod data_collector;
mod entra;
mod entry;
mod error;
mod files;
mod findings;
mod http;
mod lease;
mod names;
mod outbox;
mod pace;
mod sender;
mod sending;
mod shape;
mod trim;
mod webhook;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use self::entry::Entry;
pub use self::entry::{State, Waiting};
pub use self::error::DeliveryError;
use self::findings::{Findings, Since};
use self::lease::Lease;
pub(crate) use self::outbox::table_name;
use self::outbox::{Commit, Outbox};
use self::sender::Sender;
use self::shape::shaped;
use crate::error::{Error, Result, causes};
use crate::job::{Job, Receiver, ReceiverKind};
use crate::sinks::open_table;

/// How often the outbox is looked at again after another run was quicker.
const LOOKS: usize = 10;
/// Longer than anybody waits.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// What came of sending to one receiver.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivered {
    /// The sink.
    pub sink: String,
    /// Findings that it took.
    pub findings: usize,
    /// The requests, or files, that they were in.
    pub chunks: usize,
    /// Findings that wait still.
    pub waiting: usize,
    /// Why they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Delivered {
    fn none(sink: &str) -> Self {
        Self {
            sink: sink.to_owned(),
            findings: 0,
            chunks: 0,
            waiting: 0,
            error: None,
        }
    }

    /// Nothing could be sent to anybody, and whatever there is waits.
    fn failed(job: &Job, error: &Error) -> Vec<Self> {
        let why = causes(error).join(": ");
        let receivers = job.receivers.iter();
        let failed = receivers.map(|receiver| Self {
            error: Some(why.clone()),
            ..Self::none(&receiver.name)
        });
        failed.collect()
    }

    /// Those of several that have not taken all.
    pub fn undelivered(all: &[Self]) -> Vec<Self> {
        let failed = all.iter().filter(|one| one.error.is_some());
        failed.cloned().collect()
    }
}

/// Sends what a run has written, for at most the job's time or this one, or leaves it in the outbox. The run is done: whatever
/// fails is told of each receiver, and the next call goes on with it.
pub async fn deliver(job: &Job, no_send: bool, timeout: Option<Duration>) -> Vec<Delivered> {
    let delivered = async {
        let Some(mut delivery) = Delivery::open(job).await? else {
            return Ok(Vec::new());
        };
        match no_send {
            true => delivery.collect().await,
            false => delivery.send(None, timeout).await,
        }
    };
    let delivered = delivered.await;
    delivered.unwrap_or_else(|error| Delivered::failed(job, &error))
}

/// The outbox of a job and those who are sent what is in it.
#[derive(Debug)]
pub struct Delivery<'a> {
    job: &'a Job,
    outbox: Outbox,
    senders: Vec<Sender>,
}

impl<'a> Delivery<'a> {
    /// Opens the outbox, and looks whether every receiver can be sent to; `None` where the job has none.
    pub async fn open(job: &'a Job) -> Result<Option<Self>> {
        if job.receivers.is_empty() {
            return Ok(None);
        }
        let opened = async {
            let clients = client::Clients::new()?;
            let receivers = job.receivers.iter();
            let senders = receivers.map(|receiver| Sender::open(receiver, &clients));
            Ok(Self {
                job,
                senders: senders.collect::<Result<_, DeliveryError>>()?,
                outbox: Outbox::open(job).await?,
            })
        };
        opened.await.map(Some).map_err(|error| blame(job, error))
    }

    /// Looks whether every receiver's shape fits findings of these columns, and warns of one whose time is over.
    pub async fn check(&self, findings: &SchemaRef) -> Result<()> {
        let none = RecordBatch::new_empty(Arc::clone(findings));
        for receiver in &self.job.receivers {
            if matches!(receiver.kind, ReceiverKind::LogAnalyticsLegacy(_)) {
                tracing::warn!(
                    "sink `{}`: Microsoft's support of the HTTP Data Collector API ended on 2026-09-14; `type = \"log_analytics\"` takes its place",
                    receiver.name
                );
            }
            let shaped = shaped(self.job, receiver, &none, &[]).await;
            shaped.map_err(|error| blame(self.job, error))?;
        }
        Ok(())
    }

    /// Tries whether the outbox's store is safe for commits, by an object that is gone afterwards.
    pub async fn prove(&self) -> Result<()> {
        let proven = self.outbox.prove().await;
        proven.map_err(|error| blame(self.job, error))
    }

    /// Notes of receivers that are new that what the table of findings has now is not for them: before a run writes to it.
    pub async fn begin(&mut self) -> Result<()> {
        let begun = self.try_begin().await;
        begun.map_err(|error| blame(self.job, error))
    }

    async fn try_begin(&mut self) -> Result<(), DeliveryError> {
        for _ in 0..LOOKS {
            let mut new = Vec::new();
            for receiver in &self.job.receivers {
                if self.outbox.since(&receiver.name, None).await?.is_none() {
                    new.push(receiver.name.as_str());
                }
            }
            if new.is_empty() {
                return Ok(());
            }
            let table = open_table(&self.job.sinks[0]).await?;
            let seen = match table.version() {
                Some(version) => Some((id_of(&table)?, as_mark(version))),
                None => None,
            };
            let seen = seen.as_ref().map(|(id, version)| (id.as_str(), *version));
            if self.outbox.note_new(&new, seen).await? == Commit::Done {
                return Ok(());
            }
            self.outbox.reload().await?;
        }
        Err(DeliveryError::Busy)
    }

    /// Puts into the outbox what the table of findings has that was not there yet. What cannot be put there for one receiver is
    /// told, and holds no other back.
    pub async fn collect(&mut self) -> Result<Vec<Delivered>> {
        let collected = self.try_collect().await;
        let failures = collected.map_err(|error| blame(self.job, error))?;
        let failed = failures.into_iter().map(|(sink, error)| Delivered {
            error: Some(causes(&error).join(": ")),
            ..Delivered::none(&sink)
        });
        Ok(failed.collect())
    }

    async fn try_collect(&mut self) -> Result<Vec<(String, DeliveryError)>, DeliveryError> {
        for _ in 0..LOOKS {
            self.outbox.reload().await?;
            let table = open_table(&self.job.sinks[0]).await?;
            let Some(latest) = table.version().map(as_mark) else {
                return Ok(Vec::new());
            };
            let id = id_of(&table)?;
            let mut behind: BTreeMap<Since, Vec<&Receiver>> = BTreeMap::new();
            for receiver in &self.job.receivers {
                match self.outbox.since(&receiver.name, Some(&id)).await? {
                    None => {} // no run of the job had it yet
                    Some(Since::Version { version, .. }) if version == latest => {}
                    Some(since) => behind.entry(since).or_default().push(receiver),
                }
            }
            if behind.is_empty() {
                return Ok(Vec::new());
            }
            let look = self.outbox.next_look().await?;
            let known = self.outbox.known().await?;
            let (mut sinks, mut entries, mut failures) = (Vec::new(), Vec::new(), Vec::new());
            for (since, receivers) in behind {
                let findings = Findings::since(self.outbox.ctx(), &table, since).await?;
                for receiver in receivers {
                    let knows = known.get(&receiver.name);
                    match self
                        .new_entries(receiver, findings.as_ref(), knows, look)
                        .await
                    {
                        Ok(new) => {
                            sinks.push(receiver.name.as_str());
                            entries.extend(new);
                        }
                        Err(error) => failures.push((receiver.name.clone(), error)),
                    }
                }
            }
            if sinks.is_empty() {
                return Ok(failures);
            }
            let noted = self.outbox.note_seen(&sinks, &id, latest, &entries).await?;
            if noted == Commit::Done {
                return Ok(failures);
            }
        }
        Err(DeliveryError::Busy)
    }

    /// What of the findings a receiver has not got as they are now.
    async fn new_entries(
        &self,
        receiver: &Receiver,
        findings: Option<&Findings>,
        knows: Option<&HashMap<String, String>>,
        look: i64,
    ) -> Result<Vec<Entry>, DeliveryError> {
        let sender = self
            .senders
            .iter()
            .find(|sender| sender.name == receiver.name);
        let (Some(findings), Some(sender)) = (findings, sender) else {
            return Ok(Vec::new());
        };
        let (rows, activity) = findings.new_to(knows)?;
        if rows.num_rows() == 0 {
            return Ok(Vec::new());
        }
        let rows = shaped(self.job, receiver, &rows, &activity).await?;
        // A finding may come back to what it said before, and is to be sent again then.
        let origin = format!("{} {look}", receiver.name);
        let content = |id: &str| findings.content(id);
        let chunks = chunk::chunks(&origin, sender.limits(), &rows, content)?;
        let entry = |chunk| Entry::new(&receiver.name, look, State::Pending, chunk);
        Ok(chunks.into_iter().map(entry).collect())
    }

    /// Looks at the table of findings, and sends what waits to all receivers beside each other, or to the one named, for at most
    /// this long. A receiver that does not take its chunks is told of, and holds no other back.
    pub async fn send(
        &mut self,
        only: Option<&str>,
        timeout: Option<Duration>,
    ) -> Result<Vec<Delivered>> {
        let timeout = timeout.unwrap_or(self.job.outbox.timeout).min(FOR_EVER);
        if let Some(name) = only
            && !self.senders.iter().any(|sender| sender.name == name)
        {
            let name = name.to_owned();
            return Err(blame(self.job, DeliveryError::NoReceiver { name }));
        }
        let failed = self.collect().await?;
        let sent = self.try_send(only, Instant::now() + timeout).await;
        let mut sent = sent.map_err(|error| blame(self.job, error))?;
        for one in &mut sent {
            let failed = failed.iter().find(|failed| failed.sink == one.sink);
            one.error = one
                .error
                .take()
                .or(failed.and_then(|failed| failed.error.clone()));
        }
        Ok(sent)
    }

    async fn try_send(
        &mut self,
        only: Option<&str>,
        deadline: Instant,
    ) -> Result<Vec<Delivered>, DeliveryError> {
        let senders = self.senders.iter();
        let senders: Vec<_> = senders
            .filter(|sender| only.is_none_or(|name| sender.name == name))
            .collect();
        self.outbox.reload().await?;
        let waiting = self.outbox.waiting().await?;
        self.tell_of_unknown(&waiting);
        if !waiting
            .iter()
            .any(|one| senders.iter().any(|sender| sender.name == one.sink))
        {
            let none = senders.iter().map(|sender| Delivered::none(&sender.name));
            return Ok(none.collect());
        }
        let lease = Lease::take(self.outbox.table(), deadline).await?;
        self.outbox.reload().await?;
        let sent = sending::send_all(&mut self.outbox, &senders, &lease, deadline).await;
        lease.end().await;
        sent
    }

    /// Of sinks that the job had once, or under another name, chunks may wait that nobody sends.
    fn tell_of_unknown(&self, waiting: &[Waiting]) {
        let mut unknown: BTreeMap<&str, usize> = BTreeMap::new();
        for one in waiting {
            if !self.senders.iter().any(|sender| sender.name == one.sink) {
                *unknown.entry(&one.sink).or_default() += one.findings;
            }
        }
        for (sink, findings) in unknown {
            tracing::warn!(
                "findings wait for the sink `{sink}`, which the job has not ({findings}): give a sink this `name` to have them sent, or `crannog send --discard` them"
            );
        }
    }

    /// The chunks that wait.
    pub async fn waiting(&mut self) -> Result<Vec<Waiting>> {
        let waiting = self.outbox.waiting().await;
        waiting.map_err(|error| blame(self.job, error))
    }

    /// Gives a chunk up, whose id begins so: it is not sent, and its findings are not until they change.
    pub async fn discard(&mut self, id: &str) -> Result<Waiting> {
        let discarded = async {
            let unknown = || DeliveryError::NoChunk { id: id.to_owned() };
            let waiting = self.outbox.waiting().await?;
            let mut found = waiting.into_iter().filter(|one| one.chunk.starts_with(id));
            let one = found
                .next()
                .filter(|_| !id.is_empty())
                .ok_or_else(unknown)?;
            if found.next().is_some() {
                return Err(DeliveryError::Ambiguous { id: id.to_owned() });
            }
            let chunk = one.whole(Vec::new());
            let entry = Entry::new(&one.sink, one.look, State::Discarded, chunk);
            self.outbox.note(&[entry]).await?;
            Ok(one)
        };
        discarded.await.map_err(|error| blame(self.job, error))
    }
}

/// Removes from the outbox what is not needed any more of chunks that were done with before a time.
pub(crate) async fn prune(job: &Job, before: DateTime<Utc>) -> Result<()> {
    let pruned = async { Outbox::open(job).await?.prune(before).await };
    pruned.await.map_err(|error| blame(job, error))
}

fn id_of(table: &deltalake::DeltaTable) -> Result<String, DeliveryError> {
    Ok(table.snapshot()?.metadata().id().to_owned())
}

fn as_mark(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

fn blame(job: &Job, error: DeliveryError) -> Error {
    match error {
        DeliveryError::Job(error) => Error::Job(error),
        error => Error::Delivery {
            location: job.outbox.table.location.to_string(),
            source: Box::new(error),
        },
    }
}
