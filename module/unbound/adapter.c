/*
 * The way of a query that a rule could concern:
 *
 *   operate, new      mark it, keep its answer out of Unbound's cache, let no other client join it;
 *                     a client the policy blocks is finished here; for another one the module's own
 *                     cache may have the answer, else the next module resolves it
 *   on_response       each upstream answer, before it is stored: does it lead to a listed name?
 *   operate, moddone  the whole answer: the same question again, and into the module's own cache
 *   on_reply          each client, just before its reply is encoded: decide, install the block, log
 *
 * Of every other query nothing gets into Unbound's cache but what on_response has judged, or
 * operate at the end. The iterator puts answers together from that cache as well, before it asks
 * upstream, behind an alias, and if nobody answers: of a wildcard and the proof that it stands for
 * the name (RFC 8198), of cached aliases, for ANY of all that a name has.
 *
 * on_reply is the last line: whatever way an answer came, no client gets it unless the policy says
 * so there. The rest is so that Unbound's cache, which answers before any module runs, never holds
 * an answer that could be wrong for somebody, and so that nobody waits without need.
 */
#include "module/unbound/host.h"

PROVE(operate, func_operate_t);
PROVE(inform_super, func_inform_t);
PROVE(clear, func_clear_t);
PROVE(get_mem, func_get_mem_t);

/* No other client may join this query: it would wait without need. Unbound finds a query to join by
 * its key in mesh->all, of which `unique` is a part. */
static void let_nobody_join(struct module_qstate* qstate) {
  struct mesh_state* state = qstate->mesh_info;
  struct mesh_area* mesh = qstate->env->mesh;
  if (!state->reply_list || state->super_set.count > 0 || state->unique)
    return;
  (void)rbtree_delete(&mesh->all, state);
  mesh_state_make_unique(state);
  (void)rbtree_insert(&mesh->all, &state->node);
}

static bool answers_with(const struct reply_info* rep, uint16_t type) {
  for (size_t i = 0; i < rep->an_numrrsets; i++)
    if (type_of(rep->rrsets[i]) == type)
      return true;
  return false;
}

/* Would Unbound itself store this answer, which was kept from it? A chain its iterator stores,
 * anything else that nobody was asked for only its validator, having judged it. */
static bool host_would_store(const struct module_qstate* qstate, int id,
                             const struct reply_info* rep) {
  return !is_unconcerned(qstate, id) || rep->security != sec_status_unchecked ||
         answers_with(rep, LDNS_RR_TYPE_CNAME);
}

/* What was kept out of Unbound's cache until now, and leads to nothing listed. `rep`: NULL, nobody
 * has the answer. */
static void store_kept_back(struct nearmiss* nm, const struct nm_policy* policy,
                            struct module_qstate* qstate, int id, struct reply_info* rep) {
  if (!rep) {
    if (qstate->return_rcode == LDNS_RCODE_SERVFAIL)
      store_failure_in_host_cache(qstate);
    return;
  }
  if (is_for_own_cache(policy, rep)) {
    store_in_own_cache(nm, policy, qstate);
    note_alias(nm, &qstate->qinfo);
  } else if (host_would_store(qstate, id, rep)) {
    store_in_host_cache(nm, qstate);
  }
}

/* The answer stands, from the next modules (`fresh`) or from the module's own cache. */
static enum module_ext_state finish(struct nearmiss* nm, const struct nm_policy* policy,
                                    struct module_qstate* qstate, int id, bool fresh) {
  const struct query_info* qinfo = &qstate->qinfo;
  struct concern* concern = concern_of(qstate, id);
  struct reply_info* rep = NULL;
  if (qstate->return_msg && qstate->return_rcode == LDNS_RCODE_NOERROR)
    rep = qstate->return_msg->rep;
  /* What on_response has not seen, or not by this policy: the module's own cache keeps what another
   * one did not list. */
  if (rep && (!fresh || qstate->no_cache_store == NO_STORE_OURS)) {
    drop_listed_authority(policy, rep);
    drop_listed_additional(policy, rep);
  }
  if (!concern) { /* on_new has let it pass, or never saw it; or another policy is in force by now
                   */
    bool qname_listed =
        !is_unconcerned(qstate, id) && nm_covers(policy, name_of(qinfo), qinfo->qtype);
    if (!qname_listed && !(rep && leads_to_listed(policy, rep, qinfo->qtype))) {
      if (fresh && qstate->no_cache_store == NO_STORE_OURS)
        store_kept_back(nm, policy, qstate, id, rep);
      return module_finished;
    }
    concern = make_concern(qstate, id);
    if (!concern)
      return fail(qstate);
    concern->qname_listed = qname_listed;
  }
  if (rep && !note_links(qstate, &concern->links))
    return fail(qstate);
  if (fresh) {
    /* What was put together from Unbound's caches alone on_response has never seen, and an upstream
     * failure is stored if it follows a referral. */
    msg_cache_remove(qstate->env, qinfo->qname, qinfo->qname_len, qinfo->qtype, qinfo->qclass,
                     qstate->query_flags);
    if (rep) {
      store_in_own_cache(nm, policy, qstate);
      if (!concern->qname_listed)
        note_alias(nm, qinfo);
    }
  }
  /* Unbound sets AD by what the reply says before on_reply changes it for one of its clients. */
  if (rep && rep->security == sec_status_secure && blocks_some_client(policy, qstate, concern))
    rep->security = sec_status_insecure;
  drop_if_told(nm, policy, qstate, concern);
  return module_finished;
}

