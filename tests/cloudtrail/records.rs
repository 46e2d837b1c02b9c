//! What becomes of a record's members.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{DAY, TRAIL, dir, gzip, write};

#[test]
fn nested_members_are_reached_by_their_path() {
    let dir = dir();
    let record = json!({"Records": [{
        "eventID": "a",
        "eventTime": "2026-03-10T12:34:56Z",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": "arn:aws:sts::1:assumed-role/r/s",
            "sessionContext": {
                "sessionIssuer": {"userName": "r"},
                "attributes": {"mfaAuthenticated": "false"},
                "webIdFederationData": {"federatedProvider": "p"},
            },
        },
        "requestParameters": {"bucketName": "b", "deep": [1, {"x": null}]},
        "responseElements": null,
        "readOnly": true,
        "tlsDetails": {"tlsVersion": "TLSv1.3"},
    }]});
    write(
        &dir,
        &format!("{DAY}/a.json.gz"),
        &gzip(record.to_string().as_bytes()),
    );
    let sql = "SELECT eventTime, userIdentity.arn AS arn, userIdentity.sessionContext.sessionIssuer.userName AS issuer,
                      userIdentity.sessionContext.attributes.mfaAuthenticated AS mfa,
                      userIdentity.sessionContext.webIdFederationData AS web, requestParameters, responseElements,
                      readOnly, tlsDetails.tlsVersion AS tls, userIdentity.invokedBy AS invoked, errorCode FROM trail";
    let expected = json!([{
        "eventTime": "2026-03-10T12:34:56Z",
        "arn": "arn:aws:sts::1:assumed-role/r/s",
        "issuer": "r",
        "mfa": "false",
        "web": "{\"federatedProvider\":\"p\"}",
        "requestParameters": "{\"bucketName\":\"b\",\"deep\":[1,{\"x\":null}]}",
        "responseElements": null,
        "readOnly": true,
        "tls": "TLSv1.3",
        "invoked": null,
        "errorCode": null,
    }]);
    assert_eq!(Value::from(dir.query(sql)), expected);
}

#[test]
fn every_column_is_in_the_documentation() {
    let dir = dir();
    write(&dir, &format!("{TRAIL}/a.json"), b"[]");
    let documentation =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sql.md"));
    let documentation = documentation.unwrap();
    let rows = dir.query(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'trail'",
    );
    assert_eq!(rows.len(), 32);
    for row in rows {
        let name = row["column_name"].as_str().unwrap();
        assert!(
            documentation.contains(&format!("`{name}`")),
            "`{name}` is not in docs/sql.md"
        );
    }
}

#[test]
fn a_value_of_another_type_becomes_text_or_null() {
    let dir = dir();
    let text = r#"
        {"eventID": 17, "eventName": {"a": [1.50]}, "eventTime": 1773144000, "readOnly": "true", "userIdentity": "root",
         "userAgent": true, "requestParameters": "x", "managementEvent": "maybe"}
        {"eventID": null, "eventName": "a\u00e9\n\ud83e\udd80", "eventTime": "soon", "readOnly": 1, "userIdentity": {"arn": 5},
         "userAgent": "half a pair \ud800", "requestParameters": 1e400, "managementEvent": false}"#;
    write(&dir, &format!("{TRAIL}/a.ndjson"), text.as_bytes());
    let sql = "SELECT eventID, eventName, eventTime, readOnly, userIdentity.arn AS arn, userIdentity IS NULL AS nobody,
                      userAgent, requestParameters, managementEvent FROM trail ORDER BY eventID";
    let expected = json!([
        {"eventID": "17", "eventName": "{\"a\": [1.50]}", "eventTime": null, "readOnly": true, "arn": null, "nobody": true,
         "userAgent": "true", "requestParameters": "\"x\"", "managementEvent": null},
        {"eventID": null, "eventName": "a\u{e9}\n\u{1f980}", "eventTime": null, "readOnly": null, "arn": "5", "nobody": false,
         "userAgent": "half a pair \u{fffd}\u{fffd}\u{fffd}", "requestParameters": "1e400", "managementEvent": false},
    ]);
    assert_eq!(Value::from(dir.query(sql)), expected);
}

