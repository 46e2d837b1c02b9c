//! The steps of a job in memory: what is computed is let go as soon as nothing needs it.

use crannog::Job;
use crannog::feedback::Feedback;
use crannog::pipeline::Pipeline;
use crannog::progress::Progress;
use crannog::{session, source};
use datafusion::common::TableReference;

use crate::kit::{AS_OF, Dir, block_on};

const STEPS: &str = r#"
[job]
name = "steps"

[sources.process_execution]
format = "delta"
location = "../data/process_execution"

[window]
detect = "1 day"
train = "all"
time_column = "t"

[features]
sql = ["starts.sql", "pairs.sql", "last.sql"]
keys = ["t", "Computer"]
columns = ["n"]

[findings]
sql = ["found.sql"]

[[sinks]]
type = "delta"
location = "../out/steps"
"#;

#[test]
fn a_step_is_let_go_when_what_was_computed_from_it_is_there() {
    let dir = Dir::new();
    dir.write("jobs/steps.toml", STEPS);
    let starts = "SELECT TimeGenerated AS t, Computer FROM process_execution";
    dir.write("jobs/starts.sql", starts);
    dir.write(
        "jobs/pairs.sql",
        "SELECT a.t AS t, a.Computer AS Computer, count(*) AS n
         FROM starts AS a JOIN starts AS b ON a.Computer = b.Computer GROUP BY a.t, a.Computer",
    );
    dir.write("jobs/last.sql", "SELECT t, Computer, n FROM pairs");
    dir.write(
        "jobs/found.sql",
        "SELECT s.t AS t, s.Computer AS Computer, p.n AS n
         FROM pairs AS p JOIN scored AS s ON p.t = s.t AND p.Computer = s.Computer",
    );
    let job = Job::load(&dir.path("jobs/steps.toml"), &[]).unwrap();
    let interval = job.window.at(AS_OF.parse().unwrap());
    let there = block_on(async {
        let ctx = session::connect(&job).unwrap();
        let sources = source::register_all(&ctx, &job, &interval).await;
        let pipeline = Pipeline::plan(
            &ctx,
            &job,
            &interval,
            sources.unwrap(),
            None,
            Feedback::default(),
            |_, _, _| (),
        )
        .await;
        let mut pipeline = pipeline.unwrap();
        let features = pipeline.features(&mut Progress::new(false)).await;
        assert!(features.unwrap().n_samples() > 0);
        let is_there = |step| ctx.table_exist(TableReference::bare(step)).unwrap();
        [is_there("starts"), is_there("pairs")]
    });
    assert_eq!(there, [false, true]); // `found` still reads the pairs
}
