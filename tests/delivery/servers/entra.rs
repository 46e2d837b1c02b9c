//! Microsoft Entra's token endpoint and both managed identity endpoints, and the tokens they issue.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::call::{Call, Refusal, Taken, demand};
use super::conversation::lock;
use super::server::Rules;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const BAD_REQUEST: (u16, &str) = (400, "invalid_request");
const UNKNOWN_CLIENT: (u16, &str) = (401, "invalid_client");

/// The tokens that are good, shared by those who issue and those who ask for them.
#[derive(Clone, Default)]
pub struct Tokens(Arc<Mutex<BTreeMap<String, Instant>>>);

impl Tokens {
    /// A new token, unlike every other of the process.
    pub fn issue(&self, lifetime: Duration) -> String {
        static ISSUED: AtomicU64 = AtomicU64::new(1);
        let token = format!("eyJ0.token-{}.c2ln", ISSUED.fetch_add(1, Ordering::Relaxed));
        lock(&self.0).insert(token.clone(), Instant::now() + lifetime);
        token
    }

    /// No token issued so far is good any longer.
    pub fn revoke(&self) {
        lock(&self.0).clear();
    }

    /// Whether the value of `Authorization` is `Bearer` and a token that is good now.
    pub fn admit(&self, authorization: Option<&str>) -> bool {
        let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
        let good_until = token.and_then(|token| lock(&self.0).get(token).copied());
        good_until.is_some_and(|end| Instant::now() < end)
    }
}

/// How the client shows who it is.
pub enum Proof {
    Secret(String),
    Assertion(String),
}

/// Whom it issues tokens to, and for what.
pub struct Entra {
    pub tenant: String,
    pub client_id: String,
    pub proof: Proof,
    /// What the token is for; its scope is this and `/.default`.
    pub resource: String,
    /// The `IDENTITY_HEADER` of App Service; its `IDENTITY_ENDPOINT` is `/msi/token`.
    pub identity_header: String,
    /// Whole seconds.
    pub lifetime: Duration,
    pub tokens: Tokens,
}

impl Entra {
    pub fn new(tenant: &str, client_id: &str, proof: Proof, tokens: &Tokens) -> Self {
        Self {
            tenant: tenant.to_owned(),
            client_id: client_id.to_owned(),
            proof,
            resource: "https://monitor.azure.com".to_owned(),
            identity_header: "identity-header".to_owned(),
            lifetime: Duration::from_secs(3599),
            tokens: tokens.clone(),
        }
    }

    fn client_credentials(&self, call: &Call) -> Result<Value, Refusal> {
        call.demand_target("POST", &format!("/{}/oauth2/v2.0/token", self.tenant))?;
        let form_type = call.has("content-type", "application/x-www-form-urlencoded");
        demand(form_type, 400, "invalid_request", "Content-Type")?;
        let uncompressed = call.header("content-encoding").is_none();
        demand(uncompressed, 400, "invalid_request", "Content-Encoding")?;
        let form = pairs(&call.raw)?;
        let scope = format!("{}/.default", self.resource);
        demand_field(
            &form,
            "grant_type",
            "client_credentials",
            (400, "unsupported_grant_type"),
        )?;
        demand_field(&form, "scope", &scope, (400, "invalid_scope"))?;
        let shown: &[(&str, &str)] = match &self.proof {
            Proof::Secret(secret) => &[("client_secret", secret)],
            Proof::Assertion(jwt) => &[
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", jwt),
            ],
        };
        demand_field(&form, "client_id", &self.client_id, UNKNOWN_CLIENT)?;
        for (name, value) in shown {
            demand_field(&form, name, value, UNKNOWN_CLIENT)?;
        }
        let no_more = form.len() == 3 + shown.len();
        demand(no_more, 400, "invalid_request", "a field too many")?;
        Ok(json!({
            "token_type": "Bearer",
            "expires_in": self.lifetime.as_secs(),
            "access_token": self.tokens.issue(self.lifetime),
        }))
    }

    /// The Instance Metadata Service of a virtual machine.
    fn virtual_machine(&self, call: &Call) -> Result<Value, Refusal> {
        let asked = call.has("metadata", "true");
        demand(asked, 400, "invalid_request", "Metadata")?;
        let mut body = self.identity(call, "2018-02-01")?;
        body["expires_in"] = self.lifetime.as_secs().to_string().into();
        Ok(body)
    }

    fn app_service(&self, call: &Call) -> Result<Value, Refusal> {
        let known = call.has("x-identity-header", &self.identity_header);
        demand(known, 401, "unauthorized", "X-IDENTITY-HEADER")?;
        self.identity(call, "2019-08-01")
    }

    /// Numbers are strings here.
    fn identity(&self, call: &Call, api_version: &str) -> Result<Value, Refusal> {
        call.demand_target("GET", &call.path)?;
        let query = pairs(call.query.as_bytes())?;
        let holds = |name, value: &str| demand_field(&query, name, value, BAD_REQUEST);
        holds("api-version", api_version)?;
        holds("resource", &self.resource)?;
        let own = query
            .get("client_id")
            .is_none_or(|id| *id == self.client_id);
        demand(own, 400, "invalid_request", "client_id")?;
        let end = Utc::now() + self.lifetime;
        Ok(json!({
            "access_token": self.tokens.issue(self.lifetime),
            "client_id": self.client_id,
            "expires_on": end.timestamp().to_string(),
            "resource": self.resource,
            "token_type": "Bearer",
        }))
    }
}

impl Rules for Entra {
    fn judge(&mut self, call: &Call) -> Result<Taken, Refusal> {
        let body = match call.path.as_str() {
            "/metadata/identity/oauth2/token" => self.virtual_machine(call),
            "/msi/token" => self.app_service(call),
            _ => self.client_credentials(call),
        };
        Ok(Taken {
            rows: Vec::new(),
            status: 200,
            body: Some(body?),
        })
    }

    fn error_body(&self, refusal: &Refusal) -> Value {
        json!({"error": refusal.code, "error_description": refusal.message})
    }
}

/// The fields of a form or query, none of them twice.
fn pairs(text: &[u8]) -> Result<BTreeMap<String, String>, Refusal> {
    let n_fields = form_urlencoded::parse(text).count();
    let fields: BTreeMap<_, _> = form_urlencoded::parse(text).into_owned().collect();
    demand(
        fields.len() == n_fields,
        400,
        "invalid_request",
        "a field comes twice",
    )?;
    Ok(fields)
}

fn demand_field(
    fields: &BTreeMap<String, String>,
    name: &str,
    value: &str,
    (status, code): (u16, &'static str),
) -> Result<(), Refusal> {
    let holds = fields.get(name).is_some_and(|given| given == value);
    demand(holds, status, code, name)
}
