-- elsewhere.sql: Who else runs its process.
SELECT
    scored.Computer                  AS Computer,
    scored.Account                   AS Account,
    count(DISTINCT scored.interval)  AS days,
    sum(scored.count)                AS starts,
    max(scored.interval)             AS last_day
FROM finding
JOIN scored
  ON scored.Process IS NOT DISTINCT FROM finding.Process
WHERE (scored.Computer IS DISTINCT FROM finding.Computer)
   OR (scored.Account IS DISTINCT FROM finding.Account)
GROUP BY scored.Computer, scored.Account
ORDER BY days DESC, starts DESC, Computer, Account
