-- account_programs.sql: on how many days each account started each process, on whatever host.
WITH days AS (
    SELECT
        Account,
        AccountType,
        Process
    FROM measured
    GROUP BY measured.interval, Account, AccountType, Process
)
SELECT
    Account,
    AccountType,
    Process,
    count(*)  AS days
FROM days
GROUP BY Account, AccountType, Process
