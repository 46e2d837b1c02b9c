//! How fast a receiver may be sent to, and when it is left alone: what it says to one request holds for all.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::chunk::Sent;

/// So many chunks in a row that are not taken, and the receiver is down, whatever it says of each.
const IN_A_ROW: u32 = 3;

pub(super) struct Pace(Mutex<State>);

struct State {
    not_before: Instant,
    failures: u32,
    is_over: bool,
    /// Findings of chunks that were not taken: what was said of them later waits, and comes after.
    held: HashSet<String>,
}

impl Pace {
    pub fn new() -> Self {
        Self(Mutex::new(State {
            not_before: Instant::now(),
            failures: 0,
            is_over: false,
            held: HashSet::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the next request may be sent.
    pub fn next(&self) -> Instant {
        self.state().not_before
    }

    pub fn wait_until(&self, time: Instant) {
        let mut state = self.state();
        state.not_before = state.not_before.max(time);
    }

    pub fn is_over(&self) -> bool {
        self.state().is_over
    }

    pub fn taken(&self) {
        self.state().failures = 0;
    }

    /// A chunk was not taken; `is_chunk`: others may be.
    pub fn failed(&self, findings: &[Sent], is_chunk: bool) {
        let mut state = self.state();
        state.failures += 1;
        state.is_over |= !is_chunk || state.failures >= IN_A_ROW;
        let ids = findings.iter().map(|sent| sent.finding_id.clone());
        state.held.extend(ids);
    }

    /// Whether something of an earlier chunk waits still that is about one of these findings.
    pub fn holds(&self, findings: &[Sent]) -> bool {
        let state = self.state();
        !state.held.is_empty()
            && findings
                .iter()
                .any(|sent| state.held.contains(&sent.finding_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(id: &str) -> [Sent; 1] {
        [Sent {
            finding_id: id.to_owned(),
            content: String::new(),
        }]
    }

    #[test]
    fn one_chunk_that_is_not_taken_holds_back_what_was_said_later_of_its_findings() {
        let pace = Pace::new();
        pace.failed(&sent("a"), true);
        assert!(pace.holds(&sent("a")) && !pace.holds(&sent("b")) && !pace.is_over());
    }

    #[test]
    fn three_in_a_row_end_it_and_one_that_is_taken_begins_anew() {
        let pace = Pace::new();
        for id in ["a", "b"] {
            pace.failed(&sent(id), true);
        }
        pace.taken();
        for id in ["c", "d"] {
            pace.failed(&sent(id), true);
        }
        assert!(!pace.is_over());
        pace.failed(&sent("e"), true);
        assert!(pace.is_over());
    }
}
