-- events.sql: the calls of IAM users in the time that is learnt from. CloudTrail writes times as text; a table may hold
-- instants. An event without a time is in no day, and is left out. An event that is delivered twice is here twice: the
-- job's keys, its time and its ID, let one of them count.
-- Values that repeat are kept once, as dictionaries, and IDs, which do not repeat, as plain text: that takes less memory.
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
    arrow_cast(eventID, 'Utf8')                               AS eventID,
    arrow_cast(eventSource, 'Dictionary(Int32, Utf8)')        AS eventSource,
    arrow_cast(eventName, 'Dictionary(Int32, Utf8)')          AS eventName,
    arrow_cast(sourceIPAddress, 'Dictionary(Int32, Utf8)')    AS sourceIPAddress,
    arrow_cast(userIdentityArn, 'Dictionary(Int32, Utf8)')    AS userIdentityArn,
    arrow_cast(awsRegion, 'Dictionary(Int32, Utf8)')          AS awsRegion
FROM calls
WHERE eventTime >= $train_start
  AND eventTime <  $detect_end
