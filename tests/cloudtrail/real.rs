//! Real events, raw and flat: `../shared/data/cloudtrail`, where it is there. Null identities, times that are missing, odd types.

use std::path::Path;

use serde_json::Value;

use super::dir;

/// What both forms have.
const COLUMNS: [&str; 13] = [
    "eventID",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userIdentity.type",
    "userIdentity.arn",
    "userIdentity.accountId",
    "userAgent",
    "errorCode",
    "readOnly",
    "recipientAccountId",
];

/// Its `readOnly` is the text `"true"`, which the flat file has as NULL.
const TRUE_AS_TEXT: &str = "044e210e-6c5e-3f3e-8f04-2311a826f287";

#[test]
fn raw_files_give_the_rows_of_the_flat_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/cloudtrail");
    if !folder.is_dir() {
        println!("skipped: there is no {}", folder.display());
        return;
    }
    let dir = dir();
    let folder = folder.canonicalize().unwrap();
    dir.edit_job(
        "\"../data/trail\"",
        &format!("\"{}\"", folder.join("raw").display()),
    );
    dir.edit_job(
        "[window]",
        &format!(
            "[sources.flat]\nformat = \"parquet\"\nlocation = \"{}\"\n\n[window]",
            folder.join("*.parquet").display()
        ),
    );
    let rows = |table: &str| {
        let columns = COLUMNS.map(|name| format!("{name} AS \"{name}\""));
        let rows = dir.query(&format!("SELECT {} FROM {table}", columns.join(", ")));
        let mut rows: Vec<_> = rows.iter().map(Value::to_string).collect();
        rows.sort_unstable();
        rows
    };
    let (raw, flat) = (rows("trail"), rows("flat"));
    assert_eq!((raw.len(), flat.len()), (1440, 1440));
    let mut differing = raw.iter().zip(&flat).filter(|(raw, flat)| raw != flat);
    let (raw, flat) = differing.next().unwrap();
    assert!(
        raw.contains(TRUE_AS_TEXT)
            && raw.replace("\"readOnly\":true", "\"readOnly\":null") == *flat
    );
    assert_eq!(differing.next(), None);
}
