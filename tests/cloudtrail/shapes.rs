//! The same events in every shape of file.

use super::{DAY, TRAIL, deliver, delivery, dir, event, gzip, ids, write};

#[test]
fn records_in_gzip_as_they_are_delivered() {
    let dir = dir();
    deliver(&dir, "a.json.gz", &["a", "b"]);
    deliver(&dir, "c.json.gz", &["c"]);
    assert_eq!(ids(&dir), "a b c");
}

#[test]
fn gzip_of_several_members() {
    let dir = dir();
    let text = delivery(&["a", "b"]);
    let (first, second) = text.as_bytes().split_at(100);
    write(
        &dir,
        &format!("{DAY}/a.json.gz"),
        &[gzip(first), gzip(second)].concat(),
    );
    assert_eq!(ids(&dir), "a b");
}

#[test]
fn a_file_that_was_unpacked_and_kept_its_name() {
    let dir = dir();
    write(
        &dir,
        &format!("{DAY}/a.json.gz"),
        delivery(&["a"]).as_bytes(),
    );
    assert_eq!(ids(&dir), "a");
}

#[test]
fn any_folder_and_any_shape_of_json() {
    let dir = dir();
    let one = |id| event(id, "2026-03-10T12:00:00Z").to_string();
    let pretty = serde_json::to_string_pretty(&event("b", "2026-03-10T12:00:00Z")).unwrap();
    let files = [
        ("plain.json", delivery(&["a"])),
        ("pretty.json", pretty),
        ("lines.jsonl", format!("{}\n{}\n", one("c"), one("d"))),
        (
            "lines.ndjson",
            format!("\u{feff}{}\r\n\r\n{}", one("e"), one("f")),
        ),
        (
            "side/by/side.json",
            format!("{}{}", delivery(&["g"]), delivery(&["h"])),
        ),
        ("list.json", format!(" [ {} , {} ] ", one("i"), one("j"))),
        (
            "more.json",
            format!(
                "{{\"v\": {{}}, \"Records\" : [{}] , \"w\": 12, \"x\": [\"]\"]}}",
                one("k")
            ),
        ),
        ("none.json", "{\"Records\": []}".to_owned()),
        ("nothing.json", " \n".to_owned()),
        ("notes.txt", "not ours".to_owned()),
    ];
    for (name, text) in files {
        write(&dir, &format!("{TRAIL}/{name}"), text.as_bytes());
    }
    assert_eq!(ids(&dir), "a b c d e f g h i j k");
}

#[test]
fn one_file() {
    let dir = dir();
    dir.edit_job("\"../data/trail\"", "\"../data/trail/today.json.gz\"");
    write(
        &dir,
        &format!("{TRAIL}/today.json.gz"),
        &gzip(delivery(&["a"]).as_bytes()),
    );
    write(
        &dir,
        &format!("{TRAIL}/other.json.gz"),
        &gzip(delivery(&["b"]).as_bytes()),
    );
    assert_eq!(ids(&dir), "a");
}

#[test]
fn only_the_days_that_the_sql_asks_for_are_read() {
    let dir = dir();
    for day in ["03/08", "03/09", "03/10", "03/11", "03/12"] {
        let time = format!("2026-{}T12:00:00Z", day.replace('/', "-"));
        let text = event(&day[3..], &time).to_string();
        let folder = format!("{TRAIL}/AWSLogs/111111111111/CloudTrail/eu-west-1/2026/{day}");
        write(&dir, &format!("{folder}/a.json"), text.as_bytes());
    }
    // Files of days that cannot matter are not JSON: whoever reads them says so.
    let outside = format!("{TRAIL}/AWSLogs/111111111111/CloudTrail/eu-west-1/2026");
    write(&dir, &format!("{outside}/03/08/broken.json"), b"?");
    write(&dir, &format!("{outside}/03/12/broken.json"), b"?");
    let sql = "SELECT string_agg(eventID, ' ' ORDER BY eventID) AS ids FROM trail
               WHERE eventTime >= '2026-03-09T00:00:00Z' AND eventTime < '2026-03-11T00:00:00Z'";
    assert_eq!(dir.query(sql)[0]["ids"], "09 10");
}

#[test]
fn sql_may_ask_for_more_than_the_window() {
    let dir = dir();
    for day in ["2020/01/01", "2026/03/10"] {
        let time = format!("{}T12:00:00Z", day.replace('/', "-"));
        let folder = format!("{TRAIL}/AWSLogs/111111111111/CloudTrail/eu-west-1/{day}");
        write(
            &dir,
            &format!("{folder}/a.json"),
            event(&day[..4], &time).to_string().as_bytes(),
        );
    }
    assert_eq!(ids(&dir), "2020 2026");
}
