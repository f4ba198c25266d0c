/*
 * The adapter: the one file that includes Unbound's headers.
 *
 * The way of a query that a rule could concern (every other one passes `operate` untouched):
 *
 *   operate, new      mark it, keep its answer out of Unbound's cache, let no other client join it;
 *                     a client the policy blocks is finished here; for another one the module's own
 *                     cache may have the answer, else the next module resolves it
 *   on_response       each upstream answer, before it is stored: does it lead to a listed name?
 *   operate, moddone  the whole answer: the same question again, and into the module's own cache
 *   on_reply          each client, just before its reply is encoded: decide, install the block, log
 *
 * on_reply is the last line: whatever way an answer came, no client gets it unless the policy says
 * so there. The rest is so that Unbound's cache, which answers before any module runs, never holds
 * an answer that could be wrong for somebody, and so that nobody waits without need.
 *
 * Per-query data lives in the query's region; all calls for one query come from one thread.
 */
#include "config.h"

#include "dynlibmod/dynlibmod.h"
#include "iterator/iter_utils.h"
#include "services/cache/dns.h"
#include "services/cache/rrset.h"
#include "services/mesh.h"
#include "sldns/rrdef.h"
#include "sldns/sbuffer.h"
#include "util/config_file.h"
#include "util/data/dname.h"
#include "util/data/msgencode.h"
#include "util/data/msgparse.h"
#include "util/data/msgreply.h"
#include "util/data/packed_rrset.h"
#include "util/log.h"
#include "util/module.h"
#include "util/net_help.h"
#include "util/netevent.h"
#include "util/regional.h"
#include "util/storage/slabhash.h"

#include "module/core.h"
#include "module/host_guard.h"

#include <stdatomic.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int init(struct module_env* env, int id);
EXPORT void deinit(struct module_env* env, int id);
EXPORT void operate(struct module_qstate* qstate, enum module_ev event, int id,
                    struct outbound_entry* outbound);
EXPORT void inform_super(struct module_qstate* qstate, int id, struct module_qstate* super);
EXPORT void clear(struct module_qstate* qstate, int id);
EXPORT size_t get_mem(struct module_env* env, int id);

