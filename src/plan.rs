//! What a run would do, told without doing it: what it reads, what it computes, by which plan, and what it replaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use serde::Serialize;

use crate::error::Result;
use crate::job::{Interval, Job, SqlFile};
use crate::run::prepare;
use crate::session;
use crate::sinks::Target;
use crate::source::SourceSummary;

pub use crate::incremental::KeptPlan;

/// What a run would do.
#[derive(Debug, Serialize)]
pub struct RunPlan {
    /// The job's name.
    pub job: String,
    /// The times it would learn from and report on.
    #[serde(flatten)]
    pub interval: Interval,
    /// What it would read.
    pub sources: Vec<SourceSummary>,
    /// The steps that are kept, and which days of them it would compute.
    pub kept: Vec<KeptPlan>,
    /// The SQL, in the order in which it would run.
    pub steps: Vec<StepPlan>,
    /// The tables whose findings it would replace, from `detect_start` to before `detect_end`.
    pub sinks: Vec<Target>,
    /// Who would be sent what is new in the first of them.
    pub receivers: Vec<String>,
}

/// A SQL file as it would run.
#[derive(Debug, Serialize)]
pub struct StepPlan {
    /// What later files call its rows.
    pub step: String,
    /// The file.
    pub file: String,
    /// Its text with the values of its parameters.
    pub sql: String,
    /// The plan of DataFusion. Steps that are computed before it are tables in memory here, without rows.
    pub plan: String,
    /// Files that it would open, after the conditions of the SQL have left some out.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Whether it is a part of the plan of the step that reads it.
    pub is_part_of_its_reader: bool,
}

/// Plans a run as of an instant. Of files that changed under a step that is kept the time column is read, and nothing else.
pub async fn plan(job: &Job, as_of: DateTime<Utc>) -> Result<RunPlan> {
    let interval = job.window.at(as_of);
    let parameters: BTreeMap<_, _> = session::parameters(job, &interval).into_iter().collect();
    let mut steps = Vec::new();
    let prepared = prepare(job, as_of, None, |file, is_view, plan| {
        steps.push(step(file, is_view, plan, &parameters));
    })
    .await?;
    Ok(RunPlan {
        job: job.name.clone(),
        interval,
        kept: prepared.pipeline.due().await?,
        sources: prepared.sources,
        steps,
        sinks: prepared.sinks.iter().map(|sink| sink.target()).collect(),
        receivers: job
            .receivers
            .iter()
            .map(|receiver| receiver.name.clone())
            .collect(),
    })
}

fn step(
    file: &SqlFile,
    is_view: bool,
    plan: &Arc<dyn ExecutionPlan>,
    parameters: &BTreeMap<String, ScalarValue>,
) -> StepPlan {
    let mut files = BTreeMap::new();
    files_of(plan, &mut files);
    StepPlan {
        step: file.name.clone(),
        file: file.path.display().to_string(),
        sql: bound(&file.text, parameters),
        plan: displayable(plan.as_ref()).indent(false).to_string(),
        files: files.len(),
        bytes: files.values().sum(),
        is_part_of_its_reader: is_view,
    }
}

/// The files that a plan opens, each with its bytes.
fn files_of(plan: &Arc<dyn ExecutionPlan>, files: &mut BTreeMap<String, u64>) {
    let source = plan.downcast_ref::<DataSourceExec>();
    let scan = source.and_then(|source| source.data_source().downcast_ref::<FileScanConfig>());
    for file in scan
        .iter()
        .flat_map(|scan| &scan.file_groups)
        .flat_map(|group| group.iter())
    {
        let meta = &file.object_meta;
        files.insert(meta.location.to_string(), meta.size);
    }
    for child in plan.children() {
        files_of(child, files);
    }
}

/// SQL with values in the place of its parameters, as it can be asked again: a run binds them, and pastes nothing.
fn bound(sql: &str, parameters: &BTreeMap<String, ScalarValue>) -> String {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize() else {
        return sql.to_owned(); // it was parsed when the job was loaded
    };
    let text = tokens.iter().map(|token| match token {
        Token::Placeholder(name) => match parameters.get(name.trim_start_matches('$')) {
            Some(value) => literal(value),
            None => name.clone(),
        },
        token => token.to_string(),
    });
    text.collect::<String>().trim_end().to_owned()
}

fn literal(value: &ScalarValue) -> String {
    match value {
        ScalarValue::Utf8(Some(text)) => format!("'{}'", text.replace('\'', "''")),
        ScalarValue::TimestampMicrosecond(Some(micros), Some(zone)) => {
            let instant = DateTime::from_timestamp_micros(*micros).unwrap_or_default();
            let instant = instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
            format!("arrow_cast('{instant}', 'Timestamp(Microsecond, Some(\"{zone}\"))')")
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_values_and_nothing_else_changes() {
        let day = ScalarValue::TimestampMicrosecond(Some(0), Some("+05:30".into()));
        let parameters = BTreeMap::from([
            ("start".to_owned(), day),
            ("name".to_owned(), ScalarValue::from("o'hara")),
            ("flag".to_owned(), ScalarValue::from(true)),
        ]);
        let sql = "-- $name\nSELECT '$name', \"a b\"  FROM t -- x\nWHERE t >= $start AND n = $name OR $flag\n";
        assert_eq!(
            bound(sql, &parameters),
            "-- $name\nSELECT '$name', \"a b\"  FROM t -- x\nWHERE t >= arrow_cast('1970-01-01T00:00:00Z', 'Timestamp(Microsecond, Some(\"+05:30\"))') AND n = 'o''hara' OR true"
        );
    }
}
