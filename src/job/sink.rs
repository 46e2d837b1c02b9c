//! From sinks as written to the tables of a job and those who are sent what is in them: which keys belong to which type, and what
//! may not be written out.

use std::time::Duration;

use super::DeltaTarget;
use super::check::{Written, is_name};
use super::error::JobError;
use super::location::Location;
use super::receiver::{
    BuiltInShape, LogAnalytics, LogAnalyticsLegacy, Outbox, Receiver, ReceiverKind, Setting, Shape,
    Webhook,
};
use super::spec::{OutboxSpec, SinkSpec, SinkType};
use super::template::Template;

/// What a run tries unless the job says otherwise.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Keys that every sink may have.
const COMMON: [&str; 2] = ["name", "shape"];

impl SinkType {
    fn word(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::LogAnalytics => "log_analytics",
            Self::LogAnalyticsLegacy => "log_analytics_legacy",
            Self::Webhook => "webhook",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }

    /// The keys that belong to it alone.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Delta => &["location", "options"],
            Self::Ndjson | Self::Parquet => &["location", "options"],
            Self::LogAnalytics => &[
                "endpoint",
                "dcr_immutable_id",
                "stream_name",
                "credential",
                "tenant_id",
                "client_id",
                "client_secret",
                "scope",
            ],
            Self::LogAnalyticsLegacy => &[
                "workspace_id",
                "shared_key",
                "log_type",
                "time_generated_field",
                "endpoint",
            ],
            Self::Webhook => &["url", "secret", "headers", "batch"],
        }
    }
}

/// One sink as written, at its place in the list.
struct Sink<'a> {
    written: &'a Written<'a>,
    key: String,
    kind: SinkType,
}

impl Sink<'_> {
    fn setting(&self, key: &str, template: Template) -> Setting {
        Setting {
            place: self.written.place(&format!("{}.{key}", self.key)),
            template,
        }
    }

    fn optional(&self, key: &str, template: Option<Template>) -> Option<Setting> {
        template.map(|template| self.setting(key, template))
    }

    fn needed(&self, key: &str, template: Option<Template>) -> Result<Setting, JobError> {
        match template {
            Some(template) => Ok(self.setting(key, template)),
            None => Err(self.wrong(
                "type",
                format!("a sink of type `{}` needs `{key}`", self.kind.word()),
            )),
        }
    }

    /// A secret stands in the environment, and never in a job file.
    fn secret(&self, key: &str, setting: &Setting) -> Result<(), JobError> {
        match setting.template.is_reference() {
            true => Ok(()),
            false => Err(self.written_out(key)),
        }
    }

    fn written_out(&self, key: &str) -> JobError {
        let message = "a secret is not written into a job: put it into the environment, or into a file, and write `${env:NAME}` (`NAME`, or `NAME_FILE` with the file's path)";
        self.wrong(key, message)
    }

    /// A URL, of which what is secret is not written out either.
    fn url(&self, template: Option<Template>) -> Result<Setting, JobError> {
        let url = self.needed("url", template)?;
        let text = url.template.as_written();
        let address = text.split_once("://").map_or(text, |(_, address)| address);
        let (before, query) = address.split_once('?').unwrap_or((address, ""));
        let host = before.split('/').next().unwrap_or_default();
        let user = host.rsplit_once('@').map(|(user, _)| user);
        let is_written_out = |value: &str| !value.is_empty() && !value.contains("${env:");
        let in_query = query.split('&').any(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            is_secret_name(name) && is_written_out(value)
        });
        match in_query || user.is_some_and(is_written_out) {
            true => Err(self.written_out("url")),
            false => Ok(url),
        }
    }

    fn wrong(&self, key: &str, message: impl Into<String>) -> JobError {
        self.written.wrong(&format!("{}.{key}", self.key), message)
    }

    fn location(&self, template: Option<Template>) -> Result<Location, JobError> {
        let setting = self.needed("location", template)?;
        let key = format!("{}.location", self.key);
        Ok(self.written.location(setting.template, &key))
    }
}

