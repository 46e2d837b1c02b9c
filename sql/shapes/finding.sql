-- A finding as its table has it; `activity` says whether it is new (create) or one that was sent before has changed (update).
SELECT
  finding_id AS _finding_id,
  * EXCLUDE (delivery),
  delivery['activity'] AS activity
FROM findings
