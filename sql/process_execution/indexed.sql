-- indexed.sql: names become numbers, as Spark's StringIndexer makes them: the value that most groups hold is 0,
-- equal counts are ordered by the value's bytes. NULL comes after the last value ($handle_invalid = 'keep'), or stays
-- NULL for the matrix to refuse ('error'), or its row is dropped before the next column is counted ('skip').
-- A join holds its left side in memory: the small dictionaries stand left, and the groups stream past them.
WITH computers AS (
    SELECT
        Computer,
        CASE WHEN Computer IS NOT NULL OR $handle_invalid <> 'error' THEN
            cast(row_number() OVER (ORDER BY Computer IS NULL, count(*) DESC, Computer) - 1 AS double)
        END AS index
    FROM grouped
    WHERE $handle_invalid <> 'skip'
       OR Computer IS NOT NULL
    GROUP BY Computer
),
accounts AS (
    SELECT
        Account,
        CASE WHEN Account IS NOT NULL OR $handle_invalid <> 'error' THEN
            cast(row_number() OVER (ORDER BY Account IS NULL, count(*) DESC, Account) - 1 AS double)
        END AS index
    FROM grouped
    WHERE $handle_invalid <> 'skip'
       OR (Computer IS NOT NULL AND Account IS NOT NULL)
    GROUP BY Account
),
account_types AS (
    SELECT
        AccountType,
        CASE WHEN AccountType IS NOT NULL OR $handle_invalid <> 'error' THEN
            cast(row_number() OVER (ORDER BY AccountType IS NULL, count(*) DESC, AccountType) - 1 AS double)
        END AS index
    FROM grouped
    WHERE $handle_invalid <> 'skip'
       OR (Computer IS NOT NULL AND Account IS NOT NULL AND AccountType IS NOT NULL)
    GROUP BY AccountType
),
processes AS (
    SELECT
        Process,
        CASE WHEN Process IS NOT NULL OR $handle_invalid <> 'error' THEN
            cast(row_number() OVER (ORDER BY Process IS NULL, count(*) DESC, Process) - 1 AS double)
        END AS index
    FROM grouped
    WHERE $handle_invalid <> 'skip'
       OR (Computer IS NOT NULL AND Account IS NOT NULL AND AccountType IS NOT NULL AND Process IS NOT NULL)
    GROUP BY Process
)
SELECT
    grouped.interval                AS interval,
    grouped.Computer                AS Computer,
    grouped.Account                 AS Account,
    grouped.AccountType             AS AccountType,
    grouped.Process                 AS Process,
    to_unixtime(grouped.interval)   AS unixInterval,
    computers.index                 AS computerIndex,
    accounts.index                  AS accountIndex,
    account_types.index             AS accountTypeIndex,
    processes.index                 AS processIndex,
    grouped.count                   AS count
FROM processes
RIGHT JOIN (account_types
    RIGHT JOIN (accounts
        RIGHT JOIN (computers
            RIGHT JOIN grouped
              ON computers.Computer IS NOT DISTINCT FROM grouped.Computer)
          ON accounts.Account IS NOT DISTINCT FROM grouped.Account)
      ON account_types.AccountType IS NOT DISTINCT FROM grouped.AccountType)
  ON processes.Process IS NOT DISTINCT FROM grouped.Process
WHERE $handle_invalid <> 'skip'
   OR (    grouped.Computer IS NOT NULL AND grouped.Account IS NOT NULL
       AND grouped.AccountType IS NOT NULL AND grouped.Process IS NOT NULL)
