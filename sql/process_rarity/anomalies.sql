-- anomalies.sql: the strangest groups of each day, as many as the budget has room for, of the time that is reported.
SELECT
    scored.interval                    AS interval,
    Computer,
    Account,
    AccountType,
    Process,
    count,
    severity(anomaly_score)            AS severity,
    anomaly_percentile(anomaly_score)  AS anomaly_percentile,
    anomaly_score,
    rank,
    reasons(rank)                      AS reasons,
    suppressed_by
FROM scored
WHERE within_budget
  AND scored.interval >= $detect_start
  AND scored.interval <  $detect_end
