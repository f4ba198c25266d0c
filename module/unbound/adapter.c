/*
 * The way of a query that a rule could match:
 *
 *   operate, new      mark it, keep its answer out of Unbound's cache, let no other client join it;
 *                     a client the policy blocks is finished here; for another one the module's own
 *                     cache may have the answer, else the next module resolves it
 *   on_response       each upstream answer, before it is stored: does it lead to a matched name?
 *   operate, moddone  the whole answer: the same question again, and into the module's own cache
 *   on_reply          each client, just before its reply is encoded: decide, install the block, log
 *
 * Of every other query nothing gets into Unbound's cache but what on_response has judged, or
 * operate at the end. The iterator puts answers together from that cache as well, before it asks
 * upstream, after an alias, and if no server answers: of a wildcard and the proof that it covers
 * the name (RFC 8198), of cached aliases, for ANY of all that a name has.
 *
 * on_reply is the last line: whatever way an answer came, no client gets it unless the policy says
 * so there. The rest is so that Unbound's cache, which answers before any module runs, never holds
 * an answer that could be wrong for some client, and so that no client waits without need.
 */
#include "module/unbound/adapter.h"

PROVE(operate, func_operate_t);
PROVE(inform_super, func_inform_t);
PROVE(clear, func_clear_t);
PROVE(get_mem, func_get_mem_t);

char clean_query, clean_name, recheck_query;

static bool is_for_own_cache(const struct message* message) {
  return message->findings & NM_NOT_SHARED;
}

/* Would Unbound itself store this answer, which was kept from it? A chain its iterator stores,
 * anything else that no server was asked for only its validator, having judged it. */
static bool host_would_store(const struct module_qstate* qstate, int id,
                             const struct reply_info* rep) {
  return !is_clean(qstate, id) || rep->security != sec_status_unchecked ||
         answers_with(rep, LDNS_RR_TYPE_CNAME);
}

/* What was kept out of Unbound's cache until now, and leads to nothing matched. `rep`: NULL, no
 * server has the answer. */
static void store_kept_back(struct nearmiss* nm, const struct nm_policy* policy,
                            struct module_qstate* qstate, int id, struct reply_info* rep,
                            const struct message* message) {
  if (!rep) {
    if (qstate->return_rcode == LDNS_RCODE_SERVFAIL)
      host_store_failure(qstate);
    return;
  }
  if (is_for_own_cache(message)) {
    store_in_own_cache(nm, policy, qstate, message);
    note_alias(nm, &qstate->qinfo);
  } else if (host_would_store(qstate, id, rep)) {
    store_in_host_cache(nm, qstate);
  }
}

/* The answer stands, from the next modules (`fresh`) or from the module's own cache. */
static enum module_ext_state finish(struct nearmiss* nm, const struct nm_policy* policy,
                                    struct module_qstate* qstate, int id, bool fresh) {
  const struct query_info* qinfo = &qstate->qinfo;
  struct listed_query* listed = listed_of(qstate, id);
  bool kept_back = fresh && host_store_is_held(qstate);
  struct reply_info* rep = NULL;
  struct message message;
  if (listed && listed->lead)
    return finish_at_lead(nm, policy, qstate, listed, fresh);
  message.count = message.findings = 0;
  if (qstate->return_msg && qstate->return_rcode == LDNS_RCODE_NOERROR)
    rep = qstate->return_msg->rep;
  if (rep) {
    if (!inspect(policy, qstate, rep, &message))
      return fail(qstate);
    /* What on_response has not seen, or not by this policy: the module's own cache keeps what
     * another one did not match. */
    if (!fresh || kept_back)
      drop_strays(rep, &message, true);
  }
  if (!listed) { /* it was clean, or on_new never saw it; or another policy is in force by now */
    bool qname_matched = !is_clean(qstate, id) && nm_covers(policy, name_of(qinfo), qinfo->qtype);
    if (!qname_matched && !(message.findings & NM_LEADS)) {
      if (kept_back)
        store_kept_back(nm, policy, qstate, id, rep, &message);
      return module_finished;
    }
    listed = make_listed(qstate, id);
    if (!listed)
      return fail(qstate);
    listed->qname_matched = qname_matched;
  }
  if (rep && !keep_answer(qstate, listed, &message))
    return fail(qstate);
  if (fresh) {
    /* What was put together from Unbound's caches alone on_response has never seen, and an upstream
     * failure is stored if it follows a referral. */
    msg_cache_remove(qstate->env, qinfo->qname, qinfo->qname_len, qinfo->qtype, qinfo->qclass,
                     qstate->query_flags);
    if (rep) {
      store_in_own_cache(nm, policy, qstate, &message);
      if (!listed->qname_matched)
        note_alias(nm, qinfo);
    }
  }
  /* Unbound sets AD by what the reply says before on_reply changes it for one of its clients. */
  if (rep && rep->security == sec_status_secure && blocks_some_client(policy, qstate, listed))
    rep->security = sec_status_insecure;
  if (nm_may_drop(policy))
    drop_clients(nm, policy, qstate, listed);
  return module_finished;
}

