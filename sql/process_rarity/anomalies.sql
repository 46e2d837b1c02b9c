-- anomalies.sql: the strangest groups of the time that is reported, with what is rare about them.
SELECT
    scored.interval  AS interval,
    Computer,
    Account,
    AccountType,
    Process,
    count,
    hosts,
    hosts_with_process,
    hosts_with_line,
    host_days,
    days_on_host,
    account_days,
    days_of_account,
    days_together,
    anomaly_score,
    rank
FROM scored
WHERE prediction = -1
  AND scored.interval >= $detect_start
  AND scored.interval <  $detect_end
