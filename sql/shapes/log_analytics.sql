-- A finding for a table of Log Analytics. TimeGenerated is replaced by the time of arrival where it is older than two days, as
-- when days are filled back: EventTime, DetectStart and DetectEnd stay what they are.
SELECT
  finding_id AS _finding_id,
  date_trunc('second', as_of) AS "TimeGenerated",
  delivery['event_time'] AS "EventTime",
  delivery['detect_start'] AS "DetectStart",
  delivery['detect_end'] AS "DetectEnd",
  finding_id AS "FindingId",
  run_id AS "RunId",
  job AS "Job",
  delivery['activity'] AS "Activity",
  * EXCLUDE (finding_id, run_id, job, as_of, date, delivery)
FROM findings
