-- accounts.sql: on how many days each account was at work.
WITH days AS (
    SELECT Account
    FROM measured
    GROUP BY measured.interval, Account
)
SELECT
    Account,
    count(*)  AS days
FROM days
GROUP BY Account
