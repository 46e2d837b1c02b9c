//! What every receiver by HTTP stands on: clients, headers that are not shown, signatures.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Client;
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use sha2::Sha256;
use url::Url;

use super::error::DeliveryError;
use crate::job::{JobError, Setting};

const CONNECT: Duration = Duration::from_secs(10);
const REQUEST: Duration = Duration::from_secs(60);

/// The clients of all receivers of a job. They follow no redirect, and take no certificate that nobody vouches for.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    /// By the proxy that the environment names, if it names one.
    pub out: Client,
    /// To this machine and to the one beside it that knows its identity: no proxy is to read that.
    pub here: Client,
}

impl Clients {
    pub fn new() -> Result<Self, DeliveryError> {
        let builder = || {
            Client::builder()
                .redirect(Policy::none())
                .connect_timeout(CONNECT)
                .timeout(REQUEST)
                .user_agent(concat!("crannog/", env!("CARGO_PKG_VERSION")))
        };
        Ok(Self {
            out: builder().build()?,
            here: builder().no_proxy().build()?,
        })
    }

    pub fn to(&self, url: &Url) -> Client {
        match is_here(url) {
            true => self.here.clone(),
            false => self.out.clone(),
        }
    }
}

pub(super) fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

pub(super) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

pub(super) fn header(setting: &Setting, text: &str) -> Result<HeaderValue, JobError> {
    let value = HeaderValue::try_from(text);
    let mut value = value.map_err(|_| wrong(setting, "this cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A header that is not shown. What cannot stand in one is no key and no token: it is left out, and the service says so.
pub(super) fn secret(text: &str) -> HeaderValue {
    let value = HeaderValue::try_from(text);
    let mut value = value.unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

pub(super) fn wrong(setting: &Setting, message: &str) -> JobError {
    JobError::Value {
        place: setting.place().clone(),
        message: message.to_owned(),
    }
}
