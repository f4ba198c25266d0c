/*
 * What an answer leads to: the targets of its CNAMEs, its exchanges, its addresses; and the records
 * it brings along.
 */
#include "module/unbound/host.h"

/* The domain name in an RR's RDATA behind `skip` octets. rr_data starts with the RDLENGTH, and
 * Unbound has checked and decompressed the names of CNAME and MX when it parsed them. */
static struct nm_name name_in_rdata(const struct packed_rrset_data* data, size_t rr, size_t skip) {
  size_t before = sizeof(uint16_t) + skip;
  if (data->rr_len[rr] <= before)
    return (struct nm_name){(const uint8_t*)"", 1};
  return (struct nm_name){data->rr_data[rr] + before, data->rr_len[rr] - before};
}

static bool may_hint(uint16_t type) {
  return type == LDNS_RR_TYPE_SVCB || type == LDNS_RR_TYPE_HTTPS;
}

/* The n-th address among the hints of an SVCB or HTTPS record (RFC 9460, 7.3): a client goes there
 * without another lookup. The keys are in ascending order; what is not made like that no client
 * takes. */
static bool hint_in_rdata(const struct packed_rrset_data* data, size_t rr, size_t n,
                          struct nm_address* hint) {
  enum { IPV4HINT = 4, IPV6HINT = 6 };
  const uint8_t* octets = data->rr_data[rr];
  size_t end = data->rr_len[rr], at = 2 * sizeof(uint16_t); /* RDLENGTH, priority */
  int last_key = -1;
  while (at < end && octets[at] != 0) /* the target's labels */
    at += 1U + octets[at];
  at++;
  while (at + 2 * sizeof(uint16_t) <= end) {
    int key = sldns_read_uint16(octets + at);
    size_t len = sldns_read_uint16(octets + at + sizeof(uint16_t));
    size_t size = key == IPV4HINT ? 4 : 16;
    at += 2 * sizeof(uint16_t);
    if (key <= last_key || key > IPV6HINT || len > end - at)
      return false;
    last_key = key;
    if (key == IPV4HINT || key == IPV6HINT) {
      if (n < len / size) {
        *hint = (struct nm_address){octets + at + n * size, size};
        return true;
      }
      n -= len / size;
    }
    at += len;
  }
  return false;
}

/* The n-th address in an RR of this type. False: it has no more. */
static bool address_in_rdata(const struct packed_rrset_data* data, uint16_t type, size_t rr,
                             size_t n, struct nm_address* address) {
  if (may_hint(type))
    return hint_in_rdata(data, rr, n, address);
  if (!is_address(type) || n > 0)
    return false;
  *address = (struct nm_address){data->rr_data[rr] + sizeof(uint16_t),
                                 data->rr_len[rr] - sizeof(uint16_t)};
  return true;
}

static size_t addresses_at_most(const struct packed_rrset_data* data, uint16_t type, size_t rr) {
  return may_hint(type) ? data->rr_len[rr] / 4 : 1;
}

/* An MX RRset that leads to something listed: an exchange that a rule on exchanges lists; or all
 * exchanges are names that are listed. A domain that has another way for its mail is not blocked
 * for a listed name, whose own address lookup is. */
static bool mx_is_listed(const struct nm_policy* policy, const struct packed_rrset_data* data) {
  bool every_name = true;
  for (size_t rr = 0; rr < data->count; rr++) {
    struct nm_name exchange = name_in_rdata(data, rr, sizeof(uint16_t));
    if (nm_covers_exchange(policy, exchange))
      return true;
    every_name = every_name && nm_covers(policy, exchange, LDNS_RR_TYPE_A);
  }
  return every_name;
}

bool holds_listed_address(const struct nm_policy* policy, const struct ub_packed_rrset_key* rrset) {
  const struct packed_rrset_data* data = data_of(rrset);
  struct nm_address address;
  if (!nm_has_address_rules(policy))
    return false;
  for (size_t rr = 0; rr < data->count; rr++)
    for (size_t n = 0; address_in_rdata(data, type_of(rrset), rr, n, &address); n++)
      if (nm_covers_address(policy, address))
        return true;
  return false;
}

/* Of an alias. A rule on exchanges lists its hosts by whatever name a domain's MX calls them; mail
 * servers follow an exchange that is an alias. */
static bool is_listed_target(const struct nm_policy* policy, struct nm_name target,
                             uint16_t qtype) {
  return nm_covers(policy, target, qtype) || nm_covers_exchange(policy, target);
}

bool rrset_leads_to_listed(const struct nm_policy* policy, const struct ub_packed_rrset_key* rrset,
                           uint16_t qtype) {
  const struct packed_rrset_data* data = data_of(rrset);
  uint16_t type = type_of(rrset);
  if ((type == LDNS_RR_TYPE_MX && mx_is_listed(policy, data)) ||
      holds_listed_address(policy, rrset))
    return true;
  if (type == LDNS_RR_TYPE_CNAME)
    for (size_t rr = 0; rr < data->count; rr++)
      if (is_listed_target(policy, name_in_rdata(data, rr, 0), qtype))
        return true;
  return false;
}

