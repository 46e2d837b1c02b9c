-- encoded.sql: one row for each event, its hour and the codes of its values; -1 is the code of a missing one. They are
-- narrow, since there is one of each for every event.
-- The codes of an older model (`run --model`) do not have every value: one that is new has the code after the last, and
-- the values of such an event stand beside its codes, from which they cannot be told.
-- A join holds its left side in memory: the small codes stand left, and the events stream past them.
WITH after_last AS (
    SELECT
        cast(count(*) FILTER (WHERE feature = 'eventSource') AS int)      AS eventSource,
        cast(count(*) FILTER (WHERE feature = 'eventName') AS int)        AS eventName,
        cast(count(*) FILTER (WHERE feature = 'sourceIPAddress') AS int)  AS sourceIPAddress,
        cast(count(*) FILTER (WHERE feature = 'userIdentityArn') AS int)  AS userIdentityArn,
        cast(count(*) FILTER (WHERE feature = 'awsRegion') AS int)        AS awsRegion
    FROM codes
),
after_last_date AS (
    SELECT cast(count(*) AS int) AS code
    FROM dates
)
SELECT
    events.eventTime                                      AS eventTime,
    events.eventID                                        AS eventID,
    cast(date_part('hour', events.eventTime) AS tinyint)  AS eventHour,
    coalesce(dates.code, after_last_date.code)            AS eventDateCode,
    coalesce(sources.code, CASE WHEN events.eventSource IS NULL THEN cast(-1 AS int) ELSE after_last.eventSource END)          AS eventSourceCode,
    coalesce(names.code, CASE WHEN events.eventName IS NULL THEN cast(-1 AS int) ELSE after_last.eventName END)                AS eventNameCode,
    coalesce(addresses.code, CASE WHEN events.sourceIPAddress IS NULL THEN cast(-1 AS int) ELSE after_last.sourceIPAddress END)  AS sourceIPAddressCode,
    coalesce(arns.code, CASE WHEN events.userIdentityArn IS NULL THEN cast(-1 AS int) ELSE after_last.userIdentityArn END)     AS userIdentityArnCode,
    coalesce(regions.code, CASE WHEN events.awsRegion IS NULL THEN cast(-1 AS int) ELSE after_last.awsRegion END)              AS awsRegionCode,
    CASE WHEN (sources.code IS NULL AND events.eventSource IS NOT NULL)
           OR (names.code IS NULL AND events.eventName IS NOT NULL)
           OR (addresses.code IS NULL AND events.sourceIPAddress IS NOT NULL)
           OR (arns.code IS NULL AND events.userIdentityArn IS NOT NULL)
           OR (regions.code IS NULL AND events.awsRegion IS NOT NULL)
    THEN make_array(
        cast(events.eventSource AS varchar),
        cast(events.eventName AS varchar),
        cast(events.sourceIPAddress AS varchar),
        cast(events.userIdentityArn AS varchar),
        cast(events.awsRegion AS varchar))
    END                                                   AS newValues
FROM codes AS regions
RIGHT JOIN (codes AS arns
    RIGHT JOIN (codes AS addresses
        RIGHT JOIN (codes AS names
            RIGHT JOIN (codes AS sources
                RIGHT JOIN (dates
                    RIGHT JOIN (after_last CROSS JOIN (after_last_date CROSS JOIN events))
                      ON dates.eventDate = date_trunc('day', events.eventTime))
                  ON sources.feature = 'eventSource' AND sources.value = events.eventSource)
              ON names.feature = 'eventName' AND names.value = events.eventName)
          ON addresses.feature = 'sourceIPAddress' AND addresses.value = events.sourceIPAddress)
      ON arns.feature = 'userIdentityArn' AND arns.value = events.userIdentityArn)
  ON regions.feature = 'awsRegion' AND regions.value = events.awsRegion
