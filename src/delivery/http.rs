//! Receivers that are reached by HTTP: what a request to each of them is, and what its answer means.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};
use sha2::Sha256;
use url::Url;

use super::answer::{Answer, SHOWN};
use super::chunk::{Chunk, Form, Limits, unpacked};
use super::entra::Entra;
use super::error::DeliveryError;
use crate::error::causes;
use crate::job::{Batch, JobError, LogAnalytics, LogAnalyticsLegacy, Setting, Webhook};

const CONNECT: Duration = Duration::from_secs(10);
const REQUEST: Duration = Duration::from_secs(60);

/// The API's documented million counts brackets and commas, compressed or not.
const LOGS_INGESTION_BYTES: usize = 1_000_000;
/// Beyond it the service cuts a field without a word.
const LOGS_INGESTION_FIELD: usize = 64 * 1024;
/// 30 MB are the most; a smaller body is sooner sent again.
const DATA_COLLECTOR_BYTES: usize = 5_000_000;
const DATA_COLLECTOR_FIELD: usize = 32 * 1024;
const WEBHOOK_BYTES: usize = 1_000_000;

/// The client of all receivers of a job. It follows no redirect and speaks TLS 1.2 at least, or plain HTTP to this machine alone.
pub(super) fn client() -> Result<Client, DeliveryError> {
    let client = Client::builder()
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .timeout(REQUEST)
        .user_agent(concat!("crannog/", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(client?)
}

/// A receiver that takes requests.
#[derive(Debug)]
pub(super) struct HttpReceiver {
    client: Client,
    url: Url,
    protocol: Protocol,
}

#[derive(Debug)]
enum Protocol {
    LogsIngestion(Entra),
    DataCollector(DataCollector),
    Webhook(Hook),
}

struct DataCollector {
    workspace_id: String,
    key: Vec<u8>,
    log_type: HeaderValue,
    time_generated_field: Option<HeaderValue>,
}

struct Hook {
    secret: Option<Vec<u8>>,
    headers: HeaderMap,
    batch: Batch,
}

// What is secret is not printed.
impl std::fmt::Debug for DataCollector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataCollector").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hook").finish_non_exhaustive()
    }
}

