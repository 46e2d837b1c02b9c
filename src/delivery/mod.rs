//! Delivery: findings leave their table for the places where people work, each at least once and none lost.
//!
//! What is to be sent is what the table of findings has: after each commit to it the rows of the days that were written since
//! the last look are compared with what was sent of them, and what is new or has changed goes into the outbox, in chunks as
//! they are sent, by one commit. A run that ends between the two commits has lost nothing: the next look begins where the
//! last one ended. Then the chunks are sent, receivers beside each other, and what became of each is noted.

mod answer;
mod chunk;
mod entra;
mod error;
mod files;
mod http;
mod lease;
mod names;
mod outbox;
mod sending;
mod shape;
mod trim;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::logical_expr::{cast, ident, lit};
use datafusion::prelude::SessionContext;
use deltalake::DeltaTable;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use self::chunk::{AT_ONCE, lines};
pub use self::error::DeliveryError;
use self::lease::Lease;
pub(crate) use self::outbox::table_name;
use self::outbox::{Commit, Entry, Outbox};
pub use self::outbox::{State, Waiting};
use self::sending::Sender;
use self::shape::{Activity, shaped};
use crate::error::{Error, Result};
use crate::job::{Job, Receiver};
use crate::sinks::{DATE, FINDING_ID, open_table};
use crate::source::{AddedFile, Changes};

