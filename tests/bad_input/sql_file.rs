//! SQL with a mistake in it: file, line, and the column that was meant. `check` finds all of these.

use crate::kit::Dir;

const GROUPED: &str = "sql/process_execution/grouped.sql";
const INDEXED: &str = "sql/process_execution/indexed.sql";
const ANOMALIES: &str = "sql/process_execution/anomalies.sql";

/// The job is refused in these words when one of its SQL files has one change.
#[track_caller]
fn refused(file: &str, from: &str, to: &str, stderr: &str) {
    let dir = Dir::new();
    dir.edit(file, from, to);
    dir.job_is_refused(stderr);
}

#[test]
fn a_syntax_error() {
    refused(
        GROUPED,
        "GROUP BY\n",
        "GRUOP BY\n",
        "error: sql/process_execution/grouped.sql:12: Expected: end of statement, found: GRUOP",
    );
}

#[test]
fn a_text_without_an_end() {
    refused(
        GROUPED,
        "    AccountType,",
        "    'AccountType,",
        "error: sql/process_execution/grouped.sql:6: Unterminated string literal",
    );
}

#[test]
fn a_column_that_is_not_there() {
    refused(
        GROUPED,
        "    Account,\n",
        "    Acount,\n",
        "error: sql/process_execution/grouped.sql:5: there is no column `Acount` here
           hint: did you mean `Account`?",
    );
}

#[test]
fn a_column_of_a_table_that_has_it_not() {
    refused(
        INDEXED,
        "grouped.Process                                        AS Process",
        "grouped.Proces                                         AS Process",
        "error: sql/process_execution/indexed.sql:21: there is no column `Proces` here
           hint: did you mean `Process`?",
    );
}

#[test]
fn a_table_that_is_not_there() {
    refused(
        GROUPED,
        "FROM process_execution",
        "FROM process_executions",
        "error: sql/process_execution/grouped.sql:9: there is no table `process_executions` here
           hint: did you mean `process_execution`?",
    );
}

#[test]
fn a_step_that_comes_later() {
    refused(
        GROUPED,
        "FROM process_execution",
        "FROM indexed",
        "error: sql/process_execution/grouped.sql:9: there is no table `indexed` here
           hint: known here: `process_execution`",
    );
}

#[test]
fn a_function_that_is_not_there() {
    refused(
        INDEXED,
        "to_unixtime(grouped.interval)",
        "to_unixtme(grouped.interval)",
        "error: sql/process_execution/indexed.sql:22: there is no function `to_unixtme`
           hint: did you mean `to_unixtime`?",
    );
}

#[test]
fn a_function_of_other_types() {
    refused(
        GROUPED,
        "date_trunc($bucket, TimeGenerated)  AS interval",
        "date_trunc(TimeGenerated)  AS interval",
        "error: sql/process_execution/grouped.sql: there is no function `date_trunc(Timestamp(µs, \"UTC\"))`
           hint: there is date_trunc(String, Timestamp), date_trunc(String, Time); cast the argument",
    );
}

#[test]
fn a_column_that_is_not_grouped_by() {
    refused(
        GROUPED,
        "    Account,\n    AccountType,\n    Process\n",
        "    Account,\n    AccountType\n",
        "error: sql/process_execution/grouped.sql:7: `process_execution.Process` is neither grouped by nor part of an aggregate
           hint: add `process_execution.Process` to GROUP BY, or write for example max(process_execution.Process)",
    );
}

#[test]
fn two_columns_of_one_name() {
    refused(
        GROUPED,
        "count(*)                            AS count",
        "count(*)                            AS Process",
        "error: sql/process_execution/grouped.sql: [..]Process[..]",
    );
}

#[test]
fn a_column_of_the_name_that_the_model_gives() {
    refused(
        INDEXED,
        "grouped.count                                          AS count",
        "grouped.count AS count, grouped.count AS rank",
        "error: sql/process_execution/indexed.sql: it makes a column `rank`, which is the model's
           hint: give the column `rank` another name",
    );
}

#[test]
fn anything_but_one_query() {
    let dir = Dir::new();
    dir.write(GROUPED, "DROP TABLE process_execution");
    dir.job_is_refused(
        "error: sql/process_execution/grouped.sql: it is not a query; it should hold one SELECT",
    );
    dir.write(GROUPED, "-- nothing yet\n");
    dir.job_is_refused("error: sql/process_execution/grouped.sql: there is no query in it; it should hold one SELECT");
    dir.write(GROUPED, "SELECT 1 AS a; SELECT 2 AS b");
    dir.job_is_refused("error: sql/process_execution/grouped.sql: it holds several statements; it should hold one SELECT");
}

#[test]
fn a_write_inside_of_a_query() {
    let dir = Dir::new();
    dir.write(
        GROUPED,
        "WITH gone AS (DELETE FROM process_execution RETURNING *) SELECT * FROM gone",
    );
    assert_eq!(dir.run(&[]).code, 2);
    dir.findings_are_as_before();
}

#[test]
fn a_comparison_of_a_text_with_a_number_is_refused_or_right() {
    refused(
        ANOMALIES,
        "prediction = -1",
        "prediction = 'odd'",
        "error: sql/process_execution/anomalies.sql: [..]odd[..]",
    );
}
