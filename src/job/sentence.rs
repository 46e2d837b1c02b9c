//! A sentence of a job file, with places for the values of a row: "`{Process}` ran on {hosts} hosts".

/// Words, and the names of columns between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Sentence {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Words(String),
    Column(String),
}

impl Sentence {
    /// Reads a sentence; `{{` and `}}` are braces. The error is what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut words = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            words.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                words.push_str(brace);
                rest = after;
                continue;
            }
            let name = match rest.split_once('}') {
                Some((name, after)) if brace == "{" && !name.is_empty() && !name.contains('{') => {
                    rest = after;
                    name
                }
                _ => {
                    return Err(format!(
                        "`{brace}` stands alone: a column is written {{Process}}, a brace {{{{ or }}}}"
                    ));
                }
            };
            parts.push(Part::Words(std::mem::take(&mut words)));
            parts.push(Part::Column(name.to_owned()));
        }
        words.push_str(rest);
        parts.push(Part::Words(words));
        Ok(Self { parts })
    }

    /// The columns that it names.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Column(name) => Some(name.as_str()),
            Part::Words(_) => None,
        })
    }

    /// The sentence with a value for each column that it names.
    pub fn fill<E>(&self, value: impl Fn(&str) -> Result<String, E>) -> Result<String, E> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Words(words) => text.push_str(words),
                Part::Column(name) => text.push_str(&value(name)?),
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_filled_and_double_braces_are_braces() {
        let sentence = Sentence::parse("{Process} ran on {n} of {hosts} hosts {{{n}}}").unwrap();
        assert_eq!(
            sentence.columns().collect::<Vec<_>>(),
            ["Process", "n", "hosts", "n"]
        );
        let filled = sentence.fill(|name| Ok::<_, ()>(format!("<{name}>")));
        assert_eq!(
            filled.unwrap(),
            "<Process> ran on <n> of <hosts> hosts {<n>}"
        );
        assert_eq!(Sentence::parse("plain").unwrap().columns().count(), 0);
    }

    #[test]
    fn a_brace_that_stands_alone_is_told() {
        for wrong in ["a { b", "a } b", "{}", "{a{b}}", "{a"] {
            let message = Sentence::parse(wrong).unwrap_err();
            assert!(message.contains("stands alone"), "{wrong}: {message}");
        }
    }
}
