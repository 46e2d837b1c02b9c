//! The event log file: 4 KiB of header, then chunks of 64 KiB that each can be read without the others.
//!
//! What is damaged is left out and told; whatever else the file holds is read. A log that was copied while Windows wrote
//! it says so in its header: its checksums may be those of an earlier moment, so there the records alone must be in order.

use std::error::Error;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use evtx::err::{ChunkError, DeserializationError};
use evtx::{EvtxChunkData, EvtxFileHeader, EvtxRecord, HeaderFlags, ParserSettings};

/// Bytes before the first chunk.
pub(super) const HEADER_SIZE: u64 = 4096;

/// Bytes of a chunk.
pub(super) const CHUNK_SIZE: u64 = 65536;

/// Attributes stand beside their element's value, so that a value is the same with and without them.
static SETTINGS: LazyLock<Arc<ParserSettings>> =
    LazyLock::new(|| Arc::new(ParserSettings::new().separate_json_attributes(true)));

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Damage {
    #[error("it is empty")]
    Empty,
    #[error("it is cut off in its header")]
    NoHeader,
    #[error("it is not a Windows event log")]
    NotALog,
    #[error("the checksum of its header is wrong")]
    HeaderChecksum,
    #[error("it is cut off in chunk {number}")]
    CutOff { number: u64 },
    #[error("it is cut off after {chunks} of {expected} chunks")]
    Missing { chunks: u64, expected: u64 },
    #[error("chunk {number} is overwritten with zeros")]
    Zeroed { number: u64 },
    #[error("chunk {number} is damaged: {}", in_full(cause.as_ref()))]
    Chunk { number: u64, cause: Box<ChunkError> },
    #[error("a record of chunk {number} is damaged: {}", in_full(cause.as_ref()))]
    Record {
        number: u64,
        cause: Box<dyn Error + Send + Sync>,
    },
}

/// An error and its causes in one line.
fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// What the header of a file says of its chunks.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventLog {
    /// Whole chunks in the file.
    chunks: u64,
    /// Chunks that must hold something, by the header; 0 where it may be of an earlier moment.
    used: u64,
    /// Whether Windows had the file open when it was copied.
    is_dirty: bool,
}

impl EventLog {
    /// Reads the header of a file of `size` bytes; `tell` is told of damage that the chunks do not share.
    pub(super) fn open(
        header: &[u8],
        size: u64,
        tell: &mut impl FnMut(Damage),
    ) -> Result<Self, Damage> {
        if size == 0 {
            return Err(Damage::Empty);
        }
        let parsed = EvtxFileHeader::from_bytes(header).map_err(|error| match error {
            DeserializationError::Truncated { .. } => Damage::NoHeader,
            _ => Damage::NotALog,
        })?;
        if size < HEADER_SIZE {
            return Err(Damage::NoHeader);
        }
        let is_dirty = parsed.flags.contains(HeaderFlags::DIRTY);
        if !is_dirty && !parsed.validate_checksum() {
            tell(Damage::HeaderChecksum);
        }
        let chunks = (size - HEADER_SIZE) / CHUNK_SIZE;
        // The header has 16 bits for it: of a log above 4 GiB it says less than there is.
        let used = u64::from(parsed.chunk_count);
        if !(size - HEADER_SIZE).is_multiple_of(CHUNK_SIZE) {
            tell(Damage::CutOff { number: chunks });
        } else if chunks < used {
            tell(Damage::Missing {
                chunks,
                expected: used,
            });
        }
        Ok(Self {
            chunks,
            used: if is_dirty { 0 } else { used },
            is_dirty,
        })
    }

    /// The chunks that start in a range of the file's bytes.
    pub(super) fn chunks_in(&self, bytes: Range<u64>) -> Range<u64> {
        let first_from = |byte: u64| {
            byte.saturating_sub(HEADER_SIZE)
                .div_ceil(CHUNK_SIZE)
                .min(self.chunks)
        };
        first_from(bytes.start)..first_from(bytes.end)
    }

    /// Hands every record of the chunk to `take` as JSON, and what is damaged to `tell`.
    pub(super) fn records(
        &self,
        number: u64,
        chunk: &[u8],
        mut take: impl FnMut(&[u8]) -> serde_json::Result<()>,
        mut tell: impl FnMut(Damage),
    ) {
        // Windows fills a file with zeros before it needs the space.
        if chunk.iter().all(|byte| *byte == 0) {
            if number < self.used {
                tell(Damage::Zeroed { number });
            }
            return;
        }
        let damaged = |error: ChunkError| Damage::Chunk {
            number,
            cause: Box::new(error),
        };
        let mut data = match EvtxChunkData::new(chunk.to_vec(), !self.is_dirty) {
            Ok(data) => data,
            Err(error) => return tell(damaged(error)),
        };
        let mut chunk = match data.parse(Arc::clone(&SETTINGS)) {
            Ok(chunk) => chunk,
            Err(error) => return tell(damaged(error)),
        };
        for record in chunk.iter() {
            let taken = match record.and_then(EvtxRecord::into_json_bytes) {
                Ok(record) => take(&record.data).map_err(Into::into),
                Err(error) => Err(error.into()),
            };
            if let Err(cause) = taken {
                tell(Damage::Record { number, cause });
            }
        }
    }
}
