//! What a run did, in words and figures.

use chrono::{DateTime, Utc};
use indicatif::{HumanBytes, HumanCount};

use crate::display::plain;
use crate::job::Job;
use crate::report::RunReport;
use crate::sinks::Receipt;

/// A name and what is said of it.
pub(super) struct Fact {
    pub name: String,
    pub value: String,
    /// Smaller, below it.
    pub more: String,
}

/// Several things of one kind: a table.
pub(super) struct Facts {
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

fn fact(name: &str, value: String, more: String) -> Fact {
    Fact {
        name: name.to_owned(),
        value,
        more,
    }
}

/// What the clock of the job's time zone shows.
pub(super) fn time(job: &Job, instant: DateTime<Utc>) -> String {
    let zone = &job.window.timezone;
    format!("{} {}", zone.local(instant).format("%F %R"), zone.name())
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.2} s")
}

/// The figures that come first.
pub(super) fn headline(job: &Job, report: &RunReport) -> Vec<Fact> {
    let model = &report.isolation_forest;
    let zone = &job.window.timezone;
    let local = |instant| zone.local(instant).format("%F %R").to_string();
    let share = 100.0 * model.n_anomalies as f64 / model.n_samples.max(1) as f64;
    let interval = &report.interval;
    vec![
        fact(
            "Findings",
            HumanCount(report.findings as u64).to_string(),
            "in the window".to_owned(),
        ),
        fact(
            "Rows judged",
            HumanCount(model.n_samples as u64).to_string(),
            match model.duplicate_rows {
                0 => "in all that was learnt from".to_owned(),
                1 => "1 more has the keys of another: left out".to_owned(),
                n => format!(
                    "{} more have the keys of others: left out",
                    HumanCount(n as u64)
                ),
            },
        ),
        fact(
            "Anomalies",
            HumanCount(model.n_anomalies as u64).to_string(),
            format!("{share:.1} % of the rows judged"),
        ),
        fact(
            "Threshold",
            format!("{:.4}", model.threshold),
            format!("highest anomaly_score {:.4}", model.max_anomaly_score),
        ),
        fact(
            "Window",
            local(interval.detect_start),
            format!("to {} {}", local(interval.detect_end), zone.name()),
        ),
        fact(
            "Took",
            seconds(report.seconds),
            match report.peak_memory_bytes {
                Some(bytes) => format!("{} of memory at most", HumanBytes(bytes)),
                None => String::new(),
            },
        ),
    ]
}

/// What was read.
pub(super) fn sources(report: &RunReport) -> Facts {
    let row = |source: &crate::source::SourceSummary| {
        vec![
            source.name.clone(),
            plain(&source.location),
            source.version.clone(),
            HumanCount(source.files as u64).to_string(),
            HumanBytes(source.bytes).to_string(),
            HumanCount(source.skipped.files().len() as u64).to_string(),
        ]
    };
    Facts {
        head: vec![
            "source",
            "location",
            "version",
            "files",
            "size",
            "not read to the end",
        ],
        rows: report.sources.iter().map(row).collect(),
    }
}

/// How long each stage took, and what it read.
pub(super) fn stages(report: &RunReport) -> Facts {
    let row = |stage: &crate::progress::Stage| {
        let bytes = match stage.bytes {
            0 => String::new(),
            bytes => HumanBytes(bytes).to_string(),
        };
        vec![
            stage.name.clone(),
            HumanCount(stage.rows).to_string(),
            bytes,
            seconds(stage.seconds),
            seconds(stage.cpu_seconds),
        ]
    };
    Facts {
        head: vec!["stage", "rows", "read", "time", "processor time"],
        rows: report.stages.iter().map(row).collect(),
    }
}

/// What the scaler took off each feature and divided it by, where the job scales.
pub(super) fn scaler(report: &RunReport) -> Option<Facts> {
    let model = &report.isolation_forest;
    let scaler = model.standard_scaler.as_ref()?;
    let columns = model.features.iter().zip(&scaler.mean).zip(&scaler.scale);
    let row = |((feature, mean), scale): ((&String, &Option<f64>), &Option<f64>)| {
        vec![plain(feature), number(*mean), number(*scale)]
    };
    Some(Facts {
        head: vec!["feature", "mean", "scale"],
        rows: columns.map(row).collect(),
    })
}

/// Six digits, of a large number all before its point.
fn number(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "none".to_owned();
    };
    let before_the_point = match value {
        0.0 => 1,
        value => value.abs().log10().floor() as i32 + 1,
    };
    let text = format!("{value:.*}", (6 - before_the_point).clamp(0, 12) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The forest's parameters as the job says them, and what it saw.
pub(super) fn model(report: &RunReport) -> Vec<Fact> {
    let model = &report.isolation_forest;
    let params = serde_json::to_value(&model.params).unwrap_or_default();
    let params = params.as_object().cloned().unwrap_or_default();
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    let params = params
        .into_iter()
        .map(|(name, value)| fact(&name, text(value), String::new()));
    params
        .chain([fact("features", model.features.join(", "), String::new())])
        .collect()
}

/// The table that has all findings, whole.
pub(super) fn place(report: &RunReport) -> String {
    match report.sinks.first() {
        Some(sink) => place_of(sink),
        None => "the table of findings".to_owned(),
    }
}

fn place_of(sink: &Receipt) -> String {
    format!("{}, version {}", plain(&sink.location), sink.version)
}

/// Which run this was, and where its findings are.
pub(super) fn run(job: &Job, report: &RunReport) -> Vec<Fact> {
    let interval = &report.interval;
    let mut facts = vec![
        fact("run_id", report.run_id.clone(), String::new()),
        fact("as_of", time(job, interval.as_of), String::new()),
        match (&report.model, job.window.train) {
            (Some(run), _) => fact("learnt by", format!("run {}", plain(run)), String::new()),
            (None, crate::job::Train::All) => {
                fact("learnt from", "all there is".to_owned(), String::new())
            }
            (None, crate::job::Train::Last(_)) => {
                let start = time(job, interval.train_start);
                fact("learnt from", start, String::new())
            }
        },
        fact("job_digest", report.job_digest.clone(), String::new()),
    ];
    for sink in &report.sinks {
        facts.push(fact("written to", place_of(sink), String::new()));
    }
    facts.push(fact("crannog", report.version.clone(), String::new()));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_six_digits_and_no_zeros_at_its_end() {
        let texts = [
            0.0,
            1.0,
            -0.25,
            12.345_678_9,
            1_774_000_123.4,
            0.000_012_345_67,
        ]
        .map(|value| number(Some(value)));
        assert_eq!(
            texts,
            ["0", "1", "-0.25", "12.3457", "1774000123", "0.0000123457"]
        );
        assert_eq!(number(None), "none");
    }
}
