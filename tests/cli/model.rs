//! Each run saves its model, and another day is judged by it.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::kit::{Dir, Event, JOB, Said, append, batch, event, read_delta, read_parquet};

/// The day after the one that the usual run reports on.
const NEXT: &str = "2026-03-12T00:00:00Z";

/// A folder in which the usual run is done, and its id.
fn learnt() -> (Dir, String) {
    let dir = Dir::new();
    dir.run(&[]).succeeds();
    let run = last(&dir)["run_id"].as_str().unwrap().to_owned();
    (dir, run)
}

/// The latest run, as the table of runs has it.
fn last(dir: &Dir) -> Value {
    let said = dir.crannog(&["runs", JOB, "--format", "json", "--limit", "1"]);
    serde_json::from_str(&said.succeeds().stdout).unwrap()
}

fn model_file(dir: &Dir, run: &str) -> PathBuf {
    dir.path(&format!("out/models/{run}.json.gz"))
}

/// `crannog run` of the next day.
fn next(dir: &Dir, more: &[&str]) -> Said {
    dir.crannog(&[&["run", JOB, "--as-of", NEXT], more].concat())
}

/// Every judged row of a run.
fn scored(dir: &Dir, run: impl FnOnce(&[&str]) -> Said) -> Vec<Value> {
    let file = dir.path("scored.parquet");
    run(&["--scored", file.to_str().unwrap()]).succeeds();
    read_parquet(&file)
}

/// On the next day web-1 is busier than ever, so that it would be the most frequent; a host, an account and a process are
/// new, and one host is NULL.
fn another_day(dir: &Dir) {
    let time = "2026-03-11T10:00:00Z";
    let mut events: Vec<Event> = ["a.exe", "b.exe", "cmd.exe", "explorer.exe", "svchost.exe"]
        .map(|process| event(time, "web-1", "alice", process))
        .into();
    events.push(event(time, "app-7", "eve", "xmrig.exe"));
    events.push(Event {
        computer: None,
        ..event(time, "web-1", "bob", "cmd.exe")
    });
    append(&dir.events(), &batch(&events));
}

#[test]
fn another_day_is_judged_by_the_model_of_an_earlier_run() {
    let (dir, run) = learnt();
    let before = scored(&dir, |file| dir.run(file));
    let threshold = last(&dir)["threshold"].clone();
    another_day(&dir);

    let by_model = scored(&dir, |file| {
        next(&dir, &[&["--model", &run[..8]], file].concat())
    });
    // What was judged then is judged the same: the same numbers, the same score to the last bit.
    let same = [
        "computerIndex",
        "accountIndex",
        "accountTypeIndex",
        "processIndex",
        "count",
        "anomaly_score",
        "prediction",
    ];
    for row in &before {
        let key = |other: &&Value| {
            let keys = ["interval", "Computer", "Account", "AccountType", "Process"];
            keys.iter().all(|key| other[key] == row[key])
        };
        let again = by_model.iter().find(key).unwrap();
        for column in same {
            assert_eq!(again[column], row[column], "{column} of {row}");
        }
    }
    // Known labels keep their index; an unseen one, and NULL, has the index after the last.
    let of = |process: &str, account: &str| {
        let row = |row: &&Value| {
            row["Process"] == process
                && row["Account"] == account
                && row["interval"] == "2026-03-11T00:00:00Z"
        };
        by_model.iter().find(row).unwrap()
    };
    let indexes = |row: &Value| {
        let columns = [
            "computerIndex",
            "accountIndex",
            "accountTypeIndex",
            "processIndex",
        ];
        columns.map(|column| row[column].as_f64().unwrap())
    };
    assert_eq!(indexes(of("xmrig.exe", "eve")), [3.0, 4.0, 0.0, 4.0]);
    assert_eq!(of("cmd.exe", "bob")["Computer"], Value::Null);
    assert_eq!(indexes(of("cmd.exe", "bob"))[0], 3.0);
    assert_eq!(indexes(of("a.exe", "alice"))[0], 1.0); // db-1 has the most groups of the earlier run

    let told = last(&dir);
    assert_eq!(told["model"], *run);
    assert_eq!(told["threshold"], threshold);
    assert_ne!(told["run_id"], *run);
    let own = told["run_id"].as_str().unwrap();
    assert!(
        !model_file(&dir, own).exists(),
        "a run that learns nothing has no model"
    );
    // A run that learns for itself numbers the labels anew.
    let anew = scored(&dir, |file| next(&dir, file));
    let web_1 = anew.iter().find(|row| row["Process"] == "a.exe").unwrap();
    assert_eq!(web_1["computerIndex"], json!(0.0));
}