/// How often the outbox is looked at again after another run was quicker.
const LOOKS: usize = 10;
/// Columns of a finding that say which run made it, and nothing of the finding.
const OF_THE_RUN: [&str; 2] = ["run_id", "as_of"];

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
            let client = http::client()?;
            let receivers = job.receivers.iter();
            let senders = receivers.map(|receiver| Sender::open(receiver, &client));
            Ok(Self {
                job,
                senders: senders.collect::<Result<_, DeliveryError>>()?,
                outbox: Outbox::open(job).await?,
            })
        };
        opened.await.map(Some).map_err(|error| blame(job, error))
    }

    /// Looks whether every receiver's shape fits findings of these columns.
    pub async fn check(&self, findings: &SchemaRef) -> Result<()> {
        let none = RecordBatch::new_empty(Arc::clone(findings));
        for receiver in &self.job.receivers {
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
                if self.outbox.seen(&receiver.name).await?.is_none() {
                    new.push(receiver.name.as_str());
                }
            }
            if new.is_empty() {
                return Ok(());
            }
            let version = open_table(&self.job.sinks[0]).await?.version();
            let version = i64::try_from(version.unwrap_or_default()).unwrap_or(i64::MAX);
            if self.outbox.note_seen(&new, version, &[]).await? == Commit::Done {
                return Ok(());
            }
            self.outbox.reload().await?;
        }
        Err(DeliveryError::Busy)
    }

    /// Puts into the outbox what the table of findings has that was not there yet.
    pub async fn collect(&mut self) -> Result<()> {
        let collected = self.try_collect().await;
        collected.map_err(|error| blame(self.job, error))
    }

    async fn try_collect(&mut self) -> Result<(), DeliveryError> {
        for _ in 0..LOOKS {
            self.outbox.reload().await?;
            let table = open_table(&self.job.sinks[0]).await?;
            let Some(latest) = table
                .version()
                .and_then(|latest| i64::try_from(latest).ok())
            else {
                return Ok(());
            };
            let mut behind: BTreeMap<i64, Vec<&Receiver>> = BTreeMap::new();
            for receiver in &self.job.receivers {
                match self.outbox.seen(&receiver.name).await? {
                    Some(seen) if seen != latest => behind.entry(seen).or_default().push(receiver),
                    _ => {}
                }
            }
            if behind.is_empty() {
                return Ok(());
            }
            let known = self.outbox.known().await?;
            let mut entries = Vec::new();
            for (seen, receivers) in &behind {
                let Some(findings) = Findings::since(&table, *seen).await? else {
                    continue;
                };
                for receiver in receivers {
                    let known = known.get(&receiver.name);
                    let new = self.new_entries(receiver, &findings, known, latest);
                    entries.extend(new.await?);
                }
            }
            let sinks = behind.values().flatten();
            let sinks: Vec<_> = sinks.map(|receiver| receiver.name.as_str()).collect();
            if self.outbox.note_seen(&sinks, latest, &entries).await? == Commit::Done {
                return Ok(());
            }
        }
        Err(DeliveryError::Busy)
    }

    /// What of the findings a receiver has not got as they are now.
    async fn new_entries(
        &self,
        receiver: &Receiver,
        findings: &Findings,
        known: Option<&HashMap<String, String>>,
        version: i64,
    ) -> Result<Vec<Entry>, DeliveryError> {
        let (rows, activity) = findings.new_to(known)?;
        let sender = self
            .senders
            .iter()
            .find(|sender| sender.name == receiver.name);
        let Some(sender) = sender.filter(|_| rows.num_rows() > 0) else {
            return Ok(Vec::new());
        };
        let rows = shaped(self.job, receiver, &rows, &activity).await?;
        let content = |id: &str| findings.content.get(id).cloned();
        // A finding may come back to what it said before, and is to be sent again then.
        let origin = format!("{} {version}", receiver.name);
        let chunks = chunk::chunks(&origin, sender.limits(), &rows, content)?;
        let entries = chunks.into_iter().map(|chunk| Entry {
            sink: receiver.name.clone(),
            chunk,
            state: State::Pending,
            version,
            status: None,
            error: None,
        });
        Ok(entries.collect())
    }

    /// Sends what waits, to all receivers beside each other, or to the one named, for at most this long. A receiver that does not
    /// take its chunks is told of, and holds no other back.
    pub async fn send(
        &mut self,
        only: Option<&str>,
        timeout: Option<Duration>,
    ) -> Result<Vec<Delivered>> {
        let deadline = Instant::now() + timeout.unwrap_or(self.job.outbox.timeout);
        let sent = self.try_send(only, deadline).await;
        sent.map_err(|error| blame(self.job, error))
    }

    async fn try_send(
        &mut self,
        only: Option<&str>,
        deadline: Instant,
    ) -> Result<Vec<Delivered>, DeliveryError> {
        if let Some(name) = only
            && !self.senders.iter().any(|sender| sender.name == name)
        {
            return Err(DeliveryError::NoReceiver {
                name: name.to_owned(),
            });
        }
        let senders: Vec<_> = self
            .senders
            .iter()
            .filter(|sender| only.is_none_or(|name| sender.name == name))
            .collect();
        self.outbox.reload().await?;
        let waits = |waiting: &Waiting| senders.iter().any(|sender| sender.name == waiting.sink);
        if !self.outbox.waiting().await?.iter().any(waits) {
            let none = senders.iter().map(|sender| Delivered::none(&sender.name));
            return Ok(none.collect());
        }
        let lease = Lease::take(self.outbox.table(), deadline).await?;
        self.outbox.reload().await?;
        let sent = sending::send_all(&mut self.outbox, &senders, deadline).await;
        lease.end().await;
        sent
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
            let mut found = waiting
                .into_iter()
                .filter(|waiting| waiting.chunk.starts_with(id));
            let one = found
                .next()
                .filter(|_| !id.is_empty())
                .ok_or_else(unknown)?;
            if found.next().is_some() {
                return Err(unknown());
            }
            let entry = Entry::of(&one, State::Discarded, None, None);
            self.outbox.note(&[entry]).await?;
            Ok(one)
        };
        discarded.await.map_err(|error| blame(self.job, error))
    }
}

