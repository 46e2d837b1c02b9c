//! A receiver that can be sent to, whatever it is, and what becomes of a chunk that is.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::answer::{Answer, TRIES, pause};
use super::chunk::{Chunk, Form, Limits, halves};
use super::client::Clients;
use super::error::DeliveryError;
use super::files::{Files, print};
use super::http::HttpReceiver;
use super::pace::Pace;
use crate::job::{Receiver, ReceiverKind};

/// A receiver that can be sent to.
#[derive(Debug)]
pub(super) struct Sender {
    pub name: String,
    kind: SenderKind,
}

/// How long after the end of its time a request may take.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
enum SenderKind {
    Http(Box<HttpReceiver>),
    Files(Files),
    Stdout,
}

/// What became of a chunk.
pub(super) enum Fate {
    Taken,
    Split(Vec<Chunk>),
    Waits {
        status: Option<u16>,
        why: String,
        /// Whether other chunks may fare better.
        is_chunk: bool,
    },
}

impl Sender {
    pub fn open(receiver: &Receiver, clients: &Clients) -> Result<Self, DeliveryError> {
        let http = |receiver| SenderKind::Http(Box::new(receiver));
        Ok(Self {
            name: receiver.name.clone(),
            kind: match &receiver.kind {
                ReceiverKind::LogAnalytics(sink) => {
                    http(HttpReceiver::log_analytics(sink, clients)?)
                }
                ReceiverKind::LogAnalyticsLegacy(sink) => {
                    http(HttpReceiver::log_analytics_legacy(sink, clients)?)
                }
                ReceiverKind::Webhook(sink) => http(HttpReceiver::webhook(sink, clients)?),
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

    async fn send(&self, chunk: &Chunk) -> Answer {
        match &self.kind {
            SenderKind::Http(receiver) => receiver.send(chunk).await,
            SenderKind::Files(files) => files.put(chunk).await,
            SenderKind::Stdout => print(chunk).await,
        }
    }

    /// Sends a chunk until it is taken, or it is no use to try again, or the time is over.
    pub async fn deliver(
        &self,
        chunk: &Chunk,
        pace: &Pace,
        deadline: Instant,
    ) -> Result<Fate, DeliveryError> {
        let waits = |status, why, is_chunk| Fate::Waits {
            status,
            why,
            is_chunk,
        };
        let late = || waits(None, "the time to send was over".to_owned(), false);
        for tries in 1.. {
            sleep_until(pace.next()).await;
            // What was begun in time may come to its end: a chunk whose answer nobody waits for may come twice.
            let patience = deadline + PATIENCE;
            let Ok(answer) = timeout_at(patience, self.send(chunk)).await else {
                return Ok(late());
            };
            match answer {
                Answer::Taken => return Ok(Fate::Taken),
                Answer::TooLarge { why } => {
                    let parts = match self.limits().form {
                        Form::Array | Form::Object => halves(chunk, self.limits().form)?,
                        Form::Lines | Form::Parquet => None,
                    };
                    return Ok(match parts {
                        Some(parts) => Fate::Split(parts),
                        None => waits(Some(413), why, true),
                    });
                }
                Answer::Refused {
                    status,
                    why,
                    is_chunk,
                } => return Ok(waits(status, why, is_chunk)),
                Answer::Later { status, why, after } => {
                    let next = Instant::now().checked_add(pause(tries, after));
                    let next = next.filter(|next| *next <= deadline);
                    let Some(next) = next.filter(|_| tries < TRIES) else {
                        let why = match tries {
                            1 => why,
                            tries => format!("{why}, after {tries} tries"),
                        };
                        return Ok(waits(status, why, status.is_some()));
                    };
                    tracing::debug!(sink = self.name, tries, "{why}");
                    match after {
                        Some(_) => pace.wait_until(next),
                        None => sleep_until(next).await,
                    }
                }
            }
        }
        Ok(late())
    }
}
