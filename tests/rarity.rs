//! The jobs for what is rare: numbers that a reader can check, hostile values, and real attacks among real background.

use std::path::Path;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use serde_json::{Value, json};

use crate::kit::{AS_OF, Dir, Event, Said, batch, event, read_parquet, write_delta};

const PROCESS: &str = "jobs/process_rarity.toml";
const CLOUDTRAIL: &str = "jobs/cloudtrail_rarity.toml";

/// 40 starts of mimikatz by mallory on db-1 on the last of three days, among 27 groups that are the same every day.
#[test]
fn what_one_host_runs_on_one_day_of_three_is_rare_in_every_way_but_for_its_own_account() {
    let dir = Dir::new();
    let rows = query(
        &dir,
        PROCESS,
        "SELECT hosts, accounts, hosts_with_process, accounts_with_process, hosts_with_line, host_days, days_on_host, account_days,
                days_of_account, days_together, first_hour, line_length, line_signs, exp(process_host_rarity) AS process_host,
                exp(process_account_rarity) AS process_account, exp(host_process_rarity) AS host_process, exp(account_process_rarity) AS account_process,
                exp(host_account_rarity) AS host_account, exp(line_rarity) AS line, exp(line_novelty) AS novelty, exp(hour_rarity) AS hour,
                count_excess, length_excess, signs_excess
         FROM rarity WHERE Account = 'mallory' OR (Process = 'cmd.exe' AND Computer = 'web-1') ORDER BY Account DESC LIMIT 2",
    );
    let mallory = json!({
        "hosts": 3, "accounts": 4, "hosts_with_process": 1, "accounts_with_process": 1, "hosts_with_line": 1, "host_days": 3, "days_on_host": 1,
        "account_days": 1, "days_of_account": 1, "days_together": 1, "first_hour": 23, "line_length": 12, "line_signs": 0, "process_host": 3,
        "process_account": 4, "host_process": 3, "account_process": 1, "host_account": 3, "line": 3, "novelty": 1, "hour": 28, // groups
        "count_excess": 0, "length_excess": 0, "signs_excess": 0,
    });
    let usual = json!({
        "hosts": 3, "accounts": 4, "hosts_with_process": 3, "accounts_with_process": 3, "hosts_with_line": 3, "host_days": 3, "days_on_host": 3,
        "account_days": 3, "days_of_account": 3, "days_together": 3, "first_hour": 9, "line_length": 7, "line_signs": 0, "process_host": 1,
        "process_account": 4.0 / 3.0, "host_process": 1, "account_process": 1, "host_account": 1, "line": 1, "novelty": 1, "hour": 28.0 / 27.0,
        "count_excess": 0, "length_excess": 0, "signs_excess": 0,
    });
    same(&rows[0], &mallory);
    same(&rows[1], &usual);
}

/// Four hosts run one script every day; on the last one an encoded, hidden one runs too, and cmd starts eight times, not once.
#[test]
fn a_line_of_another_form_stands_out_of_a_program_that_all_use() {
    let dir = Dir::without_events();
    let mut events = Vec::new();
    for day in ["2026-03-09", "2026-03-10"] {
        for computer in ["a", "b", "c", "d"] {
            let time = format!("{day}T09:00:00Z");
            events.push(Event {
                command_line: Some(r"powershell.exe -File C:\ops\nightly.ps1"),
                ..event(&time, computer, "anna", "powershell.exe")
            });
            let odd = day == "2026-03-10" && computer == "d";
            for _ in 0..if odd { 8 } else { 1 } {
                events.push(event(&time, computer, "anna", "cmd.exe"));
            }
            if odd {
                events.push(Event {
                    command_line: Some(
                        "powershell.exe -w hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA",
                    ),
                    ..event(&time, computer, "anna", "powershell.exe")
                });
            }
        }
    }
    write_delta(&dir.events(), &batch(&events), &[]);
    let rows = query(
        &dir,
        PROCESS,
        "SELECT Process, hosts_with_process, hosts_with_line, line_signs, signs_excess, exp(count_excess) AS times FROM rarity
         WHERE Computer = 'd' AND rarity.interval = '2026-03-10' ORDER BY Process",
    );
    // Of 8 groups of cmd.exe, two are d's: 8 and 1, the middle of whose logarithms is that of √8.
    let cmd = json!({"Process": "cmd.exe", "hosts_with_process": 4, "hosts_with_line": 4, "line_signs": 0, "signs_excess": 0, "times": 2.829});
    same(&rows[0], &cmd);
    // An encoded command, a hidden window and a code of 40 characters: 3 signs, of a mean of 3 / 8.
    let signs = 3.0;
    let shell = json!({"Process": "powershell.exe", "hosts_with_process": 4, "hosts_with_line": 1, "line_signs": signs,
        "signs_excess": signs * 7.0 / 8.0, "times": 2f64.sqrt()});
    same(&rows[1], &shell);
}

