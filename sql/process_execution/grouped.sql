-- grouped.sql: one row for each day, host, account and process, with how often the process started.
SELECT
    date_trunc($bucket, TimeGenerated)  AS interval,
    Computer,
    Account,
    AccountType,
    Process,
    count(*)                            AS count
FROM process_execution
WHERE (TimeGenerated >= $train_start AND TimeGenerated < $detect_end)
   OR ($keep_undated AND TimeGenerated IS NULL)
GROUP BY
    date_trunc($bucket, TimeGenerated),
    Computer,
    Account,
    AccountType,
    Process
