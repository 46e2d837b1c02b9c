//! The page of a run: what is on it, what never is, and the same again later.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use scraper::{Html, Selector};

use crate::kit::{Dir, Event, JOB, Page, batch, event, write_delta};

const PAGE: &str = "out/report.html";

/// Words that an attacker may write into a command line, a host or a process.
const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "</title></style></script><script>alert(2)</script>",
    "\u{1b}[31mred\u{202e}fdp.exe",
    "nul\u{0}l --> <!--",
    "\u{fffe}no\u{ffff}XML\u{1}\u{8}",
    "{{ 7 * 7 }} {% raw %} &lt;b&gt; &#60;i&#62;",
];

#[test]
fn a_run_writes_its_page_and_says_where() {
    let dir = Dir::new();
    let said = dir.run(&[]);
    let last = said.succeeds().stdout.lines().last().unwrap_or_default();
    assert_eq!(last, "page: out/report.html");

    let page = Page::open(&dir.path(PAGE));
    assert_eq!(page.texts("h1"), ["process_execution"]);
    assert_eq!(
        page.texts("main h2")[6..],
        [
            "Findings by Process",
            "Isolation forest",
            "Findings by Computer and date",
            "Judged rows by anomaly_score",
            "Findings, the strangest first",
            "What was read",
            "Stages",
            "Run"
        ]
    );
    assert_eq!(
        page.texts(".figures .value"),
        [
            "10",
            "28",
            "25",
            "0.5000",
            "2026-03-10 00:00",
            &page.texts(".figures .value")[5]
        ]
    );
    let rows = dir.findings().rows.len();
    assert_eq!(page.count("#rows tbody tr"), rows);
    let heads = page.texts("#rows thead th");
    assert_eq!(heads[..3], ["rank", "anomaly_score", "interval"]);
    assert_eq!(heads.last().unwrap(), "count");
    assert_eq!(page.texts("#rows tbody tr:first-child td")[0], "1");
    assert!(page.texts("#rows tbody tr:first-child td")[4].contains("mallory"));
    assert_eq!(page.count("#left-out") + page.count("#scaler"), 0);
    // Each chart in two themes, with words for whoever cannot see it.
    assert_eq!(page.count("svg[role=img] > title"), 6);
    assert_eq!(page.count("svg[role=img] > desc"), 6);
    assert_eq!(page.count("figure details table"), 3);
}

#[test]
fn the_page_made_again_later_is_the_same_to_the_byte() {
    let dir = Dir::new();
    dir.run(&[]).succeeds();
    let page = fs::read(dir.path(PAGE)).unwrap();
    fs::remove_file(dir.path(PAGE)).unwrap();
    let said = dir.crannog(&["report", JOB]);
    assert_eq!(said.succeeds().stdout, "out/report.html\n");
    assert_eq!(fs::read(dir.path(PAGE)).unwrap(), page);
}

#[test]
fn a_later_run_does_not_change_the_page_of_an_earlier_one() {
    let dir = Dir::new();
    dir.run(&[]).succeeds();
    let page = fs::read(dir.path(PAGE)).unwrap();
    fs::copy(dir.path("out/run_results.json"), dir.path("kept.json")).unwrap();
    dir.run(&["--set", "isolation_forest.random_state=7"])
        .succeeds();
    assert_ne!(fs::read(dir.path(PAGE)).unwrap(), page);
    dir.crannog(&[
        "report",
        JOB,
        "--results",
        "kept.json",
        "--html",
        "again/page.html",
    ])
    .succeeds();
    assert_eq!(fs::read(dir.path("again/page.html")).unwrap(), page);
}

#[test]
fn no_word_of_an_attacker_is_markup_or_moves_the_text() {
    let dir = Dir::without_events();
    write_delta(&dir.events(), &hostile_events(), &[]);
    let anomalies = "sql/process_execution/anomalies.sql";
    dir.edit(anomalies, "prediction = -1", "anomaly_score > 0");
    dir.run(&["--set", "report.heat_map_by=Process"]).succeeds();
    let text = fs::read_to_string(dir.path(PAGE)).unwrap();
    check_is_harmless(&text);
    let page = Page::open(&dir.path(PAGE));
    let shown = page.texts("#rows td").join("\n");
    for words in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "\\u{1b}[31mred\\u{202e}fdp.exe",
        "nul\\u{0}l --> <!--",
        "\\u{fffe}no\\u{ffff}XML\\u{1}\\u{8}",
        "{{ 7 * 7 }} {% raw %} &lt;b&gt; &#60;i&#62;",
    ] {
        assert!(shown.contains(words), "{words:?} is not told as it is");
    }
    // The same words in charts of their own, which are XML.
    let set = ["--set", "report.heat_map_by=Process"];
    let said = dir.crannog(
        &[
            &["report", JOB, "--svg", "charts", "--png", "charts"],
            &set[..],
        ]
        .concat(),
    );
    assert_eq!(said.succeeds().stdout.lines().count(), 4);
    let svg = fs::read_to_string(dir.path("charts/count_by.svg")).unwrap();
    assert!(
        svg.contains("\\u{fffe}") && !svg.contains(['\u{fffe}', '\u{ffff}', '\u{1}']),
        "{svg}"
    );
}

