-- labels.sql: labels that stand in the source, in the columns `Label` (1: an attack's event) and `AttackId`, brought to the keys
-- of grouped.sql, for `crannog evaluate --labels`. A group is an attack's if one of its events is, and may be of several; no label says
-- that a group is none's, as most are. An attack is 'hard' if every
-- process that it starts is started by events of label 0 too, so that no name gives it away, and 'easy' if one is its own.
-- It fits both jobs on this source; labels of events without a time match no row of a job that leaves those out.
WITH of_attacks AS (
    SELECT
        AttackId,
        Process
    FROM process_execution
    WHERE Label = 1
      AND ((TimeGenerated >= $train_start AND TimeGenerated < $detect_end)
        OR TimeGenerated IS NULL)
    GROUP BY AttackId, Process
),
of_others AS (
    SELECT
        Process,
        true  AS is_known
    FROM process_execution
    WHERE Label = 0
      AND ((TimeGenerated >= $train_start AND TimeGenerated < $detect_end)
        OR TimeGenerated IS NULL)
    GROUP BY Process
),
attacks AS (
    SELECT
        of_attacks.AttackId                            AS AttackId,
        bool_and(coalesce(of_others.is_known, false))  AS is_hard
    FROM of_others
    RIGHT JOIN of_attacks ON of_others.Process IS NOT DISTINCT FROM of_attacks.Process
    GROUP BY of_attacks.AttackId
),
grouped_labels AS (
    SELECT
        date_trunc($bucket, TimeGenerated)  AS interval,
        Computer,
        Account,
        AccountType,
        Process,
        AttackId
    FROM process_execution
    WHERE Label = 1
      AND ((TimeGenerated >= $train_start AND TimeGenerated < $detect_end)
        OR TimeGenerated IS NULL)
    GROUP BY
        date_trunc($bucket, TimeGenerated),
        Computer,
        Account,
        AccountType,
        Process,
        AttackId
)
SELECT
    labels.interval                                       AS interval,
    labels.Computer                                       AS Computer,
    labels.Account                                        AS Account,
    labels.AccountType                                    AS AccountType,
    labels.Process                                        AS Process,
    1                                                     AS label,
    labels.AttackId                                       AS attack,
    CASE WHEN attacks.is_hard THEN 'hard' ELSE 'easy' END  AS subset
FROM attacks
RIGHT JOIN grouped_labels AS labels ON attacks.AttackId IS NOT DISTINCT FROM labels.AttackId