#[test]
fn hostile_values_have_numbers_and_neither_threads_nor_the_order_of_rows_change_them() {
    let dir = Dir::without_events();
    let huge: &'static str = Box::leak("A1b/".repeat(50_000).into_boxed_str());
    let lines = [
        None,
        Some(""),
        Some(huge),
        Some("🏝 \u{202e}\u{0}\\\\é\\x -e "),
        Some("-w 1 ://"),
    ];
    let names = [None, Some(""), Some("é🏝"), Some("a"), Some("A")];
    let mut events = Vec::new();
    for i in 0..600 {
        let time = format!("2026-03-{:02}T{:02}:00:00Z", 1 + i % 10, i % 24);
        events.push(Event {
            time: (i % 50 != 0).then(|| time.parse().unwrap()),
            computer: names[i % 5],
            account: names[i / 5 % 5],
            account_type: names[i % 3],
            process: names[i / 25 % 5],
            command_line: lines[i / 7 % 5],
        });
    }
    let events = batch(&events);
    let backwards = UInt32Array::from_iter_values((0..600).rev());
    let turned = take_record_batch(&events, &backwards).unwrap();
    let parts = [turned.slice(0, 250), turned.slice(250, 350)];
    let turned = concat_batches(&events.schema(), &parts).unwrap();
    let scored = |rows: &RecordBatch, threads: &str| {
        std::fs::remove_dir_all(dir.events()).ok();
        write_delta(&dir.events(), rows, &[]);
        let threads = format!("engine.threads={threads}");
        run(&dir, PROCESS, AS_OF, &["--set", &threads]);
        read_parquet(&dir.path("scored.parquet"))
    };
    let once = scored(&events, "1");
    assert!(once.len() > 100);
    for row in &once {
        let row = row.as_object().unwrap();
        let numbers = row.iter().filter(|(name, _)| {
            name.ends_with("_rarity") || name.ends_with("_excess") || *name == "line_novelty"
        });
        let numbers: Vec<_> = numbers.map(|(_, value)| value.as_f64()).collect();
        assert!(
            numbers
                .iter()
                .all(|number| number.is_some_and(|number| number >= 0.0)),
            "{row:?}"
        );
        assert_eq!(numbers.len(), 11);
    }
    assert_eq!(scored(&turned, "3"), once);
}

/// The first hundredth of 17,159 groups holds 22 or more of 25 attacks, and some by programs that others use too.
#[test]
fn real_attacks_are_in_the_first_hundredth() {
    let file = shared("process/fleet_demo.parquet");
    let Some(file) = file else { return };
    let dir = Dir::bare();
    dir.edit(PROCESS, "format   = \"delta\"", "format   = \"parquet\"");
    dir.edit(PROCESS, "../data/process_execution", &file);
    run(&dir, PROCESS, "2026-09-21", &[]);
    dir.edit(
        PROCESS,
        "[window]",
        "[sources.judged]\nformat = \"parquet\"\nlocation = \"../scored.parquet\"\n\n[window]",
    );
    let rows = query(
        &dir,
        PROCESS,
        "WITH usual AS (SELECT Process FROM process_execution WHERE Label = 0 GROUP BY Process),
         hidden AS (
             SELECT event.AttackId AS AttackId FROM usual RIGHT JOIN process_execution AS event ON usual.Process = event.Process
             WHERE event.Label = 1 GROUP BY event.AttackId HAVING bool_and(usual.Process IS NOT NULL))
         SELECT count(DISTINCT event.AttackId) AS attacks, count(DISTINCT hidden.AttackId) AS hidden, max(judged.rank) AS rank
         FROM judged
         JOIN process_execution AS event
           ON judged.interval = date_trunc('day', event.TimeGenerated) AND judged.Computer = event.Computer
          AND judged.Account = event.Account AND judged.AccountType = event.AccountType AND judged.Process = event.Process
         LEFT JOIN hidden ON hidden.AttackId = event.AttackId
         WHERE event.Label = 1 AND judged.rank <= 171",
    );
    assert!(rows[0]["attacks"].as_i64().unwrap() >= 22, "{rows:?}");
    assert!(rows[0]["hidden"].as_i64().unwrap() >= 4, "{rows:?}");
}

