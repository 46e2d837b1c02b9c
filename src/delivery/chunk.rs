//! Rows in the form in which one request carries them: as many as fit, counted to the byte.

use std::io::Write;

use arrow::array::{AsArray, RecordBatch};
use arrow::error::ArrowError;
use arrow::json::writer::LineDelimitedWriter;
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::error::DeliveryError;
use super::trim::{trim_fields, trim_row};

/// The column of a shape that says which finding a row is, and that is not sent.
pub(super) const ID: &str = "_finding_id";

/// Rows that are written at a time.
const ROWS: usize = 8_192;

/// A finding as it was, or is to be, sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sent {
    /// Which finding.
    pub finding_id: String,
    /// A digest of all that it says.
    pub content: String,
}

/// How a chunk is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A JSON array.
    Array,
    /// One JSON object.
    Object,
    /// A JSON object a line.
    Lines,
    /// A Parquet file.
    Parquet,
}

/// What a receiver takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub form: Form,
    /// The most bytes of one body, uncompressed, brackets and commas with it.
    pub bytes: usize,
    /// The most bytes of one field.
    pub field: Option<usize>,
}

/// Findings that are sent by one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub id: String,
    pub findings: Vec<Sent>,
    /// The body: JSON gzipped, Parquet as it is.
    pub body: Vec<u8>,
    /// Bytes of the body, uncompressed.
    pub bytes: usize,
}

impl Chunk {
    /// `origin`: what tells it from another chunk of the same findings, sent before or in another way.
    fn new(origin: &str, findings: Vec<Sent>, body: Vec<u8>, bytes: usize) -> Self {
        let mut digest = Sha256::new();
        digest.update(origin.as_bytes());
        for sent in &findings {
            digest.update(format!("\n{} {}", sent.finding_id, sent.content).as_bytes());
        }
        Self {
            id: crate::hex(&digest.finalize()[..16]),
            findings,
            body,
            bytes,
        }
    }
}

/// Cuts shaped rows, of which each has its [`ID`], into chunks of at most what the receiver takes. `origin`: who is to get them, and
/// of which look at the table. `content` has the digest of each finding.
pub(super) fn chunks(
    origin: &str,
    limits: Limits,
    rows: &[RecordBatch],
    content: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Chunk>, DeliveryError> {
    let mut cutter = Cutter {
        origin,
        limits,
        open: None,
        done: Vec::new(),
    };
    for rows in rows.iter().flat_map(slices) {
        let (sent, rows) = identify(&rows, &content)?;
        if limits.form == Form::Parquet {
            cutter.parquet(sent, &rows)?;
            continue;
        }
        let lines = lines(&rows)?;
        for (sent, line) in sent.into_iter().zip(lines.split(|byte| *byte == b'\n')) {
            cutter.row(sent, line)?;
        }
    }
    cutter.close()?;
    Ok(cutter.done)
}

/// The rows, some at a time.
pub(super) fn slices(rows: &RecordBatch) -> impl Iterator<Item = RecordBatch> {
    let starts = (0..rows.num_rows()).step_by(ROWS);
    starts.map(|start| rows.slice(start, ROWS.min(rows.num_rows() - start)))
}

/// Each row as a line of JSON.
pub(super) fn lines(rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut lines = LineDelimitedWriter::new(Vec::new());
    lines.write(rows)?;
    lines.finish()?;
    Ok(lines.into_inner())
}

/// The findings of some rows, and the rows without the column that names them.
fn identify(
    batch: &RecordBatch,
    content: &impl Fn(&str) -> Option<String>,
) -> Result<(Vec<Sent>, RecordBatch), DeliveryError> {
    let damaged = |what: &str| DeliveryError::Damaged {
        what: what.to_owned(),
    };
    let position = batch.schema().index_of(ID)?;
    let mut rest = batch.clone();
    let ids = rest.remove_column(position);
    let ids = crate::strict::cast(&ids, &arrow::datatypes::DataType::Utf8)?;
    let sent = ids.as_string::<i32>().iter().map(|id| {
        let id = id.ok_or_else(|| damaged("a finding without an id"))?;
        let content = content(id).ok_or_else(|| damaged("a finding that is in no table"))?;
        Ok(Sent {
            finding_id: id.to_owned(),
            content,
        })
    });
    Ok((sent.collect::<Result<_, DeliveryError>>()?, rest))
}

struct Cutter<'a> {
    origin: &'a str,
    limits: Limits,
    open: Option<Open>,
    done: Vec<Chunk>,
}

/// A chunk that grows; its body is compressed as it does.
struct Open {
    findings: Vec<Sent>,
    body: GzEncoder<Vec<u8>>,
    bytes: usize,
}

