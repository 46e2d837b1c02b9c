-- anomalies.sql: what the forest finds strange, of the time that is reported.
SELECT
    scored.interval  AS interval,
    Computer,
    Account,
    AccountType,
    Process,
    count,
    anomaly_score,
    rank
FROM scored
WHERE prediction = -1
  AND within_budget
  AND scored.interval >= $detect_start
  AND scored.interval <  $detect_end
