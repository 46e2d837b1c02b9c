//! `crannog evaluate`: how good a job's ranking is, by labels.

use std::io::IsTerminal;
use std::path::Path;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use crannog::Result;
use crannog::display::plain;
use crannog::evaluate::{self, AlertFigures, Evaluation, MISSED_AT, SHARES, percent};
use crannog::output_file::{Made, OutputFile};
use crannog::progress::Progress;

use super::stop::Limits;
use super::{block_on_within, counted, load, output_file, say};
use crate::cli::{EvaluateArgs, ResultFormat};

/// Letters of a ranking's name, and of an attack's.
const MOST_LETTERS: usize = 40;

pub fn run(args: &EvaluateArgs) -> Result<()> {
    let mut over = args.job.over.clone();
    over.overrides.extend(overrides(args));
    let (job, threads, as_of) = load(&args.job.job, &over)?;
    let html = args.html.clone().map(|path| output_file(Made::Page, path));
    let html = html.transpose()?;
    let mut progress = Progress::new(std::io::stderr().is_terminal());
    let evaluate = evaluate::evaluate(&job, as_of, &mut progress);
    let evaluation = block_on_within(Limits::of(&job, None), threads, evaluate)?;
    if let Some(file) = &html {
        file.write(evaluate::html(&job, &evaluation)?.as_bytes())?;
    }
    match args.format {
        ResultFormat::Json => say(&evaluation.to_json()),
        ResultFormat::Table => show(&evaluation, html.as_ref(), args.show),
    }
}

/// The flags, as what they lay over the job's `[evaluation]`.
fn overrides(args: &EvaluateArgs) -> Vec<String> {
    let text = |text: String| toml::Value::String(text).to_string();
    let labels = args
        .labels
        .iter()
        .map(|place| format!("evaluation.labels={}", text(from_here(place))));
    let alone = args
        .alone
        .iter()
        .map(|name| format!("evaluation.alone={}", text(name.clone())));
    let seeds = args.seeds.map(|seeds| format!("evaluation.seeds={seeds}"));
    let beside: Vec<_> = args
        .beside
        .iter()
        .map(|path| text(from_here(&path.to_string_lossy())))
        .collect();
    let beside = (!beside.is_empty()).then(|| format!("evaluation.beside=[{}]", beside.join(", ")));
    labels.chain(alone).chain(seeds).chain(beside).collect()
}

/// A path as it is reached from this folder, where the job's are relative to its file. A URL is as it is.
fn from_here(place: &str) -> String {
    if place.contains("://") || place.contains("${env:") {
        return place.to_owned();
    }
    match std::path::absolute(Path::new(place)) {
        Ok(path) => path.to_string_lossy().into_owned(),
        Err(_) => place.to_owned(), // it is empty, and so told as a place where nothing is
    }
}

fn show(evaluation: &Evaluation, html: Option<&OutputFile>, limit: usize) -> Result<()> {
    say(&table(evaluation, None))?;
    for subset in &evaluation.rankings[0].subsets {
        say(&format!(
            "subset {}: {} of {} against all rows that are none",
            subset.subset,
            counted(subset.figures.n_positive, "row"),
            counted(subset.figures.n_attacks, "attack")
        ))?;
        say(&table(evaluation, Some(&subset.subset)))?;
    }
    show_missed(evaluation, limit)?;
    let own = &evaluation.rankings[0].all;
    for other in evaluation.of_other_rows() {
        say(&format!(
            "{} judges other rows ({}, {} of them of attacks): its figures say little beside these",
            plain(&other.name),
            counted(other.all.n_rows, "row"),
            other.all.n_positive
        ))?;
    }
    let labels = &evaluation.labels;
    say(&format!(
        "{} judged, {} of them of {}, by labels {} ({})",
        counted(own.n_rows, "row"),
        own.n_positive,
        counted(own.n_attacks, "attack"),
        labels.location,
        labels.keys.join(", ")
    ))?;
    say(&format!(
        "means and standard deviations of {}, in {:.2} s",
        counted(evaluation.seeds.len(), "forest"),
        evaluation.seconds
    ))?;
    html.map_or(Ok(()), |file| say(&format!("page: {}", file.shown())))
}

/// A line a ranking.
fn table(evaluation: &Evaluation, subset: Option<&str>) -> String {
    let mut table = empty_table();
    let mut head = vec![
        Cell::new("ranking"),
        Cell::new("AUROC"),
        Cell::new("average\nprecision"),
    ];
    for share in SHARES {
        let share = percent(share);
        let columns = ["precision", "recall", "attacks"];
        head.extend(columns.map(|column| Cell::new(format!("{column}\nat {share}"))));
    }
    table.set_header(head);
    for ranking in &evaluation.rankings {
        let Some(figures) = ranking.figures(subset) else {
            continue;
        };
        let mut row = vec![
            Cell::new(short(&ranking.name)),
            Cell::new(figures.roc_auc.shown(3)),
            Cell::new(figures.average_precision.shown(3)),
        ];
        let alerts = |at: &AlertFigures| {
            [
                at.precision.shown(2),
                at.recall.shown(2),
                at.attacks.shown(1),
            ]
        };
        row.extend(figures.alerts.iter().flat_map(alerts).map(Cell::new));
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// The attacks to work on next.
fn show_missed(evaluation: &Evaluation, limit: usize) -> Result<()> {
    let missed = evaluation.missed().count();
    let of = evaluation.attacks.len();
    let share = percent(MISSED_AT);
    if missed == 0 {
        return say(&format!("no attack is missed at {share}, of {of}"));
    }
    let seeds = evaluation.seeds.len();
    say(&format!(
        "missed at {share} by a forest at least: {missed} of {}",
        counted(of, "attack")
    ))?;
    let mut table = empty_table();
    table.set_header(["attack", "missed by", "first rank", "its strangest row"]);
    for attack in evaluation.missed().take(limit) {
        let rank = attack.first_rank[0].as_ref();
        table.add_row([
            short(&attack.attack),
            format!("{} of {seeds}", attack.missed),
            rank.map(|rank| format!("{:.0}", rank.mean))
                .unwrap_or_default(),
            plain(&attack.strangest),
        ]);
    }
    if limit > 0 {
        say(&table.to_string())?;
    }
    match missed.saturating_sub(limit) {
        0 => Ok(()),
        more => say(&format!(
            "{more} more: `--show N`, `--format json` and the page have them"
        )),
    }
}

fn empty_table() -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn short(name: &str) -> String {
    let name = plain(name);
    match name.char_indices().nth(MOST_LETTERS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}
