//! What came from the environment by `${env:NAME}` is never printed, whoever repeats it.
//!
//! The engine and the object stores put paths, URLs and settings into their errors. So each value is remembered when it is
//! resolved, and every text that leaves the program by way of errors or logs passes through [`redact`].

use std::sync::{Mutex, PoisonError};

/// Values that were resolved, each with the reference that stands for it. A std mutex: held for a moment only.
static RESOLVED: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// A shorter value says nothing, and would be found everywhere.
const SHORTEST: usize = 4;

/// From now on `value` is printed as `${env:name}`.
pub(crate) fn remember(name: &str, value: &str) {
    if value.len() < SHORTEST {
        return;
    }
    let reference = format!("${{env:{name}}}");
    let encoded = url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>();
    let escaped = encoded.replace('+', "%20");
    let mut resolved = RESOLVED.lock().unwrap_or_else(PoisonError::into_inner);
    for form in [value.to_owned(), encoded, escaped] {
        if !resolved.iter().any(|(known, _)| *known == form) {
            resolved.push((form, reference.clone()));
        }
    }
    // The longest first, so that no value is cut up by a shorter one inside it.
    resolved.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
}

/// The text with every remembered value replaced by its reference.
pub fn redact(text: &str) -> String {
    let resolved = RESOLVED.lock().unwrap_or_else(PoisonError::into_inner);
    resolved.iter().fold(text.to_owned(), |text, (value, reference)| {
        if text.contains(value.as_str()) { text.replace(value.as_str(), reference) } else { text }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolved_value_is_printed_as_its_reference_in_every_form() {
        remember("TOKEN", "s3cret/with space");
        assert_eq!(redact("GET /x?sig=s3cret%2Fwith%20space"), "GET /x?sig=${env:TOKEN}");
        assert_eq!(redact("the key s3cret/with space is wrong"), "the key ${env:TOKEN} is wrong");
    }

    #[test]
    fn a_value_that_says_nothing_is_left_alone() {
        remember("FLAG", "1");
        assert_eq!(redact("line 1"), "line 1");
    }
}
