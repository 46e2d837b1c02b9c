-- usual.sql: What its account usually runs on its host.
SELECT
    scored.Process                   AS Process,
    count(DISTINCT scored.interval)  AS days,
    sum(scored.count)                AS starts,
    max(scored.interval)             AS last_day
FROM finding
JOIN scored
  ON (scored.Computer IS NOT DISTINCT FROM finding.Computer)
 AND (scored.Account IS NOT DISTINCT FROM finding.Account)
GROUP BY scored.Process
ORDER BY days DESC, starts DESC, Process
