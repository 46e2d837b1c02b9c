-- programs.sql: each process over the fleet, as accounts of one type start it: on how many hosts, by how many accounts, how
-- long its command lines are and how many signs they have on average, and on how many hosts each form of command line is seen. The whole fleet stands beside.
WITH on_hosts AS (
    SELECT
        AccountType,
        Process,
        count(*)                                               AS hosts,
        cast(sum(ln_length) AS double) / sum(groups) / 1000.0  AS ln_length,
        cast(sum(line_signs) AS double) / sum(groups)          AS line_signs,
        bit_counts(line_forms)                                 AS hosts_by_form
    FROM host_programs
    GROUP BY AccountType, Process
),
by_accounts AS (
    SELECT
        AccountType,
        Process,
        count(*)  AS accounts
    FROM account_programs
    GROUP BY AccountType, Process
)
SELECT
    on_hosts.AccountType    AS AccountType,
    on_hosts.Process        AS Process,
    (SELECT count(*) FROM hosts)     AS hosts,
    (SELECT count(*) FROM accounts)  AS accounts,
    on_hosts.hosts          AS hosts_with_process,
    by_accounts.accounts    AS accounts_with_process,
    on_hosts.ln_length      AS ln_length,
    on_hosts.line_signs     AS line_signs,
    on_hosts.hosts_by_form  AS hosts_by_form
FROM by_accounts
JOIN on_hosts
  ON (by_accounts.AccountType IS NOT DISTINCT FROM on_hosts.AccountType)
 AND (by_accounts.Process     IS NOT DISTINCT FROM on_hosts.Process)
