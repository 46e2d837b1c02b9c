//! CloudTrail as AWS delivers it: the files it comes in, what is wrong with some, and real ones.

mod broken;
mod import;
mod job;
mod model;
mod page;
mod real;
mod records;
mod shapes;

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::kit::{AS_OF, Dir, JOB, Said};

/// Where the trail of [`dir`] is.
const TRAIL: &str = "data/trail";

/// A folder in which a region delivers on the day that the job reports on.
const DAY: &str = "data/trail/AWSLogs/111111111111/CloudTrail/eu-west-1/2026/03/10";

/// A folder whose job also has the source `trail`, of which no file is there yet.
fn dir() -> Dir {
    let dir = Dir::new();
    dir.edit_job(
        "[window]",
        "[sources.trail]\nformat = \"cloudtrail\"\nlocation = \"../data/trail\"\n\n[window]",
    );
    dir
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn write(dir: &Dir, name: &str, bytes: &[u8]) {
    let path = dir.path(name);
    fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// An event of this id and time.
fn event(id: &str, time: &str) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111111111111:user/alice"},
        "eventTime": time,
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "eventID": id,
    })
}

/// `{"Records": […]}` of events of these ids on the 10th of March.
fn delivery(ids: &[&str]) -> String {
    let events: Vec<_> = ids
        .iter()
        .map(|id| event(id, "2026-03-10T12:00:00Z"))
        .collect();
    json!({ "Records": events }).to_string()
}

/// Delivers events of these ids as a file of [`DAY`].
fn deliver(dir: &Dir, name: &str, ids: &[&str]) {
    write(
        dir,
        &format!("{DAY}/{name}"),
        &gzip(delivery(ids).as_bytes()),
    );
}

/// What `crannog query` says, as JSON lines.
fn ask(dir: &Dir, sql: &str, more: &[&str]) -> Said {
    let query = [
        "query", sql, "--job", JOB, "--as-of", AS_OF, "--format", "json",
    ];
    dir.crannog(&[&query, more].concat())
}

/// The ids of all events, as one text.
fn ids(dir: &Dir) -> String {
    let rows = dir.query("SELECT string_agg(eventID, ' ' ORDER BY eventID) AS ids FROM trail");
    rows[0]["ids"].as_str().unwrap_or_default().to_owned()
}
