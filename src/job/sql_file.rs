//! One SQL file, one `SELECT`, one name: the file's.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use datafusion::sql::sqlparser::ast::{Query, Statement, visit_relations};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::error::JobError;
use super::place::Place;

/// A step of the pipeline: a query, read from a file, whose result goes by the file's name.
#[derive(Clone, Debug)]
pub struct SqlFile {
    /// The file.
    pub path: PathBuf,
    /// The file's name without `.sql`: what later files call the result.
    pub name: String,
    /// The text.
    pub text: String,
    /// How often the text reads each table.
    pub reads: BTreeMap<String, usize>,
    /// The names in it, of columns, tables and functions.
    pub words: BTreeSet<String>,
    /// The functions that it calls, in small letters as the engine takes them.
    pub calls: BTreeSet<String>,
    /// The `$parameters` it uses, without the `$`, each with the line of its first use.
    pub parameters: BTreeMap<String, u64>,
}

impl SqlFile {
    /// Reads and parses the file that the job names at `place`.
    pub fn load(path: &Path, place: &Place) -> Result<Self, JobError> {
        let text = std::fs::read_to_string(path).map_err(|source| JobError::Read {
            path: path.to_owned(),
            place: Some(place.clone()),
            source,
        })?;
        Self::parse(path, text)
    }

    /// What its first comment says, up to the first full stop; its name where it has none.
    pub fn title(&self) -> String {
        let comment = self
            .text
            .lines()
            .map_while(|line| line.strip_prefix("--"))
            .map(str::trim);
        let comment = comment.collect::<Vec<_>>().join(" ");
        let named = format!("{}.sql:", self.name);
        let title = comment.trim_start_matches(&named).trim();
        match title
            .split_once(". ")
            .map_or(title, |(first, _)| first)
            .trim_end_matches('.')
        {
            "" => self.name.clone(),
            title => title.to_owned(),
        }
    }

    fn parse(path: &Path, text: String) -> Result<Self, JobError> {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let wrong = |line: Option<u64>, message: String| JobError::Sql {
            file: path.to_owned(),
            line,
            message,
        };
        let dialect = GenericDialect {};
        let tokens = Tokenizer::new(&dialect, &text)
            .tokenize_with_location()
            .map_err(|error| wrong(Some(error.location.line), error.message))?;
        let (mut parameters, mut words) = (BTreeMap::new(), BTreeSet::new());
        let calls = calls(&tokens);
        for token in &tokens {
            if let Token::Word(word) = &token.token {
                words.insert(word.value.clone());
            }
            if let Token::Placeholder(placeholder) = &token.token {
                let name = placeholder.trim_start_matches('$').to_owned();
                parameters.entry(name).or_insert(token.span.start.line);
            }
        }
        let statements = Parser::new(&dialect)
            .with_tokens_with_locations(tokens)
            .parse_statements()
            .map_err(|error| {
                let (line, message) = parser_words(&error.to_string());
                wrong(line, message)
            })?;
        let query = match statements.as_slice() {
            [Statement::Query(query)] => query,
            [] => {
                return Err(wrong(
                    None,
                    "there is no query in it; it should hold one SELECT".to_owned(),
                ));
            }
            [_] => {
                return Err(wrong(
                    None,
                    "it is not a query; it should hold one SELECT".to_owned(),
                ));
            }
            _ => {
                return Err(wrong(
                    None,
                    "it holds several statements; it should hold one SELECT".to_owned(),
                ));
            }
        };
        let reads = count_reads(query);
        Ok(Self {
            path: path.to_owned(),
            name,
            text,
            reads,
            words,
            calls,
            parameters,
        })
    }
}

/// The words that an opening bracket follows.
fn calls(tokens: &[TokenWithSpan]) -> BTreeSet<String> {
    let mut tokens = tokens.iter().map(|token| &token.token);
    let tokens: Vec<_> = tokens
        .by_ref()
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .collect();
    let call = |pair: &[&Token]| match pair {
        [Token::Word(word), Token::LParen] => Some(word.value.to_lowercase()),
        _ => None,
    };
    tokens.windows(2).filter_map(call).collect()
}

/// How often a query reads each table. A WITH part is computed for each of its uses, and so are its own reads; the names
/// of WITH parts count too and do no harm.
fn count_reads(query: &Query) -> BTreeMap<String, usize> {
    let mut reads = names(query);
    let parts = query.with.iter().flat_map(|with| &with.cte_tables);
    for part in parts.rev() {
        let uses = reads.get(&part.alias.name.value).copied().unwrap_or(0);
        for (name, count) in names(&part.query) {
            *reads.entry(name).or_default() += count * uses.saturating_sub(1);
        }
    }
    reads
}

/// How often each name of a table stands in a query.
fn names(query: &Query) -> BTreeMap<String, usize> {
    let mut reads = BTreeMap::new();
    let _: ControlFlow<()> = visit_relations(query, |relation| {
        let name = relation
            .0
            .last()
            .map(|part| part.to_string().trim_matches('"').to_owned());
        *reads.entry(name.unwrap_or_default()).or_default() += 1;
        ControlFlow::Continue(())
    });
    reads
}

/// The line, and what is wrong, of a parser's "sql parser error: ... at Line: 3, Column: 5".
pub(crate) fn parser_words(text: &str) -> (Option<u64>, String) {
    let message = text.trim_start_matches("sql parser error: ");
    (
        line_in(message),
        message
            .split(" at Line:")
            .next()
            .unwrap_or(message)
            .to_owned(),
    )
}

/// The line in a parser's "... at Line: 3, Column: 5".
fn line_in(message: &str) -> Option<u64> {
    let (_, after) = message.rsplit_once("Line: ")?;
    after
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SqlFile, JobError> {
        SqlFile::parse(Path::new("sql/step.sql"), text.to_owned())
    }

    #[test]
    fn a_file_is_named_for_itself_and_knows_what_it_reads() {
        let file =
            parse("SELECT a FROM g JOIN h ON g.a = h.a WHERE g.a IN (SELECT a FROM g)").unwrap();
        assert_eq!(file.name, "step");
        assert_eq!(
            file.reads,
            BTreeMap::from([("g".to_owned(), 2), ("h".to_owned(), 1)])
        );
    }

    #[test]
    fn a_with_part_that_is_used_twice_reads_twice() {
        let file =
            parse("WITH w AS (SELECT a FROM g) SELECT x.a FROM w AS x JOIN w AS y ON x.a = y.a")
                .unwrap();
        assert_eq!(file.reads["g"], 2);
    }

    #[test]
    fn parameters_are_found_with_their_lines_but_not_in_text_or_comments() {
        let file =
            parse("-- $no\nSELECT '$no' AS a\nFROM t\nWHERE x >= $as_of AND y < $as_of").unwrap();
        assert_eq!(file.parameters, BTreeMap::from([("as_of".to_owned(), 4)]));
    }

    #[test]
    fn anything_but_one_select_is_refused() {
        for text in ["", "DROP TABLE t", "SELECT 1 AS a; SELECT 2 AS b"] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("it should hold one SELECT"), "{error}");
        }
    }

    #[test]
    fn a_syntax_error_names_file_and_line() {
        let error = parse("SELECT a\nFRM t\nWHERE x = 1")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("sql/step.sql:2: "), "{error}");
    }
}