static struct nearmiss* module_of(const struct module_env* env, int id) {
  return ((struct dynlibmod_env*)env->modinfo[id])->dyn_env;
}

/* The module's own cache has what the query's clients get. */
static bool knows_answer(struct nearmiss* nm, const struct nm_policy* policy,
                         struct module_qstate* qstate, int id) {
  struct message message;
  if (!find_in_own_cache(nm, qstate))
    return false;
  if (!is_known_lead(qstate) ||
      (inspect(policy, qstate, qstate->return_msg->rep, &message) &&
       leads_every_client(policy, qstate, id, qstate->return_msg->rep, &message)))
    return true;
  qstate->return_msg = NULL;
  return false;
}

static enum module_ext_state on_new(struct nearmiss* nm, const struct nm_policy* policy,
                                    struct module_qstate* qstate, int id) {
  enum module_ext_state state = open_query(nm, policy, qstate, id);
  if (state != module_wait_module)
    return state; /* before any client could join */
  if (is_clean(qstate, id)) {
    host_let_store(qstate, false); /* what comes from upstream on_response judges */
    if (may_be_alias(nm, &qstate->qinfo) && knows_answer(nm, policy, qstate, id))
      return finish(nm, policy, qstate, id, false);
    if (atomic_load(&nm->evicted_generation) != nm_generation(policy))
      recheck(qstate, id); /* Unbound's cache may still hold what this policy matches */
    return state;
  }
  host_let_nobody_join(qstate);
  return knows_answer(nm, policy, qstate, id) ? finish(nm, policy, qstate, id, false) : state;
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

/* The question that was sent may be for another name than the client's: the target of a CNAME, or
 * an ancestor (QNAME minimisation, RFC 9156), whose answer Unbound would store as well. A response
 * may have none; what it is an answer to cannot be judged. */
static bool asks_for_matched(const struct nm_policy* policy, const struct module_qstate* qstate,
                             const struct query_info* sent, int id) {
  const struct query_info* asked = &qstate->qinfo;
  if ((qstate->minfo[id] == &clean_name ||
       (qstate->minfo[id] == &clean_query && sent->qtype == asked->qtype)) &&
      sent->qname_len == asked->qname_len &&
      memcmp(sent->qname, asked->qname, asked->qname_len) == 0)
    return false; /* judged already; in another case it is judged once more */
  return nm_covers(policy, name_of(sent), sent->qtype);
}

static bool is_failure(const struct reply_info* rep) {
  int rcode = FLAGS_GET_RCODE(rep->flags);
  return rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN &&
         rcode != LDNS_RCODE_YXDOMAIN;
}

/* What follows may take long, if the matched name's servers do not answer: clients that ask from
 * now on do not wait with these. */
static void end_if_blocked(struct module_qstate* qstate, const struct nm_policy* policy,
                           struct reply_info* rep, const struct message* message, int id) {
  struct listed_query* listed = listed_of(qstate, id);
  if (listed)
    listed->lead = NULL; /* of a response before, after which the query did not end */
  if (!qstate->mesh_info->reply_list || !host_isolate(qstate))
    return;
  if (host_asked_for_chased(qstate) && leads_every_client(policy, qstate, id, rep, message) &&
      !end_at_lead(qstate, rep))
    listed_of(qstate, id)->lead = NULL;
}

/* Keeps of a response what may be kept. Returns whether it leads to something matched, or cannot be
 * judged: then nothing of the query gets into Unbound's cache before its end. */
static bool judge_response(struct module_qstate* qstate, const struct nm_policy* policy,
                           const struct dns_msg* response, int id) {
  struct reply_info* rep = response->rep;
  struct message message;
  bool begins_alias;
  if (!policy || !inspect(policy, qstate, rep, &message)) {
    host_let_store(qstate, false);
    return true;
  }
  if (host_is_referral(qstate, rep)) {
    /* Delegations must get into the cache, or every query for a matched name would start at the
     * root. They hold no answer to a mail server's question, and need their glue. */
    part_from_matched_glue(qstate, rep, &message);
    drop_strays(rep, &message, false);
    host_let_store(qstate, true);
    return false;
  }
  /* Whatever minimal-responses says today: the answer may be cached when a reload changes it. */
  drop_strays(rep, &message, true);
  begins_alias = answers_with(rep, LDNS_RR_TYPE_CNAME) && !answers_with(rep, qstate->qinfo.qtype);
  if (begins_alias && (message.findings & NM_LEADS))
    end_if_blocked(qstate, policy, rep, &message, id);
  if (listed_of(qstate, id) || qstate->minfo[id] == &recheck_query ||
      asks_for_matched(policy, qstate, &response->qinfo, id) ||
      (message.findings & (NM_LEADS | NM_NOT_SHARED))) {
    host_let_store(qstate, false);
    return true;
  }
  /* The whole of it is put together later. */
  host_let_store(qstate, !begins_alias && !is_failure(rep));
  if (begins_alias && host_store_is_held(qstate))
    store_aliases_in_host_cache(qstate, rep); /* so that it is not asked for again */
  return false;
}

int on_response(struct module_qstate* qstate, struct dns_msg* response, int id, void* arg) {
  struct nearmiss* nm = arg;
  const struct nm_policy* policy;
  bool matched;
  if (!response || !response->rep || !is_internet(qstate->qinfo.qclass))
    return 1;
  policy = enter(nm, qstate, id);
  matched = judge_response(qstate, policy, response, id);
  leave(qstate, false);
  /* What follows too: the whole answer is stored once more at its end, after the last response. */
  if (matched)
    recheck(qstate, id);
  return 1;
}

/* Such a configuration is refused at the start (start.c), but unbound-control may change it in
 * service. Before the question is sent, for its answer is cached as it is parsed. */
static void keep_glue_hardened(struct config_file* cfg) {
  int* const setting = &cfg->harden_glue; /* all workers read it, and one of them sets it back */
  int no = 0;
  if (__atomic_load_n(setting, __ATOMIC_RELAXED) ||
      !__atomic_compare_exchange_n(setting, &no, 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    return;
  log_err("nearmiss: harden-glue was set to no, which makes Unbound cache addresses that no query "
          "asked for before any module can judge them; it is yes again");
}

int on_query(struct query_info* qinfo, uint16_t flags, struct module_qstate* qstate,
             struct sockaddr_storage* addr, socklen_t addrlen, uint8_t* zone, size_t zonelen,
             struct regional* region, int id, void* arg) {
  (void)qinfo, (void)flags, (void)addr, (void)addrlen, (void)zone, (void)zonelen, (void)region;
  (void)id, (void)arg;
  keep_glue_hardened(qstate->env->cfg);
  host_let_store(qstate, false); /* a referral may have lifted the mark */
  leave(qstate, true);           /* of what was judged before */
  return 1;
}

EXPORT void inform_super(struct module_qstate* qstate, int id, struct module_qstate* super) {
  (void)qstate, (void)id, (void)super; /* the module makes no queries of its own */
}

EXPORT void clear(struct module_qstate* qstate, int id) {
  if (listed_of(qstate, id))
    host_account_for_drop(qstate, &listed_of(qstate, id)->dropped);
  qstate->minfo[id] = NULL; /* in the query's region, which Unbound frees */
}

EXPORT size_t get_mem(struct module_env* env, int id) {
  const struct nearmiss* nm = module_of(env, id);
  return nm ? sizeof(*nm) + slabhash_get_mem(nm->own.messages) +
                  slabhash_get_mem(&nm->own.rrsets->table) + nm_core_memory(nm->core)
            : 0;
}
