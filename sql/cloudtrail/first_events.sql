-- first_events.sql: the events of every instant in which some value is seen for the first time, numbered in the order
-- of their keys. They are few, and they tell the order of first appearance: no column needs all events in order.
WITH first_times AS (
    SELECT min(eventTime) AS eventTime FROM events GROUP BY date_trunc('day', eventTime)
    UNION ALL
    SELECT min(eventTime) AS eventTime FROM events GROUP BY eventSource
    UNION ALL
    SELECT min(eventTime) AS eventTime FROM events GROUP BY eventName
    UNION ALL
    SELECT min(eventTime) AS eventTime FROM events GROUP BY sourceIPAddress
    UNION ALL
    SELECT min(eventTime) AS eventTime FROM events GROUP BY userIdentityArn
    UNION ALL
    SELECT min(eventTime) AS eventTime FROM events GROUP BY awsRegion
),
instants AS (
    SELECT eventTime
    FROM first_times
    GROUP BY eventTime
)
SELECT
    events.eventTime        AS eventTime,
    events.eventSource      AS eventSource,
    events.eventName        AS eventName,
    events.sourceIPAddress  AS sourceIPAddress,
    events.userIdentityArn  AS userIdentityArn,
    events.awsRegion        AS awsRegion,
    row_number() OVER (ORDER BY
        events.eventTime,
        events.eventID NULLS FIRST,
        events.eventSource NULLS FIRST,
        events.eventName NULLS FIRST,
        events.sourceIPAddress NULLS FIRST,
        events.userIdentityArn NULLS FIRST,
        events.awsRegion NULLS FIRST
    )                       AS position
FROM instants
JOIN events ON events.eventTime = instants.eventTime
