-- anomalies.sql: the strangest kinds of call of the time that is reported, with what is rare about them.
SELECT
    scored.interval  AS interval,
    identity,
    eventSource,
    eventName,
    sourceIPAddress,
    agent,
    awsRegion,
    errorCode,
    count,
    identities,
    identities_with_call,
    identities_with_address,
    identities_with_agent,
    identities_with_region,
    identity_hours,
    hours_with_call,
    hours_with_address,
    hours_with_agent,
    hours_with_region,
    anomaly_score,
    rank
FROM scored
WHERE prediction = -1
  AND scored.interval >= $detect_start
  AND scored.interval <  $detect_end
ORDER BY rank
