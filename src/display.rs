//! Words from the data, made safe to show: they are attackers' words.

use arrow::datatypes::DataType;

/// The text without anything that could move a terminal's cursor, colour it, or turn its direction, and without what XML
/// does not allow.
pub fn plain(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let hidden = c.is_control() || is_format(c) || is_noncharacter(c);
            let escaped = hidden.then(|| c.escape_unicode());
            let shown = (!hidden).then_some(c);
            escaped.into_iter().flatten().chain(shown)
        })
        .collect()
}

/// Names of layers that a cause has come through, which tell a person nothing.
const LAYERS: [&str; 17] = [
    "Arrow error: ",
    "DataFusion error: ",
    "Error during planning: ",
    "Error interacting with object store: ",
    "Execution error: ",
    "External error: ",
    "External: ",
    "Failed to parse parquet: ",
    "Failed to read delta log object: ",
    "Generic LocalFileSystem error: ",
    "Generic delta kernel error: ",
    "Generic error: ",
    "Kernel error: ",
    "Object Store error: ",
    "Parquet error: ",
    "SQL error: ",
    "Unsupported: ",
];

/// The engine's words without the names of its layers, stack traces, advice to report bugs, and line ends.
pub fn without_layers(text: &str) -> String {
    let text = text.split("\n   0: ").next().unwrap_or_default();
    let text = LAYERS
        .iter()
        .fold(text.to_owned(), |text, layer| text.replace(layer, ""));
    let text = text
        .split("This issue was likely caused by a bug")
        .next()
        .unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Unicode's invisible characters that change how their neighbours are shown.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Code points that never are characters; XML allows most of them, but no `U+FFFE` and `U+FFFF`.
fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
}

/// So many letters of the text; where there are more, an ellipsis says so.
pub(crate) fn start_of(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A type as SQL would say it.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "text".to_owned(),
        DataType::Timestamp(_, Some(zone)) => format!("timestamp ({zone})"),
        DataType::List(_) | DataType::LargeList(_) | DataType::ListView(_) => "a list".to_owned(),
        DataType::Timestamp(_, None) => "timestamp without time zone".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_without_the_layers_that_it_came_through() {
        let text = "Parquet error: External: Generic LocalFileSystem error: Unable to open file a.parquet:\n No such file";
        assert_eq!(
            without_layers(text),
            "Unable to open file a.parquet: No such file"
        );
        assert_eq!(
            without_layers("Kernel error: Json error: cut off\n   0: kernel::poll\n   1: main"),
            "Json error: cut off"
        );
    }

    #[test]
    fn escapes_and_direction_marks_are_spelt_out() {
        assert_eq!(
            plain("cmd \u{1b}[31mred\u{202e}fdp.exe"),
            "cmd \\u{1b}[31mred\\u{202e}fdp.exe"
        );
        assert_eq!(plain("café данные 日本"), "café данные 日本");
    }

    #[test]
    fn what_is_plain_is_allowed_in_xml() {
        // Char of XML 1.0, 2.2.
        let is_char = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        let all: String = ('\0'..=char::MAX).collect();
        assert!(plain(&all).chars().all(is_char));
        assert_eq!(
            plain("a\u{fffe}b\u{ffff}\u{fffd}\u{1}"),
            "a\\u{fffe}b\\u{ffff}\u{fffd}\\u{1}"
        );
    }
}
