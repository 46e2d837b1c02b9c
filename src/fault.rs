//! Points at which a test ends the process as a kill would: between two things that a run writes.

/// Ends the process here without a word where `CRANNOG_FAULT` names this point. A build for use does not ask.
pub(crate) fn point(name: &str) {
    if cfg!(debug_assertions)
        && std::env::var_os("CRANNOG_FAULT").is_some_and(|fault| fault == name)
    {
        std::process::abort();
    }
}