impl Delivered {
    /// Nothing could be sent to anybody, and whatever there is waits.
    pub(crate) fn failed(job: &Job, error: &Error) -> Vec<Self> {
        let why = crate::error::causes(error).join(": ");
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

    fn none(sink: &str) -> Self {
        Self {
            sink: sink.to_owned(),
            findings: 0,
            chunks: 0,
            waiting: 0,
            error: None,
        }
    }
}

/// Removes from the outbox what is not needed any more of chunks that were done with before a time.
pub(crate) async fn prune(job: &Job, before: DateTime<Utc>) -> Result<()> {
    let pruned = async { Outbox::open(job).await?.prune(before).await };
    pruned.await.map_err(|error| blame(job, error))
}

/// Findings of the days that were written since a version, as their table has them now.
struct Findings {
    rows: RecordBatch,
    ids: Vec<String>,
    /// A digest of all that each says, but for the run that says it.
    content: HashMap<String, String>,
}

impl Findings {
    async fn since(table: &DeltaTable, since: i64) -> Result<Option<Self>, DeliveryError> {
        let latest = table.version().unwrap_or_default();
        let since = u64::try_from(since).unwrap_or_default();
        let log = table.log_store();
        let dates: Option<BTreeSet<_>> = match Changes::between(log.as_ref(), since, latest).await {
            Ok(changes) => {
                let added = changes.added.iter();
                let date = |file: &AddedFile| file.add.partition_values.get(DATE).cloned()?;
                added.map(date).collect()
            }
            Err(unknown) => {
                tracing::warn!(
                    "the table of findings was replaced, or its log cleaned up: all that it has and that was not sent yet is ({unknown})"
                );
                None
            }
        };
        if dates.as_ref().is_some_and(BTreeSet::is_empty) {
            return Ok(None);
        }
        let ctx = SessionContext::new();
        table.update_datafusion_session(&ctx.state())?;
        let mut rows = ctx.read_table(table.table_provider().await?)?;
        if let Some(dates) = dates {
            let date = cast(ident(DATE), DataType::Utf8);
            rows = rows.filter(date.in_list(dates.into_iter().map(lit).collect(), false))?;
        }
        let rows = rows.sort(vec![ident(FINDING_ID).sort(true, true)])?;
        let schema = Arc::clone(rows.schema().inner());
        let rows = concat_batches(&schema, &rows.collect().await?)?;
        let ids = crate::strict::cast(rows.column(schema.index_of(FINDING_ID)?), &DataType::Utf8)?;
        let ids: Vec<_> = ids
            .as_string::<i32>()
            .iter()
            .flatten()
            .map(str::to_owned)
            .collect();
        if ids.len() != rows.num_rows() {
            return Err(DeliveryError::Damaged {
                what: "a finding without an id".to_owned(),
            });
        }
        let content = ids.iter().cloned().zip(contents(&rows)?).collect();
        Ok(Some(Self { rows, ids, content }))
    }

    /// The findings that are new to a receiver, or have changed since it got them.
    fn new_to(
        &self,
        known: Option<&HashMap<String, String>>,
    ) -> Result<(RecordBatch, Vec<Activity>), DeliveryError> {
        let activity = self
            .ids
            .iter()
            .map(|id| match known.and_then(|known| known.get(id)) {
                None => Some(Activity::Create),
                Some(content) if self.content.get(id) == Some(content) => None,
                Some(_) => Some(Activity::Update),
            });
        let activity: Vec<_> = activity.collect();
        let is_new: BooleanArray = activity
            .iter()
            .map(|activity| Some(activity.is_some()))
            .collect();
        let rows = filter_record_batch(&self.rows, &is_new)?;
        Ok((rows, activity.into_iter().flatten().collect()))
    }
}

/// A digest of each row.
fn contents(rows: &RecordBatch) -> Result<Vec<String>, DeliveryError> {
    let schema = rows.schema();
    let own = schema.fields().iter().enumerate();
    let own = own.filter(|(_, field)| !OF_THE_RUN.contains(&field.name().as_str()));
    let own = rows.project(&own.map(|(place, _)| place).collect::<Vec<_>>())?;
    let mut contents = Vec::with_capacity(own.num_rows());
    for start in (0..own.num_rows()).step_by(AT_ONCE) {
        let some = own.slice(start, AT_ONCE.min(own.num_rows() - start));
        let lines = lines(&some)?;
        let lines = lines.split(|byte| *byte == b'\n').take(some.num_rows());
        contents.extend(lines.map(|line| crate::hex(&Sha256::digest(line)[..8])));
    }
    Ok(contents)
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