#[test]
fn a_run_by_a_model_is_the_same_run_when_it_is_done_again() {
    let (dir, run) = learnt();
    another_day(&dir);
    let once = |model: &str| {
        let said = next(&dir, &["--model", model, "--format", "json"]);
        let report: Value = serde_json::from_str(&said.succeeds().stdout).unwrap();
        assert_eq!(report["model"], *run);
        let rows = read_delta(&dir.path("out/anomalies")).rows;
        let page = fs::read_to_string(dir.path("out/report.html")).unwrap();
        assert!(
            page.contains(&format!("run {run}")),
            "the page names the model"
        );
        (report["run_id"].clone(), rows)
    };
    let (id, rows) = once(&run);
    assert_eq!(once(&run), (id.clone(), rows.clone()));
    let file = model_file(&dir, &run);
    assert_eq!(once(file.to_str().unwrap()), (id.clone(), rows));
    // By another model it is another run.
    next(&dir, &["--set", "isolation_forest.random_state=7"]).succeeds();
    let other = last(&dir)["run_id"].as_str().unwrap().to_owned();
    next(&dir, &["--model", &other]).succeeds();
    assert_ne!(last(&dir)["run_id"], id);
    let runs = dir.crannog(&["runs", JOB]);
    let told = format!("succeeded, by the model of {run}");
    assert!(runs.succeeds().stdout.contains(&told), "{runs:#?}");
}

#[test]
fn a_day_that_an_older_model_judged_is_still_to_be_filled_back() {
    let (dir, run) = learnt();
    another_day(&dir);
    next(&dir, &["--model", &run]).succeeds();
    let by_model = last(&dir)["run_id"].clone();
    let day = ["--from", "2026-03-11", "--to", "2026-03-11"];
    dir.crannog(&[&["backfill", JOB], &day[..]].concat())
        .succeeds();
    let filled = last(&dir);
    assert_ne!(filled["run_id"], by_model);
    assert_eq!(filled["model"], Value::Null);
}

#[test]
fn the_same_run_saves_the_same_model() {
    let (dir, run) = learnt();
    let file = model_file(&dir, &run);
    let first = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    dir.run(&["--set", "engine.threads=1"]).succeeds();
    let other = last(&dir)["run_id"].as_str().unwrap().to_owned();
    dir.run(&[]).succeeds();
    assert_eq!(fs::read(&file).unwrap(), first);
    // One thread more or less is another run by its id; what it learns is the same.
    let parts = |file: &PathBuf| {
        let model = crannog::model::SavedModel::from_bytes(&fs::read(file).unwrap()).unwrap();
        (model.forest.parts(), model.dictionaries)
    };
    assert_eq!(parts(&model_file(&dir, &other)), parts(&file));
}

#[test]
fn an_unseen_label_is_what_handle_invalid_says_of_a_null_one() {
    let dir = Dir::new();
    let skip = ["--set", "parameters.handle_invalid=skip"];
    dir.run(&skip).succeeds();
    let run = last(&dir)["run_id"].as_str().unwrap().to_owned();
    another_day(&dir);
    let by_model = scored(&dir, |file| {
        next(&dir, &[&skip[..], &["--model", &run], file].concat())
    });
    let of_the_day = |row: &&Value| row["interval"] == "2026-03-11T00:00:00Z";
    let processes = by_model
        .iter()
        .filter(of_the_day)
        .map(|row| &row["Process"]);
    let mut processes: Vec<_> = processes.collect();
    processes.sort_by_key(|process| process.as_str());
    assert_eq!(processes, ["cmd.exe", "explorer.exe", "svchost.exe"]);

    let error = ["--set", "parameters.handle_invalid=error"];
    dir.run(&error).succeeds();
    let run = last(&dir)["run_id"].as_str().unwrap().to_owned();
    next(&dir, &[&error[..], &["--model", &run]].concat()).fails(
        3,
        "error: column `computerIndex` of `indexed` has 2 missing values
           hint: give it a value in SQL, [..]",
    );
}

