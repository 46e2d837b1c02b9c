-- same_hour.sql: The events behind it, and all else that its identity did in that hour.
WITH events AS (
    SELECT
        cast(eventTime AS timestamp(6) with time zone)  AS eventTime,
        eventSource,
        eventName,
        sourceIPAddress,
        userAgent,
        awsRegion,
        errorCode,
        userIdentity.arn                                AS arn,
        userIdentity.type                               AS type
    FROM cloudtrail
)
SELECT
    events.eventTime        AS eventTime,
    events.eventSource      AS eventSource,
    events.eventName        AS eventName,
    events.sourceIPAddress  AS sourceIPAddress,
    events.userAgent        AS userAgent,
    events.awsRegion        AS awsRegion,
    events.errorCode        AS errorCode,
    events.arn              AS arn
FROM finding
JOIN events
  ON finding.interval = date_trunc($bucket, events.eventTime)
WHERE events.eventTime >= $detect_start
  AND events.eventTime <  $detect_end
  AND starts_with(
        concat(coalesce(events.arn, events.type), '/'),
        concat(finding.identity, '/'))
ORDER BY events.eventTime, events.eventSource, events.eventName
