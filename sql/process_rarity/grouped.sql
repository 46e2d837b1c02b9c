-- grouped.sql: one row for each day, host, account and process: how often it started, when first, and what its command
-- lines look like. The only pass over the events. An event without a time is in no day, and is left out.
WITH events AS (
    SELECT
        TimeGenerated,
        Computer,
        Account,
        AccountType,
        Process,
        line_features(CommandLine)  AS line
    FROM process_execution
    WHERE TimeGenerated >= $train_start
      AND TimeGenerated <  $detect_end
)
SELECT
    date_trunc($bucket, TimeGenerated)  AS interval,
    Computer,
    Account,
    AccountType,
    Process,
    count(*)                            AS count,
    min(TimeGenerated)                  AS first_start,
    max(line['length'])                 AS line_length,
    bit_or(line['signs'])               AS line_signs,
    bit_or(line['form'])                AS line_forms
FROM events
GROUP BY
    date_trunc($bucket, TimeGenerated),
    Computer,
    Account,
    AccountType,
    Process
