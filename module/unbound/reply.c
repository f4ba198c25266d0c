/*
 * What a client gets.
 */
#include "module/unbound/adapter.h"

/* What a client's reply may have beside the EDNS options that Unbound adds. To be asked before the
 * reply is made: Unbound then sets the size that it advertises itself. */
static size_t room_of(const struct edns_data* edns) {
  size_t options = 0;
  for (const struct edns_option* option = edns->opt_list_out; option; option = option->next)
    options += 2 * sizeof(uint16_t) + option->opt_len;
  return options < edns->udp_size ? edns->udp_size - options : 0;
}

struct listed_query* make_listed(struct module_qstate* qstate, int id) {
  struct listed_query* listed = regional_alloc_zero(qstate->region, sizeof(*listed));
  if (!listed)
    return NULL;
  qstate->minfo[id] = listed;
  listed->max_size = UINT16_MAX;
  for (const struct mesh_reply* r = qstate->mesh_info->reply_list; r; r = r->next) {
    size_t size = room_of(&r->edns);
    listed->max_size = size < listed->max_size ? size : listed->max_size;
  }
  return listed;
}

/* `listed`: NULL, no answer is known yet. */
static struct nm_lookup lookup_of(const struct module_qstate* qstate,
                                  const struct listed_query* listed,
                                  const struct comm_reply* client) {
  return (struct nm_lookup){
      .qname = name_of(&qstate->qinfo),
      .qtype = qstate->qinfo.qtype,
      .client = (const struct sockaddr*)&client->client_addr,
      .tcp = client->c && client->c->type != comm_udp,
      .answer = listed ? listed->answer : NULL,
      .answer_count = listed ? listed->answer_count : 0,
      .server = host_address_asked(client),
      .max_size = listed ? listed->max_size : 0,
  };
}

/* Was the client let through for good when it asked, and does its answer lead nowhere? */
static bool has_passed(const struct nm_policy* policy, const struct listed_query* listed,
                       const struct comm_reply* client) {
  return listed->passed && client == &listed->passed->query_reply &&
         listed->passed_generation == nm_generation(policy) && !(listed->findings & NM_LEADS);
}

/* Everything of a reply_info but its array of references, which replies in a region do not have. */
static void copy_head(struct reply_info* to, const struct reply_info* from) {
  memcpy(to, from, offsetof(struct reply_info, ref));
}

void make_empty(struct reply_info* rep, uint16_t rcode) {
  memset(rep, 0, offsetof(struct reply_info, ref));
  rep->flags = BIT_QR | BIT_RA | rcode;
  rep->qdcount = 1;
  rep->security = sec_status_insecure;
  rep->reason_bogus = LDNS_EDE_NONE;
}

static bool are_of_one_rrset(const struct nm_record* a, const struct nm_record* b) {
  return a->type == b->type && a->owner.len == b->owner.len &&
         memcmp(a->owner.wire, b->owner.wire, a->owner.len) == 0;
}

struct ub_packed_rrset_key* make_rrset(const struct nm_record* records, size_t count, time_t ttl,
                                       struct regional* region) {
  struct ub_packed_rrset_key* key = regional_alloc_zero(region, sizeof(*key));
  struct packed_rrset_data* data;
  size_t octets = sizeof(*data);
  for (size_t i = 0; i < count; i++)
    octets += sizeof(*data->rr_len) + sizeof(*data->rr_ttl) + sizeof(*data->rr_data) +
              sizeof(uint16_t) + records[i].rdata_len;
  data = regional_alloc(region, octets);
  if (!key || !data)
    return NULL;
  key->rk.dname_len = records->owner.len;
  key->rk.dname = regional_alloc_init(region, records->owner.wire, records->owner.len);
  if (!key->rk.dname)
    return NULL;
  key->rk.type = htons(records->type);
  key->rk.rrset_class = htons(LDNS_RR_CLASS_IN);
  key->entry.key = key;
  key->entry.data = data;
  key->entry.hash = rrset_key_hash(&key->rk);
  memset(data, 0, sizeof(*data));
  data->ttl = ttl;
  data->count = count;
  data->security = sec_status_insecure;
  data->rr_len = (size_t*)(data + 1); /* as packed_rrset_ptr_fixup() sets it, by the lengths */
  for (size_t i = 0; i < count; i++)
    data->rr_len[i] = sizeof(uint16_t) + records[i].rdata_len;
  packed_rrset_ptr_fixup(data);
  for (size_t i = 0; i < count; i++) {
    data->rr_ttl[i] = ttl;
    sldns_write_uint16(data->rr_data[i], (uint16_t)records[i].rdata_len);
    memcpy(data->rr_data[i] + sizeof(uint16_t), records[i].rdata, records[i].rdata_len);
  }
  return key;
}

