//! A file's records, one after the other: `{"Records": […]}` as CloudTrail delivers it, a list, or one object after the
//! other (a line each, or not).

use std::io::{self, Read};
use std::ops::ControlFlow;

use flate2::bufread::MultiGzDecoder;
use serde::Deserialize as _;
use serde::de::IgnoredAny;

use super::record::{Outcome, RECORDS, Values, is_cut_off};
use super::rows::Rows;
use super::window::{LONGEST, Window};

/// Why a file cannot be read to its end; the records before count.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileProblem {
    /// A file without a byte.
    #[error("it is empty")]
    Empty,
    /// The file does not begin as any of those that are read.
    #[error("it is neither gzip nor JSON")]
    Neither,
    /// Gzip that ends too early.
    #[error("its gzip data are cut off after {records} records")]
    GzipCutOff {
        /// Records before.
        records: u64,
    },
    /// Gzip that does not hold together.
    #[error("its gzip data are damaged after {records} records: {message}")]
    GzipDamaged {
        /// Records before.
        records: u64,
        /// The decoder's words.
        message: String,
    },
    /// JSON that ends too early.
    #[error("its JSON is cut off after {records} records")]
    CutOff {
        /// Records before.
        records: u64,
    },
    /// Something else than JSON.
    #[error("after {records} records comes what is no JSON: {message}")]
    NotJson {
        /// Records before.
        records: u64,
        /// The parser's words.
        message: String,
    },
    /// JSON of another kind.
    #[error("after {records} records comes what is no record of CloudTrail: {what}")]
    NotRecord {
        /// Records before.
        records: u64,
        /// What it is.
        what: &'static str,
    },
    /// A record that does not fit into memory, or should not.
    #[error("after {records} records comes one that is longer than {} MB", LONGEST >> 20)]
    TooLong {
        /// Records before.
        records: u64,
    },
    /// The storage, not the file.
    #[error("it cannot be read")]
    Storage(#[source] io::Error),
}

/// What some writers put before UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Where in the file's structure the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    /// Between the outermost values.
    File,
    /// In a list; `records`: it is a member of the outermost object.
    List { records: bool, comma: bool },
    /// In the outermost object, after its `Records`.
    Rest,
}

/// How far a look at the text came.
enum Step {
    /// A record ends there.
    Record(usize),
    /// Something else ends there.
    Moved(usize),
    /// The text ends in the middle of it.
    Unfinished,
}