#[test]
fn of_a_key_that_is_there_twice_the_last_counts() {
    let dir = dir();
    let text = r#"{"Records": [{"eventID": "first", "userIdentity": {"arn": "x", "type": "t"}, "userIdentity": {"arn": "y"}, "eventID": "last"}]}"#;
    write(&dir, &format!("{TRAIL}/a.json"), text.as_bytes());
    let rows =
        dir.query("SELECT eventID, userIdentity.arn AS arn, userIdentity.type AS type FROM trail");
    assert_eq!(
        Value::from(rows),
        json!([{"eventID": "last", "arn": "y", "type": null}])
    );
}

#[test]
fn bytes_that_are_no_utf_8_are_replaced() {
    let dir = dir();
    let mut text = br#"{"eventID": "a", "userAgent": "x?y"}"#.to_vec();
    let at = text.iter().position(|byte| *byte == b'?').unwrap();
    text[at] = 0xff;
    write(&dir, &format!("{TRAIL}/a.json"), &text);
    assert_eq!(
        dir.query("SELECT userAgent FROM trail")[0]["userAgent"],
        "x\u{fffd}y"
    );
}

#[test]
fn deep_nesting_is_text_like_any_other() {
    let dir = dir();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let text = format!(r#"{{"eventID": "a", "requestParameters": {deep}, "unknown": {deep}}}"#);
    write(&dir, &format!("{TRAIL}/a.json"), text.as_bytes());
    let rows = dir.query("SELECT eventID, length(requestParameters) AS long FROM trail");
    assert_eq!(
        Value::from(rows),
        json!([{"eventID": "a", "long": 200_000}])
    );
}

#[test]
fn a_record_of_50_mb_is_a_record() {
    let dir = dir();
    let long = "x".repeat(50 << 20);
    let text = format!(
        r#"{{"Records": [{{"eventID": "a", "requestParameters": "{long}"}}, {{"eventID": "b"}}]}}"#
    );
    write(&dir, &format!("{TRAIL}/a.json.gz"), &gzip(text.as_bytes()));
    let rows =
        dir.query("SELECT eventID, length(requestParameters) AS long FROM trail ORDER BY eventID");
    assert_eq!(
        Value::from(rows),
        json!([{"eventID": "a", "long": (50 << 20) + 2}, {"eventID": "b", "long": null}])
    );
}

/// Any JSON value of a few levels.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A record: an id, any name, any parameters, any other member before and after.
fn record() -> impl Strategy<Value = Value> {
    (value(), any::<Option<String>>(), value(), value()).prop_map(|(before, name, parameters, after)| {
        json!({"before": before, "eventID": "id", "eventName": name, "requestParameters": parameters, "after": after})
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_record_is_read_back_from_any_shape_in_any_pieces(
        records in prop::collection::vec(record(), 0..12),
        shape in 0..4_usize,
        pieces in prop::collection::vec(1..2000_usize, 0..6),
        packed: bool,
    ) {
        let lines = || records.iter().map(Value::to_string).collect::<Vec<_>>();
        let text = match shape {
            0 => json!({"x": 1, "Records": records, "y": {}}).to_string(),
            1 => serde_json::to_string_pretty(&json!({"Records": records})).unwrap(),
            2 => Value::from(records.clone()).to_string(),
            // A file without a byte is none: it is named.
            _ if records.is_empty() => "\n".to_owned(),
            _ => lines().join("\n"),
        };
        let mut bytes = text.as_bytes();
        let mut file = Vec::new();
        for piece in pieces {
            let (first, rest) = bytes.split_at(piece.min(bytes.len()));
            file.push(first);
            bytes = rest;
        }
        file.push(bytes);
        let file: Vec<u8> = file
            .into_iter()
            .flat_map(|piece| if packed { gzip(piece) } else { piece.to_vec() })
            .collect();
        let dir = dir();
        write(&dir, &format!("{TRAIL}/a.json"), &file);
        // A file without a record is a file all the same.
        write(&dir, &format!("{TRAIL}/b.json"), b"[]");
        let rows = dir.query("SELECT eventName, requestParameters FROM trail");
        let read: Vec<_> = rows
            .iter()
            .map(|row| {
                let parameters = row["requestParameters"].as_str().unwrap_or("null");
                (row["eventName"].clone(), serde_json::from_str::<Value>(parameters).unwrap())
            })
            .collect();
        let written: Vec<_> = records
            .iter()
            .map(|record| (record["eventName"].clone(), record["requestParameters"].clone()))
            .collect();
        prop_assert_eq!(read, written);
    }
}
