/*
 * Which answer is in which cache: Unbound's, which answers before any module runs, or the module's
 * own; and which policy a worker judges by.
 */
#include "module/unbound/adapter.h"

/* Of the name in whatever case. Every name that no rule matches comes by here, so in words of eight
 * octets, and not a good hash: an attacker who finds names with the bit of another gains nothing.
 */
static size_t alias_bit(const struct query_info* qinfo) {
  const uint64_t lower_case = UINT64_C(0x2020202020202020), golden = UINT64_C(0x9e3779b97f4a7c15);
  const uint8_t *at = qinfo->qname, *end = at + qinfo->qname_len;
  uint64_t hash = 0, octets;
  for (; end - at >= (ptrdiff_t)sizeof(octets); at += sizeof(octets)) {
    memcpy(&octets, at, sizeof(octets));
    hash = (hash ^ (octets | lower_case)) * golden;
    hash ^= hash >> 32;
  }
  for (octets = 0; at < end; at++)
    octets = octets << 8 | *at;
  hash = (hash ^ (octets | lower_case)) * golden;
  return (hash ^ hash >> 32) % (ALIAS_WORDS * 64);
}

void note_alias(struct nearmiss* nm, const struct query_info* qinfo) {
  size_t bit = alias_bit(qinfo);
  atomic_fetch_or_explicit(&nm->alias_bits[bit / 64], UINT64_C(1) << (bit % 64),
                           memory_order_relaxed);
}

bool may_be_alias(const struct nearmiss* nm, const struct query_info* qinfo) {
  size_t bit = alias_bit(qinfo);
  return atomic_load_explicit(&nm->alias_bits[bit / 64], memory_order_relaxed) >> (bit % 64) & 1;
}

/* From there Unbound applies respip anew to each client's answer. */
void store_in_host_cache(const struct nearmiss* nm, struct module_qstate* qstate) {
  if (!nm->is_rewritten || !host_was_rewritten(qstate))
    host_store(qstate);
}

void store_aliases_in_host_cache(const struct module_qstate* qstate, const struct reply_info* rep) {
  for (size_t i = 0; i < rep->an_numrrsets; i++)
    if (!host_store_rrset(qstate->env, rep->rrsets[i]))
      return; /* it is asked for again */
}

/* Evicts what the validator has learned from the answer. A wildcard that it finds good it puts into
 * Unbound's cache under the wildcard's own name, whatever no_cache_store says, and with the proof
 * for another name the iterator makes answers of it that this module may never see, or not before
 * they are stored. */
static void drop_matched_wildcards(const struct module_qstate* qstate,
                                   const struct message* message) {
  const struct reply_info* rep = qstate->return_msg->rep;
  for (size_t i = 0; i < rep->an_numrrsets; i++) {
    struct ub_packed_rrset_key* rrset = rep->rrsets[i];
    uint8_t wildcard[LDNS_MAX_DOMAINLEN + 2] = {1, '*'};
    uint8_t* encloser = NULL;
    size_t len = 0;
    if (!(message->rrsets[i].findings & (NM_NOT_SHARED | NM_LEADS_FOR_SOME_TYPE)) ||
        !val_rrset_wildcard(rrset, &encloser, &len) || !encloser)
      continue;
    memcpy(wildcard + 2, encloser, len);
    rrset_cache_remove(qstate->env->rrset_cache, wildcard, len + 2, type_of(rrset),
                       ntohs(rrset->rk.rrset_class), 0);
  }
}

/* A host with a matched name may be another domain's name server, whose address the iterator looks
 * for in Unbound's RRset cache. There it is in no message: an answer that holds an RRset of a
 * matched name leads to that name, or had it dropped. */
static void share_addresses(const struct nm_policy* policy, const struct module_qstate* qstate) {
  const struct reply_info* rep = qstate->return_msg->rep;
  for (size_t i = 0; i < rep->an_numrrsets; i++) {
    const struct packed_rrset_key* rk = &rep->rrsets[i]->rk;
    uint16_t type = type_of(rep->rrsets[i]);
    bool matched = (type == LDNS_RR_TYPE_A || type == LDNS_RR_TYPE_AAAA) &&
                   nm_covers(policy, (struct nm_name){rk->dname, rk->dname_len}, type);
    if (matched && !host_store_rrset(qstate->env, rep->rrsets[i]))
      return; /* it is asked for again */
  }
}

