//! What a service said to a request, and what that means for who sent it: take it as done, try again, or leave it.
//!
//! The rules are those of Azure's two APIs, and good for any other: 408, 429 and 5xx pass, and so do timeouts; 413 is about the size
//! of the body; anything else stays as it is however often it is asked.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::RngExt;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::display::plain;
use crate::job::as_written;

/// How often a request is sent in all.
pub(super) const TRIES: u32 = 6;
/// The longest pause that is not asked for.
const LONGEST: Duration = Duration::from_secs(60);
const SHORTEST: Duration = Duration::from_millis(500);
/// What of an answer's body is read and shown.
pub(super) const SHOWN: usize = 2_000;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Taken,
    /// A later try may work.
    Later {
        status: Option<u16>,
        why: String,
        /// As the service asks.
        after: Option<Duration>,
    },
    TooLarge {
        why: String,
    },
    /// It stays so.
    Refused {
        status: Option<u16>,
        why: String,
        /// Whether that is about what was sent, so that other chunks may be taken.
        is_chunk: bool,
    },
}

impl Answer {
    /// Nobody answered.
    pub fn later(why: String) -> Self {
        Self::Later {
            status: None,
            why,
            after: None,
        }
    }

    /// Nobody was asked, since it would be no use.
    pub fn refused(why: String) -> Self {
        Self::Refused {
            status: None,
            why,
            is_chunk: false,
        }
    }

    /// Of a status and what came with it; `taken`: the statuses that mean yes.
    pub fn new(
        status: StatusCode,
        headers: &HeaderMap,
        body: &str,
        taken: impl Fn(StatusCode) -> bool,
    ) -> Self {
        // A service may say back what it was sent.
        let body = as_written(&plain(body.trim()));
        let colon = if body.is_empty() { "" } else { ": " };
        let why = format!("it answers {status}{colon}{body}");
        match status.as_u16() {
            _ if taken(status) => Self::Taken,
            413 => Self::TooLarge { why },
            408 | 429 | 500..=599 => Self::Later {
                status: Some(status.as_u16()),
                why,
                after: retry_after(headers, Utc::now()),
            },
            200..=299 => Self::Refused {
                status: Some(status.as_u16()),
                why: format!("{why}, which is not this service's yes"),
                is_chunk: false,
            },
            300..=399 => Self::Refused {
                status: Some(status.as_u16()),
                why: format!(
                    "{why}: a redirect is not followed, since what proves who sends would go along"
                ),
                is_chunk: false,
            },
            code => Self::Refused {
                status: Some(code),
                why,
                is_chunk: matches!(code, 400 | 403 | 409 | 422),
            },
        }
    }
}

/// `Retry-After`: seconds, or a time.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let time = DateTime::parse_from_rfc2822(text).ok()?;
    let wait = time.with_timezone(&Utc) - now;
    Some(wait.to_std().unwrap_or_default())
}

/// How long to wait before the try after `tries`: what the service asks, else full jitter, of twice as long each time.
pub(super) fn pause(tries: u32, asked: Option<Duration>) -> Duration {
    asked.unwrap_or_else(|| {
        let most = SHORTEST
            .saturating_mul(2_u32.saturating_pow(tries))
            .min(LONGEST);
        most.mul_f64(rand::rng().random::<f64>())
    })
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn answer(status: u16) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer::new(status, &HeaderMap::new(), "why", |status| {
            status == StatusCode::NO_CONTENT
        })
    }

    #[test]
    fn a_yes_is_the_services_own_and_no_other() {
        assert_eq!(answer(204), Answer::Taken);
        assert!(matches!(
            answer(200),
            Answer::Refused {
                is_chunk: false,
                ..
            }
        ));
    }

    #[test]
    fn what_passes_is_tried_again_and_what_does_not_is_not() {
        for status in [408, 429, 500, 501, 502, 503, 504, 520] {
            assert!(matches!(answer(status), Answer::Later { .. }), "{status}");
        }
        for status in [307, 400, 403, 404, 410] {
            assert!(matches!(answer(status), Answer::Refused { .. }), "{status}");
        }
    }

    #[test]
    fn a_service_asks_for_seconds_or_names_a_time() {
        let now = "2026-11-22T03:00:00Z".parse().unwrap();
        let asked = |text| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            retry_after(&headers, now)
        };
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(
            asked("Sun, 22 Nov 2026 03:00:30 GMT"),
            Some(Duration::from_secs(30))
        );
        assert_eq!(asked("Sun, 22 Nov 2026 02:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("soon"), None);
    }

    #[test]
    fn pauses_grow_and_end_at_a_minute() {
        for tries in 0..40 {
            assert!(pause(tries, None) <= LONGEST);
        }
        assert!((0..100).all(|_| pause(0, None) <= SHORTEST));
        assert_eq!(
            pause(3, Some(Duration::from_secs(9))),
            Duration::from_secs(9)
        );
    }
}
