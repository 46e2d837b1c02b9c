//! What the engine says of SQL that does not fit: file, line, what is wrong, and what may have been meant.
//!
//! Where the engine gives its error only as a sentence, the names are taken out of the sentence.

use std::path::Path;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

use crate::display::without_layers;
use crate::error::Error;
use crate::job::parser_words;
use crate::nearest::did_you_mean;

/// The error about the SQL of `file`, planned in `ctx`.
pub(crate) fn misfit(ctx: &SessionContext, file: &Path, error: &DataFusionError) -> Error {
    let mut line = error
        .diagnostic()
        .and_then(|diagnostic| diagnostic.span)
        .map(|span| span.start.line);
    let (message, hint) = match error.find_root() {
        DataFusionError::SchemaError(schema_error, _) => match schema_error.as_ref() {
            SchemaError::FieldNotFound {
                field,
                valid_fields,
            } => {
                let known = valid_fields.iter().map(|column| column.name.as_str());
                let hint = did_you_mean(&field.name, known.collect::<Vec<_>>());
                (format!("there is no column `{}` here", field.name), hint)
            }
            other => (other.to_string(), None),
        },
        DataFusionError::SQL(parser_error, _) => {
            let (at, message) = parser_words(&parser_error.to_string());
            line = at;
            (message, None)
        }
        root => sentence(ctx, &root.strip_backtrace()),
    };
    Error::Plan {
        file: file.to_owned(),
        line,
        message,
        hint,
    }
}

fn sentence(ctx: &SessionContext, text: &str) -> (String, Option<String>) {
    if let Some(name) = between(text, "table '", "' not found") {
        let name = name.rsplit('.').next().unwrap_or(name);
        let hint = did_you_mean(name, tables(ctx).iter().map(String::as_str));
        return (format!("there is no table `{name}` here"), hint);
    }
    if let Some(name) = between(text, "Field ", " not found in struct") {
        return (format!("there is no field `{name}` in this struct"), None);
    }
    if let Some(name) = between(text, "Invalid function '", "'") {
        let hint =
            between(text, "Did you mean '", "'").map(|meant| format!("did you mean `{meant}`?"));
        return (format!("there is no function `{name}`"), hint);
    }
    if let Some(call) = between(
        text,
        "No function matches the given name and argument types '",
        "'",
    ) {
        let others = text
            .split_once("Candidate functions:")
            .map(|(_, others)| others.trim().replace("\n\t", ", "));
        return (
            format!("there is no function `{call}`"),
            others.map(|others| format!("there is {others}; cast the argument")),
        );
    }
    if let Some(column) = between(text, "column \"", "\" must appear in the GROUP BY clause") {
        let hint = format!("add `{column}` to GROUP BY, or write for example max({column})");
        return (
            format!("`{column}` is neither grouped by nor part of an aggregate"),
            Some(hint),
        );
    }
    (without_layers(text), None)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// The tables that SQL can name now.
fn tables(ctx: &SessionContext) -> Vec<String> {
    let schemas = ctx
        .catalog_names()
        .into_iter()
        .filter_map(|name| ctx.catalog(&name)?.schema("public"));
    let mut names: Vec<_> = schemas.flat_map(|schema| schema.table_names()).collect();
    names.sort_unstable();
    names
}
