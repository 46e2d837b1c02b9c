//! The start of a process, as the Security log (4688) and Sysmon (1) tell it: the fields of the event, and the six
//! columns that a job on process executions reads.

use std::borrow::Cow;

use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;

const SECURITY: &str = "Microsoft-Windows-Security-Auditing";
const SYSMON: &str = "Microsoft-Windows-Sysmon";

/// Accounts of Windows itself, as Windows names them in English.
const SERVICES: [&str; 3] = [
    r"NT AUTHORITY\SYSTEM",
    r"NT AUTHORITY\LOCAL SERVICE",
    r"NT AUTHORITY\NETWORK SERVICE",
];

/// Domains whose accounts are all services or parts of Windows.
const SERVICE_DOMAINS: [&str; 3] = [r"NT SERVICE\", r"Font Driver Host\", r"Window Manager\"];

/// One event, as the reader of the format gives it.
#[derive(Debug)]
pub(super) struct ProcessStart {
    system: System,
    data: Value,
}

/// The part that every event has. Whatever is odd in it is for no column: that is no reason to leave out the rest.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct System {
    #[serde(rename = "Provider_attributes")]
    provider: Value,
    #[serde(rename = "EventID")]
    event_id: Value,
    #[serde(rename = "TimeCreated_attributes")]
    time_created: Value,
    #[serde(rename = "EventRecordID")]
    record_id: Value,
    channel: Value,
    computer: Value,
}

/// A record, as far as `T` looks into it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record<T> {
    event: T,
}

/// As much of an event as tells whether it is one of ours.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Head {
    #[serde(default)]
    system: System,
}

/// The rest of it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    #[serde(default)]
    event_data: Value,
}

impl ProcessStart {
    /// The start of a process that this record tells; `None` for any other event.
    pub(super) fn from_json(record: &[u8]) -> serde_json::Result<Option<Self>> {
        let system = serde_json::from_slice::<Record<Head>>(record)?.event.system;
        let is_ours = matches!(
            (system.provider(), system.event_id.as_i64()),
            (Some(SECURITY), Some(4688)) | (Some(SYSMON), Some(1))
        );
        if !is_ours {
            return Ok(None);
        }
        let data = serde_json::from_slice::<Record<Body>>(record)?
            .event
            .event_data;
        Ok(Some(Self { system, data }))
    }

    /// When the event was logged, in microseconds.
    pub(super) fn time_generated(&self) -> Option<i64> {
        let time = self.system.time_created.get("SystemTime")?.as_str()?;
        let time = DateTime::parse_from_rfc3339(time).ok()?;
        Some(time.timestamp_micros())
    }

    /// `DOMAIN\user` of whoever started the process; `-\-` where the event says that nobody did.
    pub(super) fn account(&self) -> Option<Cow<'_, str>> {
        if self.is_sysmon() {
            return self.field("User");
        }
        let domain = self.field("SubjectDomainName")?;
        let user = self.field("SubjectUserName")?;
        Some(Cow::Owned(format!(r"{domain}\{user}")))
    }

    /// Who that is: a computer or a service of Windows (`Machine`), or anyone else (`User`).
    pub(super) fn account_type(&self) -> Option<&'static str> {
        let account = self.account()?;
        let begins_with = |domain: &&str| {
            account
                .get(..domain.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(domain))
        };
        let is_machine = account.ends_with('$')
            || SERVICES
                .iter()
                .any(|name| account.eq_ignore_ascii_case(name))
            || SERVICE_DOMAINS.iter().any(begins_with);
        Some(if is_machine { "Machine" } else { "User" })
    }

    /// The name of the program's file, without its folders.
    pub(super) fn process(&self) -> Option<Cow<'_, str>> {
        let path = self.field(if self.is_sysmon() {
            "Image"
        } else {
            "NewProcessName"
        })?;
        Some(match (path.rfind('\\'), path) {
            (None, path) => path,
            (Some(at), Cow::Borrowed(path)) => Cow::Borrowed(&path[at + 1..]),
            (Some(at), Cow::Owned(path)) => Cow::Owned(path[at + 1..].to_owned()),
        })
    }

    /// The command line; empty where Windows was not told to log it.
    pub(super) fn command_line(&self) -> Cow<'_, str> {
        self.field("CommandLine").unwrap_or_default()
    }

    pub(super) fn computer(&self) -> Option<&str> {
        self.system.computer.as_str()
    }

    pub(super) fn event_id(&self) -> Option<i64> {
        self.system.event_id.as_i64()
    }

    pub(super) fn provider(&self) -> Option<&str> {
        self.system.provider()
    }

    pub(super) fn channel(&self) -> Option<&str> {
        self.system.channel.as_str()
    }

    pub(super) fn record_id(&self) -> Option<i64> {
        self.system.record_id.as_i64()
    }

    /// A field of the event's own data, as text.
    pub(super) fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.data.get(name)? {
            Value::Null => None,
            Value::String(text) => Some(Cow::Borrowed(text)),
            other => Some(Cow::Owned(other.to_string())),
        }
    }

    fn is_sysmon(&self) -> bool {
        self.provider() == Some(SYSMON)
    }
}

impl System {
    fn provider(&self) -> Option<&str> {
        self.provider.get("Name")?.as_str()
    }
}
