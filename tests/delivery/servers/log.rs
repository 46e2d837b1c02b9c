//! What a server saw and what it took.

use std::collections::BTreeMap;
use std::time::Instant;

use hyper::HeaderMap;
use serde_json::Value;

use super::call;
use super::fault::Fault;

/// What became of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Accepted,
    Refused {
        status: u16,
        why: String,
    },
    /// It did not arrive whole, or the connection was cut before it was taken.
    NotTaken,
}

/// A limit that the project keeps although the service may not refuse what is over it.
#[derive(Debug, Clone, PartialEq)]
pub enum Violation {
    /// A body over the limit, either as it came or uncompressed.
    OverLimit { raw: usize, size: usize },
    /// A field that the service would truncate.
    LongField { column: String, bytes: usize },
}

/// A request as a test may look at it.
#[derive(Debug, Clone)]
pub struct Request {
    pub at: Instant,
    pub headers: HeaderMap,
    /// What the server was told to do wrong.
    pub fault: Option<Fault>,
    /// Bytes of the body that were read.
    pub raw_size: usize,
    /// Bytes of the body, uncompressed.
    pub size: usize,
    pub verdict: Verdict,
    pub violations: Vec<Violation>,
    /// Whether the server wrote its answer to the end.
    pub answered: bool,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<String> {
        call::header(&self.headers, name)
    }
}

/// A row that was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub value: Value,
    /// The position of its request.
    pub request: usize,
    /// Whether that request was answered.
    pub answered: bool,
}

#[derive(Default)]
pub struct Log {
    pub requests: Vec<Request>,
    taken: Vec<(usize, Value)>,
}

impl Log {
    /// Enters a request and gives its position.
    pub fn enter(&mut self, request: Request) -> usize {
        self.requests.push(request);
        self.requests.len() - 1
    }

    pub fn take(&mut self, request: usize, rows: Vec<Value>) {
        self.requests[request].verdict = Verdict::Accepted;
        self.taken
            .extend(rows.into_iter().map(|row| (request, row)));
    }

    pub fn rows(&self) -> Vec<Row> {
        let row = |(request, value): &(usize, Value)| Row {
            value: value.clone(),
            request: *request,
            answered: self.requests[*request].answered,
        };
        self.taken.iter().map(row).collect()
    }

    /// The verdicts of the rules against requests, not those a fault asked for.
    pub fn refused(&self) -> Vec<String> {
        let told = |fault: &Fault| fault.refusal().is_some();
        let requests = self.requests.iter();
        let own = requests.filter(|request| !request.fault.as_ref().is_some_and(told));
        own.filter_map(|request| match &request.verdict {
            Verdict::Refused { status, why } => Some(format!("{status} {why}")),
            _ => None,
        })
        .collect()
    }
}

/// How an id is written in the rows.
pub fn id(row: &Row, id_field: &str) -> String {
    match &row.value[id_field] {
        Value::Null => panic!("a row without `{id_field}`: {}", row.value),
        Value::String(id) => id.clone(),
        other => other.to_string(),
    }
}

/// The ids, in order, of which there are two or more.
pub fn repeated(ids: impl Iterator<Item = String>) -> Vec<String> {
    let mut counts = BTreeMap::new();
    ids.for_each(|id| *counts.entry(id).or_insert(0) += 1);
    counts.retain(|_, count| *count > 1);
    counts.into_keys().collect()
}
