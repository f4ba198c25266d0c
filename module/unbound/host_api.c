#include "module/unbound/host_api.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What the functions below rely on and a compiler can see. */
_Static_assert(_Generic(((struct module_qstate*)0)->no_cache_store, int : 1, default : 0),
               "no_cache_store is an int: it holds a mark of the module's own");
_Static_assert(_Generic(((struct mesh_area*)0)->num_reply_addrs, size_t : 1, default : 0),
               "num_reply_addrs is a count that host_account_for_drop() corrects");
_Static_assert(_Generic(&((struct module_env*)0)->msg_cache, struct slabhash** : 1, default : 0),
               "env->msg_cache can be exchanged");
_Static_assert(sizeof(((struct mesh_state*)0)->unique) == sizeof(struct mesh_state*),
               "a mesh state is made unique by a pointer, a part of its key in mesh->all");

/* ---- no_cache_store ---- */

#ifdef UNBOUND_HAS_FWD_STUB_NO_CACHE

bool host_forbids_store(const struct module_qstate* qstate) {
  return qstate->fwd_stub_no_cache;
}

bool host_store_is_held(const struct module_qstate* qstate) {
  return qstate->no_cache_store && !qstate->fwd_stub_no_cache;
}

void host_let_store(struct module_qstate* qstate, bool store) {
  if (!qstate->fwd_stub_no_cache)
    qstate->no_cache_store = !store;
}

void host_hold_store(struct module_qstate* qstate) {
  qstate->no_cache_store = 1;
}

#else

enum { STORED = 0, HELD_BY_HOST = 1, HELD_BY_US = 2 };

bool host_forbids_store(const struct module_qstate* qstate) {
  return qstate->no_cache_store == HELD_BY_HOST;
}

bool host_store_is_held(const struct module_qstate* qstate) {
  return qstate->no_cache_store == HELD_BY_US;
}

void host_let_store(struct module_qstate* qstate, bool store) {
  if (qstate->no_cache_store != HELD_BY_HOST)
    qstate->no_cache_store = store ? STORED : HELD_BY_US;
}

void host_hold_store(struct module_qstate* qstate) {
  qstate->no_cache_store = HELD_BY_US;
}

#endif

/* ---- the mesh ---- */

void host_let_nobody_join(struct module_qstate* qstate) {
  struct mesh_state* state = qstate->mesh_info;
  struct mesh_area* mesh = qstate->env->mesh;
  if (!state->reply_list || state->super_set.count > 0 || state->unique)
    return;
  (void)rbtree_delete(&mesh->all, state);
  mesh_state_make_unique(state);
  (void)rbtree_insert(&mesh->all, &state->node);
}

bool host_isolate(struct module_qstate* qstate) {
  struct mesh_state* state = qstate->mesh_info;
  struct rbtree_type* all = &qstate->env->mesh->all;
  struct mesh_state_ref self = {.s = state}, *sub;
  struct rbnode_type** nodes = NULL; /* in the super_set of each sub-query */
  size_t count = 0;
  if (state->unique)
    return true;
  if (state->super_set.count > 0)
    return false;
  self.node.key = &self;
  if (state->sub_set.count > 0) {
    nodes = regional_alloc(qstate->region, state->sub_set.count * sizeof(struct rbnode_type*));
    if (!nodes)
      return false;
    RBTREE_FOR (sub, struct mesh_state_ref*, &state->sub_set)
      nodes[count++] = rbtree_delete(&sub->s->super_set, &self);
  }
  (void)rbtree_delete(all, state);
  mesh_state_make_unique(state);
  (void)rbtree_insert(all, &state->node);
  if (nodes) {
    count = 0;
    RBTREE_FOR (sub, struct mesh_state_ref*, &state->sub_set)
      (void)rbtree_insert(&sub->s->super_set, nodes[count++]);
  }
  return true;
}

void host_each_query(const struct module_env* env,
                     void (*visit)(struct module_qstate* query, int id), int id) {
  struct mesh_state* state;
  RBTREE_FOR (state, struct mesh_state*, &env->mesh->all)
    visit(&state->s, id);
}

