-- grouped.sql: one row for each day, host, account and process: how often it started, when first, and what its command
-- lines look like. The only pass over the events. An event without a time is in no day, and is left out.
SELECT
    date_trunc($bucket, TimeGenerated)    AS interval,
    Computer,
    Account,
    AccountType,
    Process,
    count(*)                              AS count,
    min(TimeGenerated)                    AS first_start,
    line_features(CommandLine)['length']  AS line_length,
    line_features(CommandLine)['signs']   AS line_signs,
    line_features(CommandLine)['forms']   AS line_forms
FROM process_execution
WHERE TimeGenerated >= $train_start
  AND TimeGenerated <  $detect_end
GROUP BY
    date_trunc($bucket, TimeGenerated),
    Computer,
    Account,
    AccountType,
    Process
