/*
 * What the files of the adapter share: Unbound's structures and the module's own beside them.
 *
 * Only the C files beside it include this header, and only it and they include Unbound's.
 * Everything else in the house goes through core.h and knows nothing of Unbound, whose headers are
 * not C++ and whose structures have another layout with another config.h.
 *
 *   start.c    init and deinit
 *   adapter.c  the way of a query
 *   links.c    what an answer leads to
 *   cache.c    which answer is in which cache
 *   reply.c    what a client gets
 *
 * Per-query data lives in the query's region; all calls for one query come from one thread.
 */
#ifndef NEARMISS_MODULE_UNBOUND_HOST_H
#define NEARMISS_MODULE_UNBOUND_HOST_H

#include "config.h"

#include "dynlibmod/dynlibmod.h"
#include "iterator/iter_delegpt.h"
#include "iterator/iter_utils.h"
#include "iterator/iterator.h"
#include "services/authzone.h"
#include "services/cache/dns.h"
#include "services/cache/rrset.h"
#include "services/mesh.h"
#include "services/modstack.h"
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
#include "validator/val_utils.h"

#include "module/core.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#ifdef THREADS_DISABLED
#error                                                                                             \
    "nearmiss needs an Unbound with threads: where each worker is a process, no policy reaches it"
#endif

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

/* qstate->no_cache_store is tested for not 0 only, and Unbound itself writes 1: with another value
 * we can tell our own mark, which a referral lifts, from a configured stub-no-cache, which it must
 * not. */
enum { STORED_BY_HOST = 0, NO_STORE_HOST = 1, NO_STORE_OURS = 2 };

enum { ALIAS_WORDS = 4096 };

/* Messages and the RRsets that they hold. In Unbound, new data of an RRset shows in every cached
 * message that holds it. So answers that lead to listed names have RRsets of their own, or they
 * would show in an older message of Unbound's cache, from which clients are answered unseen. */
struct caches {
  struct slabhash* messages;
  struct rrset_cache* rrsets;
};

typedef void signal_handler(int);

