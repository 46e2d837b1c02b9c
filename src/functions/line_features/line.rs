//! One command line, read in one pass over its bytes and without copying it: its signs, and the bit of its form.

/// A way in which a line hides or fetches something: the bit of `signs`.
#[derive(Clone, Copy)]
pub(super) enum Sign {
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
pub(super) fn read(line: &[u8]) -> (i16, i64) {
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

pub(super) fn mixed(hash: u64, value: u64) -> u64 {
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

/// Bytes of the longest name of a user's folder: a code is longer.
const LONGEST_NAME: usize = LONG_CODE - 1;

/// The place after the folder that begins here: `\name` of `Users\name\Desktop`. A name may have spaces if such a slash ends it and
/// each is followed by a letter; else it ends with its first word, so that nothing can be hidden behind it.
fn after_folder(line: &[u8], at: usize) -> usize {
    let Some(slash @ (b'\\' | b'/')) = line.get(at) else {
        return at;
    };
    let name = &line[at + 1..];
    let is_of_name = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'_' | b'-' | b'$');
    let count = |is: &dyn Fn(u8) -> bool| name.iter().take_while(|byte| is(**byte)).count();
    let word = count(&is_of_name);
    if word > LONGEST_NAME {
        return at;
    }
    let whole = count(&|byte| byte == b' ' || is_of_name(byte));
    let is_closed = name.get(whole) == Some(slash) && whole <= LONGEST_NAME;
    let spaces = name[..whole].windows(2).filter(|pair| pair[0] == b' ');
    let mut after_spaces = spaces.map(|pair| pair[1]);
    let is_whole = is_closed
        && !name[..whole].ends_with(b" ")
        && after_spaces.all(|byte| is_word(byte) && !byte.is_ascii_digit());
    at + 1 + if is_whole { whole } else { word }
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
    fn nothing_is_hidden_behind_a_users_folder() {
        let code = "aB3/".repeat(10);
        for (rest, found) in [
            ("& powershell -w hidden -enc SQBGACgAJABQAFMAVgBlAHIA", 3),
            ("http://10.0.0.1/x", 8 | 16),
            ("10.0.0.1\\x", 16),
            (r"\\files01\share", 32),
            (&code, 4),
            (&format!(r"\{code}"), 4),
        ] {
            for folder in [
                r"cmd C:\Users\bob",
                r"cmd C:\Temp\bob",
                r"cmd C:\Users\bob\x",
            ] {
                assert_eq!(signs(&format!("{folder} {rest}")), found, "{folder} {rest}");
            }
        }
        assert_ne!(
            form(r"x C:\Users\bob & calc"),
            form(r"x C:\Users\bob & evil")
        );
        assert_eq!(
            form(r"x C:\Users\bob\a"),
            form(r"x C:\Users\Anna Maria Berg\a")
        );
        assert_eq!(form(r"x C:\Users\bob"), form(r"x C:\Users\eve"));
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

    fn form(line: &str) -> i64 {
        read(line.as_bytes()).1
    }
}