#[test]
fn a_page_is_bounded_however_much_attackers_write_and_says_where_the_rest_is() {
    let dir = Dir::without_events();
    let mut events = Vec::new();
    for host in 0..20 {
        let host: &str = format!("host-{host:02}").leak();
        for line in 0..50 {
            // 2,000 letters, each five bytes in HTML: 10 MB in all.
            let line: &str = format!("{line:02}{}", "<".repeat(1_998)).leak();
            events.push(Event {
                command_line: Some(line),
                ..event("2026-03-10T10:00:00Z", host, "mallory", "cmd.exe")
            });
        }
    }
    events.push(event("2026-03-10T10:00:00Z", "web-1", "alice", "short.exe"));
    write_delta(&dir.events(), &batch(&events), &[]);
    let anomalies = "sql/process_execution/anomalies.sql";
    dir.edit(anomalies, "prediction = -1", "anomaly_score > 0");
    dir.run(&[]).succeeds();
    let bytes = fs::metadata(dir.path(PAGE)).unwrap().len();
    assert!((8_000_000..9_000_000).contains(&bytes), "{bytes} bytes");
    let page = Page::open(&dir.path(PAGE));
    assert_eq!(
        page.texts("#left-out"),
        ["20 long values are cut. All are whole in out/anomalies, version 2."]
    );
    // Every one of them is cut alike, and none that is short.
    assert_eq!(page.count("#rows td.lines li"), 20 * 50);
    let lines = page.texts("#rows td.lines li");
    let (short, long) = lines
        .iter()
        .map(|line| line.chars().count())
        .fold((usize::MAX, 0), |(a, b), n| (a.min(n), b.max(n)));
    assert!(
        short > 1_600 && long < 1_800 && long - short <= 2,
        "{short} to {long}"
    );
    assert!(
        page.texts("#rows td.lines")
            .contains(&"short.exe".to_owned())
    );
}

#[test]
fn a_chart_alone_says_what_it_leaves_out() {
    let dir = Dir::without_events();
    let events: Vec<_> = (0..25)
        .map(|process| {
            event(
                "2026-03-10T10:00:00Z",
                "web-1",
                "alice",
                format!("{process:02}.exe").leak(),
            )
        })
        .collect();
    write_delta(&dir.events(), &batch(&events), &[]);
    let anomalies = "sql/process_execution/anomalies.sql";
    dir.edit(anomalies, "prediction = -1", "anomaly_score > 0");
    dir.run(&[]).succeeds();
    dir.crannog(&["report", JOB, "--svg", "charts"]).succeeds();
    let svg = fs::read_to_string(dir.path("charts/count_by.svg")).unwrap();
    assert!(
        svg.contains(">20 of 25 values of Process are shown; the others have<"),
        "{svg}"
    );
}

#[test]
fn real_attackers_words_are_harmless_on_the_page() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/process");
    let Ok(files) = fs::read_dir(&folder) else {
        println!("skipped: there is no {}", folder.display());
        return;
    };
    for file in files.map(|file| file.unwrap().path()) {
        let dir = Dir::bare();
        let source = format!("sources.process_execution.location={}", file.display());
        let said = dir.crannog(&[
            "run",
            JOB,
            "--set",
            "sources.process_execution.format=parquet",
            "--set",
            &source,
            "--set",
            "window.train=all",
            "--set",
            "window.detect=9000 years",
            "--as-of",
            "2100-01-01",
            "--format",
            "json",
        ]);
        said.succeeds();
        check_is_harmless(&fs::read_to_string(dir.path(PAGE)).unwrap());
    }
}

#[test]
fn charts_are_written_alone_for_mails_and_chats() {
    let dir = Dir::new();
    dir.run(&[]).succeeds();
    let said = dir.crannog(&["report", JOB, "--svg", "charts", "--png", "charts"]);
    let written: Vec<_> = said.succeeds().stdout.lines().collect();
    assert_eq!(
        written,
        [
            "charts/count_by.svg",
            "charts/count_by.png",
            "charts/heat_map.svg",
            "charts/heat_map.png"
        ]
    );
    let svg = fs::read_to_string(dir.path("charts/count_by.svg")).unwrap();
    assert!(svg.contains("mimikatz.exe"), "{svg}");
    let png = fs::read(dir.path("charts/heat_map.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n"));
}

