//! `line_features(line)`: what the form of a command line tells, in one pass over its bytes and without copying it.
//!
//! A struct of three numbers that SQL gathers over many lines, by `max` and `bit_or`:
//!
//! - `length`: bytes.
//! - `signs`: a set of bits, the ways in which a line hides or fetches something: see [`Sign`].
//! - `form`: one bit of 64 (of a signed number, which a Delta table can hold), chosen by a hash of the line without what changes from one start to the next. Lines that differ in
//!   case, in numbers and codes, or in the name of the user's folder have the same form. Over many lines the bits are a set
//!   of forms of fixed size: 64 rare forms and 64,000 take the same room, and a program whose lines are always new has soon
//!   all bits, so that one more is no news.
//!
//! NULL is a line of no bytes. A byte above 127 is a letter: other alphabets are not odd.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int16Array, Int32Array, Int64Array, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

pub(super) fn line_features_udf() -> ScalarUDF {
    ScalarUDF::from(LineFeatures {
        signature: Signature::string(1, Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LineFeatures {
    signature: Signature,
}

impl ScalarUDFImpl for LineFeatures {
    fn name(&self) -> &str {
        "line_features"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(fields()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [lines] = &args.args[..] else {
            return exec_err!("line_features takes one text");
        };
        let lines = lines.to_array(args.number_rows)?;
        let columns = match lines.data_type() {
            DataType::Utf8View => columns(lines.as_string_view().iter()),
            DataType::Utf8 => columns(lines.as_string::<i32>().iter()),
            _ => columns(cast(&lines, &DataType::Utf8View)?.as_string_view().iter()),
        };
        let features = StructArray::try_new(fields(), columns, None)?;
        Ok(ColumnarValue::Array(Arc::new(features)))
    }
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("length", DataType::Int32, false),
        Field::new("signs", DataType::Int16, false),
        Field::new("form", DataType::Int64, false),
    ])
}

fn columns<'a>(lines: impl ExactSizeIterator<Item = Option<&'a str>>) -> Vec<ArrayRef> {
    let (mut lengths, mut signs, mut forms) = (
        Vec::with_capacity(lines.len()),
        Vec::with_capacity(lines.len()),
        Vec::with_capacity(lines.len()),
    );
    // Lines repeat: of a few thousand that follow each other, a third or less are new.
    let mut seen: Vec<(&[u8], i16, u64)> = vec![(&[], 0, read(&[]).1); SEEN];
    for line in lines {
        let line = line.unwrap_or_default().as_bytes();
        let known = &mut seen[place(line)];
        if known.0 != line {
            let (signs, form) = read(line);
            *known = (line, signs, form);
        }
        lengths.push(i32::try_from(line.len()).unwrap_or(i32::MAX));
        signs.push(known.1);
        forms.push(known.2.cast_signed());
    }
    vec![
        Arc::new(Int32Array::from(lengths)),
        Arc::new(Int16Array::from(signs)),
        Arc::new(Int64Array::from(forms)),
    ]
}

/// Lines of a batch that are remembered.
const SEEN: usize = 1 << 12;

/// Where a line is remembered: by its length and four samples of eight bytes.
fn place(line: &[u8]) -> usize {
    let mut hash = line.len() as u64;
    if let Some(last) = line.len().checked_sub(8) {
        for start in [last / 4, last / 2, last / 4 * 3, last] {
            if let Some((sample, _)) = line[start..].split_first_chunk() {
                hash = mixed(hash, u64::from_le_bytes(*sample));
            }
        }
    } else {
        for byte in line {
            hash = mixed(hash, u64::from(*byte));
        }
    }
    (mixed(hash, 0) >> 52) as usize
}

/// A way in which a line hides or fetches something: the bit of `signs`.
#[derive(Clone, Copy)]
enum Sign {
    /// PowerShell's `-EncodedCommand`, in any of its short forms, and text that may be encoded.
    EncodedCommand = 1,
    /// PowerShell's `-WindowStyle Hidden`, in any of its short forms (`-w 1`).
    HiddenWindow = 2,
    /// 40 or more of the characters of base64 in a row, with capitals, small letters and digits among them.
    LongCode = 4,
    /// `://` after a letter.
    Url = 8,
    /// Four numbers of 0 to 255, with dots between them.
    Address = 16,
    /// A path on another host: `\\host\`.
    Share = 32,
}

/// The characters of base64 in a row that are long for a name.
const LONG_CODE: usize = 40;
/// The characters of base64 in a row that `-e` may have after it to be `-EncodedCommand`.
const ENCODED: usize = 16;

/// The signs of a line and its form.
fn read(line: &[u8]) -> (i16, u64) {
    let (mut signs, mut hash, mut at, mut code) = (0, 0_u64, 0, 0);
    while at < line.len() {
        let start = at;
        let (mut word, mut digits) = (0_u64, 0);
        while let Some(byte) = line.get(at) {
            let letter = WORD[usize::from(*byte)];
            if letter == 0 {
                break;
            }
            word = word.rotate_left(5) ^ u64::from(letter);
            digits += usize::from(letter <= b'9');
            at += 1;
        }
        if at > start {
            hash = mixed(hash, if digits > 0 { u64::from(b'0') } else { word });
            if digits == at - start && digits <= 3 && is_address(line, start) {
                signs |= Sign::Address as i16;
            }
            if at - start == 5 && line[start..at].eq_ignore_ascii_case(b"users") {
                at = after_folder(line, at);
                code = at;
            }
        }
        let Some(&mark) = line.get(at) else { break };
        hash = mixed(hash, u64::from(mark));
        match mark {
            b':' if line[at..].starts_with(b"://") && at > start => signs |= Sign::Url as i16,
            b'\\' if begins(line, at) && is_share(&line[at..]) => signs |= Sign::Share as i16,
            b'-' | b'/' if begins(line, at) => signs |= flag(&line[at + 1..]),
            _ => {}
        }
        if !matches!(mark, b'+' | b'/' | b'=') {
            signs |= long_code(&line[code..at]);
            code = at + 1;
        }
        at += 1;
    }
    signs |= long_code(&line[code.min(line.len())..]);
    (signs, 1 << (mixed(hash, 0) >> 58))
}

fn mixed(hash: u64, value: u64) -> u64 {
    (hash ^ value)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .rotate_left(29)
}

/// Letters, small, and digits; 0 for the bytes between words.
const WORD: [u8; 256] = {
    let mut word = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if is_word(byte as u8) {
            word[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    word
};

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 128
}

fn is_code(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Whether an argument begins here: nothing, a space, a quote or `=` is before it.
fn begins(line: &[u8], at: usize) -> bool {
    at == 0
        || matches!(
            line[at - 1],
            b' ' | b'\t' | b'"' | b'\'' | b'=' | b'>' | b','
        )
}

fn is_share(rest: &[u8]) -> bool {
    rest.get(1) == Some(&b'\\') && rest.get(2).is_some_and(|&byte| is_word(byte))
}

/// The place after the folder that begins here: `\name` of `Users\name\Desktop`.
fn after_folder(line: &[u8], at: usize) -> usize {
    if !matches!(line.get(at), Some(b'\\' | b'/')) {
        return at;
    }
    let name = line[at + 1..].iter();
    let ends = |byte: &u8| matches!(byte, b'\\' | b'/' | b'"' | b'\'');
    at + 1 + name.take_while(|byte| !ends(byte)).count()
}

/// Whether the number that begins here is the first of an IPv4 address.
fn is_address(line: &[u8], start: usize) -> bool {
    if start > 0 && line[start - 1] == b'.' {
        return false;
    }
    let end = line[start..].iter();
    let end = end.take_while(|byte| is_word(**byte) || **byte == b'.');
    let text = &line[start..start + end.count()];
    text.len() <= 16
        && text.split(|byte| *byte == b'.').count() == 4
        && text.split(|byte| *byte == b'.').all(|number| {
            let number = std::str::from_utf8(number).ok();
            number.is_some_and(|number| number.parse::<u8>().is_ok())
        })
}

/// The sign of the argument whose name begins here, after `-` or `/`.
fn flag(rest: &[u8]) -> i16 {
    let (name, value) = split_word(rest);
    let value = value.trim_ascii_start();
    if value.len() == rest.len() - name.len() {
        return 0;
    }
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    let (word, _) = split_word(value);
    if is_short_for(name, b"encodedcommand") || name.eq_ignore_ascii_case(b"ec") {
        let code = value.iter().take_while(|byte| is_code(**byte)).count();
        if code >= ENCODED && is_mixed(&value[..code]) {
            return Sign::EncodedCommand as i16;
        }
    }
    if is_short_for(name, b"windowstyle") && (is_short_for(word, b"hidden") || word == b"1") {
        return Sign::HiddenWindow as i16;
    }
    0
}

fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| is_word(**byte)).count())
}

fn is_short_for(word: &[u8], whole: &[u8]) -> bool {
    !word.is_empty()
        && whole
            .get(..word.len())
            .is_some_and(|beginning| word.eq_ignore_ascii_case(beginning))
}

fn long_code(code: &[u8]) -> i16 {
    let long = code.len() >= LONG_CODE
        && is_mixed(code)
        && code.iter().any(u8::is_ascii_digit)
        && code.iter().all(|byte| is_code(*byte));
    if long { Sign::LongCode as i16 } else { 0 }
}

fn is_mixed(code: &[u8]) -> bool {
    code.iter().any(u8::is_ascii_uppercase) && code.iter().any(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use arrow::array::{LargeStringArray, StringArray, StringViewArray};
    use arrow::datatypes::{Int16Type, Int32Type, Int64Type};
    use datafusion::config::ConfigOptions;

    use super::*;

    #[test]
    fn lines_that_differ_in_numbers_case_and_the_users_folder_have_one_form() {
        let lines = [
            r#"app.exe --port 80 "C:\Users\anna\a1b2.tmp""#,
            r#"APP.EXE --Port 443 "c:\users\Jörg Müller\77.TMP""#,
        ];
        assert_eq!(form(lines[0]), form(lines[1]));
        assert_eq!(form(lines[0]).count_ones(), 1);
        assert_ne!(form(lines[0]), form("app.exe --port 80"));
        assert_ne!(form("reg query a"), form("reg add a"));
    }

    #[test]
    fn forms_spread_over_all_64_bits() {
        let letters = || "abcdefghijklmnopqrstuvwxyz".chars();
        let words = letters().flat_map(|a| letters().map(move |b| format!("app {a}{b}")));
        let forms = words.fold(0, |forms, line| forms | form(&line));
        assert!(forms.count_ones() >= 60, "{}", forms.count_ones());
    }

    #[test]
    fn an_encoded_command_is_known_by_any_short_form_of_its_flag() {
        let code = "SQBGACgAJABQAFMAVgBlAHIA"; // 24 characters
        for flag in ["-e", "-En", "-enc", "/EncodedCommand", "-ec"] {
            assert_eq!(signs(&format!("powershell {flag} {code}")), 1, "{flag}");
            assert_eq!(
                signs(&format!("powershell {flag}  \"{code}\"")),
                1,
                "{flag}"
            );
        }
        for line in [
            format!("powershell -{code}"),         // no flag
            format!("powershell -encode {code}s"), // a prefix is enough, so this is one
            format!("powershell -end {code}"),     // no prefix
            format!("xcopy a b /e {}", &code[..15]),
            "xcopy a b /e averylongfoldername".to_owned(),
        ] {
            let expected = i16::from(line.contains("-encode "));
            assert_eq!(signs(&line), expected, "{line}");
        }
    }

    #[test]
    fn a_hidden_window_is_known_by_any_short_form() {
        for line in [
            "p -w hidden -c x",
            "p -W h",
            "p -WindowStyle Hidden",
            "p -w 1 x",
        ] {
            assert_eq!(signs(line), 2, "{line}");
        }
        for line in [
            "ping -w 1000 a",
            "p -w high",
            "p -windowed 1",
            "p -w",
            "p -x hidden",
        ] {
            assert_eq!(signs(line), 0, "{line}");
        }
    }

    #[test]
    fn a_long_code_has_capitals_small_letters_and_digits() {
        let code = "aB3/".repeat(10);
        assert_eq!(signs(&format!("x {code}==")), 4);
        assert_eq!(signs(&format!("x '{code}' y")), 4);
        assert_eq!(signs(&format!("x {}", &code[..39])), 0);
        assert_eq!(signs(&"ab3/".repeat(20)), 0); // a path
        assert_eq!(signs(&"0123456789abcdef".repeat(4)), 0); // a digest
    }

    #[test]
    fn addresses_are_four_numbers_of_a_byte() {
        for line in [
            "ping 10.0.0.1",
            "curl http:10.0.0.1:80/x",
            "x --to=192.168.1.255",
        ] {
            assert_eq!(signs(line) & 16, 16, "{line}");
        }
        for line in [
            "x 10.0.19041.1",
            "x 1.2.3",
            "x 1.2.3.4.5",
            "v1.2.3.4",
            "1.2.3.256",
            "1.2.3.4a",
        ] {
            assert_eq!(signs(line), 0, "{line}");
        }
    }

    #[test]
    fn urls_and_other_hosts_have_their_signs() {
        assert_eq!(signs("start https://example.com/a"), 8);
        assert_eq!(signs("x ://a"), 0);
        assert_eq!(signs(r"copy a \\files01\share"), 32);
        assert_eq!(signs(r#"copy "\\files01\share" 1> b"#), 32);
        assert_eq!(signs(r"\??\C:\Windows\system32\conhost.exe 0x4"), 0);
        assert_eq!(signs(r"C:\a\\b"), 0);
    }

    #[test]
    fn every_kind_of_text_is_read_and_null_is_a_line_of_no_bytes() {
        let lines = [Some("ping 10.0.0.1"), None, Some(""), Some("é🏝\u{0}")];
        let kinds: [ArrayRef; 3] = [
            Arc::new(StringArray::from(lines.to_vec())),
            Arc::new(StringViewArray::from(lines.to_vec())),
            Arc::new(LargeStringArray::from(lines.to_vec())),
        ];
        for kind in kinds {
            let features = call(kind);
            let lengths = features.column(0).as_primitive::<Int32Type>();
            assert_eq!(lengths.values()[..], [13, 0, 0, 7]);
            let signs = features.column(1).as_primitive::<Int16Type>();
            assert_eq!(signs.values()[..], [16, 0, 0, 0]);
            let forms = features.column(2).as_primitive::<Int64Type>();
            assert_eq!(forms.value(1), forms.value(2));
            assert_eq!(forms.null_count(), 0);
        }
    }

    #[test]
    fn hostile_lines_are_read_in_a_moment() {
        let parts = [
            "-e ", "1.1.", r"\\", "users/", "://", "-w 1", "A", "é", "\"", " /",
        ];
        for part in parts {
            let line = part.repeat(1 << 20);
            assert_eq!(read(line.as_bytes()).1.count_ones(), 1, "{part}");
        }
    }

    fn signs(line: &str) -> i16 {
        read(line.as_bytes()).0
    }

    fn form(line: &str) -> u64 {
        read(line.as_bytes()).1
    }

    fn call(lines: ArrayRef) -> StructArray {
        let rows = lines.len();
        let udf = line_features_udf();
        let args = ScalarFunctionArgs {
            arg_fields: vec![Arc::new(Field::new("f", lines.data_type().clone(), true))],
            return_field: Arc::new(Field::new("f", udf.return_type(&[]).unwrap(), true)),
            args: vec![ColumnarValue::Array(lines)],
            number_rows: rows,
            config_options: Arc::new(ConfigOptions::default()),
        };
        let features = udf.invoke_with_args(args).unwrap().into_array(rows);
        features.unwrap().as_struct().clone()
    }
}
