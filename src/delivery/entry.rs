//! A row of the outbox: a chunk for a receiver, and what became of it.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    StructBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::chunk::{Chunk, Sent};
use super::error::DeliveryError;

/// What became of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is to be sent.
    Pending,
    /// A try to send it failed; it is to be sent still.
    Failed,
    /// The receiver took it.
    Delivered,
    /// It was too large, and others have its findings.
    Split,
    /// Somebody said that it is not to be sent.
    Discarded,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Split => "split",
            Self::Discarded => "discarded",
        }
    }

    /// Whether its row says which findings it is about: that of parts says it where a chunk was split.
    fn has_findings(self) -> bool {
        matches!(self, Self::Pending | Self::Delivered | Self::Discarded)
    }

    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Split | Self::Discarded)
    }
}

/// A row of the outbox.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub sink: String,
    pub chunk: Chunk,
    pub state: State,
    /// The look that put it there.
    pub look: i64,
    /// What the receiver answered, as a number of HTTP.
    pub status: Option<u16>,
    pub error: Option<String>,
}

/// A chunk that waits.
#[derive(Clone, Debug, Serialize)]
pub struct Waiting {
    /// The sink.
    pub sink: String,
    /// The chunk's id.
    pub chunk: String,
    /// How many findings it has.
    pub findings: usize,
    /// Bytes of its body, uncompressed.
    pub bytes: u64,
    /// When it was put there.
    pub since: DateTime<Utc>,
    /// How often it was tried in vain.
    pub failures: usize,
    /// What was said the last time.
    pub error: Option<String>,
    #[serde(skip)]
    pub(super) look: i64,
    #[serde(skip)]
    pub(super) sent: Vec<Sent>,
}

/// A row as it is read, without its body.
#[derive(Debug, Deserialize)]
pub(super) struct Noted {
    pub sink: String,
    pub chunk: String,
    pub state: State,
    pub at: DateTime<Utc>,
    pub look: i64,
    #[serde(default)]
    pub findings: Vec<Sent>,
    pub bytes: u64,
    pub error: Option<String>,
}

impl Waiting {
    /// Of the row that says that it is to be sent.
    pub(super) fn new(row: &Noted) -> Self {
        Self {
            sink: row.sink.clone(),
            chunk: row.chunk.clone(),
            findings: row.findings.len(),
            bytes: row.bytes,
            since: row.at,
            failures: 0,
            error: None,
            look: row.look,
            sent: row.findings.clone(),
        }
    }

    /// The chunk with its body.
    pub(super) fn whole(&self, body: Vec<u8>) -> Chunk {
        Chunk {
            id: self.chunk.clone(),
            findings: self.sent.clone(),
            body,
            bytes: usize::try_from(self.bytes).unwrap_or(usize::MAX),
        }
    }
}

impl Entry {
    pub(super) fn new(sink: &str, look: i64, state: State, chunk: Chunk) -> Self {
        Self {
            sink: sink.to_owned(),
            chunk,
            state,
            look,
            status: None,
            error: None,
        }
    }
}

fn finding_fields() -> Fields {
    let text = |name| Field::new(name, DataType::Utf8, true);
    Fields::from(vec![text("finding_id"), text("content")])
}

/// The columns of the outbox.
pub(super) fn schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    let whole = |name| Field::new(name, DataType::Int64, true);
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let finding = Field::new("element", DataType::Struct(finding_fields()), true);
    Arc::new(Schema::new(vec![
        text("sink"),
        text("chunk"),
        text("state"),
        Field::new("at", utc, true),
        whole("look"),
        Field::new("findings", DataType::List(Arc::new(finding)), true),
        whole("bytes"),
        whole("status"),
        text("error"),
        Field::new("body", DataType::Binary, true),
    ]))
}

/// The rows of some entries. Only what is to be sent has its body with it.
pub(super) fn batch(entries: &[Entry]) -> Result<RecordBatch, DeliveryError> {
    let texts = |text: fn(&Entry) -> Option<&str>| -> ArrayRef {
        Arc::new(entries.iter().map(text).collect::<StringArray>())
    };
    let numbers = |number: fn(&Entry) -> Option<i64>| -> ArrayRef {
        Arc::new(entries.iter().map(number).collect::<Int64Array>())
    };
    let now = Utc::now().timestamp_micros();
    let at = TimestampMicrosecondArray::from(vec![now; entries.len()]).with_timezone("UTC");
    let fields = finding_fields();
    let element = Field::new("element", DataType::Struct(fields.clone()), true);
    let mut findings =
        ListBuilder::new(StructBuilder::from_fields(fields, entries.len())).with_field(element);
    for entry in entries {
        let sent = entry.chunk.findings.iter();
        for sent in sent.filter(|_| entry.state.has_findings()) {
            let row = findings.values();
            for (place, text) in [&sent.finding_id, &sent.content].into_iter().enumerate() {
                if let Some(texts) = row.field_builder::<StringBuilder>(place) {
                    texts.append_value(text);
                }
            }
            row.append(true);
        }
        findings.append(true);
    }
    let body = entries.iter().map(|entry| {
        let body = entry.chunk.body.as_slice();
        (entry.state == State::Pending).then_some(body)
    });
    let columns: Vec<ArrayRef> = vec![
        texts(|entry| Some(&entry.sink)),
        texts(|entry| Some(&entry.chunk.id)),
        texts(|entry| Some(entry.state.word())),
        Arc::new(at),
        numbers(|entry| Some(entry.look)),
        Arc::new(findings.finish()),
        numbers(|entry| i64::try_from(entry.chunk.bytes).ok()),
        numbers(|entry| entry.status.map(i64::from)),
        texts(|entry| entry.error.as_deref()),
        Arc::new(body.collect::<BinaryArray>()),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}