struct module_qstate** host_queries(const struct module_env* env, size_t* count) {
  struct module_qstate** queries = calloc(env->mesh->all.count + 1, sizeof(struct module_qstate*));
  struct mesh_state* state;
  if (queries)
    RBTREE_FOR (state, struct mesh_state*, &env->mesh->all)
      queries[(*count)++] = &state->s;
  return queries;
}

bool host_rests(const struct module_qstate* qstate) {
  return qstate->mesh_info->super_set.count == 0 && qstate->env->mesh->run.count == 0;
}

bool host_has_other_query(const struct module_qstate* qstate, const struct mesh_reply* reply) {
  struct mesh_state* state;
  if (reply->query_reply.c->type == comm_udp)
    return false;
  RBTREE_FOR (state, struct mesh_state*, &qstate->env->mesh->all)
    for (const struct mesh_reply* other = state->reply_list; other; other = other->next)
      if (other != reply && other->query_reply.c == reply->query_reply.c)
        return true;
  return false;
}

const struct sockaddr* host_address_asked(const struct comm_reply* client) {
  const struct unbound_socket* socket = client->c ? client->c->socket : NULL;
  const struct sockaddr* address;
  if (!socket || !socket->addr)
    return NULL;
#ifdef UNBOUND_SOCKET_HAS_ADDRINFO
  address = socket->addr->ai_addr;
#else
  address = (const struct sockaddr*)socket->addr;
#endif
  return address->sa_family == AF_INET || address->sa_family == AF_INET6 ? address : NULL;
}

void host_drop(struct module_qstate* qstate, struct host_drop* drop, size_t clients) {
  qstate->is_drop = clients > 0;
  drop->clients = clients;
  drop->reply_addrs = qstate->env->mesh->num_reply_addrs;
}

void host_account_for_drop(const struct module_qstate* qstate, const struct host_drop* drop) {
  struct mesh_area* mesh = qstate->env->mesh;
  if (drop->clients > 0 && mesh->num_reply_addrs == drop->reply_addrs)
    mesh->num_reply_addrs -= drop->clients;
}

/* ---- the iterator ---- */

static const struct iter_qstate* iterator_of(const struct module_qstate* qstate) {
  int id = modstack_find(&qstate->env->mesh->mods, "iterator");
  return id < 0 ? NULL : qstate->minfo[id];
}

bool host_asked_for_chased(const struct module_qstate* qstate) {
  const struct iter_qstate* iq = iterator_of(qstate);
  return iq && iq->qinfo_out.qname && iq->qchase.qname &&
         query_dname_compare(iq->qinfo_out.qname, iq->qchase.qname) == 0;
}

size_t host_followed_aliases(const struct module_qstate* qstate,
                             struct ub_packed_rrset_key** aliases, size_t max) {
  const struct iter_qstate* iq = iterator_of(qstate);
  size_t count = 0;
  for (const struct iter_prep_list* at = iq ? iq->an_prepend_list : NULL; at && count < max;
       at = at->next)
    aliases[count++] = at->rrset;
  return count;
}

bool host_is_referral(const struct module_qstate* qstate, const struct reply_info* rep) {
  const struct iter_qstate* iq;
  bool ns = false;
  if (rep->an_numrrsets > 0 || FLAGS_GET_RCODE(rep->flags) != LDNS_RCODE_NOERROR)
    return false;
  iq = iterator_of(qstate);
  if (!iq || !iq->dp || ((iq->chase_flags & BIT_RD) && !iq->auth_zone_response))
    return false;
  for (size_t i = 0; i < rep->ns_numrrsets; i++) {
    if (type_of(rep->rrsets[i]) == LDNS_RR_TYPE_SOA)
      return false;
    ns = ns || (type_of(rep->rrsets[i]) == LDNS_RR_TYPE_NS &&
                dname_strict_subdomain_c(rep->rrsets[i]->rk.dname, iq->dp->name));
  }
  return ns;
}

/* ---- caches ---- */

struct host_caches host_exchange_caches(struct module_env* env, struct host_caches caches) {
  struct host_caches before = {env->msg_cache, env->rrset_cache};
  env->msg_cache = caches.messages;
  env->rrset_cache = caches.rrsets;
  return before;
}