/* The core's answer as a reply, in the region. NULL: no memory. */
static struct reply_info* make_reply(const struct nm_answer* answer, struct regional* region) {
  size_t count = answer->answer_count + answer->authority_count;
  struct reply_info* rep = regional_alloc(region, sizeof(*rep));
  if (!rep)
    return NULL;
  make_empty(rep, answer->rcode);
  if (answer->truncated)
    rep->flags |= BIT_TC;
  rep->ttl = answer->ttl;
  rep->rrsets = regional_alloc(region, count * sizeof(*rep->rrsets));
  if (!rep->rrsets)
    return NULL;
  for (size_t at = 0, end; at < count; at = end) {
    bool in_answer = at < answer->answer_count;
    size_t section_end = in_answer ? answer->answer_count : count;
    struct ub_packed_rrset_key* rrset;
    for (end = at + 1; end < section_end; end++)
      if (!are_of_one_rrset(&answer->records[at], &answer->records[end]))
        break;
    rrset = make_rrset(&answer->records[at], end - at, answer->records[at].ttl, region);
    if (!rrset)
      return NULL;
    rep->rrsets[rep->rrset_count++] = rrset;
    if (in_answer)
      rep->an_numrrsets++;
    else
      rep->ns_numrrsets++;
  }
  return rep;
}

/* From now on others that hold return_msg (a waiting query of another domain) see the real answer
 * through a copy of their own, while `rep` may be changed for one client. */
static bool set_real_aside(struct module_qstate* qstate, struct reply_info* rep) {
  struct dns_msg* msg;
  if (!qstate->return_msg || qstate->return_msg->rep != rep)
    return true;
  msg = regional_alloc_init(qstate->region, qstate->return_msg, sizeof(*msg));
  if (!msg)
    return false;
  msg->rep = regional_alloc_zero(qstate->region, sizeof(*msg->rep));
  if (!msg->rep)
    return false;
  copy_head(msg->rep, rep);
  qstate->return_msg = msg;
  return true;
}

/* A client that has it in its query takes JSON for the text of an error:
 * draft-ietf-dnsop-structured-dns-error. */
enum { STRUCTURED_ERROR_OPTION = 26 };

/* Unbound's list may be shared by all clients of the query: never append to it, but to a copy. */
static void append_ede(struct edns_option** options, const struct nm_explanation* why,
                       struct regional* region) {
  uint8_t ede[sizeof(uint16_t) + NM_EDE_TEXT_MAX];
  struct edns_option* copy = NULL;
  sldns_write_uint16(ede, LDNS_EDE_BLOCKED);
  memcpy(ede + sizeof(uint16_t), why->text, why->len);
  if ((*options && !(copy = edns_opt_copy_region(*options, region))) ||
      !edns_opt_list_append(&copy, LDNS_EDNS_EDE, sizeof(uint16_t) + why->len, ede, region)) {
    log_warn("nearmiss: out of memory, a block goes out without its explanation");
    return;
  }
  *options = copy;
}

/* What the event says of the client's message. */
static void describe_message(struct nm_lookup* lookup, const struct module_qstate* qstate,
                             const struct mesh_reply* reply) {
  lookup->id = ntohs(reply->qid);
  lookup->recursion_desired = (qstate->query_flags & BIT_RD) != 0;
  lookup->checking_disabled = (qstate->query_flags & BIT_CD) != 0;
  lookup->dnssec_ok = reply->edns.edns_present && (reply->edns.bits & EDNS_DO) != 0;
  lookup->wants_structured_error =
      edns_opt_list_find(reply->edns.opt_list_in, STRUCTURED_ERROR_OPTION) != NULL;
}

