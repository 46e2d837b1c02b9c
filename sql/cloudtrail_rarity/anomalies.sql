-- anomalies.sql: the strangest kinds of call of each day, as many as the budget has room for, of the time that is reported.
WITH anomalies AS (
    SELECT
        scored.interval                    AS interval,
        identity,
        eventSource,
        eventName,
        sourceIPAddress,
        agent,
        awsRegion,
        errorCode,
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
)
SELECT
    anomalies.interval                        AS interval,
    identity,
    eventSource,
    eventName,
    explanation(reasons)                      AS explanation,
    sourceIPAddress,
    agent,
    awsRegion,
    errorCode,
    count,
    severity,
    anomaly_percentile,
    anomaly_score,
    rank,
    reasons,
    cast(suppressed_by AS varchar)            AS suppressed_by
FROM anomalies
ORDER BY rank