/// Reads a file, gzip or not: that its first bytes say, for what fetches a file may unpack it and leave the name.
pub(super) fn read(
    source: impl Read,
    rows: &mut Rows,
    emit: &mut dyn FnMut(&mut Rows) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, FileProblem> {
    let mut source = io::BufReader::with_capacity(64 << 10, source);
    let mut start = Vec::new();
    source
        .by_ref()
        .take(2)
        .read_to_end(&mut start)
        .map_err(FileProblem::Storage)?;
    if start.is_empty() {
        return Err(FileProblem::Empty);
    }
    let is_gzip = start == [0x1f, 0x8b];
    let source = io::Cursor::new(start).chain(source);
    if is_gzip {
        File::new(MultiGzDecoder::new(source)).read(rows, emit)
    } else {
        File::new(source).read(rows, emit)
    }
}

struct File<R> {
    window: Window<R>,
    look: Look,
}

impl<R: Read> File<R> {
    fn new(source: R) -> Self {
        Self {
            window: Window::new(source),
            look: Look {
                within: Within::File,
                records: 0,
                begun: false,
            },
        }
    }

    /// Reads to the end, or until `emit` breaks off.
    fn read(
        mut self,
        rows: &mut Rows,
        emit: &mut dyn FnMut(&mut Rows) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, FileProblem> {
        let mut taken = 0;
        loop {
            if self.window.text().len() - taken > LONGEST {
                return Err(FileProblem::TooLong {
                    records: self.look.records,
                });
            }
            let read = self.window.read_on(taken);
            // What came before an error is read first.
            let (at, flow) = self.take_records(rows, emit)?;
            taken = at;
            if flow.is_break() {
                return Ok(flow);
            }
            read.map_err(|error| self.blame(error))?;
            if self.window.ended() {
                let rest = self.window.text()[taken..].trim_start_matches(is_space);
                return match self.look.within {
                    Within::File if rest.is_empty() => Ok(flow),
                    _ => Err(FileProblem::CutOff {
                        records: self.look.records,
                    }),
                };
            }
        }
    }

    /// Takes all records that are whole in the window, and gives where they end.
    fn take_records(
        &mut self,
        rows: &mut Rows,
        emit: &mut dyn FnMut(&mut Rows) -> ControlFlow<()>,
    ) -> Result<(usize, ControlFlow<()>), FileProblem> {
        let (text, look) = (self.window.text(), &mut self.look);
        let mut values = Values::new(rows.places.0, rows.places.1);
        let mut at = if !look.begun && text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len_utf8()
        } else {
            0
        };
        loop {
            at = text.len() - text[at..].trim_start_matches(is_space).len();
            if at == text.len() {
                break;
            }
            match look.step(&text[at..], &mut values, rows)? {
                Step::Unfinished => break,
                Step::Moved(end) => at += end,
                Step::Record(end) => {
                    at += end;
                    look.records += 1;
                    rows.push(&values);
                    if rows.is_full() && emit(rows).is_break() {
                        return Ok((at, ControlFlow::Break(())));
                    }
                }
            }
            look.begun = true;
        }
        Ok((at, ControlFlow::Continue(())))
    }

    /// Tells a file that is damaged from storage that fails: the decoder passes on what its source says.
    fn blame(&self, error: io::Error) -> FileProblem {
        let records = self.look.records;
        let of_storage = error.raw_os_error().is_some()
            || error
                .get_ref()
                .is_some_and(|cause| cause.is::<object_store::Error>());
        match error.kind() {
            _ if of_storage => FileProblem::Storage(error),
            io::ErrorKind::UnexpectedEof => FileProblem::GzipCutOff { records },
            _ => FileProblem::GzipDamaged {
                records,
                message: error.to_string(),
            },
        }
    }
}

/// What has been seen of a file.
struct Look {
    within: Within,
    records: u64,
    /// Whether its first value was one.
    begun: bool,
}

impl Look {
    /// Takes what is next in `text`, which does not start with a space.
    fn step<'a>(
        &mut self,
        text: &'a str,
        values: &mut Values<'a>,
        rows: &Rows,
    ) -> Result<Step, FileProblem> {
        let first = text.as_bytes().first().copied().unwrap_or_default();
        match (self.within, first) {
            (Within::File, b'{') => self.object(text, values, rows, true),
            (Within::File, b'[') => Ok(self.enter(
                Within::List {
                    records: false,
                    comma: false,
                },
                1,
            )),
            (Within::File, _) if !self.begun => Err(FileProblem::Neither),
            (Within::List { records, .. }, b']') => {
                let outside = if records { Within::Rest } else { Within::File };
                Ok(self.enter(outside, 1))
            }
            (
                Within::List {
                    records,
                    comma: true,
                },
                b',',
            ) => Ok(self.enter(
                Within::List {
                    records,
                    comma: false,
                },
                1,
            )),
            (
                Within::List {
                    records,
                    comma: false,
                },
                b'{',
            ) => {
                let step = self.object(text, values, rows, false)?;
                if let Step::Record(_) = step {
                    self.within = Within::List {
                        records,
                        comma: true,
                    };
                }
                Ok(step)
            }
            (
                Within::List { comma: false, .. },
                b'[' | b'"' | b'0'..=b'9' | b'-' | b't' | b'f' | b'n',
            ) => Err(self.no_record("an element of the list is no object")),
            (Within::Rest, b'}') => Ok(self.enter(Within::File, 1)),
            (Within::Rest, b',') => self.member(text),
            (Within::List { comma: true, .. }, _) => Err(self.no_json("expected `,` or `]`")),
            (Within::Rest, _) => Err(self.no_json("expected `,` or `}`")),
            _ => Err(self.no_json("expected value")),
        }
    }

    fn enter(&mut self, within: Within, end: usize) -> Step {
        self.within = within;
        Step::Moved(end)
    }

    fn object<'a>(
        &mut self,
        text: &'a str,
        values: &mut Values<'a>,
        rows: &Rows,
        outermost: bool,
    ) -> Result<Step, FileProblem> {
        match values.take(&rows.wanted, text, outermost) {
            Outcome::Record(end) => Ok(Step::Record(end)),
            Outcome::Other => {
                Err(self.no_record("an object with neither `Records` nor a field of a record"))
            }
            Outcome::Records(end) => self.list(text, end),
            Outcome::Unfinished => Ok(Step::Unfinished),
            Outcome::Wrong(error) => Err(self.no_json(&without_place(&error))),
        }
    }

    /// The list after the key `Records`, which ends at `end`.
    fn list(&mut self, text: &str, end: usize) -> Result<Step, FileProblem> {
        let after = text[end..].trim_start_matches(is_space);
        let Some(value) = after.strip_prefix(':') else {
            return if after.is_empty() {
                Ok(Step::Unfinished)
            } else {
                Err(self.no_json("expected `:`"))
            };
        };
        let value = value.trim_start_matches(is_space);
        match value.strip_prefix('[') {
            Some(inside) => Ok(self.enter(
                Within::List {
                    records: true,
                    comma: false,
                },
                text.len() - inside.len(),
            )),
            None if value.is_empty() => Ok(Step::Unfinished),
            None => Err(self.no_record("its `Records` are no list")),
        }
    }

    /// A member after the list of records, from its comma on.
    fn member(&mut self, text: &str) -> Result<Step, FileProblem> {
        let mut json = serde_json::Deserializer::from_str(&text[1..]);
        let key = match String::deserialize(&mut json) {
            Ok(key) => key,
            Err(error) if error.is_eof() => return Ok(Step::Unfinished),
            Err(error) => return Err(self.no_json(&without_place(&error))),
        };
        let end = 1 + json.into_iter::<IgnoredAny>().byte_offset();
        if key == RECORDS {
            return self.list(text, end);
        }
        let Some(value) = text[end..].trim_start_matches(is_space).strip_prefix(':') else {
            return if text[end..].trim_start_matches(is_space).is_empty() {
                Ok(Step::Unfinished)
            } else {
                Err(self.no_json("expected `:`"))
            };
        };
        let mut json = serde_json::Deserializer::from_str(value).into_iter::<IgnoredAny>();
        match json.next() {
            None => Ok(Step::Unfinished),
            // A number may go on after the end of the text.
            Some(Ok(_)) if json.byte_offset() == value.len() => Ok(Step::Unfinished),
            Some(Ok(_)) => Ok(Step::Moved(text.len() - value.len() + json.byte_offset())),
            Some(Err(error)) if is_cut_off(&error, value) => Ok(Step::Unfinished),
            Some(Err(error)) => Err(self.no_json(&without_place(&error))),
        }
    }

    fn no_json(&self, message: &str) -> FileProblem {
        FileProblem::NotJson {
            records: self.records,
            message: message.to_owned(),
        }
    }

    fn no_record(&self, what: &'static str) -> FileProblem {
        FileProblem::NotRecord {
            records: self.records,
            what,
        }
    }
}

/// JSON's white space.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The parser's words without its line and column, which count from where the parser began.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ")
        .next()
        .unwrap_or_default()
        .to_owned()
}
