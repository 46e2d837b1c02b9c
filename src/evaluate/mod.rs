//! How good a job's ranking is, where it is known which rows are attacks: beside other jobs, beside the rarity of one column, and
//! beside chance.
//!
//! The SQL before the model runs once, as in a run; then a forest is grown for each seed, as in a run, and ranks all judged
//! rows. Nothing is written: no table, no model, no row of the table of runs, and steps that are kept are computed whole.

mod curves;
mod error;
mod evaluation;
mod judge;
mod label_table;
pub mod metrics;
mod page;
mod part;
mod rival;
mod spread;
mod truth;

use std::time::Instant;

use chrono::{DateTime, Utc};

pub use curves::{Curves, Point};
pub use error::EvaluateError;
pub use evaluation::{
    AlertFigures, AttackRanks, Evaluation, Figures, Kind, LabelSummary, MISSED_AT, Ranking, SHARES,
    SubsetFigures, percent,
};
pub use page::html;
pub use spread::Spread;

use crate::error::{Error, Result};
use crate::features::FeatureTable;
use crate::feedback::Feedback;
use crate::job::Job;
use crate::judge::fit_score;
use crate::pipeline::Pipeline;
use crate::progress::Progress;
use crate::scoring::anomaly_score;
use crate::{session, source};
use judge::{Judge, Judged};
use label_table::LabelTable;
use truth::Truth;

