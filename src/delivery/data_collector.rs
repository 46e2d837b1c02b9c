//! Azure's HTTP Data Collector API: how a request is signed by the key of a workspace.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderValue};

use super::client::{header, hmac_sha256, secret, wrong};
use crate::job::{JobError, LogAnalyticsLegacy};

/// The column that the shape for this API has the time in.
const TIME: &str = "AsOf";

pub(super) struct DataCollector {
    workspace_id: String,
    key: Vec<u8>,
    log_type: HeaderValue,
    time_generated_field: HeaderValue,
}

// What is secret is not printed.
impl std::fmt::Debug for DataCollector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataCollector").finish_non_exhaustive()
    }
}

impl DataCollector {
    pub fn new(sink: &LogAnalyticsLegacy) -> Result<Self, JobError> {
        let log_type = sink.log_type.resolve()?;
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if log_type.is_empty() || log_type.len() > 100 || !log_type.chars().all(is_allowed) {
            let message = "a `log_type` is made of letters, digits and `_`, 100 of them at most";
            return Err(wrong(&sink.log_type, message));
        }
        let key = STANDARD.decode(sink.shared_key.resolve()?.trim());
        let not_base64 = |_| wrong(&sink.shared_key, "a workspace's key is base64; this is not");
        let key = key.map_err(not_base64)?;
        if key.is_empty() {
            return Err(wrong(&sink.shared_key, "the key is empty"));
        }
        let time = sink.time_generated_field.as_deref().unwrap_or(TIME);
        Ok(Self {
            workspace_id: sink.workspace_id.resolve()?,
            key,
            log_type: header(&sink.log_type, &log_type)?,
            time_generated_field: header(&sink.log_type, time)?,
        })
    }

    pub fn sign(&self, request: RequestBuilder, body: &[u8]) -> RequestBuilder {
        let date = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let signature = self.signature(body.len(), &date);
        request
            .header(
                AUTHORIZATION,
                secret(&format!("SharedKey {}:{signature}", self.workspace_id)),
            )
            .header("Log-Type", self.log_type.clone())
            .header("time-generated-field", self.time_generated_field.clone())
            .header("x-ms-date", date)
    }

    /// HMAC-SHA256 by the workspace's key, as the API's documentation has it; `length` is in bytes.
    fn signature(&self, length: usize, date: &str) -> String {
        let text = format!("POST\n{length}\napplication/json\nx-ms-date:{date}\n/api/logs");
        STANDARD.encode(hmac_sha256(&self.key, &[text.as_bytes()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_documented_one() {
        let collector = DataCollector {
            workspace_id: String::new(),
            key: (0..64).collect(),
            log_type: HeaderValue::from_static("x"),
            time_generated_field: HeaderValue::from_static("x"),
        };
        assert_eq!(
            collector.signature(1024, "Mon, 04 Apr 2016 08:00:00 GMT"),
            "kQfMluP3yBFQzfwH0Ye5adOjNq2FCEIWGh0n4uEtCrg="
        );
        assert_eq!(format!("{collector:?}"), "DataCollector { .. }");
    }
}
