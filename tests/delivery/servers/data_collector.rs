//! The HTTP Data Collector API of Log Analytics, the older one, with its shared key.

use std::collections::BTreeSet;

use base64::prelude::{BASE64_STANDARD, Engine};
use chrono::{NaiveDateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::call::{Call, HTTP_DATE, Refusal, Taken, demand, refuse};
use super::columns;
use super::log::Violation;
use super::server::Rules;
use super::signature::hmac_base64;

const LIMIT: usize = 30_000_000;
const FIELD_LIMIT: usize = 32_768;
const MAX_COLUMNS: usize = 500;
const RESERVED: [&str; 3] = ["tenant", "TimeGenerated", "RawData"];

/// The workspace and its key.
pub struct DataCollector {
    pub workspace_id: String,
    pub key: Vec<u8>,
}

impl DataCollector {
    /// Takes the key in base64, as the portal shows it.
    pub fn new(workspace_id: &str, shared_key: &str) -> Self {
        Self {
            workspace_id: workspace_id.to_owned(),
            key: BASE64_STANDARD.decode(shared_key).unwrap(),
        }
    }

    fn sign(&self, length: usize, date: &str) -> String {
        let signed = format!("POST\n{length}\napplication/json\nx-ms-date:{date}\n/api/logs");
        hmac_base64(&self.key, signed.as_bytes())
    }

    fn demand_signature(&self, call: &Call) -> Result<(), Refusal> {
        let date = call.header("x-ms-date").unwrap_or_default();
        let invalid = |holds, part: &str| demand(holds, 403, "InvalidAuthorization", part);
        invalid(is_now(&date), "x-ms-date")?;
        invalid(call.has("content-type", "application/json"), "Content-Type")?;
        let signature = self.sign(call.raw.len(), &date);
        let expected = format!("SharedKey {}:{signature}", self.workspace_id);
        invalid(call.has("authorization", &expected), "Authorization")
    }

    fn demand_rows(call: &Call) -> Result<&[Value], Refusal> {
        let invalid = |message| refuse(400, "InvalidDataFormat", message);
        let rows = call.rows().map_err(invalid)?;
        if let Some(message) = columns::bad_name(rows, &RESERVED) {
            return Err(invalid(message));
        }
        let n_columns = columns::names(rows).collect::<BTreeSet<_>>().len();
        if n_columns > MAX_COLUMNS {
            return Err(invalid(format!("{n_columns} columns")));
        }
        let time_field = call.header("time-generated-field");
        let timed = |row: &Value, field| row[field].as_str().is_some_and(is_timestamp);
        match time_field {
            Some(field) if !rows.iter().all(|row| timed(row, &field)) => {
                Err(invalid(format!("no time in `{field}`")))
            }
            _ => Ok(rows),
        }
    }
}

impl Rules for DataCollector {
    fn judge(&mut self, call: &Call) -> Result<Taken, Refusal> {
        call.demand_target("POST", "/api/logs")?;
        let version = call.query == "api-version=2016-04-01";
        demand(version, 400, "InvalidApiVersion", &call.query)?;
        demand(call.raw.len() <= LIMIT, 404, "NotFound", "too large")?;
        self.demand_signature(call)?;
        let uncompressed = call.header("content-encoding").is_none();
        demand(
            uncompressed,
            400,
            "UnsupportedContentType",
            "Content-Encoding",
        )?;
        let log_type = call.header("log-type");
        demand(log_type.is_some(), 400, "MissingLogType", "Log-Type")?;
        demand(
            log_type.is_some_and(|name| is_log_type(&name)),
            400,
            "InvalidLogType",
            "Log-Type",
        )?;
        Ok(Taken {
            rows: Self::demand_rows(call)?.to_vec(),
            status: 200,
            body: None,
        })
    }

    fn error_body(&self, refusal: &Refusal) -> Value {
        json!({"Error": refusal.code, "Message": refusal.message})
    }

    fn violations(&self, call: &Call) -> Vec<Violation> {
        columns::violations(call, LIMIT, FIELD_LIMIT)
    }
}

/// Letters, digits and `_`, at most 100.
fn is_log_type(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=100).contains(&name.len()) && name.bytes().all(allowed)
}

/// An RFC 1123 date, to the letter, within 15 minutes of now.
fn is_now(date: &str) -> bool {
    let parsed = NaiveDateTime::parse_from_str(date, HTTP_DATE);
    parsed.is_ok_and(|parsed| {
        let off = (Utc::now().naive_utc() - parsed).abs();
        off <= TimeDelta::minutes(15) && parsed.format(HTTP_DATE).to_string() == date
    })
}

/// `YYYY-MM-DDThh:mm:ssZ`, to the letter, or with a fraction of the second.
fn is_timestamp(text: &str) -> bool {
    let Some((whole, rest)) = text.split_at_checked(19) else {
        return false;
    };
    let parsed = NaiveDateTime::parse_from_str(whole, "%Y-%m-%dT%H:%M:%S");
    let exact = parsed.is_ok_and(|time| time.format("%Y-%m-%dT%H:%M:%S").to_string() == whole);
    let fraction = rest
        .strip_prefix('.')
        .and_then(|rest| rest.strip_suffix('Z'));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    exact && (rest == "Z" || fraction.is_some_and(is_digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_the_facts_file() {
        let key = BASE64_STANDARD.encode((0..64).collect::<Vec<u8>>());
        let signature = DataCollector::new("w", &key).sign(1024, "Mon, 04 Apr 2016 08:00:00 GMT");
        assert_eq!(signature, "kQfMluP3yBFQzfwH0Ye5adOjNq2FCEIWGh0n4uEtCrg=");
    }

    #[test]
    fn a_time_is_written_in_full_and_in_utc() {
        let good = ["2026-03-01T08:09:10Z", "2026-03-01T08:09:10.5Z"];
        assert!(good.into_iter().all(is_timestamp));
        let bad = [
            "2026-03-01T08:09:10",
            "2026-03-01 08:09:10Z",
            "2026-03-01T08:09:10+00:00",
        ];
        let worse = [
            "2026-3-1T08:09:10Z",
            "2026-03-01T08:09:10.Z",
            "2026-02-30T08:09:10Z",
            "1",
            "",
        ];
        let odd = ["2026-03-01T08:09:10ZZ", "2026-03-01T08:09:105Z"];
        assert!(!bad.into_iter().chain(worse).chain(odd).any(is_timestamp));
    }
}
