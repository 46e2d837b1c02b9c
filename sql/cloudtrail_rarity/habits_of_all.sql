-- habits_of_all.sql: how many identities had each value of each feature, and in how many hours of theirs.
SELECT
    feature,
    value,
    count(*)    AS identities,
    sum(hours)  AS hours
FROM habits
GROUP BY feature, value