bool leads_to_listed(const struct nm_policy* policy, const struct reply_info* rep, uint16_t qtype) {
  for (size_t i = 0; i < rep->an_numrrsets; i++)
    if (rrset_leads_to_listed(policy, rep->rrsets[i], qtype))
      return true;
  return false;
}

bool is_listed_alias(const struct nm_policy* policy, const struct ub_packed_rrset_key* rrset) {
  const struct packed_rrset_data* data = data_of(rrset);
  if (type_of(rrset) == LDNS_RR_TYPE_DNAME)
    return data->count > 0 && nm_covers_below(policy, name_in_rdata(data, 0, 0));
  if (type_of(rrset) != LDNS_RR_TYPE_CNAME)
    return false;
  if (nm_covers_some_type(policy, (struct nm_name){rrset->rk.dname, rrset->rk.dname_len}))
    return true;
  for (size_t rr = 0; rr < data->count; rr++)
    if (nm_covers_some_type(policy, name_in_rdata(data, rr, 0)) ||
        nm_covers_exchange(policy, name_in_rdata(data, rr, 0)))
      return true;
  return false;
}

bool is_for_own_cache(const struct nm_policy* policy, const struct reply_info* rep) {
  for (size_t i = 0; i < rep->an_numrrsets; i++)
    if (dname_is_wild(rep->rrsets[i]->rk.dname) || is_listed_alias(policy, rep->rrsets[i]))
      return true;
  return false;
}

/* All that the answer section leads to, for the policy to judge. */
static void collect_links(const struct reply_info* rep, struct links* links) {
  for (size_t i = 0; i < rep->an_numrrsets; i++) {
    const struct packed_rrset_data* data = data_of(rep->rrsets[i]);
    uint16_t type = type_of(rep->rrsets[i]);
    for (size_t rr = 0; rr < data->count; rr++) {
      size_t first = links->address_count;
      if (type == LDNS_RR_TYPE_CNAME)
        links->aliases[links->alias_count++] = name_in_rdata(data, rr, 0);
      else if (type == LDNS_RR_TYPE_MX)
        links->exchanges[links->exchange_count++] = name_in_rdata(data, rr, sizeof(uint16_t));
      else
        while (address_in_rdata(data, type, rr, links->address_count - first,
                                &links->addresses[links->address_count]))
          links->address_count++;
    }
  }
}

bool note_links(const struct module_qstate* qstate, struct links* links) {
  const struct reply_info* rep = qstate->return_msg->rep;
  size_t count = 0, addresses = 1; /* one more than there can be: it is looked for there */
  for (size_t i = 0; i < rep->an_numrrsets; i++) {
    const struct packed_rrset_data* data = data_of(rep->rrsets[i]);
    count += data->count;
    for (size_t rr = 0; rr < data->count; rr++)
      addresses += addresses_at_most(data, type_of(rep->rrsets[i]), rr);
  }
  *links = (struct links){
      .aliases = regional_alloc(qstate->region, count * sizeof(*links->aliases)),
      .exchanges = regional_alloc(qstate->region, count * sizeof(*links->exchanges)),
      .addresses = regional_alloc(qstate->region, addresses * sizeof(*links->addresses)),
  };
  if (!links->aliases || !links->exchanges || !links->addresses)
    return false;
  collect_links(rep, links);
  return true;
}

bool is_listed_additional(const struct nm_policy* policy, const struct ub_packed_rrset_key* rrset) {
  uint16_t type = type_of(rrset);
  return nm_covers(policy, (struct nm_name){rrset->rk.dname, rrset->rk.dname_len}, type) ||
         holds_listed_address(policy, rrset);
}

void drop_listed_additional(const struct nm_policy* policy, struct reply_info* rep) {
  size_t kept = rep->an_numrrsets + rep->ns_numrrsets;
  for (size_t i = kept; i < rep->rrset_count; i++)
    if (!is_listed_additional(policy, rep->rrsets[i]))
      rep->rrsets[kept++] = rep->rrsets[i];
  rep->ar_numrrsets -= rep->rrset_count - kept;
  rep->rrset_count = kept;
}

/* A delegation, and the proof that there is no answer: of a listed name too. */
static bool belongs_in_authority(uint16_t type) {
  return type == LDNS_RR_TYPE_NS || type == LDNS_RR_TYPE_SOA || type == LDNS_RR_TYPE_DS ||
         type == LDNS_RR_TYPE_NSEC || type == LDNS_RR_TYPE_NSEC3;
}

bool is_listed_authority(const struct nm_policy* policy, const struct ub_packed_rrset_key* rrset) {
  const struct nm_name owner = {rrset->rk.dname, rrset->rk.dname_len};
  return !belongs_in_authority(type_of(rrset)) &&
         (nm_covers(policy, owner, type_of(rrset)) ||
          rrset_leads_to_listed(policy, rrset, LDNS_RR_TYPE_ANY));
}

void drop_listed_authority(const struct nm_policy* policy, struct reply_info* rep) {
  size_t kept = rep->an_numrrsets, end = rep->an_numrrsets + rep->ns_numrrsets;
  for (size_t i = kept; i < rep->rrset_count; i++)
    if (i >= end || !is_listed_authority(policy, rep->rrsets[i]))
      rep->rrsets[kept++] = rep->rrsets[i];
  rep->ns_numrrsets -= rep->rrset_count - kept;
  rep->rrset_count = kept;
}
