//! A file's text, a window at a time: what is not yet taken, and more when it is asked for.

use std::io::{self, Read};

/// How much is read at once.
const CHUNK: usize = 256 << 10;

/// The longest text that is held for one record.
pub(super) const LONGEST: usize = 64 << 20;

/// The part of a text that is in memory. Bytes that are no UTF-8 become U+FFFD: a record is not lost for one of them.
pub(super) struct Window<R> {
    source: R,
    text: String,
    /// Bytes read and not yet taken for text: the start of a character, at most.
    bytes: Vec<u8>,
    ended: bool,
}

impl<R: Read> Window<R> {
    /// A window onto `source`, with nothing in it yet.
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            text: String::new(),
            bytes: Vec::new(),
            ended: false,
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether there is no more to read.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Lets go of the first `taken` bytes, and reads on: as much again as is left, so that a long record is looked at a
    /// few times only.
    pub(super) fn read_on(&mut self, taken: usize) -> io::Result<()> {
        self.text.drain(..taken);
        let more = self.text.len().max(CHUNK) as u64;
        let read = self.source.by_ref().take(more).read_to_end(&mut self.bytes);
        // What came before an error counts.
        self.ended = matches!(read, Ok(0));
        self.take_text();
        read.map(drop)
    }

    fn take_text(&mut self) {
        let mut bytes = self.bytes.as_slice();
        loop {
            let error = match str::from_utf8(bytes) {
                Ok(text) => {
                    self.text.push_str(text);
                    bytes = &[];
                    break;
                }
                Err(error) => error,
            };
            let (text, rest) = bytes.split_at(error.valid_up_to());
            self.text.push_str(&String::from_utf8_lossy(text));
            bytes = rest;
            match error.error_len() {
                Some(wrong) => bytes = &bytes[wrong..],
                None if self.ended => bytes = &[],
                None => break,
            }
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
        let left = bytes.len();
        self.bytes.drain(..self.bytes.len() - left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let take = self.0.len().min(buffer.len()).min(1);
            buffer[..take].copy_from_slice(&self.0[..take]);
            self.0 = &self.0[take..];
            Ok(take)
        }
    }

    fn read(bytes: &[u8]) -> String {
        let mut window = Window::new(Slow(bytes));
        while !window.ended() {
            window.read_on(0).unwrap();
        }
        window.text().to_owned()
    }

    #[test]
    fn characters_come_whole_whatever_the_pieces() {
        assert_eq!(read("häßlich 🦀".as_bytes()), "häßlich 🦀");
    }

    #[test]
    fn what_is_no_utf_8_is_replaced_and_no_more() {
        assert_eq!(
            read(b"a\xffb\xe2\x82c\xe2\x82"),
            "a\u{fffd}b\u{fffd}c\u{fffd}"
        );
    }

    #[test]
    fn what_was_taken_is_gone() {
        let mut window = Window::new(&b"first second"[..]);
        window.read_on(0).unwrap();
        window.read_on(6).unwrap();
        assert_eq!((window.text(), window.ended()), ("second", true));
    }
}
