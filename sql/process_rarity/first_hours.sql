-- first_hours.sql: in which hour of the day the groups of accounts of one type begin: -ln of the share of each hour.
WITH hours AS (
    SELECT
        AccountType,
        first_hour,
        count(*)  AS groups
    FROM measured
    GROUP BY AccountType, first_hour
),
types AS (
    SELECT
        AccountType,
        sum(groups)  AS groups
    FROM hours
    GROUP BY AccountType
)
SELECT
    hours.AccountType                                AS AccountType,
    hours.first_hour                                 AS first_hour,
    ln(cast(types.groups AS double) / hours.groups)  AS rarity
FROM types
JOIN hours ON types.AccountType IS NOT DISTINCT FROM hours.AccountType
