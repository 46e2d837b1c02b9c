//! Rows that are too large for a service: cut where they are longest, with a mark that says so.

use serde_json::{Map, Value};

/// What stands where something was cut off; with the words around it shorter than this.
const MARK: usize = 64;

/// A row of which no field is longer than `most` bytes, or `None` where none was.
pub(super) fn trim_fields(row: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut fields = fields(row)?;
    let mut is_trimmed = false;
    for value in fields.values_mut() {
        if size(value) > most {
            shorten(value, most);
            is_trimmed = true;
        }
    }
    is_trimmed.then(|| Value::Object(fields).to_string().into_bytes())
}

/// A row of at most `most` bytes, by cutting its longest field, and the next one where that is not enough; `None` where that
/// cannot be.
pub(super) fn trim_row(row: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut fields = fields(row)?;
    loop {
        let text = Value::Object(fields.clone()).to_string();
        let Some(excess) = text.len().checked_sub(most).filter(|excess| *excess > 0) else {
            return Some(text.into_bytes());
        };
        let longest = fields.values_mut().max_by_key(|value| size(value))?;
        let before = size(longest);
        shorten(longest, before.saturating_sub(excess));
        if size(longest) >= before {
            return None;
        }
    }
}

fn fields(row: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(row).ok()
}

/// The bytes of a value as JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text
            .len()
            .max(serde_json::to_string(text).map_or(0, |text| text.len())),
        value => value.to_string().len(),
    }
}

/// Cuts a value to about `most` bytes, and to the mark that says so at least.
fn shorten(value: &mut Value, most: usize) {
    let before = size(value);
    match value {
        Value::String(text) => {
            let mark = |cut: usize| format!("… ({cut} bytes cut)");
            let whole = text.len();
            let mut keep = most.saturating_sub(MARK).min(whole);
            loop {
                while !text.is_char_boundary(keep) {
                    keep -= 1;
                }
                let short = Value::String(format!("{}{}", &text[..keep], mark(whole - keep)));
                // What JSON escapes is longer than it looks.
                if size(&short) <= most || keep == 0 {
                    *value = short;
                    return;
                }
                keep = keep
                    .saturating_sub((size(&short) - most).max(1))
                    .min(keep / 2 + keep / 4);
            }
        }
        Value::Array(items) => {
            let whole = items.len();
            let mut held = 2 + MARK;
            let fits = items.iter().take_while(|item| {
                held += size(item) + 1;
                held <= most
            });
            let keep = fits.count();
            let rest = match items.get_mut(keep) {
                // One item that is too long by itself is shortened, not dropped.
                Some(item) if keep == 0 && most > 2 * MARK => {
                    shorten(item, most - MARK - 4);
                    items.truncate(1);
                    whole - 1
                }
                _ => {
                    items.truncate(keep);
                    whole - keep
                }
            };
            if rest > 0 {
                items.push(Value::String(format!("… ({rest} more)")));
            }
        }
        Value::Object(fields) => {
            while size(&Value::Object(fields.clone())) > most {
                let Some(longest) = fields.values_mut().max_by_key(|value| size(value)) else {
                    break;
                };
                let is = size(longest);
                shorten(longest, (is / 2).min(most / 2));
                if size(longest) >= is {
                    break;
                }
            }
            if size(value) >= before {
                *value = Value::String(format!("… ({before} bytes cut)"));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_longest_field_is_cut_and_says_how_much_is_missing() {
        let row = format!(
            r#"{{"Computer":"web-1","CommandLine":"{}"}}"#,
            "x".repeat(5_000)
        );
        let trimmed = trim_row(row.as_bytes(), 1_000).unwrap();
        assert!(trimmed.len() <= 1_000, "{}", trimmed.len());
        let value: Value = serde_json::from_slice(&trimmed).unwrap();
        assert_eq!(value["Computer"], "web-1");
        let line = value["CommandLine"].as_str().unwrap();
        let kept = line.find('…').unwrap();
        assert_eq!(line[kept..], format!("… ({} bytes cut)", 5_000 - kept));
    }

    #[test]
    fn of_a_long_list_the_first_items_stay() {
        let lines: Vec<_> = (0..1_000).map(|n| format!("cmd.exe /c {n}")).collect();
        let row = serde_json::json!({ "CommandLines": lines }).to_string();
        let trimmed = trim_fields(row.as_bytes(), 500).unwrap();
        let value: Value = serde_json::from_slice(&trimmed).unwrap();
        let items = value["CommandLines"].as_array().unwrap();
        assert_eq!(items[0], "cmd.exe /c 0");
        let rest = 1_000 - (items.len() - 1);
        assert_eq!(items.last().unwrap(), &format!("… ({rest} more)"));
    }

    #[test]
    fn what_is_short_enough_stays_as_it_is() {
        let row = br#"{"a":"short"}"#;
        assert_eq!(trim_fields(row, 100), None);
        assert_eq!(trim_row(row, 100).unwrap(), row);
    }

    #[test]
    fn a_row_of_nothing_but_numbers_cannot_be_cut() {
        assert_eq!(trim_row(br#"{"a":1234567890,"b":1234567890}"#, 10), None);
    }

    proptest! {
        #[test]
        fn whatever_the_text_what_comes_out_is_json_that_fits(
            text in r#"[a-z"\\\n\u{202e}é€😀\x00]{0,4000}"#,
            items in prop::collection::vec("[a-z\"\\\\]{0,300}", 0..40),
            most in 300_usize..3_000,
        ) {
            let row = serde_json::json!({ "text": text, "items": items, "inner": { "text": text } }).to_string();
            let trimmed = trim_row(row.as_bytes(), most).expect("texts can be cut");
            prop_assert!(trimmed.len() <= most, "{} of {most}", trimmed.len());
            prop_assert!(serde_json::from_slice::<Value>(&trimmed).is_ok());
            if let Some(trimmed) = trim_fields(row.as_bytes(), most) {
                let value: Map<String, Value> = serde_json::from_slice(&trimmed).unwrap();
                for value in value.values() {
                    prop_assert!(size(value) <= most, "{} of {most}", size(value));
                }
            }
        }
    }
}
