-- rarity.sql: each kind of call with how rare it is. A rarity is -ln of a share: 0 where all have it, 0.7 where half have it,
-- 2.3 where a tenth has it. Hours of a history are those of the whole time that is read, the call's own among them: 1 is a first time.
-- A join holds its left side in memory: the small tables stand left, and the calls stream past them.
WITH fleet AS (
    SELECT
        count(*)    AS identities,
        sum(hours)  AS hours
    FROM identities
),
span AS (
    SELECT count(*) AS hours
    FROM (SELECT calls.interval FROM calls GROUP BY calls.interval)
),
found AS (
    SELECT
        calls.interval               AS interval,
        calls.identity               AS identity,
        calls.eventSource            AS eventSource,
        calls.eventName              AS eventName,
        calls.sourceIPAddress        AS sourceIPAddress,
        calls.agent                  AS agent,
        calls.awsRegion              AS awsRegion,
        calls.errorCode              AS errorCode,
        calls.count                  AS count,
        calls.write                  AS write,
        fleet.identities             AS identities,
        cast(fleet.hours AS double)  AS hours_of_all,
        span.hours                   AS hours,
        identities.hours             AS identity_hours,
        identities.hours_with_write  AS hours_with_write,
        named.identities             AS identities_with_call,
        named.hours                  AS hours_with_call,
        addresses.identities         AS identities_with_address,
        addresses.hours              AS hours_with_address,
        agents.identities            AS identities_with_agent,
        agents.hours                 AS hours_with_agent,
        regions.identities           AS identities_with_region,
        regions.hours                AS hours_with_region,
        errors.identities            AS identities_with_error,
        errors.hours                 AS hours_with_error,
        clock.hours_of_all           AS hours_at_this_hour
    FROM shares AS named
    RIGHT JOIN (shares AS addresses
        RIGHT JOIN (shares AS agents
            RIGHT JOIN (shares AS regions
                RIGHT JOIN (shares AS errors
                    RIGHT JOIN (shares AS clock
                        RIGHT JOIN (identities
                            RIGHT JOIN (fleet CROSS JOIN (span CROSS JOIN calls))
                              ON identities.identity IS NOT DISTINCT FROM calls.identity)
                          ON (clock.feature = 'hour') AND (clock.identity IS NOT DISTINCT FROM calls.identity)
                         AND (clock.value = cast(date_part('hour', calls.interval) AS varchar)))
                      ON (errors.feature = 'error') AND (errors.identity IS NOT DISTINCT FROM calls.identity)
                     AND (errors.value IS NOT DISTINCT FROM calls.errorCode))
                  ON (regions.feature = 'region') AND (regions.identity IS NOT DISTINCT FROM calls.identity)
                 AND (regions.value IS NOT DISTINCT FROM calls.awsRegion))
              ON (agents.feature = 'agent') AND (agents.identity IS NOT DISTINCT FROM calls.identity)
             AND (agents.value IS NOT DISTINCT FROM calls.agent))
          ON (addresses.feature = 'address') AND (addresses.identity IS NOT DISTINCT FROM calls.identity)
         AND (addresses.value IS NOT DISTINCT FROM calls.sourceIPAddress))
      ON (named.feature = 'call') AND (named.identity IS NOT DISTINCT FROM calls.identity)
     AND (named.value IS NOT DISTINCT FROM concat(calls.eventSource, ' ', calls.eventName))
)
SELECT
    found.interval                           AS interval,
    identity,
    eventSource,
    eventName,
    sourceIPAddress,
    agent,
    awsRegion,
    errorCode,
    count,
    write,
    identities,
    identities_with_call,
    identities_with_address,
    identities_with_agent,
    identities_with_region,
    identity_hours,
    hours_with_call,
    hours_with_address,
    hours_with_agent,
    hours_with_region,
    ln(cast(identities AS double) / identities_with_call)         AS call_rarity,
    ln(cast(identities AS double) / identities_with_address)      AS address_rarity,
    ln(cast(identities AS double) / identities_with_agent)        AS agent_rarity,
    ln(cast(identities AS double) / identities_with_region)       AS region_rarity,
    ln(cast(identity_hours AS double) / hours_with_call)          AS identity_call_rarity,
    ln(cast(identity_hours AS double) / hours_with_address)       AS identity_address_rarity,
    ln(cast(identity_hours AS double) / hours_with_agent)         AS identity_agent_rarity,
    ln(cast(identity_hours AS double) / hours_with_region)        AS identity_region_rarity,
    CASE WHEN errorCode IS NULL THEN 0.0 ELSE ln(cast(identities AS double) / identities_with_error) END   AS error_rarity,
    CASE WHEN errorCode IS NULL THEN 0.0 ELSE ln(cast(identity_hours AS double) / hours_with_error) END    AS identity_error_rarity,
    CASE WHEN write = 0 THEN 0.0 ELSE ln(cast(identity_hours AS double) / hours_with_write) END            AS identity_write_rarity,
    ln(cast(hours AS double) / identity_hours)                    AS identity_rarity,
    ln(hours_of_all / hours_at_this_hour)                         AS hour_rarity
FROM found
