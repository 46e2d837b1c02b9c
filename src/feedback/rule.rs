//! A rule that allows: rows of some scope are known to be harmless, by somebody's word and until a day.

use std::collections::BTreeMap;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::DataType;
use chrono::{DateTime, NaiveDate, Utc};
use glob::Pattern;
use serde::Deserialize;

use super::FeedbackError;
use super::table::{Rows, instant};
use crate::job::Zone;
use crate::strict::cast;

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it is called.
    pub name: String,
    /// Why it is there.
    pub reason: String,
    /// Who says so.
    pub author: String,
    /// From when on it says nothing; never where that is not said.
    pub expires: Option<DateTime<Utc>>,
    /// A pattern for each column that it looks at.
    scope: BTreeMap<String, Pattern>,
}

/// A file of rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    rules: BTreeMap<String, Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    reason: String,
    author: String,
    expires: Option<toml::value::Datetime>,
    scope: BTreeMap<String, String>,
}

impl Rule {
    /// The rules of a TOML file.
    pub(super) fn from_toml(zone: &Zone, text: &str) -> Result<Vec<Self>, FeedbackError> {
        let document: Document = toml::from_str(text).map_err(Box::new)?;
        let rule = |(name, written): (String, Written)| {
            let expires = written.expires.map(|expires| expires.to_string());
            Self::try_new(
                zone,
                name,
                written.reason,
                written.author,
                expires,
                written.scope,
            )
        };
        document.rules.into_iter().map(rule).collect()
    }

    /// The rules of a table: `rule`, `reason`, `author`, `expires`, and the columns that they look at. An empty value or NULL
    /// is no pattern.
    pub(super) fn from_rows(zone: &Zone, rows: &Rows) -> Result<Vec<Self>, FeedbackError> {
        const OWN: [&str; 4] = ["rule", "reason", "author", "expires"];
        for column in ["rule", "reason", "author"] {
            rows.column(column)
                .ok_or(FeedbackError::NoColumn { column })?;
        }
        let rule = |row: usize| {
            let text = |column| rows.value(column, row).unwrap_or_default().to_owned();
            let scope = rows.names().filter(|name| !OWN.contains(name));
            let scope =
                scope.filter_map(|name| Some((name.to_owned(), rows.value(name, row)?.to_owned())));
            let expires = rows.value("expires", row).map(str::to_owned);
            Self::try_new(
                zone,
                text("rule"),
                text("reason"),
                text("author"),
                expires,
                scope.collect(),
            )
        };
        let rules: Vec<Self> = (0..rows.len()).map(rule).collect::<Result<_, _>>()?;
        let twice = rules
            .iter()
            .enumerate()
            .find(|(place, rule)| rules[..*place].iter().any(|other| other.name == rule.name));
        match twice {
            None => Ok(rules),
            Some((_, rule)) => Err(FeedbackError::Row {
                name: format!("rule `{}`", rule.name),
                problem: "there are two of this name".to_owned(),
            }),
        }
    }

    fn try_new(
        zone: &Zone,
        name: String,
        reason: String,
        author: String,
        expires: Option<String>,
        scope: BTreeMap<String, String>,
    ) -> Result<Self, FeedbackError> {
        let wrong = |problem: String| FeedbackError::Row {
            name: format!("rule `{name}`"),
            problem,
        };
        if [&name, &reason, &author]
            .iter()
            .any(|text| text.trim().is_empty())
        {
            return Err(wrong("it needs a name, a reason and an author".to_owned()));
        }
        if scope
            .values()
            .all(|pattern| pattern.chars().all(|letter| letter == '*'))
        {
            return Err(wrong(
                "its scope is everything: name what it allows".to_owned(),
            ));
        }
        let expires = expires.map(|text| {
            expiry(zone, &text).ok_or_else(|| {
                wrong(format!(
                    "`{text}` is no day to expire on, such as 2027-03-31"
                ))
            })
        });
        let pattern = |(column, text): (String, String)| match Pattern::new(&text) {
            Ok(pattern) => Ok((column, pattern)),
            Err(error) => Err(wrong(format!(
                "`{text}` is no pattern for `{column}`: {error}"
            ))),
        };
        Ok(Self {
            expires: expires.transpose()?,
            scope: scope.into_iter().map(pattern).collect::<Result<_, _>>()?,
            name,
            reason,
            author,
        })
    }

    /// Whether it still says something.
    pub fn is_expired(&self, as_of: DateTime<Utc>) -> bool {
        self.expires.is_some_and(|expires| expires <= as_of)
    }

    /// The columns that it looks at.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.scope.keys().map(String::as_str)
    }

    /// What a finding says that is suppressed by it.
    pub(super) fn says(&self) -> String {
        format!("{}: {} ({})", self.name, self.reason, self.author)
    }

    /// Which rows are in its scope: those whose every value fits its pattern; NULL fits none.
    pub(super) fn matches(&self, rows: &RecordBatch) -> Result<BooleanArray, FeedbackError> {
        let mut fits = vec![true; rows.num_rows()];
        for (column, pattern) in &self.scope {
            let values = rows.column_by_name(column);
            let values = values.expect("the columns were looked at when the SQL was planned");
            let texts = cast(values, &DataType::Utf8)?;
            for (fits, text) in fits.iter_mut().zip(texts.as_string::<i32>()) {
                *fits = *fits && text.is_some_and(|text| pattern.matches(text));
            }
        }
        Ok(BooleanArray::from(fits))
    }
}

/// The instant from which on a rule says nothing: the end of the day that is written, on the job's clock, or the time.
fn expiry(zone: &Zone, text: &str) -> Option<DateTime<Utc>> {
    match text.parse::<NaiveDate>() {
        Ok(day) => Some(zone.start_of(day.succ_opt()?)),
        Err(_) => instant(zone, text),
    }
}
