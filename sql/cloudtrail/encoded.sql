-- encoded.sql: one row for each event, its hour and the codes of its values; -1 is the code of a missing one. They are
-- narrow, since there is one of each for every event.
-- A join holds its left side in memory: the small codes stand left, and the events stream past them.
WITH dates AS (
    SELECT
        date_trunc('day', eventTime)                                 AS eventDate,
        cast(row_number() OVER (ORDER BY min(position)) - 1 AS int)  AS code
    FROM first_events
    GROUP BY date_trunc('day', eventTime)
)
SELECT
    events.eventTime                                      AS eventTime,
    events.eventID                                        AS eventID,
    cast(date_part('hour', events.eventTime) AS tinyint)  AS eventHour,
    dates.code                                            AS eventDateCode,
    coalesce(sources.code, cast(-1 AS int))               AS eventSourceCode,
    coalesce(names.code, cast(-1 AS int))                 AS eventNameCode,
    coalesce(addresses.code, cast(-1 AS int))             AS sourceIPAddressCode,
    coalesce(arns.code, cast(-1 AS int))                  AS userIdentityArnCode,
    coalesce(regions.code, cast(-1 AS int))               AS awsRegionCode
FROM codes AS regions
RIGHT JOIN (codes AS arns
    RIGHT JOIN (codes AS addresses
        RIGHT JOIN (codes AS names
            RIGHT JOIN (codes AS sources
                RIGHT JOIN (dates
                    JOIN events
                      ON dates.eventDate = date_trunc('day', events.eventTime))
                  ON sources.feature = 'eventSource' AND sources.value = events.eventSource)
              ON names.feature = 'eventName' AND names.value = events.eventName)
          ON addresses.feature = 'sourceIPAddress' AND addresses.value = events.sourceIPAddress)
      ON arns.feature = 'userIdentityArn' AND arns.value = events.userIdentityArn)
  ON regions.feature = 'awsRegion' AND regions.value = events.awsRegion
