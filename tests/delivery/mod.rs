//! Findings leave their table: to servers that are as strict as the services, and that misbehave.

mod kept;
mod log_analytics;
mod others;
mod outbox;
mod secrets;
mod servers;
mod shapes;
mod tls;

use std::process::Command;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{Date32Type, Field};

use self::servers::{Entra, LogsIngestion, Proof, Server, Tokens};
use self::tls::Tls;
use crate::kit::{Dir, JOB, Said, append};

/// What the sinks of these tests are given in the environment.
const SECRET: &str = "s3cr3t-of-the-application";

/// The services of Azure that the new API needs, and a job that sends to them.
struct Azure {
    tokens: Tokens,
    entra: Server<Entra>,
    tls: Tls,
    logs: Server<LogsIngestion>,
    dir: Dir,
}

impl Azure {
    fn new() -> Self {
        let tokens = Tokens::default();
        let proof = Proof::Secret(SECRET.to_owned());
        let entra = Server::start(Entra::new("contoso", "crannog", proof, &tokens));
        let logs = LogsIngestion::new("dcr-00aa", "Custom-Findings", &tokens).declaring(columns());
        let logs = Server::start(logs);
        let tls = Tls::before(entra.url());
        let dir = Dir::new();
        send_to(&dir, &sink(logs.url(), ""));
        Self {
            tokens,
            entra,
            tls,
            logs,
            dir,
        }
    }

    /// The program with these words, as an application with a secret.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.dir.command();
        command
            .args(words)
            .env("AZURE_TENANT_ID", "contoso")
            .env("AZURE_CLIENT_ID", "crannog")
            .env("AZURE_CLIENT_SECRET", SECRET)
            .env("AZURE_AUTHORITY_HOST", self.tls.url())
            .env("SSL_CERT_FILE", self.tls.certificate());
        command
    }

    fn run(&self) -> Said {
        Said::by(&mut self.command(&["run", JOB, "--as-of", crate::kit::AS_OF]))
    }

    fn send(&self) -> Said {
        Said::by(&mut self.command(&["send", JOB]))
    }

    /// Every finding of the table is there, and none twice by answered requests; nothing was against the rules.
    #[track_caller]
    fn all_arrived(&self) {
        let mut expected: Vec<_> = ids(&self.dir);
        expected.sort();
        let mut arrived = self.logs.all_ids("FindingId");
        arrived.sort();
        arrived.dedup();
        assert_eq!(arrived, expected);
        assert_eq!(self.logs.answered_twice("FindingId"), [""; 0]);
        assert_eq!(self.logs.refused(), [""; 0]);
        assert_eq!(self.logs.violations(), []);
    }
}

fn sink(endpoint: &str, more: &str) -> String {
    format!(
        "type = \"log_analytics\"\nendpoint = \"{endpoint}\"\ndcr_immutable_id = \"dcr-00aa\"\nstream_name = \"Custom-Findings\"\n{more}"
    )
}

/// The columns that the template of docs/azure declares: what is sent has no other.
fn columns() -> Vec<String> {
    let template = include_str!("../../docs/azure/process_execution.json");
    let template: serde_json::Value = serde_json::from_str(template).unwrap();
    let columns = template["variables"]["columns"].as_array().unwrap().iter();
    columns
        .map(|column| column["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Gives the job one more sink.
fn send_to(dir: &Dir, sink: &str) {
    dir.edit_job("[report]", &format!("[[sinks]]\n{sink}\n\n[report]"));
}

/// The findings of the table.
fn ids(dir: &Dir) -> Vec<String> {
    let rows = dir.findings().rows.into_iter();
    rows.map(|row| row["finding_id"].as_str().unwrap().to_owned())
        .collect()
}

/// Adds findings to the table, as a run would that had them: of the 10th, with command lines of about `length` bytes.
fn add_findings(dir: &Dir, count: usize, length: usize) {
    let texts = |text: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new((0..count).map(|n| Some(text(n))).collect::<StringArray>())
    };
    let noon = "2026-03-10T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>();
    let times = vec![noon.unwrap().timestamp_micros(); count];
    let times = || -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(times.clone()).with_timezone("UTC"))
    };
    let numbers = |number: fn(usize) -> i64| -> ArrayRef {
        Arc::new((0..count).map(number).map(Some).collect::<Int64Array>())
    };
    let mut lines = ListBuilder::new(StringBuilder::new()).with_field(Field::new(
        "element",
        arrow::datatypes::DataType::Utf8,
        true,
    ));
    for n in 0..count {
        lines
            .values()
            .append_value(format!("cmd.exe /c {n} {}", "é".repeat(length / 2)));
        lines.append(true);
    }
    let scores = (0..count).map(|n| 0.5 + n as f64 / count as f64 / 2.0);
    let day = Date32Type::from_naive_date("2026-03-10".parse().unwrap());
    let rows = RecordBatch::try_from_iter_with_nullable([
        ("interval", times(), true),
        ("Computer", texts(&|n| format!("host-{}", n % 500)), true),
        ("Account", texts(&|n| format!("user-{n}")), true),
        ("AccountType", texts(&|_| "User".to_owned()), true),
        ("Process", texts(&|n| format!("tool-{}.exe", n % 90)), true),
        ("CommandLines", Arc::new(lines.finish()), true),
        ("count", numbers(|n| n as i64), true),
        (
            "anomaly_score",
            Arc::new(scores.map(Some).collect::<Float64Array>()),
            true,
        ),
        ("rank", numbers(|n| n as i64 + 1), true),
        ("finding_id", texts(&|n| format!("{n:032x}")), true),
        ("job", texts(&|_| "process_execution".to_owned()), true),
        ("run_id", texts(&|_| "0123456789abcdef".to_owned()), true),
        ("as_of", times(), true),
        ("date", Arc::new(Date32Array::from(vec![day; count])), true),
    ]);
    append(&dir.path("out/anomalies"), &rows.unwrap());
}
