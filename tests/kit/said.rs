//! What the program said, and how it ended.

use std::process::Command;

/// Exit code, stdout and stderr of a command.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// Runs the command to its end.
    pub fn by(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// It ended well and had nothing to complain of.
    #[track_caller]
    pub fn succeeds(&self) -> &Self {
        assert!(
            self.code == 0 && self.stderr.is_empty(),
            "it should have gone well:\n{self:#?}"
        );
        self
    }

    /// It ended with this code, printed no result, and said this on stderr; `[..]` stands for anything in a line.
    #[track_caller]
    pub fn fails(&self, code: i32, stderr: &str) -> &Self {
        let expected: Vec<_> = stderr.trim().lines().map(str::trim).collect();
        let said: Vec<_> = self.stderr.lines().map(str::trim).collect();
        let same = expected.len() == said.len()
            && expected
                .iter()
                .zip(&said)
                .all(|(line, said)| fits(line, said));
        assert!(
            self.code == code && self.stdout.is_empty() && same,
            "expected code {code} and:\n{}\nbut code {} came with:\n{}\n{}",
            expected.join("\n"),
            self.code,
            said.join("\n"),
            self.stdout,
        );
        self
    }
}

/// Whether the parts of `pattern` between `[..]` stand in the line in their order.
fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut open = false;
    for part in parts {
        open = part.is_empty();
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    open || rest.is_empty()
}
