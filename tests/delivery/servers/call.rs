//! One request as it arrived, and the words in which a service takes or refuses it.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::http::request::Parts;
use serde_json::Value;

/// RFC 1123, as `Date`, `Retry-After` and `x-ms-date` are written.
pub const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// A request that was read to its end.
pub struct Call {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    /// As it came over the wire.
    pub raw: Bytes,
    /// Uncompressed, or why it is not.
    pub body: Result<Bytes, String>,
    json: Result<Value, String>,
}

/// A request that was taken, and the answer to it.
#[derive(Default)]
pub struct Taken {
    pub rows: Vec<Value>,
    pub status: u16,
    pub body: Option<Value>,
}

/// A request that was not.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

/// Refuses unless it holds.
pub fn demand(
    holds: bool,
    status: u16,
    code: &'static str,
    message: impl Into<String>,
) -> Result<(), Refusal> {
    match holds {
        true => Ok(()),
        false => Err(refuse(status, code, message)),
    }
}

pub fn refuse(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal {
        status,
        code,
        message: message.into(),
    }
}

/// A header's value; a header that came twice has the values of both, so that it is no value of one.
pub fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(name).iter();
    let values: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

impl Call {
    pub fn new(head: Parts, raw: Bytes) -> Self {
        let body = match header(&head.headers, "content-encoding").as_deref() {
            None => Ok(raw.clone()),
            Some("gzip") => inflate(&raw),
            Some(other) => Err(format!("unknown Content-Encoding `{other}`")),
        };
        let json = body.as_ref().map_err(String::clone).and_then(|body| {
            serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))
        });
        Self {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            raw,
            body,
            json,
        }
    }

    pub fn header(&self, name: &str) -> Option<String> {
        header(&self.headers, name)
    }

    pub fn has(&self, name: &str, value: &str) -> bool {
        self.header(name).as_deref() == Some(value)
    }

    /// Bytes of the body, uncompressed where it can be.
    pub fn size(&self) -> usize {
        self.body.as_ref().unwrap_or(&self.raw).len()
    }

    pub fn json(&self) -> Result<&Value, String> {
        self.json.as_ref().map_err(String::clone)
    }

    /// The body as an array of one object or more.
    pub fn rows(&self) -> Result<&[Value], String> {
        let rows = self.json()?.as_array().ok_or("no JSON array")?;
        match rows.iter().all(Value::is_object) {
            _ if rows.is_empty() => Err("an empty array".to_owned()),
            true => Ok(rows),
            false => Err("an array of more than objects".to_owned()),
        }
    }

    pub fn demand_target(&self, method: &str, path: &str) -> Result<(), Refusal> {
        demand(self.path == path, 404, "NotFound", &self.path)?;
        demand(self.method == method, 405, "MethodNotAllowed", &self.method)
    }
}

fn inflate(raw: &[u8]) -> Result<Bytes, String> {
    let mut body = Vec::new();
    let read = MultiGzDecoder::new(raw).read_to_end(&mut body);
    read.map_err(|error| format!("no gzip: {error}"))?;
    Ok(body.into())
}