impl HttpReceiver {
    pub fn log_analytics(sink: &LogAnalytics, client: &Client) -> Result<Self, JobError> {
        let mut url = address(&sink.endpoint, &sink.endpoint.resolve()?)?;
        let path = [
            "dataCollectionRules",
            &sink.dcr_immutable_id.resolve()?,
            "streams",
            &sink.stream_name.resolve()?,
        ]
        .map(str::to_owned);
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(path);
        }
        url.set_query(Some("api-version=2023-01-01"));
        Ok(Self {
            client: client.clone(),
            url,
            protocol: Protocol::LogsIngestion(Entra::new(sink, client.clone())?),
        })
    }

    pub fn log_analytics_legacy(
        sink: &LogAnalyticsLegacy,
        client: &Client,
    ) -> Result<Self, JobError> {
        let workspace_id = sink.workspace_id.resolve()?;
        let mut url = match &sink.endpoint {
            Some(endpoint) => address(endpoint, &endpoint.resolve()?)?,
            None => {
                let service = format!("https://{workspace_id}.ods.opinsights.azure.com");
                address(&sink.workspace_id, &service)?
            }
        };
        url.set_path("/api/logs");
        url.set_query(Some("api-version=2016-04-01"));
        let log_type = sink.log_type.resolve()?;
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if log_type.is_empty() || log_type.len() > 100 || !log_type.chars().all(is_allowed) {
            let message = "a `log_type` is made of letters, digits and `_`, 100 of them at most";
            return Err(wrong(&sink.log_type, message));
        }
        let key = STANDARD.decode(sink.shared_key.resolve()?.trim());
        let not_base64 = |_| wrong(&sink.shared_key, "a workspace's key is base64; this is not");
        let time = sink.time_generated_field.as_deref().unwrap_or("AsOf");
        Ok(Self {
            client: client.clone(),
            url,
            protocol: Protocol::DataCollector(DataCollector {
                key: key.map_err(not_base64)?,
                log_type: header(&sink.log_type, &log_type)?,
                time_generated_field: Some(header(&sink.log_type, time)?),
                workspace_id,
            }),
        })
    }

    pub fn webhook(sink: &Webhook, client: &Client) -> Result<Self, JobError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &sink.headers {
            let named = HeaderName::try_from(name.as_str());
            let named = named.map_err(|_| wrong(value, "this is no name of a header"))?;
            headers.insert(named, header(value, &value.resolve()?)?);
        }
        let secret = match &sink.secret {
            None => None,
            Some(setting) => {
                let text = setting.resolve()?;
                Some(match text.strip_prefix("whsec_") {
                    None => text.into_bytes(),
                    Some(key) => STANDARD.decode(key).map_err(|_| {
                        wrong(setting, "after `whsec_` a secret is base64; this is not")
                    })?,
                })
            }
        };
        Ok(Self {
            client: client.clone(),
            url: address(&sink.url, &sink.url.resolve()?)?,
            protocol: Protocol::Webhook(Hook {
                secret,
                headers,
                batch: sink.batch,
            }),
        })
    }

    pub fn limits(&self) -> Limits {
        match &self.protocol {
            Protocol::LogsIngestion(_) => Limits {
                form: Form::Array,
                bytes: LOGS_INGESTION_BYTES,
                field: Some(LOGS_INGESTION_FIELD),
            },
            Protocol::DataCollector(_) => Limits {
                form: Form::Array,
                bytes: DATA_COLLECTOR_BYTES,
                field: Some(DATA_COLLECTOR_FIELD),
            },
            Protocol::Webhook(hook) => Limits {
                form: match hook.batch {
                    Batch::Array => Form::Array,
                    Batch::One => Form::Object,
                },
                bytes: WEBHOOK_BYTES,
                field: None,
            },
        }
    }

    /// Sends a chunk once. `anew`: with a new token, since the last one is not taken any more.
    pub async fn send(&self, chunk: &Chunk, anew: bool) -> Answer {
        let request = match self.request(chunk, anew).await {
            Ok(request) => request,
            Err(answer) => return answer,
        };
        match request.send().await {
            Ok(response) => self.answer(response).await,
            Err(error) => Answer::later(causes(&error.without_url()).join(": ")),
        }
    }

    async fn request(&self, chunk: &Chunk, anew: bool) -> Result<RequestBuilder, Answer> {
        let json = HeaderValue::from_static("application/json");
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, json);
        match &self.protocol {
            Protocol::LogsIngestion(entra) => {
                let token = entra
                    .token(anew)
                    .await
                    .map_err(|failure| match failure.is_final {
                        true => Answer::refused(failure.why),
                        false => Answer::later(failure.why),
                    })?;
                let bearer = secret_header(&format!("Bearer {token}"))?;
                Ok(request
                    .header(AUTHORIZATION, bearer)
                    .header(CONTENT_ENCODING, "gzip")
                    .header("x-ms-client-request-id", as_guid(&chunk.id))
                    .body(chunk.body.clone()))
            }
            Protocol::DataCollector(collector) => {
                let body = body(chunk)?;
                let date = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
                let signature = collector.signature(body.len(), &date);
                let key = format!("SharedKey {}:{signature}", collector.workspace_id);
                let mut request = request
                    .header(AUTHORIZATION, secret_header(&key)?)
                    .header("Log-Type", collector.log_type.clone())
                    .header("x-ms-date", date);
                if let Some(field) = &collector.time_generated_field {
                    request = request.header("time-generated-field", field.clone());
                }
                Ok(request.body(body))
            }
            Protocol::Webhook(hook) => {
                let body = body(chunk)?;
                let mut request = request.headers(hook.headers.clone());
                let now = Utc::now();
                request = request
                    .header("webhook-id", &chunk.id)
                    .header("webhook-timestamp", now.timestamp().to_string());
                if let Some(signature) = hook.signature(&chunk.id, now, &body) {
                    request = request.header("webhook-signature", signature);
                }
                Ok(request.body(body))
            }
        }
    }

    async fn answer(&self, mut response: reqwest::Response) -> Answer {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while body.len() < SHOWN
            && let Ok(Some(more)) = response.chunk().await
        {
            body.extend_from_slice(&more);
        }
        body.truncate(SHOWN);
        let body = String::from_utf8_lossy(&body);
        let answer = Answer::new(status, &headers, &body, |status| match self.protocol {
            Protocol::LogsIngestion(_) => status == StatusCode::NO_CONTENT,
            Protocol::DataCollector(_) | Protocol::Webhook(_) => status.is_success(),
        });
        match answer {
            Answer::Refused {
                status: Some(403),
                why,
                ..
            } => Answer::Refused {
                status: Some(403),
                why: format!("{why}. {}", self.forbidden()),
                is_chunk: false,
            },
            answer => answer,
        }
    }

    fn forbidden(&self) -> &'static str {
        match self.protocol {
            Protocol::LogsIngestion(_) => {
                "The identity needs the role `Monitoring Metrics Publisher` on the data collection rule, which takes up to 30 minutes to work"
            }
            Protocol::DataCollector(_) => {
                "Is `shared_key` a key of this workspace, and this machine's clock right?"
            }
            Protocol::Webhook(_) => "Are `secret` and `headers` what the service expects?",
        }
    }

    /// Whether a new token may help where one is not taken.
    pub fn has_tokens(&self) -> bool {
        matches!(self.protocol, Protocol::LogsIngestion(_))
    }
}