#[test]
fn a_model_that_is_not_there_or_no_model_is_named() {
    let (dir, run) = learnt();
    next(&dir, &["--model", "xyz"]).fails(
        2,
        "error: table of runs `out/runs`: no run of the job has an id that begins with `xyz`
           hint: `crannog runs JOB` lists them",
    );
    next(&dir, &["--model", "models/none.json.gz"]).fails(
        2,
        "error: model `models/none.json.gz`: no model is there
           hint: a run that succeeded and was not given a model saves its own: `crannog runs JOB` lists them",
    );
    next(&dir, &["--model", "./jobs/process_execution.toml"]).fails(
        3,
        "error: model `./jobs/process_execution.toml`: it is not a model of crannog
           hint: restore the file, or judge by the model of another run",
    );
    let file = model_file(&dir, &run);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    next(&dir, &["--model", &run]).fails(
        3,
        &format!(
            "error: model `out/models/{run}.json.gz`: it is cut off or damaged
               because: [..]
               hint: restore the file, or judge by the model of another run"
        ),
    );
    fs::remove_file(&file).unwrap();
    next(&dir, &["--model", &run]).fails(
        2,
        &format!(
            "error: model `out/models/{run}.json.gz`: no model is there
               hint: a run that succeeded and was not given a model saves its own: `crannog runs JOB` lists them"
        ),
    );
}

#[test]
fn a_model_that_does_not_fit_the_job_is_refused_and_told_why() {
    let (dir, run) = learnt();
    another_day(&dir);
    let judged = |more: &[&str]| next(&dir, &[&["--model", &run], more].concat());
    judged(&["--set", "features.columns=[\"unixInterval\", \"count\"]"]).fails(
        2,
        &format!(
            "error: model `out/models/{run}.json.gz`: it judges the columns `unixInterval`, `computerIndex`, `accountIndex`, `accountTypeIndex`, `processIndex`, `count`, and the job makes `unixInterval`, `count`
               hint: judge by the model of a run since the job became another: `crannog runs JOB` lists them"
        ),
    );
    judged(&["--set", "features.scaler=standard"]).fails(
        2,
        &format!(
            "error: model `out/models/{run}.json.gz`: it was learnt without a scaler
               hint: judge by [..]"
        ),
    );
    judged(&["--set", "model.dictionaries=[]"]).fails(
        2,
        &format!(
            "error: model `out/models/{run}.json.gz`: its dictionaries are `account_types`, `accounts`, `computers`, `processes`, and the job's none
               hint: judge by [..]"
        ),
    );
    let file = model_file(&dir, &run);
    let other = [
        "--set",
        "job.name=other",
        "--set",
        "sinks[0].location=../out/other",
    ];
    next(
        &dir,
        &[&["--model", file.to_str().unwrap()], &other[..]].concat(),
    )
    .fails(
        2,
        "error: model `[..].json.gz`: it is a model of the job `process_execution`
           hint: `crannog runs JOB` lists the runs of this job",
    );
    judged(&[]).succeeds();
    let by_model = last(&dir)["run_id"].as_str().unwrap().to_owned();
    next(&dir, &["--model", &by_model]).fails(
        2,
        &format!(
            "error: model `out/models/{by_model}.json.gz`: the run `{by_model}` was judged by the model of `{run}`, and has none of its own
               hint: judge by that one: `--model {run}`"
        ),
    );
}

#[test]
fn a_dictionary_with_other_columns_than_its_step_makes_is_refused() {
    let (dir, run) = learnt();
    dir.edit(
        "sql/process_execution/computers.sql",
        "AS index",
        "AS number",
    );
    next(&dir, &["--model", &run]).fails(
        2,
        &format!(
            "error: model `out/models/{run}.json.gz`: its dictionary `computers` has the columns `Computer`, `index`, and the step makes `Computer`, `number`
               hint: judge by [..]"
        ),
    );
}

