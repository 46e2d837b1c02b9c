//! What can be wrong with the parameters or the tables given to the forest.

use std::ffi::OsString;

/// Why a forest cannot be fitted or cannot score.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ForestError {
    /// A parameter lies outside its range, alone or for this table.
    #[error("`{parameter}` is {value}, but {allowed}")]
    Parameter {
        /// The name in `IsolationForestParams`.
        parameter: &'static str,
        /// The value as written.
        value: String,
        /// The rule it breaks, as the end of a sentence.
        allowed: String,
    },
    /// A table without rows or without columns.
    #[error("the table has no {what}, the forest needs at least one")]
    Empty {
        /// `rows` or `columns`.
        what: &'static str,
    },
    /// The names and the columns of a matrix do not pair up.
    #[error("{names} column names were given for {columns} columns")]
    NameCount {
        /// How many names.
        names: usize,
        /// How many columns.
        columns: usize,
    },
    /// A column shorter or longer than the first one.
    #[error("column `{column}` has {found} rows, but column `{first}` has {expected}")]
    ColumnLength {
        /// The column that differs.
        column: String,
        /// Its rows.
        found: usize,
        /// The first column, which sets the length.
        first: String,
        /// Its rows.
        expected: usize,
    },
    /// A table to score with more or fewer columns than the forest learned.
    #[error("the forest learned {expected} columns, but the table has {found}")]
    ColumnCount {
        /// Columns of the training table.
        expected: usize,
        /// Columns of this table.
        found: usize,
    },
    /// A table to score with the right number of columns but another name or order.
    #[error("column {position} is `{found}`, but the forest learned `{expected}` there")]
    ColumnName {
        /// Counted from 1.
        position: usize,
        /// The name in the training table.
        expected: String,
        /// The name in this table.
        found: String,
    },
    /// A NaN before an extended forest: a sum over columns without one of them says nothing.
    #[error(
        "column `{column}` has a missing value, for which an extended isolation forest has no rule"
    )]
    MissingValue {
        /// The first such column.
        column: String,
    },
    /// Instructions that were asked for by name, and that this machine does not have.
    #[error("CRANNOG_SIMD is {value:?}, but this machine scores by {}", available.join(", "))]
    InstructionSet {
        /// What the environment variable says.
        value: OsString,
        /// What it may say here.
        available: Vec<&'static str>,
    },
    /// Sample weights that no row can be drawn by.
    #[error("`sample_weight` {problem}")]
    SampleWeight {
        /// The rule it breaks, as the end of a sentence.
        problem: String,
    },
}

impl ForestError {
    /// What to do next, where there is more to say than the message does.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Parameter {
                parameter: "max_features",
                ..
            } => "1 means one column and 1.0 means all of them",
            Self::Parameter {
                parameter: "max_samples",
                ..
            } => "\"auto\" takes 256 rows a tree, or all of a smaller table",
            Self::MissingValue { .. } => {
                "give it a value, or use `kind = \"axis\"`, whose trees learn where missing values go"
            }
            Self::Empty { what: "rows" } => {
                "look at the filters and the time window of the training rows"
            }
            Self::ColumnCount { .. } | Self::ColumnName { .. } => {
                "score with the columns of the training table, in the same order"
            }
            Self::SampleWeight { .. } => {
                "give every row a finite weight of 0 or more, and enough rows a weight above 0"
            }
            Self::InstructionSet { .. } => "leave CRANNOG_SIMD unset for the fastest",
            _ => return None,
        };
        Some(hint.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_parameter_and_the_hint_says_what_to_write() {
        let error = ForestError::Parameter {
            parameter: "max_features",
            value: "5".into(),
            allowed: "the table has only 3 columns".into(),
        };
        assert_eq!(
            error.to_string(),
            "`max_features` is 5, but the table has only 3 columns"
        );
        assert_eq!(
            error.hint().as_deref(),
            Some("1 means one column and 1.0 means all of them")
        );
    }
}
