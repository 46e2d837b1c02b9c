//! What the table of findings has that its receivers may not have yet.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Date32Type};
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, ident, lit};
use datafusion::prelude::SessionContext;
use deltalake::DeltaTable;
use sha2::{Digest, Sha256};

use super::chunk::{lines, slices};
use super::error::DeliveryError;
use super::shape::Activity;
use crate::feedback::SUPPRESSED_BY;
use crate::sinks::{DATE, FINDING_ID};
use crate::source::{AddedFile, Changes, UnknownChanges};
use crate::strict::cast;

/// Columns of a finding that say which run made it, and nothing of the finding.
const OF_THE_RUN: [&str; 2] = ["run_id", "as_of"];

/// From where on the table is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Since {
    /// The whole table: it was made after the sink.
    Beginning,
    /// The days that were written after this version. Where the log does not tell which: what was found after the sink
    /// was new.
    Version { version: i64, begun: DateTime<Utc> },
}

/// Findings as their table has them now.
pub(super) struct Findings {
    rows: RecordBatch,
    ids: Vec<String>,
    /// A digest of all that each says, but for the run that says it.
    content: HashMap<String, String>,
}

impl Findings {
    /// None: nothing was written.
    pub async fn since(
        ctx: &SessionContext,
        table: &DeltaTable,
        since: Since,
    ) -> Result<Option<Self>, DeliveryError> {
        let wanted = match since {
            Since::Beginning => None,
            Since::Version { version, begun } => match days_since(table, version).await {
                Ok(days) if days.as_ref().is_some_and(BTreeSet::is_empty) => return Ok(None),
                Ok(Some(days)) => Some(are_of(&days)),
                Ok(None) => None,
                Err(UnknownChanges::Log(error)) => return Err(error.into()),
                Err(unknown) => {
                    tracing::warn!(
                        "{unknown}: what was found since {begun} and was not sent yet is sent"
                    );
                    let begun = begun.timestamp_micros();
                    let begun = ScalarValue::TimestampMicrosecond(Some(begun), Some("UTC".into()));
                    Some(ident("as_of").gt_eq(lit(begun)))
                }
            },
        };
        table.update_datafusion_session(&ctx.state())?;
        let mut rows = ctx.read_table(table.table_provider().await?)?;
        if let Some(wanted) = wanted {
            rows = rows.filter(wanted)?;
        }
        // What somebody has allowed is in the table, and is no news.
        if rows
            .schema()
            .has_column_with_unqualified_name(SUPPRESSED_BY)
        {
            rows = rows.filter(ident(SUPPRESSED_BY).is_null())?;
        }
        let schema = Arc::clone(rows.schema().inner());
        let rows = concat_batches(&schema, &rows.collect().await?)?;
        Self::new(&rows).map(Some)
    }

    fn new(rows: &RecordBatch) -> Result<Self, DeliveryError> {
        let ids = rows.column(rows.schema().index_of(FINDING_ID)?);
        let ids = cast(&ids, &DataType::Utf8)?;
        // Files have no order of their own.
        let order = sort_to_indices(&ids, None, None)?;
        let rows = take_record_batch(rows, &order)?;
        let ids = arrow::compute::take(&ids, &order, None)?;
        let ids = ids.as_string::<i32>().iter().flatten().map(str::to_owned);
        let ids: Vec<_> = ids.collect();
        if ids.len() != rows.num_rows() {
            return Err(DeliveryError::Damaged {
                what: "a finding without an id".to_owned(),
            });
        }
        let content = ids.iter().cloned().zip(contents(&rows)?).collect();
        Ok(Self { rows, ids, content })
    }

    /// A digest of all that a finding says.
    pub fn content(&self, id: &str) -> Option<String> {
        self.content.get(id).cloned()
    }

    /// The findings that are new to a receiver, or say something else than it `knows`.
    pub fn new_to(
        &self,
        knows: Option<&HashMap<String, String>>,
    ) -> Result<(RecordBatch, Vec<Activity>), DeliveryError> {
        let activity = self
            .ids
            .iter()
            .map(|id| match knows.and_then(|knows| knows.get(id)) {
                None => Some(Activity::Create),
                Some(content) if self.content.get(id) == Some(content) => None,
                Some(_) => Some(Activity::Update),
            });
        let activity: Vec<_> = activity.collect();
        if activity.iter().all(Option::is_some) {
            return Ok((self.rows.clone(), activity.into_iter().flatten().collect()));
        }
        let is_new: BooleanArray = activity.iter().map(|one| Some(one.is_some())).collect();
        let rows = arrow::compute::filter_record_batch(&self.rows, &is_new)?;
        Ok((rows, activity.into_iter().flatten().collect()))
    }
}

/// The days of the files that came after a version; `None`: a file does not say of which it is.
async fn days_since(
    table: &DeltaTable,
    version: i64,
) -> Result<Option<BTreeSet<NaiveDate>>, UnknownChanges> {
    let latest = table.version().unwrap_or_default();
    let since = u64::try_from(version).unwrap_or_default();
    let log = table.log_store();
    let changes = Changes::between(log.as_ref(), since, latest).await?;
    let day = |file: &AddedFile| file.add.partition_values.get(DATE)?.as_ref()?.parse().ok();
    Ok(changes.added.iter().map(day).collect())
}

fn are_of(days: &BTreeSet<NaiveDate>) -> Expr {
    let days = days.iter().map(|day| {
        let day = Date32Type::from_naive_date(*day);
        lit(ScalarValue::Date32(Some(day)))
    });
    ident(DATE).in_list(days.collect(), false)
}

/// A digest of each row.
fn contents(rows: &RecordBatch) -> Result<Vec<String>, DeliveryError> {
    let schema = rows.schema();
    let own = schema.fields().iter().enumerate();
    let own = own.filter(|(_, field)| !OF_THE_RUN.contains(&field.name().as_str()));
    let own = rows.project(&own.map(|(place, _)| place).collect::<Vec<_>>())?;
    let mut contents = Vec::with_capacity(own.num_rows());
    for some in slices(&own) {
        let lines = lines(&some)?;
        let lines = lines.split(|byte| *byte == b'\n').take(some.num_rows());
        contents.extend(lines.map(|line| crate::hex(&Sha256::digest(line)[..8])));
    }
    Ok(contents)
}