void store_in_own_cache(struct nearmiss* nm, const struct nm_policy* policy,
                        struct module_qstate* qstate, const struct message* message) {
  struct host_caches shared;
  drop_matched_wildcards(qstate, message);
  if (nm->is_rewritten || !host_may_store(qstate))
    return;
  share_addresses(policy, qstate);
  shared = host_exchange_caches(qstate->env, nm->own);
  host_store(qstate);
  (void)host_exchange_caches(qstate->env, shared);
}

void store_lead(struct nearmiss* nm, struct module_qstate* qstate) {
  struct host_caches shared;
  if (nm->is_rewritten || !host_may_store(qstate))
    return;
  shared = host_exchange_caches(qstate->env, nm->own);
  host_store(qstate);
  (void)host_exchange_caches(qstate->env, shared);
  note_alias(nm, &qstate->qinfo);
}

/* The RRsets of Unbound's cache are parts of its messages, and take new data when they have expired
 * or it is as trustworthy: a delegation's matched address would show in an older answer, and from
 * there be given to any client. So what it would be put into goes first. */
void part_from_matched_glue(const struct module_qstate* qstate, const struct reply_info* rep,
                            const struct message* message) {
  for (size_t i = rep->an_numrrsets + rep->ns_numrrsets; i < rep->rrset_count; i++) {
    const struct packed_rrset_key* rk = &rep->rrsets[i]->rk;
    if (message->rrsets[i].findings & NM_MATCHED_ADDRESS)
      rrset_cache_remove(qstate->env->rrset_cache, rk->dname, rk->dname_len,
                         type_of(rep->rrsets[i]), ntohs(rk->rrset_class), rk->flags);
  }
}

bool find_in_own_cache(struct nearmiss* nm, struct module_qstate* qstate) {
  return host_find(qstate, nm->own);
}

void recheck(struct module_qstate* qstate, int id) {
  if (listed_of(qstate, id))
    return; /* kept out as it is */
  qstate->minfo[id] = &recheck_query;
  if (!host_store_is_held(qstate))
    host_let_store(qstate, false);
}

static void part_matched(struct module_env* env, void* arg);

/* What a worker knows of the module. */
struct acquaintance {
  uint64_t serial; /* of the module that wakes it */
  uint64_t met;    /* the policy it has met last; 0: none */
};

static const struct nm_policy* enter_in(struct nearmiss* nm, struct module_env* env, int id) {
  static _Thread_local IN_STATIC_TLS struct acquaintance known;
  const struct nm_policy* policy = nm_enter(nm->core);
  if (!policy || (nm_generation(policy) == known.met && nm->serial == known.serial))
    return policy;
  if (nm->serial != known.serial && !host_listen(&nm->bells, env, part_matched, nm))
    log_warn("nearmiss: a worker cannot be woken when the policy changes: names that it waits for "
             "are blocked at its next query only");
  known = (struct acquaintance){.serial = nm->serial, .met = nm_generation(policy)};
  host_each_query(env, recheck, id);
  if (atomic_exchange(&nm->worker_evicts, false)) {
    evict_matched(nm);
    policy = nm_enter(nm->core);
  }
  return policy;
}

const struct nm_policy* enter(struct nearmiss* nm, struct module_qstate* qstate, int id) {
  return enter_in(nm, qstate->env, id);
}

/* In a worker that has been woken, where nothing runs: clients that ask from now on for what the
 * policy in force matches do not wait with those that asked before. */
static void part_matched(struct module_env* env, void* arg) {
  struct nearmiss* nm = arg;
  const struct nm_policy* policy = enter_in(nm, env, nm->id);
  size_t count = 0;
  struct module_qstate** queries = policy ? host_queries(env, &count) : NULL;
  if (policy && !queries)
    log_err(
        "nearmiss: out of memory: names that are looked up now are blocked only when that ends");
  for (size_t i = 0; i < count; i++) { /* each is put elsewhere in the tree of all */
    const struct query_info* qinfo = &queries[i]->qinfo;
    if (is_internet(qinfo->qclass) && nm_covers(policy, name_of(qinfo), qinfo->qtype))
      (void)host_isolate(queries[i]);
  }
  free(queries);
  nm_leave();
}

void leave(const struct module_qstate* qstate, bool rests) {
  if (rests && host_rests(qstate))
    nm_leave();
  else
    nm_linger();
}