/// Alice calls from her address every hour of two days; once, somebody else calls with her key.
#[test]
fn a_key_that_is_used_from_elsewhere_is_rare_in_address_program_region_and_call() {
    let dir = Dir::bare();
    let record = |id: usize, time: &str, who: &Value, more: &Value| {
        let mut record = json!({"eventID": id.to_string(), "eventTime": time, "eventSource": "s3.amazonaws.com", "eventName": "ListBuckets",
            "awsRegion": "eu-west-1", "sourceIPAddress": "203.0.113.1", "userAgent": "aws-cli/2.1 Python/3", "readOnly": true, "userIdentity": who});
        let more = more.as_object().unwrap().clone();
        record.as_object_mut().unwrap().extend(more);
        record
    };
    let alice = json!({"type": "IAMUser", "arn": "arn:aws:iam::111111111111:user/alice"});
    let mut records = Vec::new();
    for hour in 0..48 {
        let time = format!("2026-03-{:02}T{:02}:30:00Z", 9 + hour / 24, hour % 24);
        records.push(record(hour, &time, &alice, &json!({})));
        let session = json!({"type": "AssumedRole", "arn": format!("arn:aws:sts::111111111111:assumed-role/etl/run-{hour}")});
        let version = json!({"userAgent": format!("aws-cli/2.{hour} Python/3")});
        records.push(record(100 + hour, &time, &session, &version));
    }
    let stolen = json!({"eventName": "CreateUser", "awsRegion": "us-west-2", "sourceIPAddress": "192.0.2.1", "userAgent": "[curl/8]",
        "errorCode": "AccessDenied", "readOnly": false});
    records.push(record(200, "2026-03-10T03:10:00Z", &alice, &stolen));
    records.push(record(
        201,
        "2026-03-10T04:10:00Z",
        &json!({"type": "AWSService"}),
        &json!({}),
    ));
    dir.write(
        "data/cloudtrail/a.json",
        &json!({ "Records": records }).to_string(),
    );
    let rows = query(
        &dir,
        CLOUDTRAIL,
        "SELECT identity, eventName, agent, identities, identity_hours AS hours, exp(call_rarity) AS call, exp(address_rarity) AS address, exp(agent_rarity) AS agents,
                exp(region_rarity) AS region, exp(identity_call_rarity) AS own_call, exp(identity_address_rarity) AS own_address,
                exp(identity_agent_rarity) AS own_agent, exp(identity_region_rarity) AS own_region, exp(error_rarity) AS error,
                exp(identity_error_rarity) AS own_error, exp(identity_write_rarity) AS own_write, exp(identity_rarity) AS identity_rarity
         FROM rarity WHERE errorCode IS NOT NULL OR (identity LIKE '%etl' AND rarity.interval = '2026-03-10T03:00:00Z')
            OR identity = 'AWSService' ORDER BY identity, eventName",
    );
    let expected = [
        json!({"identity": "AWSService", "eventName": "ListBuckets", "agent": "aws-cli", "identities": 3, "hours": 1, "call": 1, "address": 1, "agents": 1, "region": 1,
            "own_call": 1, "own_address": 1, "own_agent": 1, "own_region": 1, "error": 1, "own_error": 1, "own_write": 1, "identity_rarity": 48}),
        json!({"identity": "arn:aws:iam::111111111111:user/alice", "eventName": "CreateUser", "agent": "curl", "identities": 3, "hours": 48, "call": 3, "address": 3,
            "agents": 3, "region": 3, "own_call": 48, "own_address": 48, "own_agent": 48, "own_region": 48, "error": 3, "own_error": 48, "own_write": 48, "identity_rarity": 1}),
        json!({"identity": "arn:aws:sts::111111111111:assumed-role/etl", "eventName": "ListBuckets", "agent": "aws-cli", "identities": 3, "hours": 48, "call": 1,
            "address": 1, "agents": 1, "region": 1, "own_call": 1, "own_address": 1, "own_agent": 1, "own_region": 1, "error": 1, "own_error": 1, "own_write": 1, "identity_rarity": 1}),
    ];
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(&expected) {
        same(row, expected);
    }
}

