//! The page of an evaluation: curves, figures, and the attacks to work on next, in one HTML file without a script.

use askama::Template;
use indicatif::HumanCount;

use super::curves::{Curves, Point};
use super::evaluation::{
    AttackRanks, Evaluation, Figures, Kind, MISSED_AT, Ranking, SHARES, SubsetFigures, percent,
};
use super::spread::Spread;
use crate::chart::{Chart, ChartError, Line, Lines, Pen, Scale};
use crate::display::plain;
use crate::job::Job;
use crate::page::{PageError, STYLE, style_policy};

#[derive(Template)]
#[template(path = "evaluation.html")]
struct Page<'a> {
    version: &'static str,
    policy: String,
    style: &'a str,
    job: &'a Job,
    as_of: String,
    instant: String,
    seeds: String,
    headline: Vec<Fact>,
    charts: Vec<Chart>,
    tables: Vec<PartTable>,
    missed: String,
    attacks: Facts,
    numbers_from: usize,
    labels: Vec<Fact>,
}

/// A name and what is said of it.
struct Fact {
    name: String,
    value: String,
    more: String,
}

/// A table.
struct Facts {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// The figures of all rows, or of a subset.
struct PartTable {
    title: String,
    words: String,
    figures: Facts,
}

/// The page, as HTML.
pub fn html(job: &Job, evaluation: &Evaluation) -> Result<String, PageError> {
    let zone = &job.window.timezone;
    let local = zone.local(evaluation.as_of).format("%F %R");
    let missed = evaluation.missed().count();
    let page = Page {
        version: env!("CARGO_PKG_VERSION"),
        policy: style_policy(),
        style: STYLE,
        job,
        as_of: format!("{local} {}", zone.name()),
        instant: evaluation.as_of.to_rfc3339(),
        seeds: counted(evaluation.seeds.len(), "forest"),
        headline: headline(evaluation),
        charts: charts(evaluation)?,
        tables: tables(evaluation),
        missed: format!(
            "{missed} of {} are missed at {}: a forest at least has none of their rows among the first.",
            counted(evaluation.attacks.len(), "attack"),
            percent(MISSED_AT),
        ),
        attacks: attacks(evaluation),
        numbers_from: 3,
        labels: labels(evaluation),
    };
    Ok(page.render()?)
}

fn headline(evaluation: &Evaluation) -> Vec<Fact> {
    let own = &evaluation.rankings[0].all;
    let fact = |name: String, spread: &Spread, digits| Fact {
        name,
        value: format!("{:.digits$}", spread.mean),
        more: format!("{:.digits$} to {:.digits$}", spread.min, spread.max),
    };
    let at = |thousandths: usize| {
        let place = SHARES.iter().position(|share| *share == thousandths);
        &own.alerts[place.unwrap_or_default()]
    };
    let missed_at = percent(MISSED_AT);
    vec![
        fact("AUROC".to_owned(), &own.roc_auc, 3),
        fact("Average precision".to_owned(), &own.average_precision, 3),
        Fact {
            more: format!(
                "of {}, {}",
                own.n_attacks,
                counted(at(MISSED_AT).alerts, "alert")
            ),
            ..fact(
                format!("Attacks hit at {missed_at}"),
                &at(MISSED_AT).attacks,
                1,
            )
        },
        fact(format!("Recall at {missed_at}"), &at(MISSED_AT).recall, 3),
        fact(
            format!("Precision at {missed_at}"),
            &at(MISSED_AT).precision,
            3,
        ),
        Fact {
            name: "Rows judged".to_owned(),
            value: HumanCount(own.n_rows as u64).to_string(),
            more: format!("{} of them of attacks", HumanCount(own.n_positive as u64)),
        },
    ]
}

fn charts(evaluation: &Evaluation) -> Result<Vec<Chart>, ChartError> {
    let own = &evaluation.rankings[0].all;
    let most = evaluation
        .rankings
        .iter()
        .map(|ranking| ranking.all.n_attacks)
        .max();
    let lines = |title: &str, axes: [&str; 2], scale, top, of: fn(&Curves) -> &Vec<Point>| {
        let lines = Lines {
            title: title.to_owned(),
            axes: axes.map(str::to_owned),
            scale,
            top,
            lines: rankings(evaluation, of),
        };
        lines.chart()
    };
    let rows = format!(
        "share of {} rows (logarithmic)",
        HumanCount(own.n_rows as u64)
    );
    Ok(vec![
        lines(
            "Attacks hit",
            [&rows, "distinct attacks"],
            Scale::Logarithmic,
            most.unwrap_or(1) as f64,
            |curves| &curves.attacks,
        )?,
        lines(
            "Recall",
            [&rows, "recall"],
            Scale::Logarithmic,
            1.0,
            |curves| &curves.recall,
        )?,
        lines(
            "Precision and recall",
            ["recall", "precision"],
            Scale::Linear,
            1.0,
            |curves| &curves.precision,
        )?,
        lines(
            "ROC",
            ["false positive rate", "true positive rate"],
            Scale::Linear,
            1.0,
            |curves| &curves.roc,
        )?,
    ])
}

fn rankings(evaluation: &Evaluation, of: fn(&Curves) -> &Vec<Point>) -> Vec<Line> {
    let (mut others, mut dashed) = (0.., 0..);
    let mut pen = |ranking: &Ranking| match ranking.kind {
        Kind::Job => Pen::First,
        Kind::Beside => Pen::Other(others.next().unwrap_or_default()),
        Kind::Alone | Kind::Random => Pen::Dashed(dashed.next().unwrap_or_default()),
    };
    let line = |ranking: &Ranking| Line {
        name: plain(&ranking.name),
        pen: pen(ranking),
        points: of(&ranking.curves)
            .iter()
            .map(|point| (point.x, point.mean, point.range))
            .collect(),
    };
    evaluation.rankings.iter().map(line).collect()
}

fn tables(evaluation: &Evaluation) -> Vec<PartTable> {
    let own = &evaluation.rankings[0];
    let words = |figures: &Figures| {
        let alerts = figures.alerts.iter().zip(SHARES);
        let alerts = alerts
            .map(|(at, share)| format!("{} at {}", counted(at.alerts, "alert"), percent(share)));
        format!(
            "{} rows, {} of them of {}: {}.",
            HumanCount(figures.n_rows as u64),
            HumanCount(figures.n_positive as u64),
            counted(figures.n_attacks, "attack"),
            alerts.collect::<Vec<_>>().join(", ")
        )
    };
    let unlike = evaluation.of_other_rows().map(|other| {
        let (name, rows) = (plain(&other.name), HumanCount(other.all.n_rows as u64));
        format!(" {name} judges other rows ({rows}): its figures say little beside these.")
    });
    let whole = PartTable {
        title: "Figures".to_owned(),
        words: words(&own.all) + &unlike.collect::<String>(),
        figures: figures(evaluation, None),
    };
    let subset = |subset: &SubsetFigures| PartTable {
        title: format!("Figures of the subset {}", subset.subset),
        words: format!(
            "Its rows against all that are none. {}",
            words(&subset.figures)
        ),
        figures: figures(evaluation, Some(&subset.subset)),
    };
    std::iter::once(whole)
        .chain(own.subsets.iter().map(subset))
        .collect()
}

/// A line a figure, a column a ranking.
fn figures(evaluation: &Evaluation, subset: Option<&str>) -> Facts {
    let rankings = evaluation.rankings.iter();
    let rankings = rankings.filter_map(|ranking| Some((ranking, ranking.figures(subset)?)));
    let rankings: Vec<_> = rankings.collect();
    let row = |name: String, digits, of: &dyn Fn(&Figures) -> Spread| {
        let figures = rankings.iter().map(|(_, figures)| of(figures));
        let figures = figures.map(|spread| spread.shown_with_range(digits));
        std::iter::once(name).chain(figures).collect()
    };
    let mut rows = vec![
        row("AUROC".to_owned(), 3, &|figures| figures.roc_auc.clone()),
        row("average precision".to_owned(), 3, &|figures| {
            figures.average_precision.clone()
        }),
    ];
    for (place, share) in SHARES.iter().enumerate() {
        let at = |figure: &str| format!("{figure} at {}", percent(*share));
        rows.push(row(at("precision"), 3, &|figures| {
            figures.alerts[place].precision.clone()
        }));
        rows.push(row(at("recall"), 3, &|figures| {
            figures.alerts[place].recall.clone()
        }));
        rows.push(row(at("attacks"), 1, &|figures| {
            figures.alerts[place].attacks.clone()
        }));
    }
    let names = rankings.iter().map(|(ranking, _)| plain(&ranking.name));
    Facts {
        head: std::iter::once("figure".to_owned()).chain(names).collect(),
        rows,
    }
}

fn attacks(evaluation: &Evaluation) -> Facts {
    let head = ["attack", "its strangest row", "subset", "rows", "missed by"].map(str::to_owned);
    let ranks = evaluation.rankings.iter();
    let ranks = ranks.map(|ranking| format!("rank by {}", plain(&ranking.name)));
    let row = |attack: &AttackRanks| {
        let rank = |rank: &Option<Spread>| match rank {
            Some(rank) => HumanCount(rank.mean.round() as u64).to_string(),
            None => String::new(),
        };
        let facts = [
            attack.attack.clone(),
            attack.strangest.clone(),
            attack.subsets.join(", "),
            attack.rows.to_string(),
            format!("{} of {}", attack.missed, evaluation.seeds.len()),
        ];
        facts
            .into_iter()
            .chain(attack.first_rank.iter().map(rank))
            .collect()
    };
    Facts {
        head: head.into_iter().chain(ranks).collect(),
        rows: evaluation.attacks.iter().map(row).collect(),
    }
}

fn labels(evaluation: &Evaluation) -> Vec<Fact> {
    let labels = &evaluation.labels;
    let fact = |name: &str, value: String| Fact {
        name: name.to_owned(),
        value,
        more: String::new(),
    };
    let seeds: Vec<_> = evaluation.seeds.iter().map(ToString::to_string).collect();
    vec![
        fact("from", plain(&labels.location)),
        fact("matched by", labels.keys.join(", ")),
        fact("rows", HumanCount(labels.rows as u64).to_string()),
        fact(
            "without a judged row",
            HumanCount(labels.unmatched as u64).to_string(),
        ),
        fact("random_state", seeds.join(", ")),
    ]
}

/// `1 attack`, `2 attacks`.
fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", HumanCount(count as u64))
}
