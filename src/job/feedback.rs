//! Where people's words about findings are: rules that allow, and labels.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::DeltaTarget;
use super::check::Written;
use super::error::JobError;
use super::template::Template;

/// What people have said.
#[derive(Clone, Debug, Default)]
pub struct Feedback {
    /// The `[allow]` table: rules by which findings are suppressed.
    pub allow: Option<FeedbackTable>,
    /// The `[labels]` table: findings that somebody has looked at.
    pub labels: Option<FeedbackTable>,
}

/// A small table.
#[derive(Clone, Debug)]
pub struct FeedbackTable {
    /// Where it is.
    pub target: DeltaTarget,
    /// How it is stored.
    pub format: FeedbackFormat,
}

/// How it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedbackFormat {
    /// A TOML file of `[rules.NAME]` tables.
    Toml,
    /// A CSV file with a header.
    Csv,
    /// A Delta table.
    Delta,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedbackSpec {
    location: Template,
    format: Option<FeedbackFormat>,
    #[serde(default)]
    options: BTreeMap<String, Template>,
}

impl Written<'_> {
    pub(super) fn feedback(
        &self,
        allow: Option<FeedbackSpec>,
        labels: Option<FeedbackSpec>,
    ) -> Result<Feedback, JobError> {
        let labels = labels
            .map(|spec| self.feedback_table("labels", spec))
            .transpose()?;
        if labels
            .as_ref()
            .is_some_and(|labels| labels.format == FeedbackFormat::Toml)
        {
            return Err(self.wrong("labels", "labels are a Delta table or a CSV file"));
        }
        Ok(Feedback {
            allow: allow
                .map(|spec| self.feedback_table("allow", spec))
                .transpose()?,
            labels,
        })
    }

    fn feedback_table(&self, key: &str, spec: FeedbackSpec) -> Result<FeedbackTable, JobError> {
        let written = spec.location.as_written();
        let by_name = || match written.rsplit_once('.') {
            Some((_, "toml")) => FeedbackFormat::Toml,
            Some((_, "csv")) => FeedbackFormat::Csv,
            _ => FeedbackFormat::Delta,
        };
        let format = spec.format.unwrap_or_else(by_name);
        if format != FeedbackFormat::Delta && written.contains("://") {
            let message = "a file of this kind is on this machine: write a path, or keep a Delta table in the store";
            return Err(self.wrong(&format!("{key}.location"), message));
        }
        Ok(FeedbackTable {
            target: DeltaTarget {
                location: self.location(spec.location, &format!("{key}.location")),
                options: spec.options,
            },
            format,
        })
    }
}
