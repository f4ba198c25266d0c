-- nearmiss events in ClickHouse: one column a field, named as in the event, so that JSONEachRow
-- reads the log as it is:
--
--   clickhouse-client --multiquery < table.sql
--   clickhouse-client --input_format_skip_unknown_fields=1 --date_time_input_format=best_effort \
--     --query='INSERT INTO nearmiss FORMAT JSONEachRow' < nearmiss.jsonl
--
-- Left out on purpose: event.category and event.type (nearmiss.enforced says the same), related.ip
-- and related.hosts, dns.header_flags. ClickHouse takes Array columns whose names share what stands before the dot
-- for one Nested column and wants them equally long; a column for each would refuse real events.
--
-- From ClickHouse 20.1 on, `@timestamp` can be DateTime64(6) and keep its microseconds; the order
-- of events is in event.sequence either way. From 19.6 on, add: TTL `@timestamp` + INTERVAL 1 YEAR
CREATE TABLE IF NOT EXISTS nearmiss
(
    `@timestamp` DateTime,
    `event.kind` String,
    `event.action` String,
    `event.outcome` String,
    `event.severity` UInt8,
    `event.sequence` UInt64,
    `event.id` String,
    `log.level` String,
    `message` String,
    `observer.hostname` String,
    `observer.version` String,
    `source.ip` String,
    `source.port` UInt16,
    `destination.ip` String,
    `destination.port` UInt16,
    `network.transport` String,
    `dns.id` String,
    `dns.question.name` String,
    `dns.question.type` String,
    `dns.question.registered_domain` String,
    `dns.question.top_level_domain` String,
    `dns.response_code` String,
    `dns.resolved_ip` Array(String),
    `rule.id` String,
    `rule.category` String,
    `rule.description` String,
    `rule.reference` String,
    `rule.author` Array(String),
    `rule.ruleset` String,
    `rule.version` String,
    `nearmiss.ticket` String,
    `nearmiss.list` String,
    `nearmiss.list_serial` UInt32,
    `nearmiss.policy_generation` UInt64,
    `nearmiss.intended_domain` String,
    `nearmiss.confusable_class` String,
    `nearmiss.matched_name` String,
    `nearmiss.matched_by` String,
    `nearmiss.wildcard` UInt8,
    `nearmiss.led_to` String,
    `nearmiss.client_group` String,
    `nearmiss.enforced` UInt8,
    `nearmiss.events_lost` UInt64
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(`@timestamp`)
ORDER BY (`dns.question.registered_domain`, `source.ip`, `@timestamp`);
