-- A finding for the HTTP Data Collector API, which makes TimeGenerated of the column AsOf.
SELECT
  finding_id AS _finding_id,
  date_trunc('second', as_of) AS "AsOf",
  delivery['event_time'] AS "EventTime",
  delivery['detect_start'] AS "DetectStart",
  delivery['detect_end'] AS "DetectEnd",
  finding_id AS "FindingId",
  run_id AS "RunId",
  job AS "Job",
  delivery['activity'] AS "Activity",
  * EXCLUDE (finding_id, run_id, job, as_of, date, delivery)
FROM findings