impl DataCollector {
    /// HMAC-SHA256 by the workspace's key, as the API's documentation has it; `length` is in bytes.
    fn signature(&self, length: usize, date: &str) -> String {
        let text = format!("POST\n{length}\napplication/json\nx-ms-date:{date}\n/api/logs");
        STANDARD.encode(hmac_sha256(&self.key, &[text.as_bytes()]))
    }
}

impl Hook {
    /// As <https://www.standardwebhooks.com> has it.
    fn signature(&self, id: &str, time: DateTime<Utc>, body: &[u8]) -> Option<String> {
        let secret = self.secret.as_ref()?;
        let head = format!("{id}.{}.", time.timestamp());
        let signature = hmac_sha256(secret, &[head.as_bytes(), body]);
        Some(format!("v1,{}", STANDARD.encode(signature)))
    }
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// The body of a chunk as text.
fn body(chunk: &Chunk) -> Result<Vec<u8>, Answer> {
    unpacked(&chunk.body).map_err(|error| Answer::refused(format!("its body is damaged: {error}")))
}

/// 32 hexadecimal digits as a GUID.
fn as_guid(id: &str) -> String {
    let part = |from, to| id.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

/// A URL that may be sent secrets to: by TLS, or without to this machine.
fn address(setting: &Setting, text: &str) -> Result<Url, JobError> {
    let url = Url::parse(text).map_err(|_| wrong(setting, "this is not a URL"))?;
    let is_here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" if url.host().is_some() => Ok(url),
        "http" if is_here => Ok(url),
        "http" => {
            let message =
                "findings and secrets are sent by `https://`; `http://` goes to this machine alone";
            Err(wrong(setting, message))
        }
        _ => Err(wrong(setting, "this is not a URL of HTTP")),
    }
}

fn header(setting: &Setting, text: &str) -> Result<HeaderValue, JobError> {
    let mut value =
        HeaderValue::try_from(text).map_err(|_| wrong(setting, "this cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn secret_header(text: &str) -> Result<HeaderValue, Answer> {
    let value = HeaderValue::try_from(text);
    let mut value = value.map_err(|_| {
        Answer::refused("what proves who sends cannot stand in a header".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn wrong(setting: &Setting, message: &str) -> JobError {
    JobError::Value {
        place: setting.place().clone(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_collectors_signature_is_the_documented_one() {
        let collector = DataCollector {
            workspace_id: String::new(),
            key: (0..64).collect(),
            log_type: HeaderValue::from_static("x"),
            time_generated_field: None,
        };
        assert_eq!(
            collector.signature(1024, "Mon, 04 Apr 2016 08:00:00 GMT"),
            "kQfMluP3yBFQzfwH0Ye5adOjNq2FCEIWGh0n4uEtCrg="
        );
    }

    #[test]
    fn a_webhook_is_signed_as_standard_webhooks_says() {
        // The vector of the specification's own libraries.
        let hook = Hook {
            secret: Some(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()),
            headers: HeaderMap::new(),
            batch: Batch::Array,
        };
        let time = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let signature = hook.signature(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            time,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signature.as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    #[test]
    fn what_is_secret_is_not_in_debug_output() {
        let hook = Hook {
            secret: Some(b"hush".to_vec()),
            headers: HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("hush"))]),
            batch: Batch::One,
        };
        assert_eq!(format!("{hook:?}"), "Hook { .. }");
    }
}
