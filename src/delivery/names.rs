//! Names of columns as a table of Log Analytics may have them: a letter first, 45 letters, digits and `_` at most.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};

const LONGEST: usize = 45;
/// Names that the Logs Ingestion API keeps for itself.
pub(super) const RESERVED: &[&str] = &[
    "_ResourceId",
    "id",
    "_SubscriptionId",
    "TenantId",
    "Type",
    "UniqueId",
    "Title",
];
/// Names that the HTTP Data Collector API keeps for itself.
pub(super) const RESERVED_LEGACY: &[&str] = &["tenant", "TimeGenerated", "RawData"];

/// The rows with names that may be: `userIdentity.arn` is `userIdentity_arn`.
///
/// # Errors
/// What is wrong with a name that cannot be mended so.
pub(super) fn renamed(
    rows: &RecordBatch,
    except: &str,
    reserved: &[&str],
) -> Result<RecordBatch, String> {
    let mut taken = BTreeSet::new();
    let schema = rows.schema();
    let fields = schema.fields().iter().map(|field| {
        let name = field.name();
        if name == except {
            return Ok(Arc::clone(field));
        }
        let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let is_letter = plain.starts_with(|c: char| c.is_ascii_alphabetic());
        let is_reserved = reserved.iter().any(|name| name.eq_ignore_ascii_case(&plain));
        if !is_letter || is_reserved || plain.len() > LONGEST {
            return Err(format!(
                "a table of Log Analytics has no column `{name}` (a letter first, 45 letters, digits and `_` at most, and not one of its own names): call it otherwise in a shape of your own"
            ));
        }
        if !taken.insert(plain.to_ascii_lowercase()) {
            return Err(format!("a table of Log Analytics has two columns `{plain}`: call one otherwise in a shape of your own"));
        }
        Ok(Arc::new(Field::clone(field).with_name(plain)))
    });
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    let schema = Arc::new(Schema::new(fields));
    RecordBatch::try_new(schema, rows.columns().to_vec()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use arrow::array::new_empty_array;
    use arrow::datatypes::DataType;

    use super::*;

    fn names(names: &[&str]) -> Result<Vec<String>, String> {
        let fields = names
            .iter()
            .map(|name| Field::new(*name, DataType::Utf8, true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let columns = names.iter().map(|_| new_empty_array(&DataType::Utf8));
        let rows = RecordBatch::try_new(schema, columns.collect()).unwrap();
        let renamed = renamed(&rows, "_finding_id", RESERVED)?;
        let schema = renamed.schema();
        Ok(schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect())
    }

    #[test]
    fn what_may_not_be_in_a_name_is_an_underscore() {
        assert_eq!(
            names(&["_finding_id", "userIdentity.arn", "count"]).unwrap(),
            ["_finding_id", "userIdentity_arn", "count"]
        );
    }

    #[test]
    fn names_that_cannot_be_mended_are_told() {
        for (given, told) in [
            (&["a.b", "a_b"][..], "two columns `a_b`"),
            (&["title"], "no column `title`"),
            (&["1st"], "no column `1st`"),
            (
                &["a_name_of_more_than_forty_five_letters_altogether"],
                "no column",
            ),
        ] {
            let error = names(given).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