impl Written<'_> {
    /// The sinks of a job: its tables, and those who are sent what is in the first of them.
    pub(super) fn sinks(
        &self,
        specs: Vec<SinkSpec>,
        job: &str,
    ) -> Result<(Vec<DeltaTarget>, Vec<Receiver>), JobError> {
        let (mut tables, mut receivers): (_, Vec<Receiver>) = (Vec::new(), Vec::new());
        for (index, spec) in specs.into_iter().enumerate() {
            let sink = Sink {
                written: self,
                key: format!("sinks[{index}]"),
                kind: spec.kind,
            };
            for key in spec.given() {
                let is_table = spec.kind == SinkType::Delta;
                if !spec.kind.keys().contains(&key) && (is_table || !COMMON.contains(&key)) {
                    let word = spec.kind.word();
                    let message = format!("`{key}` does not belong to a sink of type `{word}`");
                    return Err(sink.wrong(key, message));
                }
            }
            if spec.kind == SinkType::Delta {
                tables.push(DeltaTarget {
                    location: sink.location(spec.location)?,
                    options: spec.options,
                });
                continue;
            }
            let receiver = sink.receiver(spec, job)?;
            if let Some(other) = receivers.iter().find(|other| other.name == receiver.name) {
                let message = format!("another sink is named `{}`: give each a `name`", other.name);
                return Err(sink.wrong("name", message));
            }
            receivers.push(receiver);
        }
        if tables.is_empty() {
            let message =
                "name at least one sink of type `delta`: what is sent is what is in a table first";
            return Err(self.wrong("sinks", message));
        }
        Ok((tables, receivers))
    }

    /// Where the job says, or beside its first table.
    pub(super) fn outbox(&self, spec: OutboxSpec, sink: &DeltaTarget) -> Outbox {
        let table = match spec.location {
            Some(location) => DeltaTarget {
                location: self.location(location, "outbox.location"),
                options: spec.options,
            },
            None => DeltaTarget {
                location: sink.location.beside("outbox"),
                options: match spec.options.is_empty() {
                    true => sink.options.clone(),
                    false => spec.options,
                },
            },
        };
        Outbox {
            table,
            timeout: spec.timeout.unwrap_or(TIMEOUT),
        }
    }
}

