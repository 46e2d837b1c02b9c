-- identities.sql: in how many hours each identity called anything, and in how many it changed something.
WITH hours AS (
    SELECT
        identity,
        max(write)  AS write
    FROM calls
    GROUP BY calls.interval, identity
)
SELECT
    identity,
    count(*)    AS hours,
    sum(write)  AS hours_with_write
FROM hours
GROUP BY identity
