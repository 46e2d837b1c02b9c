//! A webhook: headers of its own, and a signature as <https://www.standardwebhooks.com> has it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use reqwest::RequestBuilder;
use reqwest::header::{HeaderMap, HeaderName};

use super::client::{header, hmac_sha256, wrong};
use crate::job::{Batch, JobError, Webhook};

/// Headers without which a request is not what it says.
const OURS: [&str; 10] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

pub(super) struct Hook {
    secret: Option<Vec<u8>>,
    headers: HeaderMap,
    pub batch: Batch,
}

// What is secret is not printed.
impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hook").finish_non_exhaustive()
    }
}

impl Hook {
    pub fn new(sink: &Webhook) -> Result<Self, JobError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &sink.headers {
            let named = HeaderName::try_from(name.as_str());
            let named = named.map_err(|_| wrong(value, "this is no name of a header"))?;
            if OURS.contains(&named.as_str()) {
                let message = "this header is set by the program, and by no sink";
                return Err(wrong(value, message));
            }
            headers.insert(named, header(value, &value.resolve()?)?);
        }
        let secret = match &sink.secret {
            None => None,
            Some(setting) => {
                let text = setting.resolve()?;
                let key = match text.strip_prefix("whsec_") {
                    None => text.into_bytes(),
                    Some(key) => STANDARD.decode(key).map_err(|_| {
                        wrong(setting, "after `whsec_` a secret is base64; this is not")
                    })?,
                };
                if key.is_empty() {
                    return Err(wrong(
                        setting,
                        "the secret is empty, and would sign for anybody",
                    ));
                }
                Some(key)
            }
        };
        Ok(Self {
            secret,
            headers,
            batch: sink.batch,
        })
    }

    /// `id`: the same whenever the same findings are sent.
    pub fn sign(&self, request: RequestBuilder, id: &str, body: &[u8]) -> RequestBuilder {
        let now = Utc::now();
        let request = request
            .headers(self.headers.clone())
            .header("webhook-id", id)
            .header("webhook-timestamp", now.timestamp().to_string());
        match self.signature(id, now, body) {
            Some(signature) => request.header("webhook-signature", signature),
            None => request,
        }
    }

    fn signature(&self, id: &str, time: DateTime<Utc>, body: &[u8]) -> Option<String> {
        let secret = self.secret.as_ref()?;
        let head = format!("{id}.{}.", time.timestamp());
        let signature = hmac_sha256(secret, &[head.as_bytes(), body]);
        Some(format!("v1,{}", STANDARD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{AUTHORIZATION, HeaderValue};

    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specification_s_own_libraries() {
        let hook = Hook {
            secret: Some(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()),
            headers: HeaderMap::new(),
            batch: Batch::Array,
        };
        let time = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = hook.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", time, body);
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
