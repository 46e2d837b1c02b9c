//! What the source says of itself: who uses whom, and that each key of a job file is written down.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may use whom, of our own modules; `blame`, `display`, `error`, `nearest` and `strict` are everybody's.
const LAYERS: [(&str, &[&str]); 44] = [
    (
        "backfill",
        &["features", "job", "progress", "report", "run", "runs"],
    ),
    ("blame", &["cluster"]),
    ("calendar", &[]),
    ("cells", &[]),
    ("chart", &["job"]),
    (
        "cluster",
        &[
            "driver_read",
            "features",
            "forest",
            "functions",
            "job",
            "model",
            "stores",
        ],
    ),
    (
        "delivery",
        &[
            "feedback",
            "folder",
            "job",
            "misfit",
            "put_if_absent",
            "session",
            "sinks",
            "source",
        ],
    ),
    ("demo", &[]),
    ("diff", &["job", "saved", "session"]),
    ("driver_read", &[]),
    (
        "explain",
        &[
            "feedback",
            "forest",
            "job",
            "judgement",
            "pipeline",
            "progress",
            "reasons",
            "saved",
            "scoring",
            "session",
            "sinks",
            "source",
        ],
    ),
    (
        "evaluate",
        &[
            "cells",
            "chart",
            "features",
            "feedback",
            "functions",
            "job",
            "judge",
            "misfit",
            "page",
            "pipeline",
            "progress",
            "scoring",
            "session",
            "source",
        ],
    ),
    ("features", &["forest", "job"]),
    ("feedback", &["job", "session", "sinks", "source"]),
    ("folder", &["job", "output_file"]),
    ("forest", &[]),
    ("functions", &["calendar"]),
    (
        "import",
        &["job", "put_if_absent", "session", "sinks", "source"],
    ),
    (
        "incremental",
        &["driver_read", "job", "put_if_absent", "sinks", "source"],
    ),
    ("job", &["calendar", "forest"]),
    (
        "judge",
        &[
            "features",
            "forest",
            "job",
            "judgement",
            "model",
            "pipeline",
            "progress",
            "reasons",
            "report",
            "run_id",
            "scoring",
            "session",
        ],
    ),
    ("judgement", &["forest", "job", "reasons", "scoring"]),
    (
        "maintain",
        &["delivery", "incremental", "job", "runs", "sinks"],
    ),
    ("misfit", &["job"]),
    (
        "model",
        &["folder", "forest", "job", "output_file", "run_id"],
    ),
    ("output_file", &[]),
    (
        "pipeline",
        &[
            "cluster",
            "driver_read",
            "features",
            "feedback",
            "forest",
            "incremental",
            "job",
            "judgement",
            "misfit",
            "model",
            "progress",
            "scoring",
            "session",
            "source",
        ],
    ),
    (
        "page",
        &[
            "cells",
            "chart",
            "job",
            "output_file",
            "progress",
            "report",
            "sinks",
            "source",
        ],
    ),
    (
        "plan",
        &["incremental", "job", "run", "session", "sinks", "source"],
    ),
    ("progress", &[]),
    ("put_if_absent", &[]),
    ("reasons", &["cells", "features", "forest", "job"]),
    ("query", &["job", "misfit", "pipeline", "session", "source"]),
    (
        "report",
        &[
            "delivery",
            "features",
            "feedback",
            "forest",
            "incremental",
            "job",
            "output_file",
            "progress",
            "run_id",
            "sinks",
            "source",
        ],
    ),
    (
        "saved",
        &[
            "job", "model", "report", "runs", "session", "sinks", "source",
        ],
    ),
    (
        "scoring",
        &["features", "feedback", "functions", "job", "output_file"],
    ),
    ("session", &["cluster", "functions", "job"]),
    ("run_id", &["job", "source"]),
    (
        "runs",
        &[
            "job",
            "progress",
            "put_if_absent",
            "report",
            "run_id",
            "sinks",
            "source",
        ],
    ),
    ("sinks", &["job", "output_file", "put_if_absent", "run_id"]),
    ("source", &["driver_read", "functions", "job", "stores"]),
    ("stores", &[]),
    (
        "run",
        &[
            "delivery", "feedback", "forest", "job", "judge", "model", "page", "pipeline",
            "progress", "report", "run_id", "runs", "saved", "scoring", "session", "sinks",
            "source",
        ],
    ),
    (
        "error",
        &[
            "backfill",
            "cluster",
            "delivery",
            "demo",
            "evaluate",
            "features",
            "feedback",
            "forest",
            "import",
            "incremental",
            "job",
            "model",
            "output_file",
            "page",
            "runs",
            "sinks",
            "source",
        ],
    ),
];

#[test]
fn each_module_uses_only_the_layers_below_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (module, allowed) in LAYERS {
        let folder = source.join(module);
        let files = if folder.is_dir() {
            files_in(&folder)
        } else {
            vec![folder.with_extension("rs")]
        };
        for file in files {
            for used in used_modules(&fs::read_to_string(&file).unwrap()) {
                let everybodys = [
                    "blame", "display", "error", "fault", "hex", "nearest", "strict", "Error",
                    "Result", module,
                ];
                let known = allowed.contains(&used.as_str()) || everybodys.contains(&used.as_str());
                assert!(
                    known,
                    "{} uses `{used}`, which is not below `{module}`",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn the_forest_knows_nothing_of_arrow_or_the_engine() {
    for file in files_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/forest")) {
        let text = fs::read_to_string(&file).unwrap();
        for engine in ["arrow", "datafusion", "deltalake", "tokio"] {
            assert!(
                !text.contains(&format!("use {engine}")),
                "{} uses {engine}",
                file.display()
            );
        }
    }
}

#[test]
fn every_key_of_a_job_file_is_in_its_documentation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documentation = fs::read_to_string(root.join("docs/job-file.md")).unwrap();
    let spec = fs::read_to_string(root.join("src/job/spec.rs")).unwrap();
    let fields = |file: &str, name: &str| {
        let text = fs::read_to_string(root.join(file)).unwrap();
        let (_, body) = text.split_once(&format!("pub struct {name} {{")).unwrap();
        body.split("\n}").next().unwrap().to_owned()
    };
    let window = fields("src/job/window.rs", "Window");
    let params = fields("src/forest/params.rs", "IsolationForestParams");
    assert!(window.contains("pub detect") && params.contains("pub max_samples"));
    for line in spec.lines().chain(window.lines()).chain(params.lines()) {
        let Some((name, _)) = line
            .trim()
            .strip_prefix("pub ")
            .and_then(|field| field.split_once(": "))
        else {
            continue;
        };
        let is_sink_type = name == "kind" && line.contains("SinkType");
        let name = if is_sink_type { "type" } else { name };
        let written = [
            format!("`{name}`"),
            format!("`[{name}"),
            format!("`[[{name}"),
        ];
        assert!(
            written.iter().any(|text| documentation.contains(text)),
            "`{name}` is not in docs/job-file.md"
        );
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files_in(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// The first part of each `crate::part` outside of tests, whichever way it is imported.
fn used_modules(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: Vec<_> = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let text = code.join("\n");
    let part = |rest: &str| {
        rest.split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let direct = text
        .split("crate::")
        .skip(1)
        .filter(|rest| !rest.starts_with('{'))
        .map(part);
    let grouped = text.split("use crate::{").skip(1).flat_map(|rest| {
        let inside = rest.split("};").next().unwrap_or_default();
        inside
            .split(',')
            .map(|item| part(item.trim()))
            .collect::<Vec<_>>()
    });
    direct
        .chain(grouped)
        .filter(|name| !name.is_empty())
        .collect()
}
