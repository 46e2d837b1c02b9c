//! What the page of the CloudTrail job tells: rank and score first, the scaler, events that were delivered twice.

use super::job::{dir, few, flat, results, run};
use crate::kit::Page;

const PAGE: &str = "out/cloudtrail/report.html";

#[test]
fn rank_and_score_are_the_first_columns_of_the_page() {
    let dir = dir(&flat(&few()[..7]));
    run(&dir, &["--set", "isolation_forest.contamination=0.4"]).succeeds();
    let page = Page::open(&dir.path(PAGE));
    assert_eq!(
        page.texts("#rows thead th")[..4],
        ["rank", "anomaly_score", "eventSource", "eventName"]
    );
    let first = page.texts("#rows tbody tr:first-child td");
    assert_eq!(first[0], "1");
    assert_eq!(
        page.texts("#rows tbody tr:first-child td.number.rank"),
        ["1"]
    );
    assert_eq!(
        page.texts("#rows tbody tr:first-child td.number.score"),
        [first[1].clone()]
    );
    assert!(first[1].starts_with("0."), "{first:?}");
}

#[test]
fn the_page_tells_the_scaler_folded() {
    let dir = dir(&flat(&few()[..7]));
    run(&dir, &[]).succeeds();
    let page = Page::open(&dir.path(PAGE));
    assert_eq!(page.count("details#scaler:not([open])"), 1);
    assert_eq!(page.texts("#scaler thead th"), ["feature", "mean", "scale"]);
    assert_eq!(page.count("#scaler tbody tr"), 7);
    // The hours are 9, 9, 9 and 23: 12.5 and the root of (3 · 3.5² + 10.5²) / 4.
    assert_eq!(
        page.texts("#scaler tbody tr:first-child td"),
        ["eventHour", "12.5", "6.06218"]
    );
    run(
        &dir,
        &[
            "--set",
            "features.scaler=standard",
            "--set",
            "features.columns=[\"eventHour\"]",
        ],
    )
    .succeeds();
    assert_eq!(Page::open(&dir.path(PAGE)).count("#scaler tbody tr"), 1);
}

#[test]
fn an_event_that_is_delivered_twice_is_counted_as_left_out() {
    let dir = dir(&flat(&few()[..7]));
    let said = run(&dir, &[]);
    let told = "1 row left out, since another row has the same keys";
    assert!(
        said.succeeds().stdout.lines().any(|line| line == told),
        "{}",
        said.stdout
    );
    let model = &results(&dir)["isolation_forest"];
    assert_eq!(
        (&model["n_samples"], &model["duplicate_rows"]),
        (&4.into(), &1.into())
    );
    let figures = Page::open(&dir.path(PAGE)).texts(".figure .quiet");
    assert_eq!(figures[1], "1 more has the keys of another: left out");

    let mut once = few();
    once.remove(4);
    let dir = super::job::dir(&flat(&once[..6]));
    let said = run(&dir, &[]);
    assert!(
        !said.succeeds().stdout.contains("left out"),
        "{}",
        said.stdout
    );
    assert_eq!(results(&dir)["isolation_forest"]["duplicate_rows"], 0);
}
