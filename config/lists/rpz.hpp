// List files of `format: rpz`: a response policy zone (draft-vixie-dnsop-dns-rpz-00) as a zone
// file.
//
// The apex of the zone is the owner of its SOA, with which the file begins; without `$ORIGIN` names
// are relative to the root. What stands below the apex is a trigger: a name, or `*.name` for
// everything below that name but not the name itself. What it does:
//
//   CNAME .                nxdomain            CNAME rpz-drop.       drop
//   CNAME *.               nodata              CNAME rpz-tcp-only.   tcp-only
//   CNAME rpz-passthru.    allow               anything else         local-data
//
// A CNAME to the trigger's own name is an allow as well, as the first zones wrote it.
//
// Local data is answered with its TTL, but no longer than a `ttl` that the policy has, to the
// rule's types and those it has itself. A CNAME is answered alone, unless its target is an exact
// trigger with local data of the same zone: then that follows. A CNAME to `*.name` leads to the
// asked name under that name. As in every rule the most specific name wins, so that an exact
// trigger beats a wildcard. The rule's own `action` takes the place of the zone's, but for
// passthru, which stays an exception.
//
// The other triggers (rpz-client-ip, rpz-ip, rpz-nsdname, rpz-nsip) are counted and reported. The
// records of the apex and those of DNSSEC are about the zone, and are passed over.
#pragma once

#include "config/lists/list.hpp"
#include "config/lists/rpz_rules.hpp"
#include "config/lists/zone_order.hpp"

#include <string_view>

namespace nearmiss {

// `order`: this zone beside the policy's others; it must be begun, or off.
void read_rpz_list(std::string_view content, RpzRules& rules, ZoneOrder& order, ListLoad& load);

} // namespace nearmiss
