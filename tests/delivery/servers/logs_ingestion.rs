//! The Logs Ingestion API of Azure Monitor, for one data collection rule and one stream.

use std::collections::BTreeSet;

use serde_json::Value;

use super::call::{Call, Refusal, Taken, demand, refuse};
use super::columns;
use super::entra::Tokens;
use super::log::Violation;
use super::server::Rules;

const SERVICE_LIMIT: usize = 1_048_576;
/// What the project allows itself.
const OWN_LIMIT: usize = 1_000_000;
const FIELD_LIMIT: usize = 65_536;
const RESERVED: [&str; 7] = [
    "_ResourceId",
    "id",
    "_SubscriptionId",
    "TenantId",
    "Type",
    "UniqueId",
    "Title",
];

/// What it takes, and from whom.
pub struct LogsIngestion {
    pub dcr: String,
    pub stream: String,
    pub tokens: Tokens,
    /// The columns the stream declares; `None` takes any.
    pub columns: Option<BTreeSet<String>>,
    /// Whether every caller lacks the role.
    pub forbidden: bool,
}

impl LogsIngestion {
    pub fn new(dcr: &str, stream: &str, tokens: &Tokens) -> Self {
        Self {
            dcr: dcr.to_owned(),
            stream: stream.to_owned(),
            tokens: tokens.clone(),
            columns: None,
            forbidden: false,
        }
    }

    pub fn declaring(mut self, columns: Vec<String>) -> Self {
        self.columns = Some(columns.into_iter().collect());
        self
    }

    fn demand_caller(&self, call: &Call) -> Result<(), Refusal> {
        let known = self.tokens.admit(call.header("authorization").as_deref());
        demand(
            known,
            401,
            "InvalidAuthenticationToken",
            "no token that is good",
        )?;
        let message = "the token has no access to the data collection rule";
        demand(!self.forbidden, 403, "OperationFailed", message)
    }

    fn demand_headers(call: &Call) -> Result<(), Refusal> {
        let json = call.has("content-type", "application/json");
        demand(json, 415, "UnsupportedContentType", "Content-Type")?;
        let id = call.header("x-ms-client-request-id");
        let is_guid = id.is_none_or(|id| is_guid(&id));
        demand(
            is_guid,
            400,
            "InvalidClientRequestId",
            "x-ms-client-request-id",
        )
    }

    fn demand_columns(&self, rows: &[Value]) -> Result<(), Refusal> {
        if let Some(message) = columns::bad_name(rows, &RESERVED) {
            return demand(false, 400, "InvalidColumnName", message);
        }
        let Some(declared) = &self.columns else {
            return Ok(());
        };
        let unknown = columns::names(rows).find(|name| !declared.contains(*name));
        let message = format!("undeclared column {unknown:?}");
        demand(unknown.is_none(), 400, "InvalidStreamDeclaration", message)
    }
}

impl Rules for LogsIngestion {
    fn judge(&mut self, call: &Call) -> Result<Taken, Refusal> {
        let path = format!("/dataCollectionRules/{}/streams/{}", self.dcr, self.stream);
        call.demand_target("POST", &path)?;
        let version = call.query == "api-version=2023-01-01";
        demand(version, 400, "InvalidApiVersion", &call.query)?;
        self.demand_caller(call)?;
        Self::demand_headers(call)?;
        let bytes = call.raw.len().max(call.size());
        let message = format!("Maximum allowed content length: {SERVICE_LIMIT}, provided: {bytes}");
        demand(
            bytes <= SERVICE_LIMIT,
            413,
            "ContentLengthLimitExceeded",
            message,
        )?;
        let rows = call
            .rows()
            .map_err(|why| refuse(400, "InvalidPayload", why))?;
        self.demand_columns(rows)?;
        Ok(Taken {
            rows: rows.to_vec(),
            status: 204,
            body: None,
        })
    }

    fn violations(&self, call: &Call) -> Vec<Violation> {
        columns::violations(call, OWN_LIMIT, FIELD_LIMIT)
    }
}

fn is_guid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').map(str::len).collect();
    let hex = text
        .bytes()
        .all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    hex && groups == [8, 4, 4, 4, 12]
}
