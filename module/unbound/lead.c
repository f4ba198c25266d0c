/*
 * An alias that suffices to block.
 *
 * Where a server says that a name is an alias of a matched one, and every client of the query is
 * blocked for that, the query ends there: the servers of the matched name need not be asked, and
 * may not answer at all. The alias is remembered in the module's own cache as a message of a rcode
 * that no answer has there, for clients that it blocks; for others it is no answer.
 */
#include "module/unbound/adapter.h"

enum {
  KNOWN_LEAD = LDNS_RCODE_NOTZONE,
  MAX_LEAD_TTL = 60, /* seconds: no validator has seen it */
  MAX_FOLLOWED = 24  /* Unbound follows 11 aliases, and a DNAME may come with each */
};

/* The answer so far, with the answer section of a response, as the own cache keeps it. NULL: out of
 * memory. */
static struct reply_info* make_lead(struct module_qstate* qstate, const struct reply_info* rep) {
  struct ub_packed_rrset_key* before[MAX_FOLLOWED];
  size_t followed = host_followed_aliases(qstate, before, MAX_FOLLOWED);
  size_t count = followed + rep->an_numrrsets;
  struct reply_info* lead = regional_alloc(qstate->region, sizeof(*lead));
  if (!lead)
    return NULL;
  make_empty(lead, KNOWN_LEAD);
  lead->ttl = MAX_LEAD_TTL;
  lead->rrsets = regional_alloc(qstate->region, count * sizeof(*lead->rrsets));
  if (!lead->rrsets)
    return NULL;
  memcpy(lead->rrsets, before, followed * sizeof(*before));
  memcpy(lead->rrsets + followed, rep->rrsets, rep->an_numrrsets * sizeof(*rep->rrsets));
  lead->rrset_count = lead->an_numrrsets = count;
  for (size_t i = 0; i < lead->rrset_count; i++)
    if (data_of(lead->rrsets[i])->ttl < lead->ttl)
      lead->ttl = data_of(lead->rrsets[i])->ttl;
  lead->prefetch_ttl = PREFETCH_TTL_CALC(lead->ttl);
  lead->serve_expired_ttl = lead->ttl;
  return lead;
}

bool leads_every_client(const struct nm_policy* policy, struct module_qstate* qstate, int id,
                        const struct reply_info* rep, const struct message* message) {
  struct listed_query part = {.lead = NULL}, *listed = listed_of(qstate, id);
  if (!(message->findings & NM_LEADS) || !keep_answer(qstate, &part, message) ||
      !blocks_every_client(policy, qstate, &part) || !(part.lead = make_lead(qstate, rep)))
    return false;
  if (!listed && !(listed = make_listed(qstate, id)))
    return false;
  listed->answer = part.answer;
  listed->answer_count = part.answer_count;
  listed->findings = part.findings;
  listed->lead = part.lead;
  return true;
}

/* Of all rcodes the iterator takes this one for a permanent error, which it neither asks another
 * server about nor has validated (processQueryResponse(), needs_validation()); 1.26 only beside a
 * DNAME. */
bool end_at_lead(const struct module_qstate* qstate, struct reply_info* rep) {
  static const uint8_t root = 0;
  const struct nm_record record = {
      .owner = name_of(&qstate->qinfo), .type = LDNS_RR_TYPE_DNAME, .rdata = &root, .rdata_len = 1};
  struct ub_packed_rrset_key** rrsets = rep->rrsets;
  struct ub_packed_rrset_key* dname = make_rrset(&record, 1, 0, qstate->region);
  if (!dname)
    return false;
  make_empty(rep, LDNS_RCODE_YXDOMAIN);
  rep->rrsets = rrsets; /* has room, as it held the alias */
  rep->rrsets[0] = dname;
  rep->rrset_count = rep->an_numrrsets = 1;
  return true;
}

enum module_ext_state finish_at_lead(struct nearmiss* nm, const struct nm_policy* policy,
                                     struct module_qstate* qstate, struct listed_query* listed,
                                     bool fresh) {
  struct dns_msg* msg = regional_alloc_zero(qstate->region, sizeof(*msg));
  struct reply_info* rep = regional_alloc_zero(qstate->region, sizeof(*rep));
  if (!msg || !rep)
    return fail(qstate);
  msg->qinfo = qstate->qinfo;
  qstate->return_msg = msg;
  qstate->return_rcode = LDNS_RCODE_NOERROR;
  if (fresh) {
    msg->rep = listed->lead;
    store_lead(nm, qstate);
  }
  make_empty(rep, LDNS_RCODE_NOERROR);
  msg->rep = rep; /* on_reply gives every client its block */
  if (nm_may_drop(policy))
    drop_clients(nm, policy, qstate, listed);
  return module_finished;
}

bool is_known_lead(const struct module_qstate* qstate) {
  return FLAGS_GET_RCODE(qstate->return_msg->rep->flags) == KNOWN_LEAD;
}
