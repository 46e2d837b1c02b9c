//! A file that a run makes for a person: whether it can be written is found before anything is read, it is there whole or
//! not at all, and it takes the place of nothing but an earlier one of its kind.
//!
//! What crannog made says so near its start: that is all by which it is known again.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::blame::Blame;
use crate::error::{Error, Result};

/// Where a file of one kind says what made it: within so many bytes of its start.
const HEAD: u64 = 1024;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// The page of a run.
    Page,
    /// A chart as SVG.
    Svg,
    /// A chart as PNG.
    Png,
}

impl Made {
    /// How it begins, and what it holds near its start.
    fn marks(self) -> [&'static [u8]; 2] {
        match self {
            Self::Page => [
                b"<!doctype html>",
                b"<meta name=\"generator\" content=\"crannog ",
            ],
            Self::Svg => [b"<svg ", b"<metadata>crannog "],
            Self::Png => [b"\x89PNG\r\n\x1a\n", b"Software\0crannog "],
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Svg | Self::Png => "chart",
        }
    }
}

/// Why a file cannot be written where it should be.
#[derive(Debug, thiserror::Error)]
pub enum OutputFileError {
    /// Something is there that nobody asked us to replace.
    #[error("there is something else, which is no {noun} of crannog", noun = .0.noun())]
    Occupied(Made),
    /// A file stands on the way to it.
    #[error("there is a file where its folder should be")]
    NotAFolder,
    /// The system does not take it.
    #[error("it cannot be written")]
    NotWritable(#[source] io::Error),
}

impl OutputFileError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Occupied(_) | Self::NotAFolder => Blame::Job,
            Self::NotWritable(_) => Blame::Outside,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Occupied(made) => {
                format!("name another place for the {}, or move what is there away", made.noun())
            }
            Self::NotAFolder => "name a file in a folder, or in one that can be made".to_owned(),
            Self::NotWritable(_) => {
                "the account that runs this must be able to write there, and the disk must have room"
                    .to_owned()
            }
        }
    }
}

/// A place that is free, or has an earlier file of the same kind, and that takes files.
#[derive(Debug)]
pub struct OutputFile {
    made: Made,
    path: PathBuf,
    shown: String,
}

impl OutputFile {
    /// Looks at the place and leaves it as it was. `shown`: what a person may see of its path.
    ///
    /// # Errors
    /// Something else is there, or the place takes no file.
    pub fn open(made: Made, path: PathBuf, shown: String) -> Result<Self> {
        let file = Self { made, path, shown };
        file.look()
            .and_then(|()| file.try_folder())
            .map_err(|error| file.blame(error))?;
        Ok(file)
    }

    /// Writes the file, and the folders it lies in.
    ///
    /// # Errors
    /// As [`OutputFile::open`]: much may have changed since.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        self.look()
            .and_then(|()| replace(&self.path, bytes).map_err(OutputFileError::NotWritable))
            .map_err(|error| self.blame(error))
    }

    /// What it is.
    pub fn made(&self) -> Made {
        self.made
    }

    /// What a person may see of its path.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    fn blame(&self, source: OutputFileError) -> Error {
        Error::OutputFile {
            location: self.shown.clone(),
            source,
        }
    }

    /// Is nothing there that would be lost?
    fn look(&self) -> Result<(), OutputFileError> {
        let there = match fs::metadata(&self.path) {
            Ok(there) => there,
            Err(error) => {
                return match error.kind() {
                    ErrorKind::NotFound => Ok(()),
                    ErrorKind::NotADirectory => Err(OutputFileError::NotAFolder),
                    _ => Err(OutputFileError::NotWritable(error)),
                };
            }
        };
        if !there.is_file() {
            return Err(OutputFileError::Occupied(self.made));
        }
        if there.len() == 0 {
            return Ok(()); // nothing is lost with it
        }
        let mut head = Vec::new();
        File::open(&self.path)
            .and_then(|file| file.take(HEAD).read_to_end(&mut head))
            .map_err(OutputFileError::NotWritable)?;
        let [start, mark] = self.made.marks();
        let has_mark = || head.windows(mark.len()).any(|bytes| bytes == mark);
        if head.starts_with(start) && has_mark() {
            Ok(())
        } else {
            Err(OutputFileError::Occupied(self.made))
        }
    }

    /// Does its folder, or the nearest one that is there, take files?
    fn try_folder(&self) -> Result<(), OutputFileError> {
        // Of a path without a folder, the empty one is the folder that we are in.
        let folders = self.path.ancestors().skip(1);
        let there = folders
            .map(|folder| match folder.as_os_str().is_empty() {
                true => Path::new("."),
                false => folder,
            })
            .find(|folder| folder.exists());
        match there {
            Some(there) if !there.is_dir() => Err(OutputFileError::NotAFolder),
            Some(there) => can_write(there).map_err(OutputFileError::NotWritable),
            None => Ok(()),
        }
    }
}

