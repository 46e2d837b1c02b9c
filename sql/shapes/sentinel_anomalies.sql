-- A finding with the columns of Microsoft Sentinel's table `Anomalies`, as far as it has something to say in them. `Id`, which a
-- table of one's own may not have, is FindingId.
SELECT
  finding_id AS _finding_id,
  date_trunc('second', as_of) AS "TimeGenerated",
  finding_id AS "FindingId",
  job AS "AnomalyTemplateName",
  job AS "RuleName",
  run_id AS "RuleConfigVersion",
  'Production' AS "RuleStatus",
  'crannog' AS "VendorName",
  concat_ws(': ', delivery['title'], delivery['explanation']) AS "Description",
  delivery['score'] AS "Score",
  delivery['detect_start'] AS "StartTime",
  delivery['detect_end'] AS "EndTime",
  delivery['details'] AS "AnomalyDetails",
  named_struct('EventTime', delivery['event_time'], 'Activity', delivery['activity'], 'Job', job) AS "ExtendedProperties"
FROM findings
