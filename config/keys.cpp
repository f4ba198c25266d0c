#include "config/keys.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace nearmiss::keys {

namespace {

using Words = std::string_view;

template<std::size_t A, std::size_t B>
constexpr std::array<Key, A + B> both(const std::array<Key, A>& a, const std::array<Key, B>& b) {
  std::array<Key, A + B> all{};
  std::copy(b.begin(), b.end(), std::copy(a.begin(), a.end(), all.begin()));
  return all;
}

constexpr std::array<Words, 1> versions{"1"};
constexpr std::array<Words, 2> modes{"enforce", "observe"};
constexpr std::array<Words, 10> actions{"nxdomain", "nodata",   "null-mx", "sinkhole", "refused",
                                        "servfail", "tcp-only", "drop",    "observe",  "allow"};
constexpr std::array<Words, 5> list_formats{"domains", "hosts", "rpz", "adblock", "dnsmasq"};
constexpr std::array<Words, 2> orders{"specific", "zones"};
constexpr std::array<Words, 2> empty_lists{"refused", "allowed"};
constexpr std::array<Words, 2> list_wildcards{"below", "with-name"};
constexpr std::array<Words, 2> log_formats{"ecs", "ocsf"};
constexpr std::array<Words, 1> syslogs{"local"};

// What `defaults`, a rule and an entry of `protect` have in common.
constexpr Key action_key(std::string_view usual) {
  return Key{"action", Kind::word, usual, "null-mx", "What a policed client gets."}.of(actions);
}
constexpr Key types_key(std::string_view usual) {
  return Key{"types", Kind::types, usual, "[MX, A, AAAA]",
             "The RR types that are blocked. `delivery` is MX, A, AAAA, CNAME, ANY, SRV, HTTPS and "
             "SVCB: all that can lead to delivery. A type above 511 is covered by `all` alone."};
}
constexpr Key clients_key(std::string_view usual) {
  return Key{"clients", Kind::clients, usual, "[mail]",
             "The groups of clients that are policed; `any` is every client."};
}
constexpr Key ttl_key(std::string_view usual) {
  return Key{"ttl", Kind::number, usual, "300",
             "Seconds for which a block may be cached: the longest wait until a change shows."}
      .within(0, 86400);
}

constexpr std::array<Key, 3> sinkhole_keys{{
    Key{"ipv4", Kind::ipv4, "none", "192.0.2.53",
        "The answer to A. `ipv4`, `ipv6` or both must be there."},
    Key{"ipv6", Kind::ipv6, "none", "\"2001:db8::53\"", "The answer to AAAA."},
    Key{"mx", Kind::name, "the asked name", "sinkhole.example.net",
        "The MX host in the answer to MX."},
}};

constexpr std::array<Key, 4> defaults_keys{{
    action_key("`nxdomain`"),
    types_key("`delivery`"),
    clients_key("all groups of `clients`; without groups `any`"),
    ttl_key("`60`"),
}};

constexpr std::array<Key, 2> confusable_keys{{
    Key{"intended", Kind::name, "required", "mil", "The suffix that was meant."},
    Key{"mistyped", Kind::suffixes, "required", "[ml]",
        "The suffixes that are typed instead. `default` is every TLD that is known to be mistyped "
        "for the intended one; `check` prints which."},
}};

constexpr std::array<Key, 9> list_keys{{
    Key{"file", Kind::path, "required", "lists/typos.txt", "The list."},
    Key{"format", Kind::word, "required", "domains", "What the file is."}.of(list_formats),
    Key{"strict", Kind::truth, "`true`", "false",
        "`true`: a broken line refuses the policy. `false`: broken lines are skipped and counted."},
    Key{"max_shrink", Kind::number, "`50`", "10",
        "Percent of its names that the list may lose in one reload; if it lost more, the new "
        "policy "
        "is refused."}
        .within(0, 100),
    Key{"empty", Kind::word, "`refused`", "allowed",
        "`allowed`: the list may hold no name, as a feed does on a quiet day, and may lose all of "
        "them in one reload. An rpz list must hold its SOA all the same."}
        .of(empty_lists),
    Key{"required", Kind::truth, "`false`", "true",
        "`true`: Unbound does not start without this list. `false`: if the list is missing or "
        "wrong "
        "at the start, Unbound starts with what can be read of it, and the log, an event and a "
        "metric say so. A reload that would lose a list is refused either way."},
    Key{"stale_after", Kind::text, "of an rpz list its SOA's expire, else `never`", "7d",
        "How long after the file was last written the list is reported as stale: a time such as "
        "`36h` or `7d`, or `never`. Its names stay in force."},
    Key{"zone", Kind::name, "as the file says", "rpz.example",
        "Of an rpz list: the zone's name, where the file has neither `$ORIGIN` nor an SOA with a "
        "whole name."},
    Key{"wildcards", Kind::word, "`below`", "with-name",
        "Of a `domains` list: what a line `*.name` matches: what is below the name, or the name as "
        "well."}
        .of(list_wildcards),
}};

constexpr std::array<Key, 1> id_keys{{
    Key{"id", Kind::text, "required", "mil-ml",
        "A name of your choice, once in the policy; events carry it."},
}};

constexpr std::array<Key, 7> matcher_keys{{
    Key{"confusable", Kind::map, "none", "{intended: mil, mistyped: [ml]}",
        "Reads every name under a mistyped suffix as that name under the intended one. Stands "
        "alone: "
        "no other matcher beside it."}
        .holding(confusable),
    Key{"domains", Kind::names, "none", "[army-mil.example]",
        "Names; each matches itself and everything below it."},
    Key{"exact", Kind::names, "none", "[arrny.example]", "Names; each matches itself alone."},
    Key{"list", Kind::map, "none", "{file: lists/typos.txt, format: domains}", "A file of names."}
        .holding(list),
    Key{"mx_exchange", Kind::names, "none", "[mx.parking.example]",
        "MX hosts, or addresses where an MX names one (`MX 10 198.51.100.7.`); the rule matches "
        "every domain whose MX is one of them or below one."},
    Key{"answer_ip", Kind::prefixes, "none", "[198.51.100.0/24]",
        "Addresses; the rule matches every name that has one of them."},
    Key{"intended", Kind::name, "none", "army.mil",
        "The domain that was meant; events and the answer's text carry it. Not beside "
        "`confusable`."},
}};

constexpr std::array<Words, 3> sensitivities{"low", "default", "high"};
constexpr std::array<Key, 4> protect_matcher_keys{{
    Key{"domains", Kind::names, "required without `file`", "[army.mil, example.org]",
        "The domains to protect."},
    Key{"file", Kind::path, "none", "lists/ours.txt",
        "A file with further domains to protect, one a line; a public suffix in it is skipped with "
        "a warning."},
    Key{"classes", Kind::classes, "`default`", "[default, omission]",
        "The classes of look-alikes; see [lookalikes.md](lookalikes.md)."},
    Key{"sensitivity", Kind::word, "`default`", "high",
        "How likely a slip must be to count, where `classes` has `default`."}
        .of(sensitivities),
}};

constexpr std::array<Key, 1> known_keys{{
    Key{"file", Kind::path, "required", "lists/known.txt",
        "A domain a line; it and everything below it is no look-alike."},
}};
constexpr std::array<Words, 1> knowns{"none"};

constexpr std::array<Key, 13> common_keys{{
    Key{"except", Kind::names, "none", "[gouv.ml]",
        "Names that this rule leaves alone, each with everything below it."},
    Key{"except_file", Kind::path, "none", "lists/except.txt",
        "A file with further such names, one a line."},
    Key{"public_suffix", Kind::truth, "`false`", "true",
        "Allows public suffixes (`com`, `co.uk`) among the names."},
    action_key("that of `defaults`"),
    types_key("that of `defaults`"),
    clients_key("that of `defaults`"),
    ttl_key("that of `defaults`"),
    Key{"category", Kind::text, "none", "tld-confusion", "For the event: `rule.category`."},
    Key{"reason", Kind::text, "none", "DoD mail mistyped into Mali's TLD",
        "For the event: `rule.description`."},
    Key{"reference", Kind::text, "none", "\"https://tickets.example.net/4711\"",
        "For the event: `rule.reference`."},
    Key{"owner", Kind::text, "none", "postmaster@example.net", "For the event: `rule.author`."},
    Key{"ticket", Kind::text, "none", "CHG-4711", "For the event: `nearmiss.ticket`."},
    Key{"expires", Kind::date, "never", "2031-12-31",
        "The last day (UTC) on which the rule matches."},
}};

constexpr auto rule_keys = both(both(id_keys, matcher_keys), common_keys);
constexpr auto protect_keys = both(both(id_keys, protect_matcher_keys), common_keys);

constexpr std::array<Key, 1> syslog_keys{{
    Key{"tcp", Kind::endpoint, "required", "\"192.0.2.1:601\"",
        "An address and a port; IPv6 in brackets. A name would have to be looked up with the "
        "resolver that waits for it."},
}};

constexpr std::array<Key, 7> log_keys{{
    Key{"file", Kind::path, "none", "/var/lib/unbound/nearmiss.jsonl",
        "A file. Each entry has one of `file`, `syslog` and `journald`."},
    Key{"syslog", Kind::word_or_map, "none", "local",
        "`local` is this machine's own syslog; a map is another machine's."}
        .of(syslogs)
        .holding(syslog),
    Key{"journald", Kind::truth, "none", "true", "The journal, with fields of its own."},
    Key{"format", Kind::word, "`ecs`", "ocsf",
        "ECS 8.11, or OCSF DNS Activity (4003). Not beside `journald`."}
        .of(log_formats),
    Key{"chain", Kind::truth, "`false`", "true",
        "Ends each line with a hash over it and the line before. Of a `file` only."},
    Key{"allowed", Kind::truth, "`false`", "true",
        "Write an event for each lookup that a rule with `action: allow` lets through, too."},
    Key{"discover", Kind::truth, "`false`", "true",
        "Reports clients that ask for MX and are in no group, once an hour each. Needs `clients`."},
}};

constexpr std::array<Key, 2> metrics_keys{{
    Key{"file", Kind::path, "required", "/var/lib/unbound/nearmiss.prom",
        "The file, for the textfile collector of node_exporter. Replaced as a whole each time."},
    Key{"interval", Kind::number, "`15`", "60", "Seconds between two writes."}.within(1, 3600),
}};

constexpr std::array<Key, 2> control_keys{{
    Key{"socket", Kind::path, "`nearmiss.sock` beside the policy", "/run/unbound/nearmiss.sock",
        "The Unix socket at which the module takes `nearmiss status`, `reload`, `observe`, "
        "`enforce` and `allow`. Who may use them is its mode, 0660."},
    Key{"state", Kind::path,
        "`nearmiss.state` beside the event log's file; without one, beside the policy",
        "/var/lib/unbound/nearmiss.state",
        "The file that keeps what `nearmiss observe`, `enforce` and `allow` switched over a "
        "restart. Not below `/run` or `/dev`, which a restart of the machine empties."},
}};

constexpr std::array<Key, 16> policy_keys{{
    Key{"version", Kind::word, "required", "1", "The version of this language."}.of(versions),
    Key{"mode", Kind::word, "`enforce`", "observe",
        "`observe` blocks nothing and writes what would have been blocked."}
        .of(modes),
    Key{"clients", Kind::map_of_prefixes, "every client is policed", "{mail: [192.0.2.0/24]}",
        "Groups of clients: names of your choice (not `any`), each with addresses and CIDR "
        "prefixes; "
        "64 groups at most."},
    Key{"sinkhole", Kind::map, "none", "{ipv4: 192.0.2.53, ipv6: \"2001:db8::53\"}",
        "The server that `action: sinkhole` sends clients to."}
        .holding(sinkhole),
    Key{"defaults", Kind::map, "see its keys", "{action: null-mx, ttl: 300}",
        "What a rule does where it does not say so itself."}
        .holding(defaults),
    Key{"rules", Kind::maps, "required without `protect`", "[{id: ours, exact: [arrny.example]}]",
        "The rules; the order matters only between rules for the same name."}
        .holding(rule),
    Key{"protect", Kind::maps, "none", "[{id: ours, domains: [army.mil]}]",
        "Domains whose look-alikes are recognised as they are asked for."}
        .holding(protect),
    Key{"known", Kind::word_or_map, "the list that ships", "{file: lists/known.txt}",
        "Domains that are meant as themselves and so never look-alikes: well-known sites, "
        "universities, banks and mail providers, or those of your own file. `none`: no such list."}
        .of(knowns)
        .holding(known),
    Key{"order", Kind::word, "`specific`", "zones",
        "Between rpz lists. `specific`: the most specific trigger wins, and at the same name a "
        "passthru. `zones`: the first list that has a trigger for the name wins, as in other "
        "resolvers; `clients`, `types` and `expires` of their rules are then the same. Other rules "
        "are not concerned."}
        .of(orders),
    Key{"organisation", Kind::text, "none", "Example Org",
        "Who blocks, for the programs of blocked clients: `o` of a structured DNS error. At most "
        "100 octets."},
    Key{"contact", Kind::uris, "none", "[\"mailto:postmaster@example.net\"]",
        "Whom a user may ask about a block: URIs that begin with `mailto:`, `tel:`, `sip:`, "
        "`sips:` or `https:`, four at most. `c` of a structured DNS error, which is sent to "
        "clients that ask for it (EDNS option 26) where the policy has a `contact`, or the rule an "
        "`owner` that is a mail address."},
    Key{"language", Kind::text, "`en`", "de",
        "The language (BCP 47) of `organisation` and of the `reason` of rules."},
    Key{"mail_providers", Kind::path, "the names that ship, `config/lists/mail_providers.txt`",
        "providers.txt",
        "A file of a name a line: domains and MX hosts of mail providers. `check` and each reload "
        "warn by name where a list, an `mx_exchange` or a look-alike would block one of them."},
    Key{"log", Kind::map_or_maps, "no events are written", "{file: nearmiss.jsonl}",
        "Where events go: one entry or a list of them."}
        .holding(log),
    Key{"metrics", Kind::map, "none", "{file: nearmiss.prom, interval: 15}",
        "Counters for Prometheus."}
        .holding(metrics),
    Key{"control", Kind::map, "`nearmiss.sock` beside the policy",
        "{socket: /run/unbound/nearmiss.sock}", "The control socket and its state file."}
        .holding(control),
}};

constexpr std::array<const Section*, 12> all_sections{
    &policy, &defaults, &rule, &confusable, &list,    &protect,
    &known,  &sinkhole, &log,  &syslog,     &metrics, &control,
};

} // namespace

