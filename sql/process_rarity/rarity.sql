-- rarity.sql: each group with how rare it is. A rarity is -ln of a share: 0 where all have it, 0.7 where half have it, 2.3
-- where a tenth has it. An excess is how far a measure lies above its mean, in logarithms or numbers, and 0 below it.
-- The days of a history are those of the whole time that is read, the group's own among them: 1 is a first time.
-- A join holds its left side in memory: the small tables stand left, and the groups stream past them.
WITH host_accounts_of_days AS (
    SELECT
        host_accounts.Computer  AS Computer,
        host_accounts.Account   AS Account,
        host_accounts.days      AS days_together,
        hosts.days              AS host_days
    FROM hosts
    JOIN host_accounts ON hosts.Computer IS NOT DISTINCT FROM host_accounts.Computer
),
account_programs_of_days AS (
    SELECT
        account_programs.Account      AS Account,
        account_programs.AccountType  AS AccountType,
        account_programs.Process      AS Process,
        account_programs.days         AS days_of_account,
        accounts.days                 AS account_days
    FROM accounts
    JOIN account_programs ON accounts.Account IS NOT DISTINCT FROM account_programs.Account
),
found AS (
    SELECT
        measured.interval                         AS interval,
        measured.Computer                         AS Computer,
        measured.Account                          AS Account,
        measured.AccountType                      AS AccountType,
        measured.Process                          AS Process,
        measured.count                            AS count,
        programs.hosts                            AS hosts,
        programs.accounts                         AS accounts,
        programs.hosts_with_process               AS hosts_with_process,
        programs.accounts_with_process            AS accounts_with_process,
        coalesce(rarest_bit(measured.line_forms, programs.hosts_by_form), programs.hosts_with_process)  AS hosts_with_line,
        pairs.host_days                           AS host_days,
        host_programs.days                        AS days_on_host,
        used.account_days                         AS account_days,
        used.days_of_account                      AS days_of_account,
        pairs.days_together                       AS days_together,
        measured.first_hour                       AS first_hour,
        first_hours.rarity                        AS hour_rarity,
        measured.line_length                      AS line_length,
        measured.line_signs                       AS line_signs,
        measured.ln_count / 1000.0 - cast(host_programs.ln_count AS double) / host_programs.groups / 1000.0  AS count_excess,
        measured.ln_length / 1000.0 - programs.ln_length  AS length_excess,
        measured.line_signs - programs.line_signs         AS signs_excess
    FROM programs
    RIGHT JOIN (first_hours
        RIGHT JOIN (host_accounts_of_days AS pairs
            RIGHT JOIN (account_programs_of_days AS used
                RIGHT JOIN (host_programs
                    RIGHT JOIN measured
                      ON (host_programs.Computer    IS NOT DISTINCT FROM measured.Computer)
                     AND (host_programs.AccountType IS NOT DISTINCT FROM measured.AccountType)
                     AND (host_programs.Process     IS NOT DISTINCT FROM measured.Process))
                  ON (used.Account     IS NOT DISTINCT FROM measured.Account)
                 AND (used.AccountType IS NOT DISTINCT FROM measured.AccountType)
                 AND (used.Process     IS NOT DISTINCT FROM measured.Process))
              ON (pairs.Computer IS NOT DISTINCT FROM measured.Computer)
             AND (pairs.Account  IS NOT DISTINCT FROM measured.Account))
          ON (first_hours.AccountType IS NOT DISTINCT FROM measured.AccountType)
         AND (first_hours.first_hour  IS NOT DISTINCT FROM measured.first_hour))
      ON (programs.AccountType IS NOT DISTINCT FROM measured.AccountType)
     AND (programs.Process     IS NOT DISTINCT FROM measured.Process)
)
SELECT
    found.interval                           AS interval,
    Computer,
    Account,
    AccountType,
    Process,
    count,
    hosts,
    accounts,
    hosts_with_process,
    accounts_with_process,
    cast(hosts_with_line AS bigint)          AS hosts_with_line,
    host_days,
    days_on_host,
    account_days,
    days_of_account,
    days_together,
    first_hour,
    line_length,
    line_signs,
    ln(cast(hosts AS double) / hosts_with_process)                AS process_host_rarity,
    ln(cast(accounts AS double) / accounts_with_process)          AS process_account_rarity,
    ln(cast(host_days AS double) / days_on_host)                  AS host_process_rarity,
    ln(cast(account_days AS double) / days_of_account)            AS account_process_rarity,
    ln(cast(host_days AS double) / days_together)                 AS host_account_rarity,
    ln(cast(hosts AS double) / hosts_with_line)                   AS line_rarity,
    ln(cast(hosts_with_process AS double) / hosts_with_line)      AS line_novelty,
    CASE WHEN count_excess  > 0 THEN count_excess  ELSE 0.0 END   AS count_excess,
    CASE WHEN length_excess > 0 THEN length_excess ELSE 0.0 END   AS length_excess,
    CASE WHEN signs_excess  > 0 THEN signs_excess  ELSE 0.0 END   AS signs_excess,
    hour_rarity
FROM found