int on_reply(struct query_info* qinfo, struct module_qstate* qstate, struct reply_info* rep,
             int rcode, struct edns_data* edns, struct edns_option** options,
             struct comm_reply* client, struct regional* region, struct timeval* start_time, int id,
             void* arg) {
  struct listed_query* listed = qstate ? listed_of(qstate, id) : NULL;
  struct nearmiss* nm = arg;
  const struct nm_policy* policy;
  struct nm_lookup lookup;
  struct nm_answer answer;
  struct reply_info* block = NULL;
  enum nm_outcome outcome;
  bool passes;
  (void)qinfo; /* the name as this client spelt it; qstate->qinfo has the same one */
  (void)start_time;
  if (!listed)
    return 1;
  if (listed->blocked) {
    if (edns && edns->edns_present)
      append_ede(options, listed->why, region);
    return 1;
  }
  if (rep && rep == listed->shown) {
    copy_head(rep, &listed->real); /* the client before this one was blocked */
    listed->shown = NULL;
  }
  if (!client)
    return 1;
  lookup = lookup_of(qstate, listed, client);
  for (const struct mesh_reply* r = qstate->mesh_info->reply_list; r; r = r->next)
    if (&r->query_reply == client)
      describe_message(&lookup, qstate, r);
  policy = enter(nm, qstate, id);
  outcome = !policy ? NM_FAILED
            : has_passed(policy, listed, client)
                ? NM_PASSED
                : nm_judge(nm->core, policy, &lookup, rcode, &answer);
  if (outcome == NM_BLOCKED)
    block = make_reply(&answer, qstate->region);
  leave(qstate, true); /* the answer's records were the policy's */
  passes = outcome == NM_PASSED || outcome == NM_LET_THROUGH;
  if ((passes && !listed->lead) || rcode != 0 || !rep)
    return 1; /* an error reply holds no data */
  if (set_real_aside(qstate, rep)) {
    copy_head(&listed->real, rep);
    listed->shown = rep;
  }
  if (block) {
    copy_head(rep, block);
    if (edns && edns->edns_present)
      append_ede(options, &answer.why, region);
  } else {
    /* A client that should have no reply shares its query with one that should, if it is here. And
     * one that passes by a policy that came in between finds no answer here. */
    if (outcome != NM_DROPPED && !passes)
      log_err("nearmiss: a lookup could not be judged or its block not be made; the client gets "
              "SERVFAIL");
    make_empty(rep, LDNS_RCODE_SERVFAIL);
  }
  return 1;
}

bool blocks_every_client(const struct nm_policy* policy, const struct module_qstate* qstate,
                         const struct listed_query* listed) {
  const struct mesh_state* state = qstate->mesh_info;
  if (!state->reply_list || state->cb_list || state->super_set.count > 0)
    return false; /* Unbound itself asks */
  for (const struct mesh_reply* r = state->reply_list; r; r = r->next) {
    struct nm_lookup lookup = lookup_of(qstate, listed, &r->query_reply);
    if (has_passed(policy, listed, &r->query_reply) || !nm_blocks(policy, &lookup))
      return false;
  }
  return true;
}

bool blocks_some_client(const struct nm_policy* policy, const struct module_qstate* qstate,
                        const struct listed_query* listed) {
  for (const struct mesh_reply* r = qstate->mesh_info->reply_list; r; r = r->next) {
    struct nm_lookup lookup = lookup_of(qstate, listed, &r->query_reply);
    if (!has_passed(policy, listed, &r->query_reply) && nm_blocks(policy, &lookup))
      return true;
  }
  return false;
}