/// Judges the job's rankings, and those beside it.
///
/// # Errors
/// A job or its data are not as a run needs them; labels that cannot be read, or do not fit the judged rows.
pub async fn evaluate(
    job: &Job,
    as_of: DateTime<Utc>,
    progress: &mut Progress,
) -> Result<Evaluation> {
    let started = Instant::now();
    let others = beside(job)?;
    let jobs: Vec<_> = std::iter::once(job).chain(&others).collect();
    let labels = LabelTable::read(job, as_of, &jobs).await?;
    let first_seed = job.isolation_forest.random_state;
    let seeds = (0..job.evaluation.seeds.get()).map(|seed| first_seed.wrapping_add(seed));
    let seeds: Vec<_> = seeds.collect();

    let rows = judged_rows(job, as_of, progress).await?;
    let truth = Truth::new(&labels, job, &rows).await?;
    let shares = curves::shares(rows.n_samples());
    let judge = Judge::new(&truth, &shares);
    let own = judge.ranking(job.name.clone(), Kind::Job, &seeds, |seed| {
        forest(job, &rows, seed, progress)
    })?;
    let mut dumb = Vec::new();
    if let Some(column) = rival::alone(job, &rows)? {
        let name = format!("{column} alone");
        dumb.push(judge.ranking(name, Kind::Alone, &seeds[..1], |_| {
            Ok(rival::rarity(column, &rows)?)
        })?);
    }
    dumb.push(
        judge.ranking("random".to_owned(), Kind::Random, &seeds, |seed| {
            Ok(rival::random(rows.n_samples(), seed))
        })?,
    );
    let strangest = own.strangest(&rows, &job.features.keys)?;
    drop(rows);

    let mut rankings = vec![own];
    for other in &others {
        let rows = judged_rows(other, as_of, progress).await?;
        let truth = Truth::new(&labels, other, &rows).await?;
        let name = name_beside(other, &rankings);
        let judge = Judge::new(&truth, &shares);
        rankings.push(judge.ranking(name, Kind::Beside, &seeds, |seed| {
            forest(other, &rows, seed, progress)
        })?);
    }
    rankings.extend(dumb);
    let labels = LabelSummary {
        location: labels.location,
        keys: truth.keys.clone(),
        rows: truth.label_rows,
        unmatched: truth.unmatched,
    };
    tell_of_unmatched(&labels);
    Ok(Evaluation {
        job: job.name.clone(),
        as_of,
        labels,
        seeds,
        attacks: judge::attacks(&truth, &rankings, &strangest),
        rankings: rankings.into_iter().map(Judged::into_ranking).collect(),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// The rows that a run of the job would judge. Steps that are kept are computed, and their tables left alone.
async fn judged_rows(
    job: &Job,
    as_of: DateTime<Utc>,
    progress: &mut Progress,
) -> Result<FeatureTable> {
    let mut job = Job {
        incremental: Vec::new(),
        ..job.clone()
    };
    job.engine.cluster = None; // all rows are looked at here
    let interval = job.window.at(as_of);
    let ctx = session::connect(&job)?;
    let opened = source::register_all(&ctx, &job, &interval).await?;
    let sources: Vec<_> = opened.iter().map(|source| source.summary.clone()).collect();
    let mut pipeline = Pipeline::plan(
        &ctx,
        &job,
        &interval,
        opened,
        None,
        Feedback::open(&job, as_of).await?,
        |_, _, _| (),
    )
    .await?;
    let rows = pipeline.features(progress).await?;
    source::tell_of_skipped(&sources);
    Ok(rows)
}

/// How strange a forest of this seed finds each row, high is strange. It learns what the forest of a run learns.
fn forest(job: &Job, rows: &FeatureTable, seed: u32, progress: &mut Progress) -> Result<Vec<f64>> {
    let mut job = job.clone();
    job.isolation_forest.random_state = seed;
    let stage = format!("forest {seed}");
    progress.stage(&stage, rows.n_samples(), || {
        let (_, mut scores) = session::thread_pool(&job)?.install(|| fit_score(&job, rows))?;
        scores
            .iter_mut()
            .for_each(|score| *score = anomaly_score(*score));
        Ok::<_, Error>(scores)
    })
}

/// The jobs beside this one. What `--set` says of this one's data is said of theirs: all must judge the same.
fn beside(job: &Job) -> Result<Vec<Job>> {
    let load = |path: &std::path::PathBuf| {
        let other = Job::load(path, &[])?;
        let overrides = job.document.content().skip(1);
        let overrides = overrides.filter(|assignment| is_shared(assignment, &other));
        let overrides = overrides.map(|assignment| as_there(assignment, job));
        let overrides = overrides.collect::<Result<Vec<_>>>()?;
        Ok(Job::load(path, &overrides)?)
    };
    job.evaluation.beside.iter().map(load).collect()
}

/// A `key=value` of this job as another one has to be told: a relative location starts from this one's folder.
fn as_there(assignment: &str, job: &Job) -> Result<String> {
    let key = assignment.split('=').next().unwrap_or_default().trim();
    let source = key
        .strip_prefix("sources.")
        .and_then(|rest| rest.strip_suffix(".location"));
    let source = job
        .sources
        .iter()
        .find(|known| Some(known.name.as_str()) == source);
    match source.filter(|source| !source.location.template.is_secret()) {
        Some(source) => {
            let location = toml::Value::String(source.location.resolve()?);
            Ok(format!("{key}={location}"))
        }
        None => Ok(assignment.to_owned()),
    }
}

/// Whether a `key=value` is about data that the other job has too.
fn is_shared(assignment: &str, other: &Job) -> bool {
    let key = assignment.split('=').next().unwrap_or_default().trim();
    let mut parts = key.split('.');
    let name = |part: Option<&str>| part.unwrap_or_default().to_owned();
    match parts.next() {
        Some("window" | "engine") => true,
        Some("sources") => {
            let source = name(parts.next());
            other.sources.iter().any(|known| known.name == source)
        }
        Some("parameters") => other.parameters.contains_key(&name(parts.next())),
        _ => false,
    }
}

/// A job's name, and its file where another job has that name.
fn name_beside(job: &Job, rankings: &[Judged]) -> String {
    let is_taken = rankings.iter().any(|other| other.name() == job.name);
    match is_taken {
        false => job.name.clone(),
        true => format!("{} ({})", job.name, job.document.path().display()),
    }
}

fn tell_of_unmatched(labels: &LabelSummary) {
    if labels.unmatched > 0 {
        tracing::warn!(
            "{} of {} rows of labels `{}` match no judged row, by {}",
            labels.unmatched,
            labels.rows,
            labels.location,
            labels.keys.join(", ")
        );
    }
}
