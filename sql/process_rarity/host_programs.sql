-- host_programs.sql: the history of each process on each host, as accounts of one type start it: on how many days, in how
-- many groups, and what its counts and command lines are like.
WITH days AS (
    SELECT
        Computer,
        AccountType,
        Process,
        count(*)            AS groups,
        sum(ln_count)       AS ln_count,
        sum(ln_length)      AS ln_length,
        sum(line_signs)     AS line_signs,
        bit_or(line_forms)  AS line_forms
    FROM measured
    GROUP BY measured.interval, Computer, AccountType, Process
)
SELECT
    Computer,
    AccountType,
    Process,
    count(*)            AS days,
    sum(groups)         AS groups,
    sum(ln_count)       AS ln_count,
    sum(ln_length)      AS ln_length,
    sum(line_signs)     AS line_signs,
    bit_or(line_forms)  AS line_forms
FROM days
GROUP BY Computer, AccountType, Process
