//! A receiver of Standard Webhooks that checks the signature and demands the headers it is told to.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine};
use chrono::Utc;
use hyper::body::Bytes;
use serde_json::Value;

use super::call::{Call, Refusal, Taken, demand, refuse};
use super::server::Rules;
use super::signature::hmac_base64;

const TOLERANCE_SECONDS: u64 = 300;

/// What a body holds.
pub enum Shape {
    /// An array of one object or more.
    Array,
    /// One object.
    Object,
}

/// What it takes at `/hook`.
pub struct Webhook {
    pub key: Vec<u8>,
    pub shape: Shape,
    /// Headers that must come with these very values.
    pub headers: Vec<(String, String)>,
    /// Whether a message that comes again is answered 200 and not taken again.
    pub dedupe: bool,
    seen: BTreeMap<String, Bytes>,
}

impl Webhook {
    /// Takes the secret as it is handed out: `whsec_` and base64.
    pub fn new(secret: &str, shape: Shape) -> Self {
        let key = secret.strip_prefix("whsec_").unwrap();
        Self {
            key: BASE64_STANDARD.decode(key).unwrap(),
            shape,
            headers: Vec::new(),
            dedupe: false,
            seen: BTreeMap::new(),
        }
    }

    pub fn demanding(mut self, header: &str, value: &str) -> Self {
        self.headers.push((header.to_owned(), value.to_owned()));
        self
    }

    pub fn deduping(mut self) -> Self {
        self.dedupe = true;
        self
    }

    /// Gives the `webhook-id` of a message that is signed as it must be.
    fn demand_signature(&self, call: &Call) -> Result<String, Refusal> {
        let part = |name: &str| call.header(name).unwrap_or_default();
        let (id, timestamp) = (part("webhook-id"), part("webhook-timestamp"));
        demand(!id.is_empty(), 400, "InvalidId", "webhook-id")?;
        demand(
            is_now(&timestamp),
            400,
            "InvalidTimestamp",
            "webhook-timestamp",
        )?;
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &call.raw].concat();
        let expected = format!("v1,{}", hmac_base64(&self.key, &signed));
        let signatures = part("webhook-signature");
        let holds = signatures.split(' ').any(|signature| signature == expected);
        demand(holds, 401, "InvalidSignature", "webhook-signature")?;
        Ok(id)
    }

    fn demand_headers(&self, call: &Call) -> Result<(), Refusal> {
        let absent = self
            .headers
            .iter()
            .find(|(name, value)| !call.has(name, value));
        let name = absent.map_or("", |(name, _)| name);
        demand(absent.is_none(), 401, "InvalidHeader", name)?;
        let json = call.has("content-type", "application/json");
        demand(json, 415, "UnsupportedContentType", "Content-Type")?;
        let uncompressed = call.header("content-encoding").is_none();
        demand(
            uncompressed,
            415,
            "UnsupportedContentEncoding",
            "Content-Encoding",
        )
    }

    fn rows(&self, call: &Call) -> Result<Vec<Value>, String> {
        match self.shape {
            Shape::Array => call.rows().map(<[Value]>::to_vec),
            Shape::Object if call.json()?.is_object() => Ok(vec![call.json()?.clone()]),
            Shape::Object => Err("no JSON object".to_owned()),
        }
    }
}

impl Rules for Webhook {
    fn judge(&mut self, call: &Call) -> Result<Taken, Refusal> {
        call.demand_target("POST", "/hook")?;
        let id = self.demand_signature(call)?;
        self.demand_headers(call)?;
        let mut rows = self
            .rows(call)
            .map_err(|why| refuse(400, "InvalidPayload", why))?;
        match self.seen.get(&id) {
            Some(body) if *body != call.raw => {
                return Err(refuse(
                    409,
                    "InvalidId",
                    "another message had this webhook-id",
                ));
            }
            Some(_) => rows.retain(|_| !self.dedupe),
            None => drop(self.seen.insert(id, call.raw.clone())),
        }
        Ok(Taken {
            rows,
            status: 200,
            body: None,
        })
    }
}

/// Seconds since 1970, in digits alone, within 5 minutes of now.
fn is_now(timestamp: &str) -> bool {
    let seconds = timestamp.parse::<i64>().ok();
    let seconds = seconds.filter(|seconds| seconds.to_string() == timestamp);
    seconds.is_some_and(|seconds| seconds.abs_diff(Utc::now().timestamp()) <= TOLERANCE_SECONDS)
}
