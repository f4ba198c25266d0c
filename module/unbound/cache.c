/*
 * Which answer is in which cache: Unbound's, which answers before any module runs, or the module's
 * own.
 */
#include "module/unbound/host.h"

/* Of the name in whatever case. Every name that no rule lists comes by here, so in words of eight
 * octets, and not a good hash: whoever finds names with the bit of another gains nothing. */
static size_t alias_bit(const struct query_info* qinfo) {
  const uint64_t lower_case = UINT64_C(0x2020202020202020), golden = UINT64_C(0x9e3779b97f4a7c15);
  uint64_t hash = 0;
  for (size_t at = 0; at < qinfo->qname_len; at += sizeof(uint64_t)) {
    size_t left = qinfo->qname_len - at;
    uint64_t octets = 0;
    memcpy(&octets, qinfo->qname + at, left < sizeof(octets) ? left : sizeof(octets));
    hash = (hash ^ (octets | lower_case)) * golden;
    hash ^= hash >> 32;
  }
  return hash % (ALIAS_WORDS * 64);
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

static bool must_validate(const struct module_qstate* qstate) {
  return qstate->env->need_to_validate &&
         (!(qstate->query_flags & BIT_CD) || qstate->env->cfg->ignore_cd);
}

bool make_own_cache(struct nearmiss* nm, const struct module_env* env) {
  struct config_file cfg = *env->cfg;
  cfg.rrset_cache_size /= 4;
  nm->own.messages = slabhash_create(cfg.msg_cache_slabs, HASH_DEFAULT_STARTARRAY,
                                     cfg.msg_cache_size / 4, msgreply_sizefunc, query_info_compare,
                                     query_entry_delete, reply_info_delete, NULL);
  nm->own.rrsets = rrset_cache_create(&cfg, env->alloc);
  return nm->own.messages && nm->own.rrsets;
}

void delete_own_cache(struct nearmiss* nm) {
  slabhash_delete(nm->own.messages);
  rrset_cache_delete(nm->own.rrsets);
}

/* Lets the worker work on other caches, and returns those it had. The environment is its own copy:
 * nobody else sees the exchange. */
static struct caches exchange(struct module_env* env, struct caches caches) {
  struct caches before = {env->msg_cache, env->rrset_cache};
  env->msg_cache = caches.messages;
  env->rrset_cache = caches.rrsets;
  return before;
}

/* As dns_cache_store(), whose arguments differ between Unbound's versions. False: out of memory. */
static bool store(struct module_qstate* qstate) {
  struct module_env* env = qstate->env;
  struct reply_info* rep = reply_info_copy(qstate->return_msg->rep, env->alloc, NULL);
  struct query_info key = qstate->qinfo;
  key.qname = memdup(key.qname, key.qname_len);
  if (!rep || !key.qname) {
    if (rep)
      reply_info_parsedelete(rep, env->alloc);
    free(key.qname);
    return false;
  }
  rep->flags = (uint16_t)((rep->flags | BIT_RA | BIT_QR) & ~(BIT_AA | BIT_CD));
  dns_cache_store_msg(env, &key, query_info_hash(&key, qstate->query_flags), rep,
                      qstate->prefetch_leeway, 0, qstate->return_msg->rep, qstate->query_flags,
                      qstate->region, qstate->qstarttime);
  free(key.qname); /* NULL where the cache has taken it */
  return true;
}

static bool may_store(const struct module_qstate* qstate) {
  enum sec_status security = qstate->return_msg->rep->security;
  return security != sec_status_bogus && security != sec_status_secure_sentinel_fail &&
         (qstate->query_flags & BIT_RD) && qstate->no_cache_store != NO_STORE_HOST;
}

static void store_if_it_may(struct module_qstate* qstate) {
  if (may_store(qstate) && !store(qstate))
    log_warn("nearmiss: out of memory, an answer is not cached");
}

/* Has a response policy zone or respip made another answer for this client? */
static bool was_rewritten(const struct module_qstate* qstate) {
#ifdef UNBOUND_TELLS_RPZ_APPLIED
  return qstate->rpz_applied || qstate->respip_action_info;
#else
  return qstate->env->mesh->use_rpz || qstate->respip_action_info;
#endif
}

/* From there Unbound applies respip anew to each client's answer. */
void store_in_host_cache(const struct nearmiss* nm, struct module_qstate* qstate) {
  if (!nm->is_rewritten || !was_rewritten(qstate))
    store_if_it_may(qstate);
}

/* What is known already, and may be told while nobody can be asked. */
static bool keep_known(const struct module_qstate* qstate, struct reply_info* rep) {
  const struct config_file* cfg = qstate->env->cfg;
  time_t now = *qstate->env->now;
  if (FLAGS_GET_RCODE(rep->flags) == LDNS_RCODE_SERVFAIL || (!cfg->serve_expired && rep->ttl < now))
    return false;
  if (cfg->serve_expired && cfg->serve_expired_ttl_reset &&
      rep->serve_expired_ttl < now + cfg->serve_expired_ttl)
    rep->serve_expired_ttl = now + cfg->serve_expired_ttl;
#ifdef UNBOUND_HAS_NOREC_TTL
  if (cfg->serve_expired)
    rep->serve_expired_norec_ttl = now + NORR_TTL;
#endif
  return true;
}

void store_failure_in_host_cache(struct module_qstate* qstate) {
  struct query_info* qinfo = &qstate->qinfo;
  struct reply_info failure;
  struct dns_msg msg = {.qinfo = *qinfo, .rep = &failure};
  struct msgreply_entry* known;
  bool kept = qstate->prefetch_leeway > NORR_TTL &&
              dns_cache_prefetch_adjust(qstate->env, qinfo, NORR_TTL, qstate->query_flags);
  known = kept ? NULL
               : msg_cache_lookup(qstate->env, qinfo->qname, qinfo->qname_len, qinfo->qtype,
                                  qinfo->qclass, qstate->query_flags, 0, 1);
  if (known) {
    kept = keep_known(qstate, known->entry.data);
    lock_rw_unlock(&known->entry.lock);
  }
  if (kept)
    return;
  make_empty(&failure, LDNS_RCODE_SERVFAIL);
  failure.ttl = failure.serve_expired_ttl = NORR_TTL;
  failure.prefetch_ttl = PREFETCH_TTL_CALC(failure.ttl);
  failure.security = sec_status_indeterminate; /* nothing to validate */
  failure.reason_bogus = LDNS_EDE_OTHER;       /* as the iterator's */
  qstate->return_msg = &msg;
  store_if_it_may(qstate);
  qstate->return_msg = NULL;
}

/* False: out of memory. */
static bool store_rrset(struct module_env* env, const struct ub_packed_rrset_key* rrset) {
  struct rrset_ref ref = {
      .key = packed_rrset_copy_alloc((struct ub_packed_rrset_key*)rrset, env->alloc, *env->now)};
  if (!ref.key)
    return false;
  ref.id = ref.key->id;
  (void)rrset_cache_update(env->rrset_cache, &ref, env->alloc, *env->now);
  return true;
}

void store_aliases_in_host_cache(const struct module_qstate* qstate, const struct reply_info* rep) {
  for (size_t i = 0; i < rep->an_numrrsets; i++)
    if (!store_rrset(qstate->env, rep->rrsets[i]))
      return; /* it is asked for again */
}

/* Takes what the validator has learned from the answer out of Unbound's cache again. A wildcard
 * that it finds good it puts there under the wildcard's own name, whatever no_cache_store says, and
 * with the proof for another name the iterator makes answers of it that this module may never see,
 * or not before they are stored. */
static void drop_listed_wildcards(const struct module_qstate* qstate,
                                  const struct nm_policy* policy) {
  const struct reply_info* rep = qstate->return_msg->rep;
  for (size_t i = 0; i < rep->an_numrrsets; i++) {
    struct ub_packed_rrset_key* rrset = rep->rrsets[i];
    uint8_t wildcard[LDNS_MAX_DOMAINLEN + 2] = {1, '*'};
    uint8_t* encloser = NULL;
    size_t len = 0;
    bool listed =
        is_listed_alias(policy, rrset) || rrset_leads_to_listed(policy, rrset, LDNS_RR_TYPE_ANY);
    if (!listed || !val_rrset_wildcard(rrset, &encloser, &len) || !encloser)
      continue;
    memcpy(wildcard + 2, encloser, len);
    rrset_cache_remove(qstate->env->rrset_cache, wildcard, len + 2, type_of(rrset),
                       ntohs(rrset->rk.rrset_class), 0);
  }
}

/* A host with a listed name may be another domain's name server, whose address the iterator looks
 * for in Unbound's RRset cache. There it is in no message: an answer that holds an RRset of a
 * listed name leads to that name, or had it dropped. */
static void share_addresses(const struct nm_policy* policy, const struct module_qstate* qstate) {
  const struct reply_info* rep = qstate->return_msg->rep;
  for (size_t i = 0; i < rep->an_numrrsets; i++) {
    const struct packed_rrset_key* rk = &rep->rrsets[i]->rk;
    uint16_t type = type_of(rep->rrsets[i]);
    bool listed =
        is_address(type) && nm_covers(policy, (struct nm_name){rk->dname, rk->dname_len}, type);
    if (listed && !store_rrset(qstate->env, rep->rrsets[i]))
      return; /* it is asked for again */
  }
}

void store_in_own_cache(struct nearmiss* nm, const struct nm_policy* policy,
                        struct module_qstate* qstate) {
  struct caches shared;
  drop_listed_wildcards(qstate, policy);
  if (nm->is_rewritten || !may_store(qstate))
    return;
  share_addresses(policy, qstate);
  shared = exchange(qstate->env, nm->own);
  store_if_it_may(qstate);
  (void)exchange(qstate->env, shared);
}

/* The RRsets of Unbound's cache are parts of its messages, and take new data when they have expired
 * or it is as trustworthy: a delegation's listed address would show in an older answer, and from
 * there be given to anybody. So what it would be put into goes first. */
void part_from_listed_glue(const struct module_qstate* qstate, const struct nm_policy* policy,
                           const struct reply_info* rep) {
  for (size_t i = rep->an_numrrsets + rep->ns_numrrsets; i < rep->rrset_count; i++) {
    const struct packed_rrset_key* rk = &rep->rrsets[i]->rk;
    if (holds_listed_address(policy, rep->rrsets[i]))
      rrset_cache_remove(qstate->env->rrset_cache, rk->dname, rk->dname_len,
                         type_of(rep->rrsets[i]), ntohs(rk->rrset_class), rk->flags);
  }
}

bool find_in_own_cache(struct nearmiss* nm, struct module_qstate* qstate) {
  struct module_env* env = qstate->env;
  hashvalue_type hash = query_info_hash(&qstate->qinfo, qstate->query_flags);
  struct lruhash_entry* entry;
  struct reply_info* rep;
  struct dns_msg* msg = NULL;
  if (qstate->blacklist || qstate->no_cache_lookup)
    return false;
  entry = slabhash_lookup(nm->own.messages, hash, &qstate->qinfo, 0);
  if (!entry)
    return false;
  rep = entry->data;
  if (!must_validate(qstate) || rep->security != sec_status_unchecked) {
    struct caches shared = exchange(env, nm->own);
    msg = tomsg(env, &((struct msgreply_entry*)entry->key)->key, rep, qstate->region, *env->now, 0,
                env->scratch);
    (void)exchange(env, shared);
  }
  lock_rw_unlock(&entry->lock);
  if (!msg)
    return false;
  qstate->return_msg = msg;
  qstate->return_rcode = LDNS_RCODE_NOERROR;
  return true;
}

void doubt(struct module_qstate* qstate, int id) {
  if (concern_of(qstate, id))
    return; /* kept out as it is */
  qstate->minfo[id] = &doubtful;
  if (qstate->no_cache_store == STORED_BY_HOST)
    qstate->no_cache_store = NO_STORE_OURS;
}

const struct nm_policy* enter(struct nearmiss* nm, struct module_qstate* qstate, int id) {
  static _Thread_local uint64_t met; /* the policy this worker has met last; 0: none */
  const struct nm_policy* policy = nm_enter(nm->core);
  if (policy && nm_generation(policy) != met) {
    struct mesh_state* state;
    met = nm_generation(policy);
    RBTREE_FOR (state, struct mesh_state*, &qstate->env->mesh->all)
      doubt(&state->s, id);
  }
  return policy;
}

void leave(const struct module_qstate* qstate, bool rests) {
  if (rests && qstate->mesh_info->super_set.count == 0 && qstate->env->mesh->run.count == 0)
    nm_leave();
  else
    nm_linger();
}

/* Does the message's RRset at `place` lead to anything listed, or is it brought along and listed?
 *
 * The table's lock, because this may be while Unbound ends its service: it then clears the RRset
 * cache under that lock alone, and the messages, whose lock the caller holds, afterwards. The keys
 * stay allocated until both are empty. */
static bool is_listed_part(struct nearmiss* nm, const struct nm_policy* policy,
                           const struct reply_info* rep, size_t place, uint16_t qtype) {
  struct ub_packed_rrset_key* rrset = rep->rrsets[place];
  struct lruhash* table = slabhash_gettable(&nm->host.rrsets->table, rrset->entry.hash);
  bool listed = false;
  size_t i = 0;
  while (i < rep->rrset_count && rep->ref[i].key != rrset)
    i++;
  lock_quick_lock(&table->lock);
  lock_rw_rdlock(&rrset->entry.lock);
  /* With another id it is another RRset by now, and Unbound does not serve the message either. */
  if (i < rep->rrset_count && rep->ref[i].id == rrset->id)
    listed = place < rep->an_numrrsets
                 ? dname_is_wild(rrset->rk.dname) || rrset_leads_to_listed(policy, rrset, qtype)
             : place < rep->an_numrrsets + rep->ns_numrrsets ? is_listed_authority(policy, rrset)
                                                             : is_listed_additional(policy, rrset);
  lock_rw_unlock(&rrset->entry.lock);
  lock_quick_unlock(&table->lock);
  return listed;
}

/* What to do with an entry, whose lock is held for writing. */
typedef void evict_function(struct nearmiss* nm, struct lruhash_entry* entry,
                            const struct nm_policy* policy);

static void evict_message(struct nearmiss* nm, struct lruhash_entry* entry,
                          const struct nm_policy* policy) {
  const struct query_info* qinfo = &((struct msgreply_entry*)entry->key)->key;
  struct reply_info* rep = entry->data;
  bool listed;
  if (!is_internet(qinfo->qclass))
    return;
  listed = nm_covers(policy, name_of(qinfo), qinfo->qtype);
  for (size_t i = 0; !listed && i < rep->rrset_count; i++)
    listed = is_listed_part(nm, policy, rep, i, qinfo->qtype);
  if (listed) {
    /* An expired failure: not even serve-expired answers with one. */
    rep->flags = (uint16_t)((rep->flags & ~0xfU) | LDNS_RCODE_SERVFAIL);
    rep->ttl = rep->serve_expired_ttl = rep->prefetch_ttl = 0;
  }
}

static void evict_rrset(struct nearmiss* nm, struct lruhash_entry* entry,
                        const struct nm_policy* policy) {
  const struct ub_packed_rrset_key* rrset = entry->key;
  struct packed_rrset_data* data = entry->data;
  (void)nm;
  if (is_listed_alias(policy, rrset) || rrset_leads_to_listed(policy, rrset, LDNS_RR_TYPE_ANY))
    data->ttl = 0;
}

/* The bins of a table from `bin` on, some of them; false: there are no more. Like
 * lruhash_traverse(), which would hold the table's lock, that every query needs, all the way. A
 * table that grows in the meantime moves what was not visited yet to bins further on. */
static bool evict_from(struct nearmiss* nm, struct lruhash* table, size_t* bin,
                       evict_function* evict, const struct nm_policy* policy) {
  bool more;
  lock_quick_lock(&table->lock);
  for (size_t end = *bin + 32; *bin < end && *bin < table->size; ++*bin) {
    struct lruhash_bin* chain = &table->array[*bin];
    lock_quick_lock(&chain->lock);
    for (struct lruhash_entry* entry = chain->overflow_list; entry; entry = entry->overflow_next) {
      lock_rw_wrlock(&entry->lock);
      evict(nm, entry, policy);
      lock_rw_unlock(&entry->lock);
    }
    lock_quick_unlock(&chain->lock);
  }
  more = *bin < table->size;
  lock_quick_unlock(&table->lock);
  return more;
}

/* First the tables of the RRsets, so that nobody makes another message of those. */
struct place {
  size_t table, bin;
};

/* False: there are no more. */
static bool evict_some(struct nearmiss* nm, struct place* place, const struct nm_policy* policy) {
  const struct slabhash* rrsets = &nm->host.rrsets->table;
  const struct slabhash* messages = nm->host.messages;
  bool more;
  if (place->table == rrsets->size + messages->size)
    return false;
  more = place->table < rrsets->size
             ? evict_from(nm, rrsets->array[place->table], &place->bin, evict_rrset, policy)
             : evict_from(nm, messages->array[place->table - rrsets->size], &place->bin,
                          evict_message, policy);
  if (!more)
    *place = (struct place){place->table + 1, 0};
  return true;
}

void evict_listed(struct nearmiss* nm) {
  const struct nm_policy* policy = nm_enter(nm->core);
  struct place place = {0, 0};
  while (policy && evict_some(nm, &place, policy))
    ;
  if (policy)
    atomic_store(&nm->rid_of, nm_generation(policy));
  nm_leave();
}

signal_handler* sighup_handler(void) {
  struct sigaction now;
  (void)sigaction(SIGHUP, NULL, &now); /* fails for no signal that there is */
  return now.sa_handler;
}

/*
 * Keeps Unbound's caches from being deleted, until release_caches().
 *
 * A reload with other cache sizes deletes them in daemon_apply_cfg() and tells the module of its
 * end much later, in daemon_setup_modules(). The one sign before is in daemon_cleanup(): Unbound
 * takes its signals out of the workers' hands again, and after that waits for the lock of its
 * authority zones, which outlive all reloads. So while somebody holds that lock and has seen the
 * workers' signal handler, the caches stay.
 *
 * Between two services this waits. False: the module ends. Nobody has been answered meanwhile, and
 * what was to be evicted is so at the module's next start.
 */
static bool hold_caches(struct nearmiss* nm) {
  while (!atomic_load(&nm->ends)) {
    lock_rw_rdlock(&nm->zones->lock);
    if (sighup_handler() != nm->idle_handler)
      return true;
    lock_rw_unlock(&nm->zones->lock);
    (void)usleep(1000);
  }
  return false;
}

static void release_caches(struct nearmiss* nm) {
  lock_rw_unlock(&nm->zones->lock);
}

void evict_listed_in_service(struct nearmiss* nm) {
  const struct nm_policy* policy = nm_enter(nm->core);
  struct place place = {0, 0};
  bool more = policy;
  while (more && hold_caches(nm)) {
    more = evict_some(nm, &place, policy);
    release_caches(nm);
  }
  if (policy && !more)
    atomic_store(&nm->rid_of, nm_generation(policy));
  nm_leave();
}