void drop_clients(struct nearmiss* nm, const struct nm_policy* policy, struct module_qstate* qstate,
                  struct listed_query* listed) {
  struct nm_answer unused;
  size_t clients = 0;
  for (const struct mesh_reply* r = qstate->mesh_info->reply_list; r; r = r->next, clients++) {
    struct nm_lookup lookup = lookup_of(qstate, listed, &r->query_reply);
    if (has_passed(policy, listed, &r->query_reply) || !nm_drops(policy, &lookup) ||
        host_has_other_query(qstate, r))
      return;
  }
  for (const struct mesh_reply* r = qstate->mesh_info->reply_list; r; r = r->next) {
    struct nm_lookup lookup = lookup_of(qstate, listed, &r->query_reply);
    describe_message(&lookup, qstate, r);
    (void)nm_judge(nm->core, policy, &lookup, 0, &unused); /* for its event */
  }
  host_drop(qstate, &listed->dropped, clients);
}

enum module_ext_state fail(struct module_qstate* qstate) {
  qstate->return_msg = NULL;
  qstate->return_rcode = LDNS_RCODE_SERVFAIL;
  return module_finished;
}

/* The client's block, or a failure for which it is dropped, becomes the query's answer. */
static enum module_ext_state answer_now(struct module_qstate* qstate, struct listed_query* listed,
                                        struct reply_info* rep) {
  struct dns_msg* msg = regional_alloc_zero(qstate->region, sizeof(*msg));
  if (!rep || !msg)
    return fail(qstate);
  msg->qinfo = qstate->qinfo;
  msg->rep = rep;
  listed->blocked = true;
  qstate->return_msg = msg;
  qstate->return_rcode = LDNS_RCODE_NOERROR;
  return module_finished;
}

enum module_ext_state open_query(struct nearmiss* nm, const struct nm_policy* policy,
                                 struct module_qstate* qstate, int id) {
  const struct mesh_reply* reply = qstate->mesh_info->reply_list;
  struct listed_query* listed;
  struct reply_info* rep;
  struct nm_answer answer; /* large: not cleared, and not in the region */
  struct nm_lookup lookup;
  enum nm_outcome outcome = NM_LET_THROUGH;
  bool name_is_clean = !nm_covers_some_type(policy, name_of(&qstate->qinfo));
  if (name_is_clean || !nm_covers(policy, name_of(&qstate->qinfo), qstate->qinfo.qtype)) {
    /* Even if enter() wanted it rechecked, before this policy. */
    qstate->minfo[id] = name_is_clean ? &clean_name : &clean_query;
    if (qstate->qinfo.qtype == LDNS_RR_TYPE_MX && reply) {
      lookup = lookup_of(qstate, NULL, &reply->query_reply);
      nm_discover(nm->core, policy, &lookup);
    }
    return module_wait_module;
  }
  if (reply) {
    lookup = lookup_of(qstate, NULL, &reply->query_reply);
    describe_message(&lookup, qstate, reply);
    lookup.max_size = room_of(&reply->edns);
    outcome = nm_open(nm->core, policy, &lookup, &answer);
  }
  listed = make_listed(qstate, id);
  if (!listed)
    return fail(qstate);
  listed->qname_matched = true;
  host_hold_store(qstate); /* for queries without a client too */
  switch (outcome) {
  case NM_BLOCKED:
    listed->why = regional_alloc_init(qstate->region, &answer.why,
                                      offsetof(struct nm_explanation, text) + answer.why.len);
    if (!listed->why)
      return fail(qstate);
    return answer_now(qstate, listed, make_reply(&answer, qstate->region));
  case NM_DROPPED:
    if (!host_has_other_query(qstate, reply))
      host_drop(qstate, &listed->dropped, 1);
    if ((rep = regional_alloc_zero(qstate->region, sizeof(*rep))))
      make_empty(rep, LDNS_RCODE_SERVFAIL); /* where it cannot be dropped */
    return answer_now(qstate, listed, rep);
  case NM_FAILED:
    return fail(qstate);
  case NM_PASSED:
    listed->passed = reply;
    listed->passed_generation = nm_generation(policy);
    break;
  case NM_LET_THROUGH:
    break;
  }
  return module_wait_module;
}