constexpr Section policy{"policy", "the policy", "The top of the file.", policy_keys};
constexpr Section clients{"clients", "`clients`", "Groups of clients.", {}};
constexpr Section defaults{"defaults", "`defaults`",
                           "What a rule does where it does not say so itself.", defaults_keys};
constexpr Section rule{"rule", "the rule", "An item of `rules`.", rule_keys};
constexpr Section confusable{"confusable", "`confusable`", "Of a rule.", confusable_keys};
constexpr Section list{"list", "`list`", "Of a rule.", list_keys};
constexpr Section known{"known", "`known`", "Domains that are never look-alikes.", known_keys};
constexpr Section protect{"protect", "the entry of `protect`", "An item of `protect`.",
                          protect_keys};
constexpr Section sinkhole{"sinkhole", "`sinkhole`",
                           "The server that `action: sinkhole` sends clients to.", sinkhole_keys};
constexpr Section log{"log", "`log`", "One place that events go to, or an item of a list of them.",
                      log_keys};
constexpr Section syslog{"syslog", "`syslog`", "Of an entry of `log`: another machine's syslog.",
                         syslog_keys};
constexpr Section metrics{"metrics", "`metrics`", "Counters for Prometheus.", metrics_keys};
constexpr Section control{"control", "`control`", "The control socket and its state file.",
                          control_keys};

const Key* Section::find(std::string_view key) const noexcept {
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const Key& one) { return one.name == key; });
  return found == keys.end() ? nullptr : &*found;
}

std::span<const Section* const> sections() noexcept {
  return all_sections;
}

} // namespace nearmiss::keys