static const struct iter_qstate* iterator_of(const struct module_qstate* qstate) {
  int id = modstack_find(&qstate->env->mesh->mods, "iterator");
  return id < 0 ? NULL : qstate->minfo[id];
}

static struct nearmiss* module_of(const struct module_env* env, int id) {
  return ((struct dynlibmod_env*)env->modinfo[id])->dyn_env;
}

static void discover(struct nearmiss* nm, const struct nm_policy* policy,
                     const struct module_qstate* qstate) {
  const struct mesh_reply* reply = qstate->mesh_info->reply_list;
  if (reply) {
    struct nm_lookup lookup = lookup_of(qstate, &unconcerned, &reply->query_reply);
    nm_discover(nm->core, policy, &lookup);
  }
}

static enum module_ext_state on_new(struct nearmiss* nm, const struct nm_policy* policy,
                                    struct module_qstate* qstate, int id) {
  const struct query_info* qinfo = &qstate->qinfo;
  struct concern* concern;
  enum module_ext_state state;
  if (!nm_covers(policy, name_of(qinfo), qinfo->qtype)) {
    qstate->minfo[id] = &unconcerned; /* even if enter() had doubts, before this policy judged */
    let_host_store(qstate, false);    /* what comes from upstream on_response judges */
    if (qinfo->qtype == LDNS_RR_TYPE_MX)
      discover(nm, policy, qstate);
    if (may_be_alias(nm, qinfo) && find_in_own_cache(nm, qstate))
      return finish(nm, policy, qstate, id, false);
    if (atomic_load(&nm->rid_of) != nm_generation(policy))
      doubt(qstate, id); /* the cache is not yet rid of what this policy lists */
    return module_wait_module;
  }
  concern = make_concern(qstate, id);
  if (!concern)
    return fail(qstate);
  concern->qname_listed = true;
  qstate->no_cache_store = NO_STORE_OURS; /* for queries without a client too */
  state = block_now(nm, policy, qstate, concern);
  if (state != module_wait_module)
    return state; /* before anybody could join */
  let_nobody_join(qstate);
  return find_in_own_cache(nm, qstate) ? finish(nm, policy, qstate, id, false) : state;
}

EXPORT void operate(struct module_qstate* qstate, enum module_ev event, int id,
                    struct outbound_entry* outbound) {
  struct nearmiss* nm = module_of(qstate->env, id);
  bool begins = event == module_event_new || event == module_event_pass;
  const struct nm_policy* policy;
  (void)outbound;
  if (!begins && event != module_event_moddone) {
    qstate->ext_state[id] = module_error;
    return;
  }
  if (!is_internet(qstate->qinfo.qclass)) {
    qstate->ext_state[id] = begins ? module_wait_module : module_finished;
    return;
  }
  policy = enter(nm, qstate, id);
  qstate->ext_state[id] = !policy  ? fail(qstate)
                          : begins ? on_new(nm, policy, qstate, id)
                                   : finish(nm, policy, qstate, id, true);
  leave(qstate, qstate->ext_state[id] == module_finished);
}

/* Will the iterator take it for a delegation? Of other responses with NS records, all that a
 * forwarder says and the name servers of the very zone that was asked among them, it makes an
 * answer (response_type_from_server() and processQueryResponse() in Unbound). */