/* dlsym() gives untyped pointers: prove each entry point against the type Unbound calls it by. */
#define PROVE(function, type)                                                                      \
  _Static_assert(_Generic(&(function), type : 1, default : 0), #function " is not a " #type)
PROVE(init, func_init_t);
PROVE(deinit, func_deinit_t);
PROVE(operate, func_operate_t);
PROVE(inform_super, func_inform_t);
PROVE(clear, func_clear_t);
PROVE(get_mem, func_get_mem_t);

/* qstate->no_cache_store is tested for not 0 only, and Unbound itself writes 1: with another value
 * we can tell our own mark, which a referral lifts, from a configured stub-no-cache, which it must
 * not. */
enum { STORED_BY_HOST = 0, NO_STORE_HOST = 1, NO_STORE_OURS = 2 };

enum { ALIAS_WORDS = 4096 };

/* The module, one a process. */
struct nearmiss {
  struct nm_core* core;
  /* Answers for names that rules list, for the clients that may have them; like Unbound's message
   * cache in all but that no client is answered from it before the module has decided. */
  struct slabhash* cache;
  struct slabhash* host_cache; /* Unbound's message cache */
  /* Which names that no rule lists may have an answer in `cache`, because it leads to a listed
   * name: a bit for each hash. Spares every other name the look into the cache. Bits are never
   * taken back; a wrong one costs that look. */
  _Atomic uint64_t alias_bits[ALIAS_WORDS];
};

/* What an answer leads to. */
struct links {
  struct nm_name* aliases;
  size_t alias_count;
  struct nm_name* exchanges;
  size_t exchange_count;
  struct nm_address* addresses;
  size_t address_count;
};

/* What is known of one query that a rule could concern. */
struct concern {
  bool qname_listed;         /* else an answer led to something listed */
  struct links links;        /* of return_msg; complete, whatever of it was listed when */
  bool blocked;              /* the client is, and return_msg is its block */
  struct nm_explanation why; /* of that block */
  /* The reply whose head on_reply has replaced for one client, and what it said before. */
  struct reply_info* shown;
  struct reply_info real;
  /* Clients that get no reply, and mesh->num_reply_addrs before Unbound let go of them. */
  size_t dropped;
  size_t reply_addrs;
};

/* qstate->minfo of a query that on_new has let pass. None at all: it began behind this module, as
 * the iterator's own lookups of name servers do. */
static struct concern unconcerned;

static struct concern* concern_of(const struct module_qstate* qstate, int id) {
  struct concern* concern = qstate->minfo[id];
  return concern == &unconcerned ? NULL : concern;
}

/* NULL: out of memory. */
static struct concern* make_concern(struct module_qstate* qstate, int id) {
  struct concern* concern = regional_alloc_zero(qstate->region, sizeof(*concern));
  if (concern)
    qstate->minfo[id] = concern;
  return concern;
}

static struct nearmiss* module_of(const struct module_env* env, int id) {
  return ((struct dynlibmod_env*)env->modinfo[id])->dyn_env;
}

static struct nm_name name_of(const struct query_info* qinfo) {
  return (struct nm_name){qinfo->qname, qinfo->qname_len};
}

static bool is_internet(uint16_t qclass) {
  return qclass == LDNS_RR_CLASS_IN || qclass == LDNS_RR_CLASS_ANY;
}

/* ---- answers that lead to a listed name ------------------------------------------------------ */

static uint16_t type_of(const struct ub_packed_rrset_key* rrset) {
  return ntohs(rrset->rk.type);
}

static const struct packed_rrset_data* data_of(const struct ub_packed_rrset_key* rrset) {
  return rrset->entry.data;
}

/* The domain name in an RR's RDATA behind `skip` octets. rr_data starts with the RDLENGTH, and
 * Unbound has checked and decompressed the names of CNAME and MX when it parsed them. */
static struct nm_name name_in_rdata(const struct packed_rrset_data* data, size_t rr, size_t skip) {
  size_t before = sizeof(uint16_t) + skip;
  if (data->rr_len[rr] <= before)
    return (struct nm_name){(const uint8_t*)"", 1};
  return (struct nm_name){data->rr_data[rr] + before, data->rr_len[rr] - before};
}

static struct nm_address address_in_rdata(const struct packed_rrset_data* data, size_t rr) {
  return (struct nm_address){data->rr_data[rr] + sizeof(uint16_t),
                             data->rr_len[rr] - sizeof(uint16_t)};
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

static bool is_address(uint16_t type) {
  return type == LDNS_RR_TYPE_A || type == LDNS_RR_TYPE_AAAA;
}

static bool holds_listed_address(const struct nm_policy* policy, uint16_t type,
                                 const struct packed_rrset_data* data) {
  if (!is_address(type) || !nm_has_address_rules(policy))
    return false;
  for (size_t rr = 0; rr < data->count; rr++)
    if (nm_covers_address(policy, address_in_rdata(data, rr)))
      return true;
  return false;
}

/* Does the answer section lead to anything that a rule lists: a target of a CNAME (a DNAME comes
 * with one), exchanges, addresses? */
static bool leads_to_listed(const struct nm_policy* policy, const struct reply_info* rep,
                            uint16_t qtype) {
  for (size_t i = 0; i < rep->an_numrrsets; i++) {
    const struct packed_rrset_data* data = data_of(rep->rrsets[i]);
    uint16_t type = type_of(rep->rrsets[i]);
    if ((type == LDNS_RR_TYPE_MX && mx_is_listed(policy, data)) ||
        holds_listed_address(policy, type, data))
      return true;
    if (type == LDNS_RR_TYPE_CNAME)
      for (size_t rr = 0; rr < data->count; rr++)
        if (nm_covers(policy, name_in_rdata(data, rr, 0), qtype))
          return true;
  }
  return false;
}

/* All that the answer section leads to, for the policy to judge. */
static void collect_links(const struct reply_info* rep, struct links* links) {
  for (size_t i = 0; i < rep->an_numrrsets; i++) {
    const struct packed_rrset_data* data = data_of(rep->rrsets[i]);
    uint16_t type = type_of(rep->rrsets[i]);
    for (size_t rr = 0; rr < data->count; rr++) {
      if (type == LDNS_RR_TYPE_CNAME)
        links->aliases[links->alias_count++] = name_in_rdata(data, rr, 0);
      else if (type == LDNS_RR_TYPE_MX)
        links->exchanges[links->exchange_count++] = name_in_rdata(data, rr, sizeof(uint16_t));
      else if (is_address(type))
        links->addresses[links->address_count++] = address_in_rdata(data, rr);
    }
  }
}

/* Notes what the query's answer leads to. False: out of memory. */
static bool note_links(const struct module_qstate* qstate, struct links* links) {
  const struct reply_info* rep = qstate->return_msg->rep;
  size_t count = 0;
  for (size_t i = 0; i < rep->an_numrrsets; i++)
    count += data_of(rep->rrsets[i])->count;
  *links = (struct links){
      .aliases = regional_alloc(qstate->region, count * sizeof(*links->aliases)),
      .exchanges = regional_alloc(qstate->region, count * sizeof(*links->exchanges)),
      .addresses = regional_alloc(qstate->region, count * sizeof(*links->addresses)),
  };
  if (!links->aliases || !links->exchanges || !links->addresses)
    return false;
  collect_links(rep, links);
  return true;
}

/* ---- the module's own cache -------------------------------------------------------------------
 */

static size_t alias_bit(const struct query_info* qinfo) {
  return dname_query_hash(qinfo->qname, 0) % (ALIAS_WORDS * 64);
}

static void note_alias(struct nearmiss* nm, const struct query_info* qinfo) {
  size_t bit = alias_bit(qinfo);
  atomic_fetch_or_explicit(&nm->alias_bits[bit / 64], UINT64_C(1) << (bit % 64),
                           memory_order_relaxed);
}

static bool may_be_alias(const struct nearmiss* nm, const struct query_info* qinfo) {
  size_t bit = alias_bit(qinfo);
  return atomic_load_explicit(&nm->alias_bits[bit / 64], memory_order_relaxed) >> (bit % 64) & 1;
}

static bool must_validate(const struct module_qstate* qstate) {
  return qstate->env->need_to_validate &&
         (!(qstate->query_flags & BIT_CD) || qstate->env->cfg->ignore_cd);
}

/* As dns_cache_store(), whose arguments differ between Unbound's versions. False: out of memory. */
static bool store_in(struct module_env* env, struct module_qstate* qstate) {
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
  dns_cache_store_msg(env, &key, query_info_hash(&key, qstate->query_flags), rep, 0, 0,
                      qstate->return_msg->rep, qstate->query_flags, qstate->region,
                      qstate->qstarttime);
  free(key.qname); /* NULL where the cache has taken it */
  return true;
}

/* Stores return_msg there. dns_cache_store_msg() puts the RRsets into the shared RRset cache, which
 * is harmless: Unbound answers no client from RRsets alone without asking the modules. */
static void store_in_own_cache(struct nearmiss* nm, struct module_qstate* qstate) {
  struct module_env* env = qstate->env; /* the worker's own copy: nobody else sees the exchange */
  struct slabhash* shared = env->msg_cache;
  enum sec_status security = qstate->return_msg->rep->security;
  if (security == sec_status_bogus || security == sec_status_secure_sentinel_fail ||
      !(qstate->query_flags & BIT_RD))
    return;
  env->msg_cache = nm->cache;
  if (!store_in(env, qstate))
    log_warn("nearmiss: out of memory, an answer is not cached");
  env->msg_cache = shared;
}

/* Takes return_msg from there. */
static bool find_in_own_cache(struct nearmiss* nm, struct module_qstate* qstate) {
  struct module_env* env = qstate->env;
  hashvalue_type hash = query_info_hash(&qstate->qinfo, qstate->query_flags);
  struct lruhash_entry* entry;
  struct reply_info* rep;
  struct dns_msg* msg = NULL;
  if (qstate->blacklist || qstate->no_cache_lookup)
    return false;
  entry = slabhash_lookup(nm->cache, hash, &qstate->qinfo, 0);
  if (!entry)
    return false;
  rep = entry->data;
  if (!must_validate(qstate) || rep->security != sec_status_unchecked)
    msg = tomsg(env, &((struct msgreply_entry*)entry->key)->key, rep, qstate->region, *env->now, 0,
                env->scratch);
  lock_rw_unlock(&entry->lock);
  if (!msg)
    return false;
  qstate->return_msg = msg;
  qstate->return_rcode = LDNS_RCODE_NOERROR;
  return true;
}

/* ---- what a client gets ------------------------------------------------------------------------
 */

static struct nm_lookup lookup_of(const struct module_qstate* qstate, const struct concern* concern,
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

/* A reply with no data in it. */
static void make_empty(struct reply_info* rep, uint16_t rcode) {
  memset(rep, 0, offsetof(struct reply_info, ref));
  rep->flags = BIT_QR | BIT_RA | rcode;
  rep->qdcount = 1;
  rep->security = sec_status_insecure;
  rep->reason_bogus = LDNS_EDE_NONE;
}

/* Parses the core's packet, as Unbound does one from the network. */
static struct reply_info* parse_answer(struct nm_answer* answer, struct module_qstate* qstate) {
  struct sldns_buffer packet;
  struct msg_parse* parsed = regional_alloc_zero(qstate->region, sizeof(*parsed));
  struct query_info qinfo;
  struct reply_info* rep = NULL;
  if (!parsed)
    return NULL;
  sldns_buffer_init_frm_data(&packet, answer->packet, answer->packet_len);
  if (parse_packet(&packet, parsed, qstate->region) != LDNS_RCODE_NOERROR ||
      !parse_create_msg(&packet, parsed, NULL, &qinfo, &rep, qstate->region))
    return NULL;
  rep->security = sec_status_insecure; /* unchecked would be made SERVFAIL, secure would set AD */
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

/* inplace_cb_reply and inplace_cb_reply_servfail: one client is about to be answered with `rep`,
 * or, where `rcode` is not 0, with that error. */
static int on_reply(struct query_info* qinfo, struct module_qstate* qstate, struct reply_info* rep,
                    int rcode, struct edns_data* edns, struct edns_option** options,
                    struct comm_reply* client, struct regional* region, struct timeval* start_time,
                    int id, void* arg) {
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
  policy = nm_enter(nm->core);
  outcome = policy ? nm_judge(nm->core, policy, &lookup, rcode, &answer) : NM_FAILED;
  nm_leave();
  if (outcome == NM_LET_THROUGH || rcode != 0 || !rep)
    return 1; /* an error reply holds no data */
  if (set_real_aside(qstate, rep)) {
    copy_head(&concern->real, rep);
    concern->shown = rep;
  }
  if (outcome == NM_BLOCKED)
    block = parse_answer(&answer, qstate);
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

/* ---- Unbound's calls ----------------------------------------------------------------------------
 */

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

static bool blocks_some_client(const struct nm_policy* policy, const struct module_qstate* qstate,
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

/* Where none of the query's clients may have a reply, Unbound must know before on_reply, which is
 * then not called. */
static void drop_if_told(struct nearmiss* nm, const struct nm_policy* policy,
                         struct module_qstate* qstate, struct concern* concern) {
  struct nm_answer unused;
  size_t clients = 0;
  for (const struct mesh_reply* r = qstate->mesh_info->reply_list; r; r = r->next, clients++) {
    struct nm_lookup lookup = lookup_of(qstate, concern, &r->query_reply);
    if (!nm_drops(policy, &lookup))
      return;
  }
  for (const struct mesh_reply* r = qstate->mesh_info->reply_list; r; r = r->next) {
    struct nm_lookup lookup = lookup_of(qstate, concern, &r->query_reply);
    lookup.id = ntohs(r->qid);
    (void)nm_judge(nm->core, policy, &lookup, 0, &unused); /* for its event */
  }
  drop(qstate, concern, clients);
}

/* Some releases (1.17.1 is one) do not take dropped clients off the count of those that wait, and
 * serve nobody once it has reached its limit. */
static void account_for_drop(const struct module_qstate* qstate, const struct concern* concern) {
  struct mesh_area* mesh = qstate->env->mesh;
  if (concern->dropped > 0 && mesh->num_reply_addrs == concern->reply_addrs)
    mesh->num_reply_addrs -= concern->dropped;
}

static enum module_ext_state fail(struct module_qstate* qstate) {
  qstate->return_msg = NULL;
  qstate->return_rcode = LDNS_RCODE_SERVFAIL;
  return module_finished;
}

/* The answer stands, from the next modules (`fresh`) or from the module's own cache. */
static enum module_ext_state finish(struct nearmiss* nm, const struct nm_policy* policy,
                                    struct module_qstate* qstate, int id, bool fresh) {
  const struct query_info* qinfo = &qstate->qinfo;
  struct concern* concern = concern_of(qstate, id);
  struct reply_info* rep = NULL;
  if (qstate->return_msg && qstate->return_rcode == LDNS_RCODE_NOERROR)
    rep = qstate->return_msg->rep;
  if (!concern) { /* on_new has let it pass, or never saw it; or another policy is in force by now
                   */
    bool qname_listed = nm_covers(policy, name_of(qinfo), qinfo->qtype);
    if (!qname_listed && !(rep && leads_to_listed(policy, rep, qinfo->qtype)))
      return module_finished;
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
      store_in_own_cache(nm, qstate);
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

/* Blocks the query's client if the policy says so, without asking anybody. module_wait_module: it
 * does not. At its beginning a query has one client, or none where Unbound itself asks. */
static enum module_ext_state block_now(struct nearmiss* nm, const struct nm_policy* policy,
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
    msg->rep = parse_answer(&answer, qstate);
    concern->why = answer.why;
    break;
  case NM_DROPPED:
    drop(qstate, concern, 1);
    if ((msg->rep = regional_alloc_zero(qstate->region, sizeof(*msg->rep))))
      make_empty(msg->rep, LDNS_RCODE_REFUSED); /* nobody gets it */
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
    qstate->minfo[id] = &unconcerned;
    if (qinfo->qtype == LDNS_RR_TYPE_MX)
      discover(nm, policy, qstate);
    if (may_be_alias(nm, qinfo) && find_in_own_cache(nm, qstate))
      return finish(nm, policy, qstate, id, false);
    return module_wait_module;
  }
  concern = make_concern(qstate, id);
  if (!concern)
    return fail(qstate);
  concern->qname_listed = true;
  qstate->no_cache_store = NO_STORE_OURS; /* for queries without a client too */
  let_nobody_join(qstate);
  state = block_now(nm, policy, qstate, concern);
  if (state == module_wait_module && find_in_own_cache(nm, qstate))
    return finish(nm, policy, qstate, id, false);
  return state;
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
  policy = nm_enter(nm->core);
  qstate->ext_state[id] = !policy  ? fail(qstate)
                          : begins ? on_new(nm, policy, qstate, id)
                                   : finish(nm, policy, qstate, id, true);
  nm_leave();
}

static bool is_referral(const struct reply_info* rep) {
  bool ns = false;
  if (rep->an_numrrsets > 0 || (rep->flags & BIT_AA) ||
      FLAGS_GET_RCODE(rep->flags) != LDNS_RCODE_NOERROR)
    return false;
  for (size_t i = 0; i < rep->ns_numrrsets; i++) {
    if (type_of(rep->rrsets[i]) == LDNS_RR_TYPE_SOA)
      return false;
    ns = ns || type_of(rep->rrsets[i]) == LDNS_RR_TYPE_NS;
  }
  return ns;
}

static bool is_listed_additional(const struct nm_policy* policy,
                                 const struct ub_packed_rrset_key* rrset) {
  uint16_t type = type_of(rrset);
  return nm_covers(policy, (struct nm_name){rrset->rk.dname, rrset->rk.dname_len}, type) ||
         holds_listed_address(policy, type, data_of(rrset));
}

/* Addresses of listed names, and listed addresses, that an answer brings along: optional data, so
 * nobody is told a wrong thing without them. A referral needs its own, and no client sees it. */
static void drop_listed_additional(const struct nm_policy* policy, struct reply_info* rep) {
  size_t kept = rep->an_numrrsets + rep->ns_numrrsets;
  for (size_t i = kept; i < rep->rrset_count; i++)
    if (!is_listed_additional(policy, rep->rrsets[i]))
      rep->rrsets[kept++] = rep->rrsets[i];
  rep->ar_numrrsets -= rep->rrset_count - kept;
  rep->rrset_count = kept;
}

/* Is there anything in an answer that the above would drop? */
static bool brings_listed(const struct nm_policy* policy, const struct reply_info* rep) {
  for (size_t i = rep->an_numrrsets + rep->ns_numrrsets; i < rep->rrset_count; i++)
    if (is_listed_additional(policy, rep->rrsets[i]))
      return true;
  return false;
}

/* inplace_cb_query_response: an upstream server answered, and nothing of it is stored yet. */
static int on_response(struct module_qstate* qstate, struct dns_msg* response, int id, void* arg) {
  const struct nearmiss* nm = arg;
  const struct nm_policy* policy;
  struct reply_info* rep;
  bool concerned;
  if (!response || !response->rep || !is_internet(response->qinfo.qclass) ||
      qstate->no_cache_store == NO_STORE_HOST)
    return 1;
  rep = response->rep;
  if (is_referral(rep)) {
    /* Delegations must get into the cache, or every query for a listed name would start at the
     * root. They hold no answer to a mail server's question. */
    qstate->no_cache_store = STORED_BY_HOST;
    return 1;
  }
  policy = nm_enter(nm->core);
  /* Whatever minimal-responses says today: the answer may be cached when a reload changes it. */
  if (policy)
    drop_listed_additional(policy, rep);
  /* The question that was sent may be for another name than the client's: the target of a CNAME, or
   * an ancestor (QNAME minimisation, RFC 9156), whose answer Unbound would store as well. */
  concerned = !policy || concern_of(qstate, id) != NULL ||
              nm_covers(policy, name_of(&response->qinfo), response->qinfo.qtype) ||
              leads_to_listed(policy, rep, qstate->qinfo.qtype);
  nm_leave();
  qstate->no_cache_store = concerned ? NO_STORE_OURS : STORED_BY_HOST;
  return 1;
}

/* inplace_cb_query: a question goes upstream. A referral may have lifted the mark. */
static int on_query(struct query_info* qinfo, uint16_t flags, struct module_qstate* qstate,
                    struct sockaddr_storage* addr, socklen_t addrlen, uint8_t* zone, size_t zonelen,
                    struct regional* region, int id, void* arg) {
  (void)qinfo, (void)flags, (void)addr, (void)addrlen, (void)zone, (void)zonelen, (void)region;
  (void)arg;
  if (concern_of(qstate, id) && qstate->no_cache_store == STORED_BY_HOST)
    qstate->no_cache_store = NO_STORE_OURS;
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
  return nm ? sizeof(*nm) + slabhash_get_mem(nm->cache) + nm_core_memory(nm->core) : 0;
}

/* Unbound takes its callbacks as untyped pointers, which POSIX allows and ISO C does not. */
#define FUNCTION(name) (__extension__(void*)(name))

/* ---- start and end ------------------------------------------------------------------------------
 */

static void log_line(bool is_error, const char* line) {
  if (is_error)
    log_err("nearmiss: %s", line);
  else
    log_info("nearmiss: %s", line);
}

/* dynlib must stand first: a module before it could answer from a cache of its own, ask without a
 * client, or check the block's signature. And behind it only modules that respect no_cache_store:
 * subnetcache takes the mark back, dns64 and cachedb store an answer before this module has seen
 * it. */
static bool may_stand_with(const struct config_file* cfg) {
  static const char* const known[] = {"respip", "validator", "iterator"};
  const char* modules = cfg->module_conf ? cfg->module_conf : "";
  char words[256];
  char* rest = words;
  const char* word;
  bool fine = snprintf(words, sizeof(words), "%s", modules) < (int)sizeof(words) &&
              (word = strtok_r(rest, " \t", &rest)) && strcmp(word, "dynlib") == 0;
  while (fine && (word = strtok_r(NULL, " \t", &rest))) {
    fine = false;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
      fine = fine || strcmp(word, known[i]) == 0;
  }
  if (!fine)
    log_err("nearmiss: module-config is \"%s\", but dynlib must stand first and only respip, "
            "validator and iterator behind it: another module could hand out an answer that "
            "nearmiss blocks. Write for example module-config: \"dynlib validator iterator\"",
            modules);
  return fine;
}

static void evict_if_listed(struct lruhash_entry* entry, const struct nm_policy* policy) {
  const struct query_info* qinfo = &((struct msgreply_entry*)entry->key)->key;
  struct reply_info* rep = entry->data;
  bool listed;
  if (!is_internet(qinfo->qclass))
    return;
  listed = nm_covers(policy, name_of(qinfo), qinfo->qtype);
  /* Who brings addresses of listed names along, and whom an answer leads to. One whose RRsets
   * cannot be locked is one that Unbound does not serve either. */
  if (!listed && rrset_array_lock(rep->ref, rep->rrset_count, 0)) {
    listed = leads_to_listed(policy, rep, qinfo->qtype) || brings_listed(policy, rep);
    rrset_array_unlock(rep->ref, rep->rrset_count);
  }
  if (listed) {
    /* An expired failure: not even serve-expired answers with one. */
    rep->flags = (uint16_t)((rep->flags & ~0xfU) | LDNS_RCODE_SERVFAIL);
    rep->ttl = rep->serve_expired_ttl = rep->prefetch_ttl = 0;
  }
}

/* The bins of a table from `bin` on, some of them; false: there are no more. Like
 * lruhash_traverse(), which would hold the table's lock, that every query needs, all the way. A
 * table that grows in the meantime moves what was not visited yet to bins further on. */
static bool evict_from(struct lruhash* table, size_t* bin, const struct nm_policy* policy) {
  bool more;
  lock_quick_lock(&table->lock);
  for (size_t end = *bin + 32; *bin < end && *bin < table->size; ++*bin) {
    struct lruhash_bin* chain = &table->array[*bin];
    lock_quick_lock(&chain->lock);
    for (struct lruhash_entry* entry = chain->overflow_list; entry; entry = entry->overflow_next) {
      lock_rw_wrlock(&entry->lock);
      evict_if_listed(entry, policy);
      lock_rw_unlock(&entry->lock);
    }
    lock_quick_unlock(&chain->lock);
  }
  more = *bin < table->size;
  lock_quick_unlock(&table->lock);
  return more;
}

/* Rids Unbound's cache of every answer that the policy in force could block. */
static void evict_listed(struct nearmiss* nm) {
  const struct nm_policy* policy = nm_enter(nm->core);
  for (size_t i = 0; policy && i < nm->host_cache->size; i++)
    for (size_t bin = 0; evict_from(nm->host_cache->array[i], &bin, policy);)
      ;
  nm_leave();
}

static void policy_changed(void* arg) {
  evict_listed(arg);
}

static void free_module(struct nearmiss* nm) {
  if (!nm)
    return;
  nm_core_stop(nm->core);
  slabhash_delete(nm->cache);
  free(nm);
}

static void unregister(struct module_env* env, int id) {
  struct dynlibmod_env* de = env->modinfo[id];
  de->inplace_cb_delete_wrapped(env, inplace_cb_reply, id);
  de->inplace_cb_delete_wrapped(env, inplace_cb_reply_servfail, id);
  de->inplace_cb_delete_wrapped(env, inplace_cb_query, id);
  de->inplace_cb_delete_wrapped(env, inplace_cb_query_response, id);
}

EXPORT int init(struct module_env* env, int id) {
  struct dynlibmod_env* de;
  struct nearmiss* nm;
  char why[2048];
  if (!nm_host_is(PACKAGE_STRING, CONFCMDLINE, why, sizeof(why))) {
    log_err("nearmiss: %s. Build the module against the Unbound that loads it", why);
    return 0;
  }
  if (!may_stand_with(env->cfg))
    return 0;
  if ((size_t)env->cfg->num_threads >= nm_max_threads()) {
    log_err("nearmiss: num-threads is %d, but it works with less than %u only",
            env->cfg->num_threads, (unsigned)nm_max_threads());
    return 0;
  }
  de = env->modinfo[id];
  nm = calloc(1, sizeof(*nm));
  if (!nm) {
    log_err("nearmiss: out of memory");
    return 0;
  }
  nm->host_cache = env->msg_cache;
  nm->core = nm_core_start(
      getenv("NEARMISS_CONFIG"),
      &(struct nm_host){.log_line = log_line, .policy_changed = policy_changed, .arg = nm});
  if (!nm->core) {
    free_module(nm);
    return 0;
  }
  nm->cache = slabhash_create(env->cfg->msg_cache_slabs, HASH_DEFAULT_STARTARRAY,
                              env->cfg->msg_cache_size / 4, msgreply_sizefunc, query_info_compare,
                              query_entry_delete, reply_info_delete, NULL);
  if (!nm->cache ||
      !de->inplace_cb_register_wrapped(FUNCTION(on_reply), inplace_cb_reply, nm, env, id) ||
      !de->inplace_cb_register_wrapped(FUNCTION(on_reply), inplace_cb_reply_servfail, nm, env,
                                       id) ||
      !de->inplace_cb_register_wrapped(FUNCTION(on_query), inplace_cb_query, nm, env, id) ||
      !de->inplace_cb_register_wrapped(FUNCTION(on_response), inplace_cb_query_response, nm, env,
                                       id)) {
    log_err("nearmiss: out of memory");
    unregister(env, id);
    free_module(nm);
    return 0;
  }
  evict_listed(nm); /* a cache that was kept over a reload may hold answers from before a rule */
  if (!nm_core_watch(nm->core)) {
    unregister(env, id);
    free_module(nm);
    return 0;
  }
  de->dyn_env = nm;
  return 1;
}

EXPORT void deinit(struct module_env* env, int id) {
  struct dynlibmod_env* de = env->modinfo[id];
  if (!de || !de->dyn_env)
    return;
  unregister(env, id);
  free_module(de->dyn_env);
  de->dyn_env = NULL;
}
