-- evidence.sql: each anomaly with its reasons in words and its distinct command lines, sorted. They are read for the anomalies alone, from
-- the days that are reported alone. NULL is no command line, '' is one; an anomaly without any has an empty list.
WITH lines AS (
    SELECT
        anomalies.rank     AS rank,
        event.CommandLine  AS CommandLine
    FROM anomalies
    JOIN process_execution AS event
      ON (anomalies.interval    IS NOT DISTINCT FROM date_trunc($bucket, event.TimeGenerated))
     AND (anomalies.Computer    IS NOT DISTINCT FROM event.Computer)
     AND (anomalies.Account     IS NOT DISTINCT FROM event.Account)
     AND (anomalies.AccountType IS NOT DISTINCT FROM event.AccountType)
     AND (anomalies.Process     IS NOT DISTINCT FROM event.Process)
    WHERE event.CommandLine IS NOT NULL
      AND event.TimeGenerated >= $detect_start
      AND event.TimeGenerated <  $detect_end
    GROUP BY anomalies.rank, event.CommandLine
),
lists AS (
    SELECT
        rank,
        array_sort(array_agg(CommandLine))  AS CommandLines
    FROM lines
    GROUP BY rank
)
SELECT
    anomalies.interval                          AS interval,
    anomalies.Computer                          AS Computer,
    anomalies.Account                           AS Account,
    anomalies.AccountType                       AS AccountType,
    anomalies.Process                           AS Process,
    explanation(anomalies.reasons)              AS explanation,
    coalesce(lists.CommandLines, make_array())  AS CommandLines,
    anomalies.count                             AS count,
    anomalies.severity                          AS severity,
    anomalies.anomaly_percentile                AS anomaly_percentile,
    anomalies.anomaly_score                     AS anomaly_score,
    anomalies.rank                              AS rank,
    anomalies.reasons                           AS reasons,
    cast(anomalies.suppressed_by AS varchar)    AS suppressed_by
FROM anomalies
LEFT JOIN lists ON lists.rank = anomalies.rank
ORDER BY anomalies.rank