bool host_make_caches(struct host_caches* caches, const struct module_env* env) {
  struct config_file cfg = *env->cfg;
  cfg.rrset_cache_size /= 4;
  caches->messages = slabhash_create(cfg.msg_cache_slabs, HASH_DEFAULT_STARTARRAY,
                                     cfg.msg_cache_size / 4, msgreply_sizefunc, query_info_compare,
                                     query_entry_delete, reply_info_delete, NULL);
  caches->rrsets = rrset_cache_create(&cfg, env->alloc);
  return caches->messages && caches->rrsets;
}

void host_delete_caches(const struct host_caches* caches) {
  slabhash_delete(caches->messages);
  rrset_cache_delete(caches->rrsets);
}

bool host_may_store(const struct module_qstate* qstate) {
  enum sec_status security = qstate->return_msg->rep->security;
  return security != sec_status_bogus && security != sec_status_secure_sentinel_fail &&
         (qstate->query_flags & BIT_RD) && !host_forbids_store(qstate);
}

/* False: out of memory. */
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

void host_store(struct module_qstate* qstate) {
  if (host_may_store(qstate) && !store(qstate))
    log_warn("nearmiss: out of memory, an answer is not cached");
}

bool host_store_rrset(struct module_env* env, const struct ub_packed_rrset_key* rrset) {
  struct rrset_ref ref = {
      .key = packed_rrset_copy_alloc((struct ub_packed_rrset_key*)rrset, env->alloc, *env->now)};
  if (!ref.key)
    return false;
  ref.id = ref.key->id;
  (void)rrset_cache_update(env->rrset_cache, &ref, env->alloc, *env->now);
  return true;
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

void host_store_failure(struct module_qstate* qstate) {
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
  memset(&failure, 0, offsetof(struct reply_info, ref));
  failure.flags = BIT_QR | BIT_RA | LDNS_RCODE_SERVFAIL;
  failure.qdcount = 1;
  failure.ttl = failure.serve_expired_ttl = NORR_TTL;
  failure.prefetch_ttl = PREFETCH_TTL_CALC(failure.ttl);
  failure.security = sec_status_indeterminate; /* nothing to validate */
  failure.reason_bogus = LDNS_EDE_OTHER;       /* as the iterator's */
  qstate->return_msg = &msg;
  host_store(qstate);
  qstate->return_msg = NULL;
}

bool host_was_rewritten(const struct module_qstate* qstate) {
#ifdef UNBOUND_TELLS_RPZ_APPLIED
  return qstate->rpz_applied || qstate->respip_action_info;
#else
  return qstate->env->mesh->use_rpz || qstate->respip_action_info;
#endif
}

static bool must_validate(const struct module_qstate* qstate) {
  return qstate->env->need_to_validate &&
         (!(qstate->query_flags & BIT_CD) || qstate->env->cfg->ignore_cd);
}

bool host_find(struct module_qstate* qstate, struct host_caches caches) {
  struct module_env* env = qstate->env;
  hashvalue_type hash = query_info_hash(&qstate->qinfo, qstate->query_flags);
  struct lruhash_entry* entry;
  struct reply_info* rep;
  struct dns_msg* msg = NULL;
  if (qstate->blacklist || qstate->no_cache_lookup)
    return false;
  entry = slabhash_lookup(caches.messages, hash, &qstate->qinfo, 0);
  if (!entry)
    return false;
  rep = entry->data;
  if (!must_validate(qstate) || rep->security != sec_status_unchecked) {
    struct host_caches before = host_exchange_caches(env, caches);
    msg = tomsg(env, &((struct msgreply_entry*)entry->key)->key, rep, qstate->region, *env->now, 0,
                env->scratch);
    (void)host_exchange_caches(env, before);
  }
  lock_rw_unlock(&entry->lock);
  if (!msg)
    return false;
  qstate->return_msg = msg;
  qstate->return_rcode = LDNS_RCODE_NOERROR;
  return true;
}

bool host_visit_bins(struct lruhash* table, size_t* bin, host_visit* visit, void* arg) {
  bool more;
  lock_quick_lock(&table->lock);
  for (size_t end = *bin + 32; *bin < end && *bin < table->size; ++*bin) {
    struct lruhash_bin* chain = &table->array[*bin];
    lock_quick_lock(&chain->lock);
    for (struct lruhash_entry* entry = chain->overflow_list; entry; entry = entry->overflow_next) {
      lock_rw_wrlock(&entry->lock);
      visit(arg, entry);
      lock_rw_unlock(&entry->lock);
    }
    lock_quick_unlock(&chain->lock);
  }
  more = *bin < table->size;
  lock_quick_unlock(&table->lock);
  return more;
}

/* ---- waking workers ---- */

struct host_bell {
  struct host_bell* next;
  struct ub_event* event;
  struct module_env* env;
  host_rung* rung;
  void* arg;
  int fd; /* an eventfd */
  atomic_uint_least64_t rings, answered;
};

#ifdef USE_MINI_EVENT

bool host_listen(struct host_bells* bells, struct module_env* env, host_rung* rung, void* arg) {
  (void)bells, (void)env, (void)rung, (void)arg;
  return true; /* as host_api.h says */
}

#else

static void on_ring(int fd, short what, void* arg) {
  struct host_bell* bell = arg;
  uint64_t rings = atomic_load(&bell->rings), unused;
  (void)what;
  while (read(fd, &unused, sizeof(unused)) > 0)
    ;
  bell->rung(bell->env, bell->arg);
  atomic_store(&bell->answered, rings);
}

bool host_listen(struct host_bells* bells, struct module_env* env, host_rung* rung, void* arg) {
  struct host_bell* bell = calloc(1, sizeof(*bell));
  if (!bell)
    return false;
  *bell = (struct host_bell){.env = env, .rung = rung, .arg = arg};
  bell->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (bell->fd >= 0)
    bell->event = ub_event_new(comm_base_internal(env->worker_base), bell->fd,
                               UB_EV_READ | UB_EV_PERSIST, on_ring, bell);
  if (!bell->event || ub_event_add(bell->event, NULL) != 0) {
    if (bell->event)
      ub_event_free(bell->event);
    if (bell->fd >= 0)
      (void)close(bell->fd);
    free(bell);
    return false;
  }
  bell->next = atomic_load(&bells->first);
  while (!atomic_compare_exchange_weak(&bells->first, &bell->next, bell))
    ;
  return true;
}

#endif

void host_ring(const struct host_bells* bells) {
  const uint64_t one = 1;
  int left = HOST_RING_MILLISECONDS;
  for (struct host_bell* bell = atomic_load(&bells->first); bell; bell = bell->next) {
    atomic_fetch_add(&bell->rings, 1);
    if (write(bell->fd, &one, sizeof(one)) < 0)
      log_warn("nearmiss: a worker cannot be woken: %s", strerror(errno));
  }
  for (struct host_bell* bell = atomic_load(&bells->first); bell; bell = bell->next)
    for (; left > 0 && atomic_load(&bell->answered) != atomic_load(&bell->rings); left--)
      (void)usleep(1000);
}

void host_end_bells(struct host_bells* bells) {
  static struct host_bell* kept; /* reachable, so that no leak is reported; deinit runs alone */
  struct host_bell* next;
  for (struct host_bell* bell = atomic_exchange(&bells->first, NULL); bell; bell = next) {
    next = bell->next;
    (void)close(bell->fd);
    bell->next = kept;
    kept = bell;
  }
}

/* ---- Unbound's service ---- */

host_signal_handler* host_sighup_handler(void) {
  struct sigaction now;
  (void)sigaction(SIGHUP, NULL, &now); /* fails for no signal that there is */
  return now.sa_handler;
}

bool host_hold_caches(struct host_service* service) {
  for (int left = HOST_WAIT_SECONDS * 1000; left > 0 && !atomic_load(&service->ends); left--) {
    lock_rw_rdlock(&service->zones->lock);
    if (host_sighup_handler() != service->idle_handler)
      return true;
    lock_rw_unlock(&service->zones->lock);
    (void)usleep(1000);
  }
  return false;
}

void host_release_caches(struct host_service* service) {
  lock_rw_unlock(&service->zones->lock);
}
