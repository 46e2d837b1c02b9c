//! Receivers that are reached by HTTP: what a request to each of them is, and what its answer means.

use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder, StatusCode};
use url::Url;

use super::answer::{Answer, SHOWN};
use super::chunk::{Chunk, Form, Limits, unpacked};
use super::client::{Clients, is_here, secret, wrong};
use super::data_collector::DataCollector;
use super::entra::Entra;
use super::webhook::Hook;
use crate::error::causes;
use crate::job::{Batch, JobError, LogAnalytics, LogAnalyticsLegacy, Setting, Webhook};

/// The API's documented million counts brackets and commas, compressed or not.
const LOGS_INGESTION_BYTES: usize = 1_000_000;
/// Beyond it the service cuts a field without a word.
const LOGS_INGESTION_FIELD: usize = 64 * 1024;
/// 30 MB are the most; a smaller body is sooner sent again.
const DATA_COLLECTOR_BYTES: usize = 5_000_000;
const DATA_COLLECTOR_FIELD: usize = 32 * 1024;
const WEBHOOK_BYTES: usize = 1_000_000;

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

impl HttpReceiver {
    pub fn log_analytics(sink: &LogAnalytics, clients: &Clients) -> Result<Self, JobError> {
        let mut url = address(&sink.endpoint, &sink.endpoint.resolve()?)?;
        let (rule, stream) = (
            sink.dcr_immutable_id.resolve()?,
            sink.stream_name.resolve()?,
        );
        if let Ok(mut path) = url.path_segments_mut() {
            let path = path.pop_if_empty();
            path.extend(["dataCollectionRules", &rule, "streams", &stream]);
        }
        url.set_query(Some("api-version=2023-01-01"));
        Ok(Self {
            client: clients.to(&url),
            url,
            protocol: Protocol::LogsIngestion(Entra::new(sink, clients)?),
        })
    }

    pub fn log_analytics_legacy(
        sink: &LogAnalyticsLegacy,
        clients: &Clients,
    ) -> Result<Self, JobError> {
        let mut url = match &sink.endpoint {
            Some(endpoint) => address(endpoint, &endpoint.resolve()?)?,
            None => {
                let workspace_id = sink.workspace_id.resolve()?;
                let service = format!("https://{workspace_id}.ods.opinsights.azure.com");
                address(&sink.workspace_id, &service)?
            }
        };
        url.set_path("/api/logs");
        url.set_query(Some("api-version=2016-04-01"));
        Ok(Self {
            client: clients.to(&url),
            url,
            protocol: Protocol::DataCollector(DataCollector::new(sink)?),
        })
    }

    pub fn webhook(sink: &Webhook, clients: &Clients) -> Result<Self, JobError> {
        let url = address(&sink.url, &sink.url.resolve()?)?;
        Ok(Self {
            client: clients.to(&url),
            url,
            protocol: Protocol::Webhook(Hook::new(sink)?),
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

    /// Sends a chunk once; twice where the token is not taken any more.
    pub async fn send(&self, chunk: &Chunk) -> Answer {
        let sent = async {
            let Protocol::LogsIngestion(entra) = &self.protocol else {
                return self.request(self.signed(chunk)?).await;
            };
            let token = entra.token().await?;
            match self.request(self.with_token(chunk, &token)).await {
                Err(Answer::Refused {
                    status: Some(401), ..
                }) => {
                    entra.forget(&token).await;
                    let token = entra.token().await?;
                    self.request(self.with_token(chunk, &token)).await
                }
                answer => answer,
            }
        };
        match sent.await {
            Ok(()) => Answer::Taken,
            Err(answer) => answer,
        }
    }

    /// `Err`: any answer but a yes.
    async fn request(&self, request: RequestBuilder) -> Result<(), Answer> {
        let json = HeaderValue::from_static("application/json");
        let request = request.header(CONTENT_TYPE, json);
        let answer = match request.send().await {
            Ok(response) => self.answer(response).await,
            Err(error) => Answer::later(causes(&error.without_url()).join(": ")),
        };
        match answer {
            Answer::Taken => Ok(()),
            answer => Err(answer),
        }
    }

    fn with_token(&self, chunk: &Chunk, token: &str) -> RequestBuilder {
        let request = self.client.post(self.url.clone());
        request
            .header(AUTHORIZATION, secret(&format!("Bearer {token}")))
            .header(CONTENT_ENCODING, "gzip")
            .header("x-ms-client-request-id", as_guid(&chunk.id))
            .body(chunk.body.clone())
    }

    fn signed(&self, chunk: &Chunk) -> Result<RequestBuilder, Answer> {
        let damaged = |error| Answer::refused(format!("its body is damaged: {error}"));
        let body = unpacked(&chunk.body).map_err(damaged)?;
        let request = self.client.post(self.url.clone());
        let request = match &self.protocol {
            Protocol::LogsIngestion(_) => request,
            Protocol::DataCollector(collector) => collector.sign(request, &body),
            Protocol::Webhook(hook) => hook.sign(request, &chunk.id, &body),
        };
        Ok(request.body(body))
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
                is_chunk,
            } => Answer::Refused {
                status: Some(403),
                why: format!("{why}. {}", self.forbidden()),
                is_chunk,
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
}

/// 32 hexadecimal digits as a GUID.
fn as_guid(id: &str) -> String {
    let part = |from, to| id.get(from..to).unwrap_or_default();
    let parts = [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ];
    parts.join("-")
}

/// A URL that may be sent secrets to: by TLS, or without to this machine.
fn address(setting: &Setting, text: &str) -> Result<Url, JobError> {
    let url = Url::parse(text).map_err(|_| wrong(setting, "this is not a URL"))?;
    match url.scheme() {
        "https" if url.host().is_some() => Ok(url),
        "http" if is_here(&url) => Ok(url),
        "http" => {
            let message =
                "findings and secrets are sent by `https://`; `http://` goes to this machine alone";
            Err(wrong(setting, message))
        }
        _ => Err(wrong(setting, "this is not a URL of HTTP")),
    }
}
