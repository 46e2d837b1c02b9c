-- account_types.sql: types of account become numbers, as Spark's StringIndexer makes them: the one that most groups hold is 0, and equal
-- counts are ordered by the value's bytes. NULL comes after the last one ($handle_invalid = 'keep'), or has no index
-- ('error'), or its row is dropped before the next column is counted ('skip').
SELECT
    AccountType,
    CASE WHEN AccountType IS NOT NULL OR $handle_invalid <> 'error' THEN
        cast(row_number() OVER (ORDER BY AccountType IS NULL, count(*) DESC, AccountType) - 1 AS double)
    END  AS index
FROM grouped
WHERE $handle_invalid <> 'skip'
   OR (Computer IS NOT NULL AND Account IS NOT NULL AND AccountType IS NOT NULL)
GROUP BY AccountType
