//! A sink that is no table: a service, a hook or files that findings are sent to once they are in their table.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::JobError;
use super::location::resolve;
use super::place::Place;
use super::sql_file::SqlFile;
use super::template::Template;
use super::{DeltaTarget, Job};

pub use super::spec::{Batch, Credential, Shape as BuiltInShape};

/// Where findings are sent, and in which shape.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// What the outbox knows it by.
    pub name: String,
    /// Who takes them.
    pub kind: ReceiverKind,
    /// What they look like.
    pub shape: Shape,
    /// Where in the job file it stands.
    pub place: Place,
}

/// Who takes findings.
#[derive(Clone, Debug)]
pub enum ReceiverKind {
    /// Azure Monitor's Logs Ingestion API.
    LogAnalytics(Box<LogAnalytics>),
    /// Azure's HTTP Data Collector API.
    LogAnalyticsLegacy(LogAnalyticsLegacy),
    /// Any service that takes JSON.
    Webhook(Webhook),
    /// Files of JSON lines in a folder.
    Ndjson(DeltaTarget),
    /// JSON lines on stdout.
    Stdout,
    /// Parquet files in a folder.
    Parquet(DeltaTarget),
}

/// `type = "log_analytics"`.
#[derive(Clone, Debug)]
pub struct LogAnalytics {
    /// The data collection endpoint, or the rule's own.
    pub endpoint: Setting,
    /// The rule's immutable id, `dcr-…`.
    pub dcr_immutable_id: Setting,
    /// The stream of the rule, `Custom-…`.
    pub stream_name: Setting,
    /// How the sender proves who it is; the first of them that is set up unless given.
    pub credential: Option<Credential>,
    /// The directory; `AZURE_TENANT_ID` unless given.
    pub tenant_id: Option<Setting>,
    /// The application or identity; `AZURE_CLIENT_ID` unless given.
    pub client_id: Option<Setting>,
    /// Its secret; `AZURE_CLIENT_SECRET` unless given.
    pub client_secret: Option<Setting>,
    /// What the token is for; that of the public cloud unless given.
    pub scope: Option<Setting>,
}

/// `type = "log_analytics_legacy"`.
#[derive(Clone, Debug)]
pub struct LogAnalyticsLegacy {
    /// The workspace.
    pub workspace_id: Setting,
    /// One of its two keys.
    pub shared_key: Setting,
    /// The table, without the `_CL` that is put after it.
    pub log_type: Setting,
    /// The column with the time of a row.
    pub time_generated_field: Option<String>,
    /// The service; the workspace's own in the public cloud unless given.
    pub endpoint: Option<Setting>,
}

/// `type = "webhook"`.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The address.
    pub url: Setting,
    /// What its requests are signed with.
    pub secret: Option<Setting>,
    /// Headers of each request.
    pub headers: BTreeMap<String, Setting>,
    /// How many findings one request has.
    pub batch: Batch,
}

/// A text of the job file that is resolved when it is used.
#[derive(Clone, Debug)]
pub struct Setting {
    pub(super) template: Template,
    pub(super) place: Place,
}

impl Setting {
    /// The text, environment resolved.
    pub fn resolve(&self) -> Result<String, JobError> {
        resolve(&self.template, &self.place)
    }

    /// Where in the job file it stands.
    pub fn place(&self) -> &Place {
        &self.place
    }
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.template.fmt(f)
    }
}

/// What a finding looks like to a receiver.
#[derive(Clone, Debug)]
pub enum Shape {
    /// One that the program brings.
    BuiltIn(BuiltInShape),
    /// A query of the job's own.
    Sql(SqlFile),
}

/// What is not delivered yet, and how long a run tries.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// Its table.
    pub table: DeltaTarget,
    /// How long one call tries to deliver.
    pub timeout: Duration,
}

impl Job {
    /// Whether what the job sends takes stdout, so that nothing else may be said there.
    pub fn takes_stdout(&self) -> bool {
        let mut receivers = self.receivers.iter();
        receivers.any(|receiver| matches!(receiver.kind, ReceiverKind::Stdout))
    }
}
