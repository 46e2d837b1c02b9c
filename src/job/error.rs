//! What can be wrong with a job before any data is read: file, line, key, and the nearest right name.

use std::path::PathBuf;

use super::place::Place;
use crate::nearest::did_you_mean;

/// A job file, or a SQL file it names, is wrong.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The job file, or a file it names, cannot be read.
    #[error("cannot read `{}`{}", path.display(), place.as_ref().map(|p| format!(", named at {p}")).unwrap_or_default())]
    Read {
        /// The file.
        path: PathBuf,
        /// Where the job names it; `None` for the job file itself.
        place: Option<Place>,
        /// Why not.
        source: std::io::Error,
    },
    /// The text is not TOML.
    #[error("{place}: not TOML: {message}")]
    Syntax {
        /// Where parsing stopped.
        place: Place,
        /// The parser's words.
        message: String,
    },
    /// A `--set` cannot be laid over the file.
    #[error("`--set {assignment}` cannot be used: {reason}")]
    Override {
        /// What was given.
        assignment: String,
        /// Why it does not fit.
        reason: &'static str,
    },
    /// A key that no job has.
    #[error("{place}: unknown key `{key}`")]
    UnknownKey {
        /// Where it stands.
        place: Place,
        /// The key as written.
        key: String,
        /// The keys that may stand there.
        known: Vec<String>,
    },
    /// A value of a wrong type or out of range.
    #[error("{place}: {message}")]
    Value {
        /// Where it stands.
        place: Place,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// A name that nothing of this job has.
    #[error("{place}: `{name}` is not {expected}")]
    UnknownName {
        /// Where it is used.
        place: Place,
        /// The name.
        name: String,
        /// What it should have been: "a column of `indexed` (sql/indexed.sql)".
        expected: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A `$parameter` without a value.
    #[error("{}:{line}: `${name}` has no value", file.display())]
    UnknownParameter {
        /// The SQL file.
        file: PathBuf,
        /// Line of it, from 1.
        line: u64,
        /// The name without the `$`.
        name: String,
        /// The parameters there are.
        known: Vec<String>,
    },
    /// A parameter of the job that no SQL file uses.
    #[error("{place}: no SQL file of this job uses `${name}`")]
    UnusedParameter {
        /// Where it is given.
        place: Place,
        /// The name without the `$`.
        name: String,
    },
    /// A SQL file that cannot be parsed, or is not one `SELECT`.
    #[error("{}{}: {message}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Sql {
        /// The SQL file.
        file: PathBuf,
        /// Line of it, from 1, where known.
        line: Option<u64>,
        /// What is wrong.
        message: String,
    },
    /// `${env:NAME}` where the environment has no such name.
    #[error("{place}: the environment variable `{name}` is not set")]
    Environment {
        /// Where it is referred to.
        place: Place,
        /// The variable.
        name: String,
    },
}

impl JobError {
    /// Sorts serde's words: an unknown key or word keeps the known ones, all else is a wrong value.
    pub(super) fn from_serde(place: Place, message: &str) -> Self {
        let mut quoted = message.split('`').skip(1).step_by(2).map(str::to_owned);
        match quoted.next() {
            Some(key) if message.starts_with("unknown field") => Self::UnknownKey {
                place,
                key,
                known: quoted.collect(),
            },
            Some(name) if message.starts_with("unknown variant") => {
                let known: Vec<_> = quoted.collect();
                let expected = known
                    .iter()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(" or ");
                Self::UnknownName {
                    place,
                    name,
                    expected,
                    known,
                }
            }
            _ => Self::Value {
                place,
                message: in_plain_words(message),
            },
        }
    }

    /// What to do about it, where the error itself does not say so.
    pub fn hint(&self) -> Option<String> {
        let names =
            |names: &[String], name: &str| did_you_mean(name, names.iter().map(String::as_str));
        match self {
            Self::Read { place: Some(_), .. } => {
                Some("paths in a job file are relative to the job file".to_owned())
            }
            Self::Read { place: None, .. }
            | Self::Syntax { .. }
            | Self::Value { .. }
            | Self::Sql { .. } => None,
            Self::Override { .. } => Some(
                "write `--set table.key=value`, for example `--set window.train=\"30 days\"`"
                    .to_owned(),
            ),
            Self::UnknownKey { key, known, .. } => names(known, key),
            Self::UnknownName { name, known, .. } => names(known, name),
            Self::UnknownParameter { name, known, .. } => {
                let meant = names(known, name).unwrap_or_default();
                Some(format!(
                    "{meant}; a job's own values stand in its [parameters] table"
                ))
            }
            Self::UnusedParameter { .. } => Some("remove it, or use it in a SQL file".to_owned()),
            Self::Environment { name, .. } => Some(format!("export {name} before the run")),
        }
    }
}

/// serde's words in a job file's: keys are keys, and numbers are not Rust's.
fn in_plain_words(message: &str) -> String {
    let words = [
        ("missing field", "missing key"),
        ("a nonzero usize", "a whole number above 0"),
        ("expected usize", "expected a whole number"),
        ("expected u64", "expected a whole number"),
        (
            "expected u32",
            "expected a whole number from 0 to 4294967295",
        ),
        ("\n", " "),
    ];
    words
        .iter()
        .fold(message.to_owned(), |message, (theirs, ours)| {
            message.replace(theirs, ours)
        })
}