impl Open {
    fn put(&mut self, text: &[u8]) -> Result<(), DeliveryError> {
        self.bytes += text.len();
        self.body.write_all(text).map_err(io)
    }
}

impl Cutter<'_> {
    fn row(&mut self, sent: Sent, line: &[u8]) -> Result<(), DeliveryError> {
        let form = self.limits.form;
        let around = if form == Form::Array { 2 } else { 0 };
        let room = self.limits.bytes.saturating_sub(around);
        let trimmed = match self.limits.field {
            Some(field) if line.len() > field => trim_fields(line, field),
            _ => None,
        };
        let line = trimmed.as_deref().unwrap_or(line);
        let cut = (line.len() > room).then(|| trim_row(line, room)).flatten();
        let line = cut.as_deref().unwrap_or(line);
        let is_full = self.open.as_ref().is_some_and(|open| {
            form == Form::Object || open.bytes + 1 + line.len() > self.limits.bytes
        });
        if is_full {
            self.close()?;
        }
        let is_first = self.open.is_none();
        let open = self.open.get_or_insert_with(|| Open {
            findings: Vec::new(),
            body: GzEncoder::new(Vec::new(), Compression::fast()),
            bytes: if form == Form::Array { 1 } else { 0 }, // the bracket that closes
        });
        match (form, is_first) {
            (Form::Array, true) => open.put(b"[")?,
            (Form::Array, false) => open.put(b",")?,
            _ => {}
        }
        open.put(line)?;
        if form == Form::Lines {
            open.put(b"\n")?;
        }
        open.findings.push(sent);
        Ok(())
    }

    fn close(&mut self) -> Result<(), DeliveryError> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        if self.limits.form == Form::Array {
            open.body.write_all(b"]").map_err(io)?;
        }
        let body = open.body.finish().map_err(io)?;
        let chunk = Chunk::new(self.origin, open.findings, body, open.bytes);
        self.done.push(chunk);
        Ok(())
    }

    fn parquet(&mut self, findings: Vec<Sent>, batch: &RecordBatch) -> Result<(), DeliveryError> {
        if findings.is_empty() {
            return Ok(());
        }
        let properties = crate::sinks::writer_properties();
        let parquet = |error: parquet::errors::ParquetError| DeliveryError::Read(error.into());
        let mut writer =
            ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).map_err(parquet)?;
        writer.write(batch).map_err(parquet)?;
        let body = writer.into_inner().map_err(parquet)?;
        let bytes = body.len();
        self.done
            .push(Chunk::new(self.origin, findings, body, bytes));
        Ok(())
    }
}

fn io(error: std::io::Error) -> DeliveryError {
    DeliveryError::Rows(error.into())
}

/// The body of a JSON chunk.
pub(super) fn unpacked(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(body), &mut text)?;
    Ok(text)
}

/// A chunk that was too large, as two; one finding alone is trimmed to half of what it was, as long as that makes it smaller.
pub(super) fn halves(chunk: &Chunk, form: Form) -> Result<Option<Vec<Chunk>>, DeliveryError> {
    let text = unpacked(&chunk.body).map_err(io)?;
    let rows: Vec<&RawValue> = match form {
        Form::Object => serde_json::from_slice(&text).map(|row| vec![row]),
        _ => serde_json::from_slice(&text),
    }
    .map_err(|error| io(error.into()))?;
    let rows: Vec<&[u8]> = rows.iter().map(|row| row.get().as_bytes()).collect();
    if let [row] = rows.as_slice() {
        let trimmed = trim_row(row, row.len() / 2).filter(|trimmed| trimmed.len() < row.len());
        let Some(trimmed) = trimmed else {
            return Ok(None);
        };
        return part(chunk, form, &chunk.findings, &[&trimmed]).map(Some);
    }
    let middle = rows.len() / 2;
    let mut two = part(chunk, form, &chunk.findings[..middle], &rows[..middle])?;
    two.extend(part(
        chunk,
        form,
        &chunk.findings[middle..],
        &rows[middle..],
    )?);
    Ok(Some(two))
}

/// Some rows of a chunk as a chunk.
fn part(
    whole: &Chunk,
    form: Form,
    findings: &[Sent],
    rows: &[&[u8]],
) -> Result<Vec<Chunk>, DeliveryError> {
    let limits = Limits {
        form,
        bytes: usize::MAX,
        field: None,
    };
    let mut cutter = Cutter {
        origin: &whole.id,
        limits,
        open: None,
        done: Vec::new(),
    };
    for (sent, row) in findings.iter().zip(rows) {
        cutter.row(sent.clone(), row)?;
    }
    cutter.close()?;
    Ok(cutter.done)
}
