-- habits.sql: in how many hours each identity had each value of each feature: the calls it made, its addresses and so on.
WITH hours AS (
    SELECT 'call' AS feature, identity, concat(eventSource, ' ', eventName) AS value FROM calls GROUP BY calls.interval, identity, concat(eventSource, ' ', eventName)
    UNION ALL
    SELECT 'address' AS feature, identity, sourceIPAddress AS value FROM calls GROUP BY calls.interval, identity, sourceIPAddress
    UNION ALL
    SELECT 'agent' AS feature, identity, agent AS value FROM calls GROUP BY calls.interval, identity, agent
    UNION ALL
    SELECT 'region' AS feature, identity, awsRegion AS value FROM calls GROUP BY calls.interval, identity, awsRegion
    UNION ALL
    SELECT 'error' AS feature, identity, errorCode AS value FROM calls GROUP BY calls.interval, identity, errorCode
    UNION ALL
    SELECT 'hour' AS feature, identity, cast(date_part('hour', calls.interval) AS varchar) AS value FROM calls GROUP BY calls.interval, identity
)
SELECT
    feature,
    identity,
    value,
    count(*)  AS hours
FROM hours
GROUP BY feature, identity, value
