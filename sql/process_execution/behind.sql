-- behind.sql: The events behind it.
SELECT
    event.TimeGenerated  AS TimeGenerated,
    event.CommandLine    AS CommandLine
FROM finding
JOIN process_execution AS event
  ON (finding.interval    IS NOT DISTINCT FROM date_trunc($bucket, event.TimeGenerated))
 AND (finding.Computer    IS NOT DISTINCT FROM event.Computer)
 AND (finding.Account     IS NOT DISTINCT FROM event.Account)
 AND (finding.AccountType IS NOT DISTINCT FROM event.AccountType)
 AND (finding.Process     IS NOT DISTINCT FROM event.Process)
WHERE event.TimeGenerated >= $detect_start
  AND event.TimeGenerated <  $detect_end
ORDER BY event.TimeGenerated, event.CommandLine
