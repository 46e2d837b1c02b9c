-- indexed.sql: each group with the indexes of its labels. The dictionaries of an older model (`run --model`) do not have
-- all of them: a label that is unseen is treated as NULL is, in StringIndexer's words. It has the index after the last
-- label ($handle_invalid = 'keep'), or none, for the matrix to refuse ('error'), or its row is dropped ('skip').
-- A join holds its left side in memory: the small dictionaries stand left, and the groups stream past them.
WITH after_last AS (
    SELECT
        CASE WHEN $handle_invalid = 'keep' THEN cast(c.labels AS double) END  AS Computer,
        CASE WHEN $handle_invalid = 'keep' THEN cast(a.labels AS double) END  AS Account,
        CASE WHEN $handle_invalid = 'keep' THEN cast(t.labels AS double) END  AS AccountType,
        CASE WHEN $handle_invalid = 'keep' THEN cast(p.labels AS double) END  AS Process
    FROM (SELECT count(Computer) AS labels FROM computers) AS c
    CROSS JOIN (SELECT count(Account) AS labels FROM accounts) AS a
    CROSS JOIN (SELECT count(AccountType) AS labels FROM account_types) AS t
    CROSS JOIN (SELECT count(Process) AS labels FROM processes) AS p
)
SELECT
    grouped.interval                                       AS interval,
    grouped.Computer                                       AS Computer,
    grouped.Account                                        AS Account,
    grouped.AccountType                                    AS AccountType,
    grouped.Process                                        AS Process,
    to_unixtime(grouped.interval)                          AS unixInterval,
    coalesce(computers.index, after_last.Computer)         AS computerIndex,
    coalesce(accounts.index, after_last.Account)           AS accountIndex,
    coalesce(account_types.index, after_last.AccountType)  AS accountTypeIndex,
    coalesce(processes.index, after_last.Process)          AS processIndex,
    grouped.count                                          AS count
FROM processes
RIGHT JOIN (account_types
    RIGHT JOIN (accounts
        RIGHT JOIN (computers
            RIGHT JOIN (after_last CROSS JOIN grouped)
              ON computers.Computer IS NOT DISTINCT FROM grouped.Computer)
          ON accounts.Account IS NOT DISTINCT FROM grouped.Account)
      ON account_types.AccountType IS NOT DISTINCT FROM grouped.AccountType)
  ON processes.Process IS NOT DISTINCT FROM grouped.Process
WHERE $handle_invalid <> 'skip'
   OR (    computers.index IS NOT NULL AND accounts.index IS NOT NULL
       AND account_types.index IS NOT NULL AND processes.index IS NOT NULL
       AND grouped.Computer IS NOT NULL AND grouped.Account IS NOT NULL
       AND grouped.AccountType IS NOT NULL AND grouped.Process IS NOT NULL)
