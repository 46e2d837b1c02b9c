-- calls.sql: one row for each hour and kind of call: who called what, from which address, with which program, in which region and
-- with which error, how often. The only pass over the events. CloudTrail writes times as text; a table may hold instants. An event
-- without a time is in no hour, and is left out; one that is delivered twice counts twice, but makes no row of its own.
-- The identity is the ARN: of a role without the name of the session, which changes; of a service of AWS, which has none, its type.
-- The agent is the name of the program alone: versions change.
WITH events AS (
    SELECT
        cast(eventTime AS timestamp(6) with time zone)                 AS eventTime,
        CASE WHEN strpos(userIdentity.arn, ':assumed-role/') > 0
             THEN concat(split_part(userIdentity.arn, '/', 1), '/', split_part(userIdentity.arn, '/', 2))
             ELSE coalesce(userIdentity.arn, userIdentity.type)
        END                                                            AS identity,
        eventSource,
        eventName,
        sourceIPAddress,
        split_part(split_part(ltrim(userAgent, '['), '/', 1), ' ', 1)  AS agent,
        awsRegion,
        errorCode,
        CASE WHEN readOnly = false THEN 1 ELSE 0 END                   AS write
    FROM cloudtrail
)
SELECT
    date_trunc($bucket, eventTime)           AS interval,
    identity,
    eventSource,
    eventName,
    sourceIPAddress,
    agent,
    awsRegion,
    errorCode,
    count(*)                                 AS count,
    max(write)                               AS write
FROM events
WHERE eventTime >= $train_start
  AND eventTime <  $detect_end
GROUP BY
    date_trunc($bucket, eventTime),
    identity,
    eventSource,
    eventName,
    sourceIPAddress,
    agent,
    awsRegion,
    errorCode
