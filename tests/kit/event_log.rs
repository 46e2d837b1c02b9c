//! Windows event logs (`.evtx`), written for tests: a header, chunks of 64 KiB, records, with their checksums.

use chrono::{DateTime, Utc};
use evtx::checksum_ieee;

use super::binary_xml::{BinaryXml, Content, Element, Known, Value};

/// Bytes of a file before its first chunk, and of a chunk.
pub const HEADER: usize = 4096;
pub const CHUNK: usize = 65536;

const CHUNK_HEADER: usize = 512;
const SECURITY: &str = "Microsoft-Windows-Security-Auditing";
const SYSMON: &str = "Microsoft-Windows-Sysmon";

/// 1601-01-01, where Windows begins to count.
const WINDOWS_EPOCH: i64 = -11_644_473_600;

/// An event, as Windows logs it.
#[derive(Clone, Debug)]
pub struct LoggedEvent {
    pub provider: &'static str,
    pub id: u16,
    pub channel: &'static str,
    pub computer: &'static str,
    pub time: DateTime<Utc>,
    pub data: Vec<(&'static str, Value)>,
}

impl LoggedEvent {
    /// The same with another value in this field of its data.
    pub fn with(mut self, name: &str, value: Value) -> Self {
        let field = self.data.iter_mut().find(|(field, _)| *field == name);
        field.unwrap().1 = value;
        self
    }

