//! Files of a source that could not be read to their end: named and counted, or an error where the job is strict.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::HumanCount;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::display::plain;

/// So many files of a source are named in the log, each in a line.
const MOST_NAMED: usize = 10;

/// A file that cannot be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("`{file}`: {problem}")]
pub struct UnreadableFile {
    /// The file, from the source's location on.
    pub file: String,
    /// What is wrong with it.
    #[source]
    pub problem: Box<dyn Error + Send + Sync>,
}

impl UnreadableFile {
    pub(crate) fn new(
        file: impl Into<String>,
        problem: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            file: file.into(),
            problem: problem.into(),
        }
    }
}

/// What becomes of a file that cannot be read to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unread {
    /// It is named in the log, and the others are read.
    #[default]
    Told,
    /// It is named in the list alone, for somebody else to tell.
    Listed,
    /// It is an error.
    Refused,
}

/// What a source had to leave out. Clones share one list, which grows while the source is read; a file that is read twice
/// is in it once.
#[derive(Clone, Debug, Default)]
pub struct Skipped {
    unread: Unread,
    /// What is wrong with each file. A std Mutex: the lock is never held across .await.
    files: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Skipped {
    /// An empty list; `strict`: [`Skipped::skip`] gives every error back.
    pub(crate) fn new(strict: bool) -> Self {
        Self {
            unread: if strict {
                Unread::Refused
            } else {
                Unread::Told
            },
            files: Arc::default(),
        }
    }

    /// An empty list of which the log says nothing.
    pub(crate) fn listing() -> Self {
        Self {
            unread: Unread::Listed,
            files: Arc::default(),
        }
    }

    /// Takes note of a file and of what is wrong with it, for the log and the report of the run.
    ///
    /// # Errors
    /// The same error with the file's name, where the job is strict.
    pub(super) fn skip(
        &self,
        file: &str,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Result<(), UnreadableFile> {
        let error = error.into();
        let is_named = {
            let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = files.insert(file.to_owned(), error.to_string()).is_none();
            is_new && files.len() <= MOST_NAMED
        };
        match self.unread {
            Unread::Refused => return Err(UnreadableFile::new(file, error)),
            Unread::Told if is_named => tracing::warn!(
                "a file is skipped from where it cannot be read: `{}`: {}",
                plain(file),
                plain(&error.to_string())
            ),
            Unread::Told | Unread::Listed => {}
        }
        Ok(())
    }

    /// Says in the log how many files there are beside those that it names, when the source has been read.
    pub(crate) fn tell_of_others(&self, source: &str) {
        if let Some(words) = self.others(source) {
            tracing::warn!("{words}");
        }
    }

    fn others(&self, source: &str) -> Option<String> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let others = files
            .len()
            .checked_sub(MOST_NAMED)
            .filter(|others| *others > 0)?;
        let files = if others == 1 { "file is" } else { "files are" };
        Some(format!(
            "of `{source}` {} more {files} skipped; the report of a run lists all (run_results.json, `sources[].skipped`)",
            HumanCount(others as u64)
        ))
    }

    /// The files so far, in order of name, each with what is wrong.
    pub fn files(&self) -> Vec<(String, String)> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.clone().into_iter().collect()
    }
}

/// In the report of a run: `{"file": …, "reason": …}`.
#[derive(Serialize, Deserialize)]
struct SkippedFile {
    file: String,
    reason: String,
}

/// A list, as it is when the report is written.
impl Serialize for Skipped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let files = self.files().into_iter();
        serializer.collect_seq(files.map(|(file, reason)| SkippedFile { file, reason }))
    }
}

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let files = Vec::<SkippedFile>::deserialize(deserializer)?.into_iter();
        let files = files.map(|file| (file.file, file.reason)).collect();
        Ok(Self {
            unread: Unread::Told,
            files: Arc::new(Mutex::new(files)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_read_twice_is_named_once() {
        let skipped = Skipped::new(false);
        let seen_by_the_report = skipped.clone();
        assert!(skipped.skip("a.json.gz", "cut off").is_ok());
        assert!(skipped.skip("a.json.gz", "cut off").is_ok());
        assert_eq!(
            serde_json::to_string(&seen_by_the_report).unwrap(),
            r#"[{"file":"a.json.gz","reason":"cut off"}]"#
        );
    }

    #[test]
    fn a_strict_source_gives_the_error_back() {
        let skipped = Skipped::new(true);
        let refused = skipped.skip("a.json.gz", "cut off").unwrap_err();
        assert_eq!(refused.to_string(), "`a.json.gz`: cut off");
        assert_eq!(skipped.files().len(), 1);
    }

    #[test]
    fn the_files_beyond_the_tenth_are_counted() {
        let skipped = Skipped::new(false);
        let skip = |file: usize| skipped.skip(&format!("{file}.evtx"), "cut off").unwrap();
        (0..10).for_each(skip);
        assert_eq!(skipped.others("logs"), None);
        (0..1_244).for_each(skip);
        let words = skipped.others("logs").unwrap();
        assert!(
            words.starts_with("of `logs` 1,234 more files are skipped;"),
            "{words}"
        );
    }
}