/// Asks the system, by a file that is gone at once, whether this folder takes files.
pub(crate) fn can_write(folder: &Path) -> io::Result<()> {
    let probe = folder.join(format!(".crannog-{:016x}", rand::random::<u64>()));
    File::create_new(&probe)?;
    fs::remove_file(&probe)
}

/// Writes a file and the folders it lies in: beside it first, then renamed, so that a reader sees the old one or the new.
/// Where that does not go, nothing is left beside it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_by(path, |file| file.write_all(bytes))
}

/// The same, by a function that writes into it.
pub(crate) fn replace_by<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // A name of nobody else's, of another run of the job either.
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{:016x}.new", rand::random::<u64>()));
    let new = PathBuf::from(new);
    let written = File::create_new(&new)
        .map_err(E::from)
        .and_then(|mut file| write(&mut file))
        .and_then(|()| Ok(fs::rename(&new, path)?));
    if written.is_err() {
        let _ = fs::remove_file(&new); // the first error is the one to tell
    }
    written
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const PAGE: &[u8] = b"<!doctype html>\n<meta name=\"generator\" content=\"crannog 1.0\">";

    fn page(path: PathBuf) -> Result<OutputFile> {
        OutputFile::open(Made::Page, path, "page.html".to_owned())
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_page_of_crannog_and_an_empty_file_are_replaced() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("page.html");
        for earlier in [b"", PAGE] {
            fs::write(&path, earlier).unwrap();
            page(path.clone()).unwrap().write(b"new").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"new");
        }
        assert_eq!(names(folder.path()), ["page.html"]);
    }

    #[test]
    fn what_only_speaks_of_crannog_is_left_alone() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("page.html");
        let far = [b"<!doctype html>", " ".repeat(2000).as_bytes(), PAGE].concat();
        let quoted = [b"Look for ".as_slice(), PAGE].concat();
        for other in [
            b"thesis".as_slice(),
            b"<!doctype html>crannog",
            &far,
            &quoted,
        ] {
            fs::write(&path, other).unwrap();
            let error = page(path.clone()).unwrap_err();
            assert_eq!(error.blame(), Blame::Job);
            assert_eq!(fs::read(&path).unwrap(), other);
        }
    }

    #[test]
    fn a_place_is_looked_at_without_leaving_anything() {
        let folder = TempDir::new().unwrap();
        page(folder.path().join("deep/down/page.html")).unwrap();
        assert!(names(folder.path()).is_empty());
        fs::write(folder.path().join("deep"), "a file").unwrap();
        let error = page(folder.path().join("deep/down/page.html")).unwrap_err();
        assert!(
            error.to_string().contains("where its folder should be"),
            "{error}"
        );
    }

    #[test]
    fn what_came_there_since_is_kept_and_nothing_is_left_beside_it() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("page.html");
        let page = page(path.clone()).unwrap();
        fs::write(&path, "somebody's").unwrap();
        page.write(PAGE).unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"somebody's");
        assert_eq!(names(folder.path()), ["page.html"]);
    }

    #[test]
    fn what_cannot_be_renamed_is_not_left_beside_its_place() {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("page.html/inside")).unwrap();
        replace(&folder.path().join("page.html"), PAGE).unwrap_err();
        assert_eq!(names(folder.path()), ["page.html"]);
    }
}
