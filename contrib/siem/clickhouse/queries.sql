-- Questions an analyst asks, one query each; `-- name:` is what the tests call it.

-- name: attempts
-- Who sent where by mistake today? One message asks for MX, A and AAAA and is tried again, so
-- lookups within five minutes from one server for one domain are counted as one attempt.
SELECT
    `source.ip` AS sender,
    `dns.question.registered_domain` AS domain,
    any(`nearmiss.intended_domain`) AS intended,
    toStartOfFiveMinute(`@timestamp`) AS window,
    min(`@timestamp`) AS first,
    max(`@timestamp`) AS last,
    count() AS lookups,
    arraySort(groupUniqArray(`dns.question.type`)) AS types
FROM nearmiss
WHERE `event.kind` = 'alert' AND `@timestamp` >= now() - INTERVAL 1 DAY
GROUP BY sender, domain, window
ORDER BY lookups DESC, sender, domain, window
LIMIT 100;

-- name: let_through
-- What got a real answer: observed, not blocked.
SELECT
    `source.ip` AS sender,
    `dns.question.name` AS name,
    `rule.id` AS rule,
    count() AS lookups,
    max(`@timestamp`) AS last
FROM nearmiss
WHERE `event.kind` = 'alert' AND `nearmiss.enforced` = 0 AND `@timestamp` >= now() - INTERVAL 7 DAY
GROUP BY sender, name, rule
ORDER BY lookups DESC, sender, name
LIMIT 100;

-- name: intended
-- Whose mail goes astray, and under which names?
SELECT
    `nearmiss.intended_domain` AS intended,
    uniqExact(`dns.question.registered_domain`) AS domains,
    uniqExact(`source.ip`) AS senders,
    count() AS lookups
FROM nearmiss
WHERE `event.kind` = 'alert' AND `nearmiss.intended_domain` != ''
GROUP BY intended
ORDER BY lookups DESC, intended
LIMIT 50;

-- name: new_domains
-- Domains of the last day that nobody asked for before.
SELECT
    `dns.question.registered_domain` AS domain,
    any(`nearmiss.intended_domain`) AS intended,
    min(`@timestamp`) AS first,
    uniqExact(`source.ip`) AS senders
FROM nearmiss
WHERE `event.kind` = 'alert'
GROUP BY domain
HAVING first >= now() - INTERVAL 1 DAY
ORDER BY first, domain
LIMIT 100;

-- name: person_or_robot
-- A person mistypes once; a robot or an address book entry comes back at all hours.
SELECT
    `source.ip` AS sender,
    `dns.question.name` AS name,
    uniqExact(toStartOfHour(`@timestamp`)) AS hours,
    uniqExact(toDate(`@timestamp`)) AS days,
    count() AS lookups,
    if(hours >= 12, 'robot', 'person') AS guess
FROM nearmiss
WHERE `event.kind` = 'alert' AND `@timestamp` >= now() - INTERVAL 7 DAY
GROUP BY sender, name
ORDER BY hours DESC, sender, name
LIMIT 100;

-- name: timeline
SELECT
    toStartOfHour(`@timestamp`) AS hour,
    `event.action` AS action,
    count() AS lookups
FROM nearmiss
WHERE `event.kind` = 'alert' AND `@timestamp` >= now() - INTERVAL 7 DAY
GROUP BY hour, action
ORDER BY hour, action;

-- name: classes
SELECT
    `nearmiss.confusable_class` AS class,
    `nearmiss.matched_by` AS matched_by,
    count() AS lookups,
    uniqExact(`dns.question.registered_domain`) AS domains
FROM nearmiss
WHERE `event.kind` = 'alert'
GROUP BY class, matched_by
ORDER BY lookups DESC, class, matched_by;

-- name: sudden_rise
-- Domains asked for five times as often in the last hour as in an average hour of the week before.
SELECT
    `dns.question.registered_domain` AS domain,
    countIf(`@timestamp` >= now() - INTERVAL 1 HOUR) AS last_hour,
    countIf(`@timestamp` < now() - INTERVAL 1 HOUR) / 167 AS usual
FROM nearmiss
WHERE `event.kind` = 'alert' AND `@timestamp` >= now() - INTERVAL 7 DAY
GROUP BY domain
HAVING last_hour >= 10 AND last_hour > 5 * usual
ORDER BY last_hour DESC, domain
LIMIT 100;

-- name: missing
-- Sequence numbers that are not there: events that were lost between the module and this table.
-- event.id is the module's start and the number; `told` is what the module itself reported.
SELECT
    `observer.hostname` AS host,
    replaceRegexpOne(`event.id`, '-[0-9]+$', '') AS start,
    max(`event.sequence`) - min(`event.sequence`) + 1 - uniqExact(`event.sequence`) AS missing,
    sum(`nearmiss.events_lost`) AS told
FROM nearmiss
GROUP BY host, start
HAVING missing > 0 OR told > 0
ORDER BY missing DESC, start;

-- name: policy
-- What happened to the policy, and which version held when.
SELECT
    `@timestamp` AS at,
    `observer.hostname` AS host,
    `event.action` AS action,
    `rule.version` AS version,
    `nearmiss.policy_generation` AS generation,
    `message` AS message
FROM nearmiss
WHERE `event.kind` = 'event'
ORDER BY at DESC, host, `event.sequence` DESC
LIMIT 100;
