//! Where something of a job is written, for a person to go there.

use std::fmt;
use std::path::PathBuf;

/// Where something is written: a file, a line of it, and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The job file, as the user named it.
    pub file: PathBuf,
    /// Line in the file, from 1; `None` when the value came from `--set`.
    pub line: Option<usize>,
    /// Dotted path of the key, such as `features.columns[2]`; empty for the file itself.
    pub key: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file.display())?,
            None => write!(f, "--set on {}", self.file.display())?,
        }
        if self.key.is_empty() {
            Ok(())
        } else {
            write!(f, ": `{}`", self.key)
        }
    }
}
