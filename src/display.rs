//! Words from the data, made safe to show: they are attackers' words.

use arrow::datatypes::DataType;

/// The text without anything that could move a terminal's cursor, colour it, or turn its direction.
pub fn plain(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let hidden = c.is_control() || is_format(c);
            let escaped = hidden.then(|| c.escape_unicode());
            let shown = (!hidden).then_some(c);
            escaped.into_iter().flatten().chain(shown)
        })
        .collect()
}

/// Unicode's invisible characters that change how their neighbours are shown.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A type as SQL would say it.
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "text".to_owned(),
        DataType::Timestamp(_, Some(zone)) => format!("timestamp ({zone})"),
        DataType::Timestamp(_, None) => "timestamp without time zone".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_direction_marks_are_spelt_out() {
        assert_eq!(plain("cmd \u{1b}[31mred\u{202e}fdp.exe"), "cmd \\u{1b}[31mred\\u{202e}fdp.exe");
        assert_eq!(plain("café данные 日本"), "café данные 日本");
    }
}