/* The module, one a process. */
struct nearmiss {
  struct nm_core* core;
  /* Answers for names that rules list, for the clients that may have them; like Unbound's caches in
   * all but that no client is answered from them before the module has decided. */
  struct caches own;
  struct caches host; /* Unbound's */
  /* How the module's thread knows that `host` is still there: see hold_caches(). */
  struct auth_zones* zones;     /* Unbound's */
  signal_handler* idle_handler; /* of SIGHUP, while Unbound serves nobody */
  atomic_bool ends;
  /* The policy, by its generation, of which `host` is rid. */
  atomic_uint_least64_t rid_of;
  /* A module behind this one may make another answer of one client's (respip): that is nobody
   * else's, and what it has not seen may not be handed out by this module. */
  bool is_rewritten;
  /* Which names that no rule lists may have an answer in `own`, because it leads to a listed
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
extern struct concern unconcerned;
/* Likewise, but its answer is kept out of Unbound's cache until the whole of it has been judged: it
 * began under another policy, or leads to something listed. */
extern struct concern doubtful;

static inline struct concern* concern_of(const struct module_qstate* qstate, int id) {
  struct concern* concern = qstate->minfo[id];
  return concern == &unconcerned || concern == &doubtful ? NULL : concern;
}

/* True if on_new has judged the query's own name, by the policy in force (enter() sees to that): no
 * rule concerns it, and it need not be looked up once more. */
static inline bool is_unconcerned(const struct module_qstate* qstate, int id) {
  return qstate->minfo[id] == &unconcerned;
}

/* Unless a configured stub-no-cache forbids it anyhow. */
static inline void let_host_store(struct module_qstate* qstate, bool store) {
  if (qstate->no_cache_store != NO_STORE_HOST)
    qstate->no_cache_store = store ? STORED_BY_HOST : NO_STORE_OURS;
}

static inline struct nm_name name_of(const struct query_info* qinfo) {
  return (struct nm_name){qinfo->qname, qinfo->qname_len};
}

static inline bool is_internet(uint16_t qclass) {
  return qclass == LDNS_RR_CLASS_IN || qclass == LDNS_RR_CLASS_ANY;
}

static inline uint16_t type_of(const struct ub_packed_rrset_key* rrset) {
  return ntohs(rrset->rk.type);
}

static inline bool is_address(uint16_t type) {
  return type == LDNS_RR_TYPE_A || type == LDNS_RR_TYPE_AAAA;
}

static inline const struct packed_rrset_data* data_of(const struct ub_packed_rrset_key* rrset) {
  return rrset->entry.data;
}

/* ---- links.c ---- */

/* Does the answer section lead to anything that a rule lists: a target of a CNAME (a DNAME comes
 * with one), exchanges, addresses (hints of SVCB and HTTPS records among them)? */
bool leads_to_listed(const struct nm_policy* policy, const struct reply_info* rep, uint16_t qtype);
bool rrset_leads_to_listed(const struct nm_policy* policy, const struct ub_packed_rrset_key* rrset,
                           uint16_t qtype);
/* An alias from or to a name that a rule lists, for whatever type; or a DNAME, which may make such
 * aliases, to above one. Unbound must not cache its RRset: the iterator would follow it from there,
 * for any type and unseen, and store an answer that leads through the listed name before this
 * module has judged it. */
bool is_listed_alias(const struct nm_policy* policy, const struct ub_packed_rrset_key* rrset);
/* Must the answer stay out of Unbound's caches, though it need not be one that a rule blocks? For a
 * listed alias; or it holds a wildcard's own RRset, which takes new data when the validator finds
 * that the wildcard stands for another name, and the answer would change unseen. */
bool is_for_own_cache(const struct nm_policy* policy, const struct reply_info* rep);
/* Notes what the query's answer leads to. False: out of memory. */
bool note_links(const struct module_qstate* qstate, struct links* links);
/* Addresses of listed names, and listed addresses, that an answer brings along: optional data, so
 * nobody is told a wrong thing without them. A referral needs its own, and no client sees it. */
void drop_listed_additional(const struct nm_policy* policy, struct reply_info* rep);
bool is_listed_additional(const struct nm_policy* policy, const struct ub_packed_rrset_key* rrset);
/* Likewise records among the name servers that do not belong there, of a listed name or leading to
 * one. */
void drop_listed_authority(const struct nm_policy* policy, struct reply_info* rep);
bool is_listed_authority(const struct nm_policy* policy, const struct ub_packed_rrset_key* rrset);
bool holds_listed_address(const struct nm_policy* policy, const struct ub_packed_rrset_key* rrset);

/* ---- cache.c ---- */

void note_alias(struct nearmiss* nm, const struct query_info* qinfo);
bool may_be_alias(const struct nearmiss* nm, const struct query_info* qinfo);
bool make_own_cache(struct nearmiss* nm, const struct module_env* env); /* false: out of memory */
void delete_own_cache(struct nearmiss* nm);
/* Stores return_msg in the module's own cache, or in Unbound's, if it may be stored at all. What is
 * for the own cache leaves Unbound's as well, where the validator has put a part of it. */
void store_in_own_cache(struct nearmiss* nm, const struct nm_policy* policy,
                        struct module_qstate* qstate);
void store_in_host_cache(const struct nearmiss* nm, struct module_qstate* qstate);
/* Remembers for seconds that nobody has the answer, as the iterator does by itself for what it may
 * store (error_response_cache() in Unbound). */
void store_failure_in_host_cache(struct module_qstate* qstate);
/* The aliases of an answer whose end is still looked for. */
void store_aliases_in_host_cache(const struct module_qstate* qstate, const struct reply_info* rep);
/* Before a referral gets into Unbound's cache: no message there is to share its listed addresses.
 */
void part_from_listed_glue(const struct module_qstate* qstate, const struct nm_policy* policy,
                           const struct reply_info* rep);
/* Takes return_msg from the module's own. */
bool find_in_own_cache(struct nearmiss* nm, struct module_qstate* qstate);
/*
 * The policy in force, for what a worker is about to do with the query; as nm_enter(). A worker
 * that meets a new policy doubts all its queries in flight: what was judged by the policy before
 * shall not be stored, however long they still take.
 */
const struct nm_policy* enter(struct nearmiss* nm, struct module_qstate* qstate, int id);
/*
 * Ends what enter() has begun. `rests`: the query itself has nothing to store before its next
 * event. As long as the worker has other queries to run, something judged may be on its way into a
 * cache: see nm_linger().
 */
void leave(const struct module_qstate* qstate, bool rests);
/* Keeps the query's answer out of Unbound's cache until it has been judged. */
void doubt(struct module_qstate* qstate, int id);
/* Rids Unbound's cache of every answer that the policy in force could block. From init. */
void evict_listed(struct nearmiss* nm);
/* Likewise, from the module's thread; waits until Unbound serves. */
void evict_listed_in_service(struct nearmiss* nm);
signal_handler* sighup_handler(void);

/* ---- reply.c ---- */

void make_empty(struct reply_info* rep, uint16_t rcode); /* a reply with no data in it */
/* NULL: out of memory. */
struct concern* make_concern(struct module_qstate* qstate, int id);
struct nm_lookup lookup_of(const struct module_qstate* qstate, const struct concern* concern,
                           const struct comm_reply* client);
bool blocks_some_client(const struct nm_policy* policy, const struct module_qstate* qstate,
                        const struct concern* concern);
/* Blocks the query's client if the policy says so, without asking anybody. module_wait_module: it
 * does not. At its beginning a query has one client, or none where Unbound itself asks. */
enum module_ext_state block_now(struct nearmiss* nm, const struct nm_policy* policy,
                                struct module_qstate* qstate, struct concern* concern);
/* The client gets SERVFAIL. */
enum module_ext_state fail(struct module_qstate* qstate);
/* Where none of the query's clients may have a reply, Unbound must know before on_reply, which is
 * then not called. */
void drop_if_told(struct nearmiss* nm, const struct nm_policy* policy, struct module_qstate* qstate,
                  struct concern* concern);
/* Some releases (1.17.1 is one) do not take dropped clients off the count of those that wait, and
 * serve nobody once it has reached its limit. */
void account_for_drop(const struct module_qstate* qstate, const struct concern* concern);

/* ---- Unbound's callbacks ---- */

/* inplace_cb_reply and inplace_cb_reply_servfail: one client is about to be answered with `rep`,
 * or, where `rcode` is not 0, with that error. */
int on_reply(struct query_info* qinfo, struct module_qstate* qstate, struct reply_info* rep,
             int rcode, struct edns_data* edns, struct edns_option** options,
             struct comm_reply* client, struct regional* region, struct timeval* start_time, int id,
             void* arg);
/* inplace_cb_query_response: an upstream server answered, and nothing of it is stored yet. */
int on_response(struct module_qstate* qstate, struct dns_msg* response, int id, void* arg);
/* inplace_cb_query: a question goes upstream. */
int on_query(struct query_info* qinfo, uint16_t flags, struct module_qstate* qstate,
             struct sockaddr_storage* addr, socklen_t addrlen, uint8_t* zone, size_t zonelen,
             struct regional* region, int id, void* arg);

#endif
