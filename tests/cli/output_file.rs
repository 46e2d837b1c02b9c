//! Where the page and the charts of a run go, and where they do not.

use std::fs;

use crate::kit::{AS_OF, Dir, JOB};

const PAGE: &str = "html        = \"../out/report.html\"";

#[test]
fn a_file_that_is_no_page_is_left_alone_by_all_that_write_pages() {
    let dir = Dir::new();
    dir.write(
        "thesis.html",
        "<!doctype html>\n<p>years of work, with crannog</p>",
    );
    let thesis = fs::read(dir.path("thesis.html")).unwrap();
    let refused = "error: `thesis.html`: there is something else, which is no page of crannog
                   hint: name another place for the page, or move what is there away";
    dir.edit_job(PAGE, "html = \"../thesis.html\"");
    dir.job_is_refused(refused);
    dir.crannog(&["report", JOB]).fails(2, refused);
    assert_eq!(fs::read(dir.path("thesis.html")).unwrap(), thesis);

    // It is told before anything is read: here there is no run to report on.
    let bare = Dir::bare();
    bare.write("thesis.html", "years of work");
    bare.crannog(&["report", JOB, "--html", "thesis.html"])
        .fails(2, refused);
    bare.write("out/run_results.json", "{}");
    bare.crannog(&["report", JOB, "--html", "out/run_results.json"])
        .fails(2, &refused.replace("thesis.html", "out/run_results.json"));
}

#[test]
fn a_file_that_is_no_chart_is_left_alone_and_a_chart_is_drawn_anew() {
    let dir = Dir::new();
    let draw = || dir.crannog(&["report", JOB, "--svg", "charts", "--png", "charts"]);
    draw().succeeds();
    assert_eq!(draw().succeeds().stdout.lines().count(), 4);
    for name in ["count_by.svg", "heat_map.png"] {
        let chart = fs::read(dir.path("charts").join(name)).unwrap();
        // A chart of the other kind is no chart of this one.
        let other = if name == "count_by.svg" {
            "heat_map.png"
        } else {
            "count_by.svg"
        };
        fs::copy(
            dir.path("charts").join(other),
            dir.path("charts").join(name),
        )
        .unwrap();
        draw().fails(
            2,
            &format!(
                "error: `charts/{name}`: there is something else, which is no chart of crannog
                 hint: name another place for the chart, or move what is there away"
            ),
        );
        fs::write(dir.path("charts").join(name), chart).unwrap();
    }
    dir.write("notes", "a file");
    dir.crannog(&["report", JOB, "--svg", "notes"]).fails(
        2,
        "error: `notes/count_by.svg`: there is a file where its folder should be
         hint: name a file in a folder, or in one that can be made",
    );
}

#[test]
fn a_page_that_has_no_place_is_told_before_data_is_read() {
    let dir = Dir::new();
    dir.write("in_the_way", "a file");
    dir.edit_job(PAGE, "html = \"../in_the_way/report.html\"");
    dir.job_is_refused(
        "error: `in_the_way/report.html`: there is a file where its folder should be
         hint: name a file in a folder, or in one that can be made",
    );
    dir.edit_job("../in_the_way/report.html", "../out");
    dir.job_is_refused(
        "error: `out`: there is something else, which is no page of crannog
         hint: name another place for the page, or move what is there away",
    );
}

#[test]
fn a_folder_that_takes_no_files_is_told_before_data_is_read() {
    let dir = Dir::new();
    dir.edit_job(PAGE, "html = \"/proc/report.html\"");
    let refused = "error: `/proc/report.html`: it cannot be written
                   because: [..]
                   hint: the account that runs this must be able to write there, and the disk must have room";
    dir.check(&[]).fails(1, refused);
    dir.run_is_refused(1, refused);
}

#[test]
fn check_looks_at_the_place_of_the_page_and_leaves_nothing_there() {
    let dir = Dir::new();
    fs::create_dir(dir.path("pages")).unwrap();
    dir.edit_job(PAGE, "html = \"../pages/deep/report.html\"");
    dir.check(&[]).succeeds();
    assert_eq!(fs::read_dir(dir.path("pages")).unwrap().count(), 0);
}

#[test]
fn a_page_that_cannot_be_written_in_the_end_is_a_warning_and_the_findings_are_there() {
    // When the run begins the place is free; then its own table and report come to stand there.
    for (place, why) in [
        (
            "out/fresh/table",
            "there is something else, which is no page of crannog",
        ),
        (
            "out/fresh/run_results.json",
            "there is something else, which is no page of crannog",
        ),
        (
            "out/fresh/run_results.json/report.html",
            "there is a file where its folder should be",
        ),
    ] {
        let dir = Dir::new();
        let page = format!("report.html=../{place}");
        let said = dir.crannog(&[
            "run",
            JOB,
            "--as-of",
            AS_OF,
            "--set",
            "sinks[0].location=../out/fresh/table",
            "--set",
            &page,
        ]);
        assert_eq!(said.code, 0, "{said:#?}");
        assert!(
            said.stderr.ends_with(&format!("WARN `{place}`: {why}\n"))
                && said.stderr.lines().count() == 1,
            "{}",
            said.stderr
        );
        assert!(
            said.stdout.contains("written to out/fresh/table") && !said.stdout.contains("page:")
        );
        let report = fs::read_to_string(dir.path("out/fresh/run_results.json")).unwrap();
        assert!(report.starts_with('{'), "{report}");
        let mut names: Vec<_> = fs::read_dir(dir.path("out/fresh"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["models", "run_results.json", "runs", "table"]);
    }
}
