/*
 * What a client gets.
 */
#include "module/unbound/host.h"

struct concern unconcerned, doubtful;

struct concern* make_concern(struct module_qstate* qstate, int id) {
  struct concern* concern = regional_alloc_zero(qstate->region, sizeof(*concern));
  if (concern)
    qstate->minfo[id] = concern;
  return concern;
}

struct nm_lookup lookup_of(const struct module_qstate* qstate, const struct concern* concern,
                           const struct comm_reply* client) {
  return (struct nm_lookup){
      .qname = name_of(&qstate->qinfo),
      .qtype = qstate->qinfo.qtype,
      .client = (const struct sockaddr*)&client->client_addr,
      .tcp = client->c && client->c->type != comm_udp,
      .aliases = concern->links.aliases,
      .alias_count = concern->links.alias_count,
      .exchanges = concern->links.exchanges,
      .exchange_count = concern->links.exchange_count,
      .addresses = concern->links.addresses,
      .address_count = concern->links.address_count,
  };
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

/* The RRset of these records, in the region. NULL: no memory. */
static struct ub_packed_rrset_key* make_rrset(const struct nm_record* records, size_t count,
                                              time_t ttl, struct regional* region) {
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
    rrset = make_rrset(&answer->records[at], end - at, answer->ttl, region);
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

static uint16_t message_id(const struct module_qstate* qstate, const struct comm_reply* client) {
  for (const struct mesh_reply* r = qstate->mesh_info->reply_list; r; r = r->next)
    if (&r->query_reply == client)
      return ntohs(r->qid);
  return 0;
}

int on_reply(struct query_info* qinfo, struct module_qstate* qstate, struct reply_info* rep,
             int rcode, struct edns_data* edns, struct edns_option** options,
             struct comm_reply* client, struct regional* region, struct timeval* start_time, int id,
             void* arg) {
  struct concern* concern = qstate ? concern_of(qstate, id) : NULL;
  struct nearmiss* nm = arg;
  const struct nm_policy* policy;
  struct nm_lookup lookup;
  struct nm_answer answer;
  struct reply_info* block = NULL;
  enum nm_outcome outcome;
  (void)qinfo; /* the name as this client spelt it; qstate->qinfo has the same one */
  (void)start_time;
  if (!concern)
    return 1;
  if (concern->blocked) {
    if (edns && edns->edns_present)
      append_ede(options, &concern->why, region);
    return 1;
  }
  if (rep && rep == concern->shown) {
    copy_head(rep, &concern->real); /* the client before this one was blocked */
    concern->shown = NULL;
  }
  if (!client)
    return 1;
  lookup = lookup_of(qstate, concern, client);
  lookup.id = message_id(qstate, client);
  policy = enter(nm, qstate, id);
  outcome = policy ? nm_judge(nm->core, policy, &lookup, rcode, &answer) : NM_FAILED;
  if (outcome == NM_BLOCKED)
    block = make_reply(&answer, qstate->region);
  leave(qstate, true); /* the answer's records were the policy's */
  if (outcome == NM_LET_THROUGH || rcode != 0 || !rep)
    return 1; /* an error reply holds no data */
  if (set_real_aside(qstate, rep)) {
    copy_head(&concern->real, rep);
    concern->shown = rep;
  }
  if (block) {
    copy_head(rep, block);
    if (edns && edns->edns_present)
      append_ede(options, &answer.why, region);
  } else {
    /* A client that should have no reply shares its query with one that should, if it is here. */
    if (outcome != NM_DROPPED)
      log_err("nearmiss: a lookup could not be judged or its block not be made; the client gets "
              "SERVFAIL");
    make_empty(rep, LDNS_RCODE_SERVFAIL);
  }
  return 1;
}

bool blocks_some_client(const struct nm_policy* policy, const struct module_qstate* qstate,
                        const struct concern* concern) {
  for (const struct mesh_reply* r = qstate->mesh_info->reply_list; r; r = r->next) {
    struct nm_lookup lookup = lookup_of(qstate, concern, &r->query_reply);
    if (nm_blocks(policy, &lookup))
      return true;
  }
  return false;
}

static void drop(struct module_qstate* qstate, struct concern* concern, size_t clients) {
  qstate->is_drop = clients > 0;
  concern->dropped = clients;
  concern->reply_addrs = qstate->env->mesh->num_reply_addrs;
}

/* To drop a client's query Unbound closes its connection, and with that ends all other queries of
 * the connection: of the same lookup with harm (1.17.1 closes it twice), of others for nothing that
 * they have done, and num_reply_addrs could not be put right again. */
static bool has_other_query(const struct module_qstate* qstate, const struct mesh_reply* reply) {
  struct mesh_state* state;
  if (reply->query_reply.c->type == comm_udp)
    return false;
  RBTREE_FOR (state, struct mesh_state*, &qstate->env->mesh->all)
    for (const struct mesh_reply* other = state->reply_list; other; other = other->next)
      if (other != reply && other->query_reply.c == reply->query_reply.c)
        return true;
  return false;
}

void drop_if_told(struct nearmiss* nm, const struct nm_policy* policy, struct module_qstate* qstate,
                  struct concern* concern) {
  struct nm_answer unused;
  size_t clients = 0;
  for (const struct mesh_reply* r = qstate->mesh_info->reply_list; r; r = r->next, clients++) {
    struct nm_lookup lookup = lookup_of(qstate, concern, &r->query_reply);
    if (!nm_drops(policy, &lookup) || has_other_query(qstate, r))
      return;
  }
  for (const struct mesh_reply* r = qstate->mesh_info->reply_list; r; r = r->next) {
    struct nm_lookup lookup = lookup_of(qstate, concern, &r->query_reply);
    lookup.id = ntohs(r->qid);
    (void)nm_judge(nm->core, policy, &lookup, 0, &unused); /* for its event */
  }
  drop(qstate, concern, clients);
}

void account_for_drop(const struct module_qstate* qstate, const struct concern* concern) {
  struct mesh_area* mesh = qstate->env->mesh;
  if (concern->dropped > 0 && mesh->num_reply_addrs == concern->reply_addrs)
    mesh->num_reply_addrs -= concern->dropped;
}

enum module_ext_state fail(struct module_qstate* qstate) {
  qstate->return_msg = NULL;
  qstate->return_rcode = LDNS_RCODE_SERVFAIL;
  return module_finished;
}

enum module_ext_state block_now(struct nearmiss* nm, const struct nm_policy* policy,
                                struct module_qstate* qstate, struct concern* concern) {
  struct mesh_reply* reply = qstate->mesh_info->reply_list;
  struct nm_lookup lookup;
  struct nm_answer answer; /* large: not cleared, and not in the region */
  struct dns_msg* msg;
  if (!reply)
    return module_wait_module;
  msg = regional_alloc_zero(qstate->region, sizeof(*msg));
  if (!msg)
    return fail(qstate);
  lookup = lookup_of(qstate, concern, &reply->query_reply);
  lookup.id = ntohs(reply->qid);
  switch (nm_block(nm->core, policy, &lookup, &answer)) {
  case NM_LET_THROUGH:
    return module_wait_module;
  case NM_BLOCKED:
    msg->rep = make_reply(&answer, qstate->region);
    concern->why = answer.why;
    break;
  case NM_DROPPED:
    if (!has_other_query(qstate, reply))
      drop(qstate, concern, 1);
    if ((msg->rep = regional_alloc_zero(qstate->region, sizeof(*msg->rep))))
      make_empty(msg->rep, LDNS_RCODE_SERVFAIL); /* for whom it cannot be dropped */
    break;
  case NM_FAILED:
    break;
  }
  if (!msg->rep)
    return fail(qstate);
  msg->qinfo = qstate->qinfo;
  concern->blocked = true;
  qstate->return_msg = msg;
  qstate->return_rcode = LDNS_RCODE_NOERROR;
  return module_finished;
}
