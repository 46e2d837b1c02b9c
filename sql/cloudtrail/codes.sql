-- codes.sql: each value of each column has a code, as pandas' factorize gives it: 0 for the value that appears first, 1
-- for the next one, and so on. NULL has none here, and -1 where it is used.
WITH firsts AS (
    SELECT 'eventSource' AS feature, eventSource AS value, min(position) AS position FROM first_events GROUP BY eventSource
    UNION ALL
    SELECT 'eventName' AS feature, eventName AS value, min(position) AS position FROM first_events GROUP BY eventName
    UNION ALL
    SELECT 'sourceIPAddress' AS feature, sourceIPAddress AS value, min(position) AS position FROM first_events GROUP BY sourceIPAddress
    UNION ALL
    SELECT 'userIdentityArn' AS feature, userIdentityArn AS value, min(position) AS position FROM first_events GROUP BY userIdentityArn
    UNION ALL
    SELECT 'awsRegion' AS feature, awsRegion AS value, min(position) AS position FROM first_events GROUP BY awsRegion
)
SELECT
    feature,
    value,
    cast(row_number() OVER (PARTITION BY feature ORDER BY position) - 1 AS int)  AS code
FROM firsts
WHERE value IS NOT NULL
