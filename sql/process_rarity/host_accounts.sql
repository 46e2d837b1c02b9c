-- host_accounts.sql: on how many days each account was at work on each host.
WITH days AS (
    SELECT
        Computer,
        Account
    FROM measured
    GROUP BY measured.interval, Computer, Account
)
SELECT
    Computer,
    Account,
    count(*)  AS days
FROM days
GROUP BY Computer, Account
