-- anomalies.sql: the calls that the forest finds strange, of the time that is reported, their codes as values again; a
-- value that is new to an older model has no code of its own, and stands beside.
WITH anomalies AS (
    SELECT
        eventTime,
        eventID,
        eventSourceCode,
        eventNameCode,
        sourceIPAddressCode,
        userIdentityArnCode,
        awsRegionCode,
        newValues,
        anomaly_score,
        rank
    FROM scored
    WHERE prediction = -1
      AND within_budget
      AND eventTime >= $detect_start
      AND eventTime <  $detect_end
)
SELECT
    coalesce(sources.value, anomalies.newValues[1])    AS eventSource,
    coalesce(names.value, anomalies.newValues[2])      AS eventName,
    coalesce(arns.value, anomalies.newValues[4])       AS "userIdentity.arn",
    coalesce(addresses.value, anomalies.newValues[3])  AS sourceIPAddress,
    anomalies.eventTime                                AS eventTime,
    coalesce(regions.value, anomalies.newValues[5])    AS awsRegion,
    anomalies.eventID                                  AS eventID,
    anomalies.anomaly_score                            AS anomaly_score,
    anomalies.rank                                     AS rank
FROM anomalies
LEFT JOIN codes AS sources   ON sources.feature = 'eventSource' AND sources.code = anomalies.eventSourceCode
LEFT JOIN codes AS names     ON names.feature = 'eventName' AND names.code = anomalies.eventNameCode
LEFT JOIN codes AS addresses ON addresses.feature = 'sourceIPAddress' AND addresses.code = anomalies.sourceIPAddressCode
LEFT JOIN codes AS arns      ON arns.feature = 'userIdentityArn' AND arns.code = anomalies.userIdentityArnCode
LEFT JOIN codes AS regions   ON regions.feature = 'awsRegion' AND regions.code = anomalies.awsRegionCode
ORDER BY anomalies.rank
