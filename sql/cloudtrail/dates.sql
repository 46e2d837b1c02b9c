-- dates.sql: each day has a code as the values of codes.sql have theirs: 0 for the one that appears first, and so on.
SELECT
    date_trunc('day', eventTime)                                 AS eventDate,
    cast(row_number() OVER (ORDER BY min(position)) - 1 AS int)  AS code
FROM first_events
GROUP BY date_trunc('day', eventTime)
