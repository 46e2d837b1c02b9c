-- Detection Finding of the Open Cybersecurity Schema Framework 1.5 (class 2004): https://schema.ocsf.io/classes/detection_finding
-- Times are milliseconds since 1970. What the job's SQL makes of a row is in `unmapped`.
WITH known AS (
  SELECT
    *,
    CASE delivery['activity'] WHEN 'update' THEN 2 ELSE 1 END AS activity_id,
    CASE delivery['activity'] WHEN 'update' THEN 'Update' ELSE 'Create' END AS activity_name,
    CASE delivery['severity']
      WHEN 'informational' THEN 1 WHEN 'low' THEN 2 WHEN 'medium' THEN 3 WHEN 'high' THEN 4 WHEN 'critical' THEN 5 ELSE 0
    END AS severity_number,
    arrow_cast(arrow_cast(as_of, 'Timestamp(Millisecond, Some("UTC"))'), 'Int64') AS as_of_ms,
    arrow_cast(arrow_cast(delivery['detect_start'], 'Timestamp(Millisecond, Some("UTC"))'), 'Int64') AS start_ms,
    arrow_cast(arrow_cast(delivery['detect_end'], 'Timestamp(Millisecond, Some("UTC"))'), 'Int64') AS end_ms
  FROM findings
)
SELECT
  finding_id AS _finding_id,
  activity_id,
  activity_name,
  2 AS category_uid,
  'Findings' AS category_name,
  2004 AS class_uid,
  'Detection Finding' AS class_name,
  200400 + activity_id AS type_uid,
  'Detection Finding: ' || activity_name AS type_name,
  severity_number AS severity_id,
  make_array('Unknown', 'Informational', 'Low', 'Medium', 'High', 'Critical')[severity_number + 1] AS severity,
  1 AS status_id,
  'New' AS status,
  as_of_ms AS time,
  start_ms AS start_time,
  end_ms AS end_time,
  named_struct(
    'uid', finding_id,
    'title', delivery['title'],
    'desc', delivery['explanation'],
    'types', make_array('Anomaly'),
    'created_time', as_of_ms,
    'analytic', named_struct('uid', job, 'name', job, 'type_id', 4, 'type', 'Learning (ML/DL)')
  ) AS finding_info,
  named_struct(
    'version', '1.5.0',
    'uid', finding_id,
    'correlation_uid', run_id,
    'product', named_struct('name', 'crannog', 'vendor_name', 'crannog', 'version', delivery['version'])
  ) AS metadata,
  delivery['details'] AS unmapped
FROM known
