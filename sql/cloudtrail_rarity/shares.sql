-- shares.sql: each value of each identity beside what all do.
SELECT
    habits.feature            AS feature,
    habits.identity           AS identity,
    habits.value              AS value,
    habits.hours              AS hours,
    habits_of_all.identities  AS identities,
    habits_of_all.hours       AS hours_of_all
FROM habits_of_all
JOIN habits
  ON (habits_of_all.feature = habits.feature)
 AND (habits_of_all.value IS NOT DISTINCT FROM habits.value)