impl Sink<'_> {
    fn receiver(&self, spec: SinkSpec, job: &str) -> Result<Receiver, JobError> {
        let name = match spec.name.clone() {
            Some(name) if !is_name(&name) => {
                let message = "a sink's name is made of letters, digits, `_`, `-` and `.`";
                return Err(self.wrong("name", message));
            }
            Some(name) => name,
            None => self.kind.word().to_owned(),
        };
        Ok(Receiver {
            shape: self.shape(spec.shape.as_deref())?,
            kind: self.receiver_kind(spec, job)?,
            place: self.written.place(&self.key),
            name,
        })
    }

    fn shape(&self, shape: Option<&str>) -> Result<Shape, JobError> {
        let Some(shape) = shape else {
            return Ok(Shape::BuiltIn(match self.kind {
                SinkType::LogAnalytics => BuiltInShape::LogAnalytics,
                SinkType::LogAnalyticsLegacy => BuiltInShape::LogAnalyticsLegacy,
                _ => BuiltInShape::Finding,
            }));
        };
        if shape.ends_with(".sql") {
            let key = format!("{}.shape", self.key);
            return Ok(Shape::Sql(self.written.sql_file(&key, shape)?));
        }
        match BuiltInShape::by_name(shape) {
            Some(shape) => Ok(Shape::BuiltIn(shape)),
            None => Err(JobError::UnknownName {
                place: self.written.place(&format!("{}.shape", self.key)),
                name: shape.to_owned(),
                expected: "a shape, or a SQL file that makes one".to_owned(),
                known: BuiltInShape::names().map(str::to_owned).collect(),
            }),
        }
    }

    fn receiver_kind(&self, spec: SinkSpec, job: &str) -> Result<ReceiverKind, JobError> {
        Ok(match self.kind {
            SinkType::Delta => unreachable!("a table is no receiver"),
            SinkType::LogAnalytics => {
                let client_secret = self.optional("client_secret", spec.client_secret);
                if let Some(secret) = &client_secret {
                    self.secret("client_secret", secret)?;
                }
                ReceiverKind::LogAnalytics(Box::new(LogAnalytics {
                    endpoint: self.needed("endpoint", spec.endpoint)?,
                    dcr_immutable_id: self.needed("dcr_immutable_id", spec.dcr_immutable_id)?,
                    stream_name: self.needed("stream_name", spec.stream_name)?,
                    credential: spec.credential,
                    tenant_id: self.optional("tenant_id", spec.tenant_id),
                    client_id: self.optional("client_id", spec.client_id),
                    client_secret,
                    scope: self.optional("scope", spec.scope),
                }))
            }
            SinkType::LogAnalyticsLegacy => {
                let shared_key = self.needed("shared_key", spec.shared_key)?;
                self.secret("shared_key", &shared_key)?;
                ReceiverKind::LogAnalyticsLegacy(LogAnalyticsLegacy {
                    workspace_id: self.needed("workspace_id", spec.workspace_id)?,
                    shared_key,
                    log_type: match spec.log_type {
                        Some(log_type) => self.setting("log_type", log_type),
                        None => self.setting("log_type", Template::plain(log_type_of(job))),
                    },
                    time_generated_field: spec.time_generated_field,
                    endpoint: self.optional("endpoint", spec.endpoint),
                })
            }
            SinkType::Webhook => {
                let secret = self.optional("secret", spec.secret);
                if let Some(secret) = &secret {
                    self.secret("secret", secret)?;
                }
                let headers = spec.headers.into_iter().map(|(name, value)| {
                    let setting = Setting {
                        place: self
                            .written
                            .place_in(&format!("{}.headers", self.key), &name),
                        template: value,
                    };
                    if is_secret_name(&name) && !setting.template.is_secret() {
                        return Err(self.written_out(&format!("headers.{name}")));
                    }
                    Ok((name, setting))
                });
                ReceiverKind::Webhook(Webhook {
                    headers: headers.collect::<Result<_, JobError>>()?,
                    url: self.url(spec.url)?,
                    secret,
                    batch: spec.batch,
                })
            }
            SinkType::Ndjson if spec.location.as_ref().is_some_and(is_stdout) => {
                ReceiverKind::Stdout
            }
            SinkType::Ndjson => ReceiverKind::Ndjson(DeltaTarget {
                location: self.location(spec.location)?,
                options: spec.options,
            }),
            SinkType::Parquet if spec.location.as_ref().is_some_and(is_stdout) => {
                let message = "stdout takes JSON lines alone: `type = \"ndjson\"`";
                return Err(self.wrong("location", message));
            }
            SinkType::Parquet => ReceiverKind::Parquet(DeltaTarget {
                location: self.location(spec.location)?,
                options: spec.options,
            }),
        })
    }
}

fn is_stdout(location: &Template) -> bool {
    location.as_written() == "-"
}

/// Words in the names of what is secret.
const SECRETS: [&str; 8] = [
    "auth", "code", "cookie", "key", "password", "secret", "sig", "token",
];

/// Whether a header, or a part of a URL's query, of this name usually holds a secret.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|word| name.contains(word))
}

/// `process_execution` writes `AnomalousProcessExecutionResult`.
fn log_type_of(job: &str) -> String {
    let words = job.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    });
    format!("Anomalous{}Result", words.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_job_writes_the_table_that_its_notebook_wrote() {
        assert_eq!(
            log_type_of("process_execution"),
            "AnomalousProcessExecutionResult"
        );
        assert_eq!(log_type_of("cloudtrail"), "AnomalousCloudtrailResult");
    }
}
