//! How a server misbehaves: fault after fault as the test lists them, or by chance from a seed.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::Utc;
use hyper::header::{HeaderName, LOCATION, RETRY_AFTER};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::SplitMix64;

use super::call::{HTTP_DATE, Refusal, refuse};

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// This status, without `Retry-After`.
    Status(u16),
    /// This status, and `Retry-After` in seconds.
    StatusRetryAfter(u16, u64),
    /// This status, and `Retry-After` as the date that is so far ahead, in whole seconds.
    StatusRetryAt(u16, Duration),
    /// 413, whatever the size.
    TooLarge,
    /// What the request asks for is done at once, and answered after this long.
    Slow(Duration),
    /// The request is read whole and not taken; the connection closes without an answer.
    CutBeforeAnswer,
    /// The request is taken; the connection closes without an answer. One that the rules refuse is answered.
    CutAfterAccept,
    /// The first piece of the body is read, then the connection closes.
    CutMidBody,
    /// 307 to this address.
    Redirect(String),
}

impl Fault {
    /// The refusal it is, if it is one.
    pub fn refusal(&self) -> Option<Refusal> {
        let (status, code) = match self {
            Self::Status(status)
            | Self::StatusRetryAfter(status, _)
            | Self::StatusRetryAt(status, _) => (*status, "Fault"),
            Self::TooLarge => (413, "ContentLengthLimitExceeded"),
            Self::Redirect(_) => (307, "Redirect"),
            _ => return None,
        };
        Some(refuse(status, code, "as the test asked"))
    }

    /// The header that comes with the refusal.
    pub fn header(&self) -> Option<(HeaderName, String)> {
        match self {
            Self::StatusRetryAfter(_, seconds) => Some((RETRY_AFTER, seconds.to_string())),
            Self::StatusRetryAt(_, ahead) => {
                let at = Utc::now() + *ahead;
                Some((RETRY_AFTER, at.format(HTTP_DATE).to_string()))
            }
            Self::Redirect(url) => Some((LOCATION, url.clone())),
            _ => None,
        }
    }
}

/// What the next requests meet: first the listed faults, then those by chance, then none.
pub struct Manner {
    listed: VecDeque<Option<Fault>>,
    chances: Vec<(f64, Fault)>,
    rng: SplitMix64,
}

impl Manner {
    pub fn listed<F: Into<Option<Fault>>>(faults: impl IntoIterator<Item = F>) -> Self {
        Self {
            listed: faults.into_iter().map(Into::into).collect(),
            chances: Vec::new(),
            rng: SplitMix64::seed_from_u64(0),
        }
    }

    pub fn by_chance(seed: u64, chances: impl IntoIterator<Item = (f64, Fault)>) -> Self {
        let chances: Vec<_> = chances.into_iter().collect();
        let sum: f64 = chances.iter().map(|(chance, _)| chance).sum();
        assert!(sum <= 1.0 + 1e-9, "the chances add up to {sum}");
        Self {
            listed: VecDeque::new(),
            chances,
            rng: SplitMix64::seed_from_u64(seed),
        }
    }

    /// The fault of the next request. Every request draws once, so that a seed gives the same faults to as many requests.
    pub fn next(&mut self) -> Option<Fault> {
        let mut draw: f64 = self.rng.random();
        if let Some(fault) = self.listed.pop_front() {
            return fault;
        }
        let hit = self.chances.iter().find(|(chance, _)| {
            draw -= chance;
            draw < 0.0
        });
        hit.map(|(_, fault)| fault.clone())
    }
}