#[test]
fn what_changed_since_a_model_was_learnt_is_told() {
    let (dir, run) = learnt();
    another_day(&dir);
    // The SQL of a dictionary has done its work, and so has the seed.
    dir.edit(
        "sql/process_execution/computers.sql",
        "SELECT",
        "-- hosts\nSELECT",
    );
    let seed = ["--set", "isolation_forest.random_state=7"];
    next(&dir, &[&["--model", &run], &seed[..]].concat()).succeeds();
    dir.edit(
        "sql/process_execution/grouped.sql",
        "SELECT",
        "-- groups\nSELECT",
    );
    let more = ["--set", "window.timezone=Asia/Kolkata"];
    let said = next(&dir, &[&["--model", &run], &more[..]].concat());
    assert_eq!(said.code, 0, "{said:#?}");
    let told = format!(
        "model `out/models/{run}.json.gz`: the SQL of `grouped`, `$timezone` changed since it was learnt: its scores may mean something else"
    );
    assert!(said.stderr.contains(&told), "{said:#?}");
}

#[test]
fn a_model_that_cannot_be_saved_is_a_warning() {
    let dir = Dir::new();
    fs::remove_dir_all(dir.path("out/models")).unwrap();
    dir.write("out/models", "a file where the folder should be");
    let said = dir.run(&[]);
    assert_eq!(said.code, 0, "{said:#?}");
    assert!(said.stderr.contains("model `out/models/"), "{said:#?}");
    assert_eq!(last(&dir)["outcome"], "succeeded");
}

#[test]
fn a_model_goes_where_the_job_says() {
    let dir = Dir::new();
    dir.edit_job("[model]", "[model]\nlocation = \"../kept\"");
    dir.run(&[]).succeeds();
    let run = last(&dir)["run_id"].as_str().unwrap().to_owned();
    assert!(dir.path(&format!("kept/{run}.json.gz")).exists());
    another_day(&dir);
    next(&dir, &["--model", &run]).succeeds();
}

#[test]
fn a_dictionary_is_a_step_before_the_last() {
    let dir = Dir::new();
    let named = "[\"computers\", \"accounts\", \"account_types\", \"processes\"]";
    dir.edit_job(named, "[\"computer\"]");
    dir.job_is_refused(
        "error: jobs/process_execution.toml:[..]: `model.dictionaries[0]`: `computer` is not a step of [features] sql before the last
           hint: did you mean `computers`?",
    );
    dir.edit_job("[\"computer\"]", "[\"indexed\"]");
    dir.job_is_refused("error: jobs/process_execution.toml:[..]: `model.dictionaries[0]`: `indexed` makes the rows that are judged: a model keeps the steps that they are made with");
    dir.edit_job("[\"indexed\"]", "[\"accounts\", \"accounts\"]");
    dir.job_is_refused(
        "error: jobs/process_execution.toml:[..]: `model.dictionaries[1]`: `accounts` is named twice",
    );
}

#[test]
fn an_extended_forest_is_told_of_and_judges_another_day() {
    let dir = Dir::new();
    let kind = "[isolation_forest]\nkind = \"extended\"\nextension_level = 3";
    dir.edit_job(
        "[isolation_forest]",
        &format!("scaler = \"standard\"\n{kind}"),
    );
    let before = scored(&dir, |file| dir.run(file));
    let run = last(&dir)["run_id"].as_str().unwrap().to_owned();
    let results = fs::read_to_string(dir.path("out/run_results.json")).unwrap();
    let results: Value = serde_json::from_str(&results).unwrap();
    assert_eq!(results["isolation_forest"]["kind"], "extended");
    assert_eq!(results["isolation_forest"]["extension_level"], 3);

    // The job says nothing of the forest now: the older run's judges, and each row has the score that it had.
    dir.edit_job(kind, "[isolation_forest]");
    let by_model = scored(&dir, |file| dir.run(&[&["--model", &run], file].concat()));
    assert_eq!(by_model, before);
}
