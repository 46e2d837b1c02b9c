-- hosts.sql: on how many days each host was at work.
WITH days AS (
    SELECT Computer
    FROM measured
    GROUP BY measured.interval, Computer
)
SELECT
    Computer,
    count(*)  AS days
FROM days
GROUP BY Computer
