//! Secrets come from the environment, go to the service that they are for, and are shown nowhere.

use std::fs;
use std::path::Path;

use super::servers::{Server, Shape, Webhook};
use super::{Azure, SECRET, send_to};
use crate::kit::{AS_OF, Dir, JOB, Said, read_delta};

const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// No file that a run leaves has the text in it.
fn assert_in_no_file(folder: &Path, secret: &str) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            assert_in_no_file(&entry.path(), secret);
        } else {
            let bytes = fs::read(entry.path()).unwrap();
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", entry.path().display());
        }
    }
}

#[test]
fn whatever_fails_no_secret_is_in_what_is_said_or_written() {
    let hook = Server::start(Webhook::new(WHSEC, Shape::Array));
    let azure = Azure::new();
    let hook_url = format!("{}/hook/t0ken-in-the-path", hook.url());
    send_to(
        &azure.dir,
        "type = \"webhook\"\nurl = \"${env:HOOK_URL}\"\nsecret = \"${env:HOOK}\"\nheaders = { Authorization = \"${env:HOOK_KEY}\" }",
    );
    azure.logs.rules().forbidden = true;
    // It says back the path that it does not know, with the secret in it.
    let secrets = [
        SECRET,
        WHSEC,
        &WHSEC[6..],
        "b1ue-key-of-the-hook",
        "t0ken-in-the-path",
    ];
    for words in [
        ["run", JOB, "--as-of", AS_OF].as_slice(),
        &["plan", JOB, "--as-of", AS_OF],
        &["check", JOB],
        &["send", JOB, "--timeout", "2s"],
        &["send", JOB, "--list", "--format", "json"],
    ] {
        for log in ["text", "json"] {
            let mut command = azure.command(words);
            command
                .args(["--log-format", log, "--set", "outbox.timeout=3s"])
                .env("RUST_LOG", "trace")
                .env("HOOK", WHSEC)
                .env("HOOK_KEY", "b1ue-key-of-the-hook")
                .env("HOOK_URL", &hook_url);
            let said = Said::by(&mut command);
            let (token, _) = azure.logs.requests().last().map_or_else(
                || ("no token yet".to_owned(), 0),
                |request| (request.header("authorization").unwrap_or_default(), 0),
            );
            for secret in secrets
                .iter()
                .copied()
                .chain([token.trim_start_matches("Bearer ")])
            {
                for text in [&said.stdout, &said.stderr] {
                    let line = text.lines().find(|line| line.contains(secret));
                    assert_eq!(line, None, "{secret} is said by {words:?}");
                }
            }
        }
    }
    let outbox = read_delta(&azure.dir.path("out/outbox")).rows;
    let outbox = serde_json::to_string(&outbox).unwrap();
    assert!(
        outbox.contains("${env:HOOK_URL}") || outbox.contains("it answers 404"),
        "{outbox}"
    );
    for secret in secrets {
        assert!(!outbox.contains(secret), "{secret} is in the outbox");
        assert_in_no_file(&azure.dir.path("out"), secret);
    }
}

#[test]
fn a_secret_in_the_job_file_is_refused() {
    let dir = Dir::new();
    send_to(
        &dir,
        "type = \"webhook\"\nurl = \"https://example.org\"\nsecret = \"whsec_abc\"",
    );
    dir.job_is_refused(
        "
        error: jobs/process_execution.toml:[..]: `sinks[1].secret`: a secret is not written into a job: put it into the environment, or into a file, and write `${env:NAME}` (`NAME`, or `NAME_FILE` with the file's path)
        ",
    );
}

#[test]
fn a_secret_that_stands_in_a_url_or_a_header_is_refused_and_one_that_is_put_there_is_not() {
    for (line, key) in [
        ("url = \"https://user:pass@example.org/hook\"", "url"),
        (
            "url = \"https://example.org/hook?api-version=1&sig=abc\"",
            "url",
        ),
        (
            "url = \"https://example.org\"\nheaders = { Authorization = \"Bearer abc\" }",
            "headers.Authorization",
        ),
    ] {
        let dir = Dir::new();
        send_to(&dir, &format!("type = \"webhook\"\n{line}"));
        let said = dir.check(&[]);
        assert_eq!(said.code, 2, "{said:#?}");
        let told = format!("`sinks[1].{key}`: a secret is not written into a job");
        assert!(said.stderr.contains(&told), "{}", said.stderr);
    }
    let dir = Dir::new();
    send_to(
        &dir,
        "type = \"webhook\"\nurl = \"https://example.org/hook?sig=${env:HOME}\"\nheaders = { Authorization = \"Bearer ${env:HOME}\" }",
    );
    dir.check(&[]).succeeds();
}

#[test]
fn a_variable_that_is_not_there_is_told_before_data_is_read() {
    let dir = Dir::new();
    send_to(
        &dir,
        "type = \"webhook\"\nurl = \"https://example.org\"\nsecret = \"${env:NO_SUCH_HOOK}\"",
    );
    dir.job_is_refused(
        "
        error: jobs/process_execution.toml:[..]: `sinks[1].secret`: the environment variable `NO_SUCH_HOOK` is not set
        hint: export NO_SUCH_HOOK before the run
        ",
    );
}

#[test]
fn findings_leave_this_machine_by_tls_alone() {
    let dir = Dir::new();
    send_to(
        &dir,
        "type = \"webhook\"\nurl = \"http://example.org/hook\"",
    );
    dir.job_is_refused(
        "
        error: jobs/process_execution.toml:[..]: `sinks[1].url`: findings and secrets are sent by `https://`; `http://` goes to this machine alone
        ",
    );
}

#[test]
fn a_key_of_another_type_of_sink_is_told_with_its_line() {
    let dir = Dir::new();
    send_to(
        &dir,
        "type = \"webhook\"\nurl = \"https://example.org/hook\"\nworkspace_id = \"abc\"",
    );
    dir.job_is_refused(
        "
        error: jobs/process_execution.toml:[..]: `sinks[1].workspace_id`: `workspace_id` does not belong to a sink of type `webhook`
        ",
    );
}

#[test]
fn an_empty_secret_and_a_header_of_the_programs_own_are_refused() {
    for (line, told) in [
        (
            "secret = \"${env:HOOK}\"",
            "`sinks[1].secret`: the secret is empty",
        ),
        (
            "headers = { webhook-id = \"x\" }",
            "`sinks[1].headers.webhook-id`: this header is set by the program",
        ),
    ] {
        let dir = Dir::new();
        send_to(
            &dir,
            &format!("type = \"webhook\"\nurl = \"https://example.org/hook\"\n{line}"),
        );
        let said = Said::by(dir.command().args(["check", JOB]).env("HOOK", ""));
        assert_eq!(said.code, 2, "{said:#?}");
        assert!(said.stderr.contains(told), "{}", said.stderr);
    }
}

#[test]
fn an_outbox_in_the_place_of_another_table_is_refused() {
    let dir = Dir::new();
    send_to(
        &dir,
        "type = \"ndjson\"\nlocation = \"../out/lines\"\n\n[outbox]\nlocation = \"../out/anomalies\"",
    );
    dir.job_is_refused(
        "
        error: jobs/process_execution.toml:[..]: `outbox.location`: `out/anomalies` is another table of this job: the outbox is one of its own
        ",
    );
}