    /// The same without this field, as an older Windows logs it.
    pub fn without(mut self, name: &str) -> Self {
        self.data.retain(|(field, _)| *field != name);
        self
    }
}

pub fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The start of a process in the Security log, by `CONTOSO\user`.
pub fn security_4688(
    time: &str,
    computer: &'static str,
    user: &str,
    path: &str,
    command_line: &str,
) -> LoggedEvent {
    LoggedEvent {
        provider: SECURITY,
        id: 4688,
        channel: "Security",
        computer,
        time: time.parse().unwrap(),
        data: vec![
            ("SubjectUserSid", Value::Sid(vec![21, 1, 2, 3, 1104])),
            ("SubjectUserName", text(user)),
            ("SubjectDomainName", text("CONTOSO")),
            ("SubjectLogonId", Value::Hex(0x3e7)),
            ("NewProcessId", Value::Hex(0x1a2c)),
            ("NewProcessName", text(path)),
            ("TokenElevationType", text("%%1936")),
            ("ProcessId", Value::Hex(0x264)),
            ("CommandLine", text(command_line)),
            ("TargetUserSid", Value::Sid(vec![18])),
            ("TargetUserName", text("-")),
            ("TargetDomainName", text("-")),
            ("TargetLogonId", Value::Hex(0)),
            ("ParentProcessName", text(r"C:\Windows\explorer.exe")),
            ("MandatoryLabel", Value::Sid(vec![8192])),
        ],
    }
}

/// The start of a process in the log of Sysmon.
pub fn sysmon_1(
    time: &str,
    computer: &'static str,
    user: &str,
    path: &str,
    command_line: &str,
) -> LoggedEvent {
    LoggedEvent {
        provider: SYSMON,
        id: 1,
        channel: "Microsoft-Windows-Sysmon/Operational",
        computer,
        time: time.parse().unwrap(),
        data: vec![
            ("RuleName", text("-")),
            ("ProcessId", Value::Number(6700)),
            ("Image", text(path)),
            ("CommandLine", text(command_line)),
            ("CurrentDirectory", text(r"C:\")),
            ("User", text(user)),
            ("TerminalSessionId", Value::Number(1)),
            ("Hashes", text("MD5=B3E1AF21C2B65C90B0A2B3F1B6D0C4F2")),
            ("ParentImage", text(r"C:\Windows\explorer.exe")),
        ],
    }
}

/// A logon: nothing that starts.
pub fn security_4624(time: &str, computer: &'static str) -> LoggedEvent {
    LoggedEvent {
        provider: SECURITY,
        id: 4624,
        channel: "Security",
        computer,
        time: time.parse().unwrap(),
        data: vec![("TargetUserName", text("alice"))],
    }
}

/// A log that was closed, with these events in its chunks.
pub fn event_log(chunks: &[&[LoggedEvent]]) -> Vec<u8> {
    let mut file = vec![0; HEADER];
    let mut next_record = 1;
    for events in chunks {
        file.extend(chunk(next_record, events));
        next_record += events.len() as u64;
    }
    put(&mut file, 0, b"ElfFile\0");
    put(&mut file, 16, &(chunks.len() as u64 - 1).to_le_bytes());
    put(&mut file, 24, &next_record.to_le_bytes());
    put(&mut file, 32, &128_u32.to_le_bytes());
    put(&mut file, 36, &1_u16.to_le_bytes());
    put(&mut file, 38, &3_u16.to_le_bytes());
    put(&mut file, 40, &(HEADER as u16).to_le_bytes());
    put(&mut file, 42, &(chunks.len() as u16).to_le_bytes());
    let checksum = checksum_ieee(&file[..120]);
    put(&mut file, 124, &checksum.to_le_bytes());
    file
}

/// Says that the log was open when it was copied.
pub fn leave_open(file: &mut [u8]) {
    put(file, 120, &1_u32.to_le_bytes());
}

/// Makes the checksums of a chunk right again after something in it was changed.
pub fn seal(file: &mut [u8], number: usize) {
    let chunk = &mut file[HEADER + number * CHUNK..][..CHUNK];
    let end = u32::from_le_bytes(chunk[48..52].try_into().unwrap()) as usize;
    let end = end.clamp(CHUNK_HEADER, CHUNK);
    let events = checksum_ieee(&chunk[CHUNK_HEADER..end]);
    put(chunk, 52, &events.to_le_bytes());
    let header = checksum_ieee(&[&chunk[..120], &chunk[128..CHUNK_HEADER]].concat());
    put(chunk, 124, &header.to_le_bytes());
}

/// Where the binary XML of a chunk's first record stands in the file.
pub fn first_record(number: usize) -> usize {
    HEADER + number * CHUNK + CHUNK_HEADER + 24
}

fn chunk(first: u64, events: &[LoggedEvent]) -> Vec<u8> {
    let mut chunk = vec![0; CHUNK_HEADER];
    let mut known = Known::default();
    let mut last_record = CHUNK_HEADER;
    for (id, event) in (first..).zip(events) {
        last_record = chunk.len();
        let record = record(id, last_record as u32 + 24, &mut known, event);
        let size = (record.len() as u32 + 28).to_le_bytes();
        chunk.extend(b"**\0\0");
        chunk.extend(size);
        chunk.extend(id.to_le_bytes());
        chunk.extend(file_time(event.time).to_le_bytes());
        chunk.extend(record);
        chunk.extend(size);
    }
    let end = chunk.len();
    assert!(end <= CHUNK, "that is too much for one chunk");
    chunk.resize(CHUNK, 0);
    let last = first + events.len() as u64 - 1;
    put(&mut chunk, 0, b"ElfChnk\0");
    for (at, id) in [(8, first), (16, last), (24, first), (32, last)] {
        put(&mut chunk, at, &id.to_le_bytes());
    }
    put(&mut chunk, 40, &128_u32.to_le_bytes());
    put(&mut chunk, 44, &(last_record as u32).to_le_bytes());
    put(&mut chunk, 48, &(end as u32).to_le_bytes());
    let mut file = vec![0; HEADER];
    file.append(&mut chunk);
    seal(&mut file, 0);
    file.split_off(HEADER)
}

/// The record's template says where its values go: those of every event, then those of this one's data.
fn record(id: u64, base: u32, known: &mut Known, event: &LoggedEvent) -> Vec<u8> {
    let mut values = vec![
        Value::Number16(event.id),
        Value::FileTime(file_time(event.time)),
        Value::Number64(id),
        text(event.computer),
    ];
    let of_every_event = values.len() as u16;
    values.extend(event.data.iter().map(|(_, value)| value.clone()));
    let element = |name, content| Content::Element(Element::new(name, content));
    let system = vec![
        Content::Element(
            Element::new("Provider", vec![]).with("Name", Content::Text(event.provider.to_owned())),
        ),
        element("EventID", vec![Content::Value(0)]),
        Content::Element(Element::new("TimeCreated", vec![]).with("SystemTime", Content::Value(1))),
        element("EventRecordID", vec![Content::Value(2)]),
        element("Channel", vec![Content::Text(event.channel.to_owned())]),
        element("Computer", vec![Content::Value(3)]),
    ];
    let data = event.data.iter().zip(of_every_event..);
    let data = data.map(|((name, _), number)| {
        let data = Element::new("Data", vec![Content::Value(number)]);
        Content::Element(data.with("Name", Content::Text((*name).to_owned())))
    });
    let event_data = element("EventData", data.collect());
    let namespace = "http://schemas.microsoft.com/win/2004/08/events/event";
    let template = Element::new("Event", vec![element("System", system), event_data])
        .with("xmlns", Content::Text(namespace.to_owned()));
    let names = event
        .data
        .iter()
        .map(|(name, value)| format!("{name} {:?}", std::mem::discriminant(value)));
    let key = [event.provider.to_owned()].into_iter().chain(names);
    BinaryXml::record(base, known, key.collect(), &template, &values)
}

/// Steps of 100 nanoseconds since Windows began to count.
fn file_time(time: DateTime<Utc>) -> u64 {
    let seconds = (time.timestamp() - WINDOWS_EPOCH) as u64;
    seconds * 10_000_000 + u64::from(time.timestamp_subsec_nanos() / 100)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}