static bool is_referral(const struct module_qstate* qstate, const struct reply_info* rep) {
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

/* The question that was sent may be for another name than the client's: the target of a CNAME, or
 * an ancestor (QNAME minimisation, RFC 9156), whose answer Unbound would store as well. A response
 * may have none; what it is an answer to cannot be judged. */
static bool asks_for_listed(const struct nm_policy* policy, const struct module_qstate* qstate,
                            const struct query_info* sent, int id) {
  if (is_unconcerned(qstate, id) && sent->qname && sent->qtype == qstate->qinfo.qtype &&
      query_dname_compare(sent->qname, qstate->qinfo.qname) == 0)
    return false;
  return nm_covers(policy, name_of(sent), sent->qtype);
}

static bool is_failure(const struct reply_info* rep) {
  int rcode = FLAGS_GET_RCODE(rep->flags);
  return rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN &&
         rcode != LDNS_RCODE_YXDOMAIN;
}

int on_response(struct module_qstate* qstate, struct dns_msg* response, int id, void* arg) {
  struct nearmiss* nm = arg;
  const struct nm_policy* policy;
  struct reply_info* rep;
  bool concerned, begins_alias;
  if (!response || !response->rep || !is_internet(qstate->qinfo.qclass))
    return 1;
  rep = response->rep;
  policy = enter(nm, qstate, id);
  if (policy)
    drop_listed_authority(policy, rep);
  if (policy && is_referral(qstate, rep)) {
    /* Delegations must get into the cache, or every query for a listed name would start at the
     * root. They hold no answer to a mail server's question. */
    part_from_listed_glue(qstate, policy, rep);
    leave(qstate, false);
    let_host_store(qstate, true);
    return 1;
  }
  /* Whatever minimal-responses says today: the answer may be cached when a reload changes it. */
  if (policy)
    drop_listed_additional(policy, rep);
  concerned = !policy || concern_of(qstate, id) || qstate->minfo[id] == &doubtful ||
              asks_for_listed(policy, qstate, &response->qinfo, id) ||
              leads_to_listed(policy, rep, qstate->qinfo.qtype) || is_for_own_cache(policy, rep);
  /* The whole of it is put together later. */
  begins_alias = !concerned && answers_with(rep, LDNS_RR_TYPE_CNAME) &&
                 !answers_with(rep, qstate->qinfo.qtype);
  let_host_store(qstate, !concerned && !begins_alias && !is_failure(rep));
  if (begins_alias && qstate->no_cache_store == NO_STORE_OURS)
    store_aliases_in_host_cache(qstate, rep); /* so that it is not asked for again */
  leave(qstate, false);
  /* And so is all that follows: the whole answer is stored once more at its end, behind the last
   * response. */
  if (concerned)
    doubt(qstate, id);
  return 1;
}

/* Such a configuration is refused at the start (start.c), but unbound-control may change it in
 * service. Before the question is sent, for its answer is cached as it is parsed. */
static void keep_glue_hardened(struct config_file* cfg) {
  if (cfg->harden_glue)
    return;
  log_err("nearmiss: harden-glue was set to no, so that Unbound would cache addresses that nobody "
          "asked for before any module can judge them; it is yes again");
  cfg->harden_glue = 1;
}

int on_query(struct query_info* qinfo, uint16_t flags, struct module_qstate* qstate,
             struct sockaddr_storage* addr, socklen_t addrlen, uint8_t* zone, size_t zonelen,
             struct regional* region, int id, void* arg) {
  (void)qinfo, (void)flags, (void)addr, (void)addrlen, (void)zone, (void)zonelen, (void)region;
  (void)id, (void)arg;
  keep_glue_hardened(qstate->env->cfg);
  let_host_store(qstate, false); /* a referral may have lifted the mark */
  leave(qstate, true);           /* of what was judged before */
  return 1;
}

EXPORT void inform_super(struct module_qstate* qstate, int id, struct module_qstate* super) {
  (void)qstate, (void)id, (void)super; /* the module makes no queries of its own */
}

EXPORT void clear(struct module_qstate* qstate, int id) {
  if (concern_of(qstate, id))
    account_for_drop(qstate, concern_of(qstate, id));
  qstate->minfo[id] = NULL; /* in the query's region, which Unbound frees */
}

EXPORT size_t get_mem(struct module_env* env, int id) {
  const struct nearmiss* nm = module_of(env, id);
  return nm ? sizeof(*nm) + slabhash_get_mem(nm->own.messages) +
                  slabhash_get_mem(&nm->own.rrsets->table) + nm_core_memory(nm->core)
            : 0;
}
