-- usual.sql: What its identity usually calls, and from where.
SELECT
    scored.eventSource               AS eventSource,
    scored.eventName                 AS eventName,
    scored.sourceIPAddress           AS sourceIPAddress,
    scored.agent                     AS agent,
    scored.awsRegion                 AS awsRegion,
    count(DISTINCT scored.interval)  AS hours,
    sum(scored.count)                AS calls,
    max(scored.interval)             AS last_hour
FROM finding
JOIN scored ON finding.identity IS NOT DISTINCT FROM scored.identity
GROUP BY scored.eventSource, scored.eventName, scored.sourceIPAddress, scored.agent, scored.awsRegion
ORDER BY hours DESC, calls DESC, eventSource, eventName, sourceIPAddress, agent, awsRegion