#[test]
fn without_a_report_in_the_job_nothing_is_written() {
    let dir = Dir::new();
    dir.edit_job("html        = \"../out/report.html\"", "#");
    fs::remove_file(dir.path(PAGE)).unwrap();
    let said = dir.run(&[]);
    assert!(!said.succeeds().stdout.contains("page:"), "{}", said.stdout);
    assert!(!dir.path(PAGE).exists());
    dir.crannog(&["report", JOB]).fails(
        2,
        "error: jobs/process_execution.toml:[..]: `report`: the job names no page: add `[report] html = \"report.html\"`, or give `--html FILE`",
    );
}

#[test]
fn a_column_that_the_findings_do_not_have_is_told_before_data_is_read() {
    let dir = Dir::new();
    dir.edit_job("count_by    = \"Process\"", "count_by    = \"process\"");
    dir.job_is_refused(
        "error: jobs/process_execution.toml:[..]: `report.count_by`: `process` is not a column of `evidence` (sql/process_execution/evidence.sql)
         hint: did you mean `Process`?",
    );
}

#[test]
fn a_page_in_an_object_store_is_refused() {
    let dir = Dir::new();
    dir.edit_job(
        "html        = \"../out/report.html\"",
        "html        = \"s3://bucket/report.html\"",
    );
    dir.job_is_refused(
        "error: jobs/process_execution.toml:[..]: `report.html`: the page is a file: write a path",
    );
}

#[test]
fn a_report_without_a_run_says_what_to_do() {
    let dir = Dir::bare();
    dir.crannog(&["report", JOB]).fails(
        3,
        "error: `[..]out/run_results.json` is not the report of a run
         because: No such file or directory (os error 2)
         hint: `crannog run` writes it; name another one's report with `--results FILE`",
    );
    dir.write("half.json", "{\"job\": \"process_execution\"");
    dir.crannog(&["report", JOB, "--results", "half.json"])
        .fails(
            3,
            "error: `half.json` is not the report of a run
         because: EOF while parsing an object at line 1 column 27
         hint: `crannog run` writes it; name another one's report with `--results FILE`",
        );
}

#[test]
fn a_run_without_findings_has_a_page_too() {
    let dir = Dir::new();
    dir.edit(
        "sql/process_execution/anomalies.sql",
        "prediction = -1",
        "anomaly_score > 1",
    );
    dir.run(&[]).succeeds();
    let page = Page::open(&dir.path(PAGE));
    assert_eq!(page.texts(".nothing"), ["No findings in this window."]);
    assert_eq!((page.count("#rows"), page.count("svg")), (0, 2));
    let said = dir.crannog(&["report", JOB, "--png", "charts"]);
    assert_eq!(
        said.succeeds().stdout,
        "no charts: the run has no findings\n"
    );
}

/// Nothing in the page runs, loads or hides but what is the page's own.
#[track_caller]
fn check_is_harmless(text: &str) {
    let page = Page(Html::parse_document(text));
    assert_eq!((page.count("script"), page.count("style")), (1, 1));
    for element in [
        "img",
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "image",
        "use",
        "a",
        "foreignObject",
        "animate",
        "video",
        "audio",
    ] {
        assert_eq!(page.count(element), 0, "there is a <{element}>");
    }
    let all = Selector::parse("*").unwrap();
    for element in page.0.select(&all) {
        for (name, value) in element.value().attrs() {
            let harmless = !name.starts_with("on")
                && name != "style"
                && name != "src"
                && !name.ends_with("href");
            assert!(harmless, "<{} {name}={value:?}>", element.value().name());
            assert!(
                !value.contains("://"),
                "<{} {name}={value:?}>",
                element.value().name()
            );
        }
    }
    let policy = Selector::parse("meta[http-equiv=Content-Security-Policy]").unwrap();
    assert_eq!(page.0.select(&policy).count(), 1);
    let hidden = |c: char| {
        (c.is_control() && c != '\n')
            || "\u{200b}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}\u{feff}\u{fffe}\u{ffff}"
                .contains(c)
    };
    assert!(
        !text.contains(hidden),
        "{:?}",
        text.chars().find(|c| hidden(*c))
    );
    // Comments of a page could hide what follows them; this page has none.
    assert!(!text.contains("<!--"));
}

fn hostile_events() -> arrow::array::RecordBatch {
    let mut events = Vec::new();
    for (index, words) in HOSTILE.into_iter().enumerate() {
        for day in ["2026-03-09", "2026-03-10"] {
            for minute in 0..=index {
                let time = format!("{day}T10:{minute:02}:00Z");
                events.push(Event {
                    command_line: Some(words),
                    ..event(&time, words, words, words)
                });
            }
        }
    }
    let quiet: DateTime<Utc> = "2026-03-10T11:00:00Z".parse().unwrap();
    events.push(Event {
        time: Some(quiet),
        computer: None,
        account: None,
        account_type: None,
        process: None,
        command_line: None,
    });
    batch(&events)
}
