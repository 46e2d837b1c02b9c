//! Columns with dots in their names, as fields: `userIdentity.arn` is the field `arn` of a column `userIdentity`.
//!
//! A flat table and a table of nested records then look alike, and SQL says `userIdentity.arn` of both. The engine sees
//! through the struct: a field of it is the column that it was made of, so only that column is read and filtered.

use datafusion::functions::core::expr_fn::named_struct;
use datafusion::logical_expr::{Expr, lit};

/// A column: the parts of its name, and its values.
type Column<'a> = (Vec<&'a str>, Expr);

/// Whether any of these names is to become a field.
pub(super) fn has_fields<'a>(names: impl IntoIterator<Item = &'a str>) -> bool {
    names.into_iter().any(|name| parts(name).len() > 1)
}

/// One expression for each column of the table, in the order of their first fields.
///
/// Names that cannot all be fields stay as they are: `a` beside `a.b`, or a part without a letter, as in `a..b`.
pub(super) fn nest<'a>(columns: impl IntoIterator<Item = (&'a str, Expr)>) -> Vec<Expr> {
    let columns = columns
        .into_iter()
        .map(|(name, values)| (parts(name), values));
    let mut nested = Vec::new();
    for (name, members) in by_first_part(columns.collect()) {
        match column(&members) {
            Some(column) => nested.push(named(column, name)),
            None => nested.extend(members.into_iter().map(|(rest, values)| {
                let name: Vec<_> = std::iter::once(name).chain(rest).collect();
                named(values, &name.join("."))
            })),
        }
    }
    nested
}

/// A column of the table keeps its own name: with another one in front of it the engine would know it by two.
pub(super) fn named(values: Expr, name: &str) -> Expr {
    match &values {
        Expr::Column(column) if column.name == name => values,
        _ => values.alias(name),
    }
}

fn parts(name: &str) -> Vec<&str> {
    let parts: Vec<_> = name.split('.').collect();
    if parts.contains(&"") {
        vec![name]
    } else {
        parts
    }
}

/// The columns whose names begin alike, each without that first part, in the order in which they come.
fn by_first_part(columns: Vec<Column<'_>>) -> Vec<(&str, Vec<Column<'_>>)> {
    let mut groups: Vec<(&str, Vec<Column<'_>>)> = Vec::new();
    for (mut parts, values) in columns {
        let first = parts.remove(0);
        match groups.iter_mut().find(|(name, _)| *name == first) {
            Some((_, members)) => members.push((parts, values)),
            None => groups.push((first, vec![(parts, values)])),
        }
    }
    groups
}

/// One column, or a struct of what is below it; `None` if it would have to be both.
fn column(members: &[Column<'_>]) -> Option<Expr> {
    if let [(rest, values)] = members
        && rest.is_empty()
    {
        return Some(values.clone());
    }
    if members.iter().any(|(rest, _)| rest.is_empty()) {
        return None;
    }
    let mut fields = Vec::new();
    for (name, members) in by_first_part(members.to_vec()) {
        fields.extend([lit(name), column(&members)?]);
    }
    Some(named_struct(fields))
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::ident;

    use super::*;

    fn nested(names: &[&str]) -> Vec<String> {
        let columns = names.iter().map(|name| (*name, ident(*name)));
        nest(columns).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_dot_makes_a_field_and_fields_of_one_name_one_struct() {
        assert_eq!(
            nested(&["id", "user.arn", "time", "user.type"]),
            [
                "id",
                "named_struct(Utf8(\"arn\"), user.arn, Utf8(\"type\"), user.type) AS user",
                "time",
            ]
        );
        assert_eq!(
            nested(&["a.b.c", "a.b.d"]),
            [
                "named_struct(Utf8(\"b\"), named_struct(Utf8(\"c\"), a.b.c, Utf8(\"d\"), a.b.d)) AS a"
            ]
        );
    }

    #[test]
    fn a_name_that_would_be_a_column_and_a_struct_stays_as_it_is() {
        for names in [["a", "a.b"], ["a.b", "a.b.c"], ["a..b", ".a"]] {
            assert_eq!(nested(&names), names);
        }
        assert!(has_fields(["a", "a.b"]) && !has_fields(["a", "a..b"]));
    }
}
