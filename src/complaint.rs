//! How an error is told: in words for a person, or as one JSON object for a machine.

use std::sync::OnceLock;

use crannog::Error;
use crannog::display::plain;
use crannog::error::causes;
use crannog::job::as_written;

use crate::cli::LogFormat;

static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Says once how errors are told.
pub fn set_format(format: LogFormat) {
    let _ = FORMAT.set(format); // it is said at the start, and never again
}

/// The error, each cause below it, and what to do.
#[expect(clippy::print_stderr, reason = "this is where errors are told")]
pub fn complain(error: &Error) {
    let format = FORMAT.get().copied().unwrap_or(LogFormat::Text);
    let causes = causes(error);
    let hint = error.hint().map(|hint| as_written(&hint));
    match format {
        LogFormat::Json => tracing::error!(causes = ?causes, hint, "{}", causes[0]),
        LogFormat::Text => {
            eprintln!("error: {}", plain(&causes[0]));
            for cause in &causes[1..] {
                eprintln!("  because: {}", plain(cause));
            }
            if let Some(hint) = hint {
                eprintln!("  hint: {}", plain(&hint));
            }
        }
    }
}
