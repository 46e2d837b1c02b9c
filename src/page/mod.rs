//! The page of a run: one HTML file that a person opens, with all that it needs inside.
//!
//! It is made of the run's report and its findings alone, so that the same run has the same page, now or later. The words
//! in it are attackers': they are [`crate::display::plain`], the template escapes them, and a Content-Security-Policy
//! lets nothing run or load but the page's own style and script, by their hashes.

mod findings;
mod room;
mod words;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use indicatif::HumanCount;
use sha2::{Digest, Sha256};

use crate::cells::{Cell, cells};
use crate::chart::{Chart, ChartError, Counts, HeatMap, Histogram};
use crate::display::{plain, start_of};
use crate::error::Result;
use crate::job::Job;
use crate::output_file::{Made, OutputFile};
use crate::report::RunReport;
use crate::strict::cast;
use findings::Findings;
use words::{Fact, Facts};

pub(crate) const STYLE: &str = include_str!("../../templates/page.css");
const SCRIPT: &str = include_str!("../../templates/page.js");

/// The charts of the findings, as files are named for them.
const COUNT_BY: &str = "count_by";
const HEAT_MAP: &str = "heat_map";

/// Letters of a name in a chart.
const MOST_LETTERS_OF_A_NAME: usize = 1_000;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The findings could not be put in words.
    #[error("the findings cannot be shown")]
    Findings(#[from] ArrowError),
    /// A chart could not be drawn.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// The page could not be put together.
    #[error("the page cannot be put together")]
    Template(#[from] askama::Error),
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    version: &'static str,
    policy: String,
    style: &'a str,
    script: &'a str,
    job: &'a Job,
    report: &'a RunReport,
    as_of: String,
    found: String,
    shown: String,
    cut: String,
    /// Where all findings are, whole.
    place: String,
    headline: Vec<Fact>,
    /// At least one: a run without a judged row is an error.
    charts: Vec<Chart>,
    findings: Findings,
    sources: Facts,
    model: Vec<Fact>,
    scaler: Option<Facts>,
    stages: Facts,
    run: Vec<Fact>,
}

/// Where the job's page goes, if it wants one.
///
/// # Errors
/// No page can be written there.
pub fn file(job: &Job) -> Result<Option<OutputFile>> {
    let (Some(path), Some(shown)) = (job.report.page()?, &job.report.html) else {
        return Ok(None);
    };
    OutputFile::open(Made::Page, path, shown.to_string()).map(Some)
}

/// The page, as HTML.
pub fn html(job: &Job, report: &RunReport) -> Result<String, PageError> {
    let charts = named_charts(job, report)?
        .into_iter()
        .map(|(_, chart)| chart);
    let model = &report.isolation_forest;
    let histogram = Histogram {
        counts: &model.score_histogram,
        threshold: model.threshold,
        n_anomalies: model.n_anomalies as u64,
    };
    let findings = Findings::new(job, report)?;
    let page = Page {
        version: env!("CARGO_PKG_VERSION"),
        policy: policy(),
        style: STYLE,
        script: SCRIPT,
        job,
        report,
        as_of: words::time(job, report.interval.as_of),
        found: HumanCount(report.findings as u64).to_string(),
        shown: HumanCount(findings.rows.len() as u64).to_string(),
        cut: HumanCount(findings.cut as u64).to_string(),
        place: words::place(report),
        headline: words::headline(job, report),
        charts: charts.chain(histogram.chart()?).collect(),
        findings,
        sources: words::sources(report),
        model: words::model(report),
        scaler: words::scaler(report),
        stages: words::stages(report),
        run: words::run(job, report),
    };
    Ok(page.render()?)
}

/// The names of the charts that a run of this job can have.
pub fn chart_names(job: &Job) -> Vec<&'static str> {
    let count_by = job.report.count_by.as_ref().map(|_| COUNT_BY);
    count_by.into_iter().chain([HEAT_MAP]).collect()
}

/// The charts of the findings that the job asks for, each with the name of a file for it. Those of no findings are none.
pub fn named_charts(
    job: &Job,
    report: &RunReport,
) -> Result<Vec<(&'static str, Chart)>, PageError> {
    let Some(first) = report.rows.first() else {
        return Ok(Vec::new());
    };
    let rows = concat_batches(&first.schema(), &report.rows)?;
    let mut charts = Vec::new();
    if let Some(by) = &job.report.count_by {
        let chart = Counts::of(&plain(by), names(&rows, by)?).chart()?;
        charts.extend(chart.map(|chart| (COUNT_BY, chart)));
    }
    let times = times(&rows, &job.window.time_column)?;
    let (interval, zone) = (&report.interval, &job.window.timezone);
    let heat_map = match &job.report.heat_map_by {
        Some(by) => HeatMap::by_value(&plain(by), &names(&rows, by)?, &times, interval, zone),
        None => HeatMap::by_hour(&times, interval, zone),
    };
    charts.extend(heat_map.chart()?.map(|chart| (HEAT_MAP, chart)));
    Ok(charts)
}

/// What may run and load: the style and the script of this page, and nothing else from anywhere.
fn policy() -> String {
    format!("{}; script-src 'sha256-{}'", style_policy(), hash(SCRIPT))
}

/// The same of a page without a script.
pub(crate) fn style_policy() -> String {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE)
    )
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}

fn column<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    let missing = || ArrowError::SchemaError(format!("the findings have no column `{name}`"));
    rows.column_by_name(name).ok_or_else(missing)
}

/// The values of a column as names on an axis and in the table below it: the longest lose their ends.
fn names(rows: &RecordBatch, name: &str) -> Result<Vec<String>, ArrowError> {
    let cells = cells(column(rows, name)?)?;
    let name = |cell: &Cell| start_of(&cell.to_string(), MOST_LETTERS_OF_A_NAME);
    Ok(cells.iter().map(name).collect())
}

fn times(rows: &RecordBatch, name: &str) -> Result<Vec<DateTime<Utc>>, ArrowError> {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let times = cast(column(rows, name)?, &instant)?;
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let time = |micros| DateTime::from_timestamp_micros(micros);
    Ok(times.iter().flatten().filter_map(time).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_and_the_script_end_only_where_the_page_ends_them() {
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</"));
    }

    #[test]
    fn the_policy_names_the_hashes_of_what_is_in_the_page() {
        assert!(policy().starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!policy().contains("unsafe"));
    }
}
