-- events.sql: the calls of IAM users in the time that is learnt from. CloudTrail writes times as text; a table may hold
-- instants. An event without a time is in no day, and is left out. An event that is delivered twice is here twice: the
-- job's keys, its time and its ID, let one of them count.
WITH calls AS (
    SELECT
        cast(eventTime AS timestamp(6) with time zone)  AS eventTime,
        eventID,
        eventSource,
        eventName,
        sourceIPAddress,
        userIdentity.arn                                AS userIdentityArn,
        awsRegion
    FROM cloudtrail
    WHERE userIdentity.type = 'IAMUser'
)
SELECT
    eventTime,
    eventID,
    eventSource,
    eventName,
    sourceIPAddress,
    userIdentityArn,
    awsRegion
FROM calls
WHERE eventTime >= $train_start
  AND eventTime <  $detect_end