/// Sets of forms are numbers that a Delta table can hold.
#[test]
fn the_groups_of_earlier_days_can_be_kept() {
    let dir = Dir::new();
    run(&dir, PROCESS, AS_OF, &[]);
    let all = read_parquet(&dir.path("scored.parquet"));
    let kept = [
        "--set",
        "incremental.grouped={}",
        "--set",
        "sources.process_execution.time_column=TimeGenerated",
    ];
    for _ in 0..2 {
        run(&dir, PROCESS, AS_OF, &kept); // the second time the days come out of the table
        assert_eq!(read_parquet(&dir.path("scored.parquet")), all);
    }
    assert!(dir.path("out/steps/grouped/_delta_log").is_dir());
}

/// The 11 calls are three kinds in one hour; raw files and a flat table are judged alike.
#[test]
fn the_calls_of_a_stolen_role_come_before_those_of_the_user_at_work() {
    let (Some(raw), Some(flat)) = (
        shared("cloudtrail/raw/otrf"),
        shared("cloudtrail/cloudtrail_real.parquet"),
    ) else {
        return;
    };
    let dir = Dir::bare();
    let judged = |more: &[&str]| {
        run(&dir, CLOUDTRAIL, "2020-09-15", more);
        read_parquet(&dir.path("scored.parquet"))
    };
    let location = |path: &str| format!("sources.cloudtrail.location={path}");
    let rows = judged(&["--set", &location(&raw)]);
    let format = ["--set", "sources.cloudtrail.format=parquet"];
    assert_eq!(
        judged(&[&format[..], &["--set", &location(&flat)]].concat()),
        rows
    );
    let mut ranks: Vec<_> = rows
        .iter()
        .filter(|row| row["identity"].as_str().unwrap().contains("assumed-role"))
        .map(|row| {
            (
                row["rank"].as_i64().unwrap(),
                row["count"].as_i64().unwrap(),
            )
        })
        .collect();
    ranks.sort_unstable();
    assert_eq!(ranks.iter().map(|(_, count)| count).sum::<i64>(), 11);
    assert!(
        ranks.len() == 3 && ranks[2].0 <= 4,
        "{ranks:?} of {}",
        rows.len()
    );
}

/// A file or folder of the real data, or none with a word.
fn shared(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(name);
    match path.canonicalize() {
        Ok(path) => Some(path.display().to_string()),
        Err(_) => {
            println!("skipped: there is no {}", path.display());
            None
        }
    }
}

/// Runs the job; all judged rows are in `scored.parquet`.
#[track_caller]
fn run(dir: &Dir, job: &str, as_of: &str, more: &[&str]) -> Said {
    let said = dir.crannog(
        &[
            &["run", job, "--as-of", as_of, "--scored", "scored.parquet"],
            more,
        ]
        .concat(),
    );
    assert_eq!(said.code, 0, "{said:?}");
    said
}

#[track_caller]
fn query(dir: &Dir, job: &str, sql: &str) -> Vec<Value> {
    let as_of = if job == PROCESS && sql.contains("judged") {
        "2026-09-21"
    } else {
        AS_OF
    };
    let said = dir.crannog(&[
        "query", sql, "--job", job, "--as-of", as_of, "--format", "json",
    ]);
    let lines = said.succeeds().stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The same texts, and numbers to three digits: logarithms are whole thousandths.
#[track_caller]
fn same(row: &Value, expected: &Value) {
    let (row, expected) = (row.as_object().unwrap(), expected.as_object().unwrap());
    for (name, value) in expected {
        let there = &row[name];
        let equal = match (there.as_f64(), value.as_f64()) {
            (Some(there), Some(value)) => (there - value).abs() < 0.002 * value.abs().max(1.0),
            _ => there == value,
        };
        assert!(equal, "{name}: {there}, expected {value}, of {row:?}");
    }
}
