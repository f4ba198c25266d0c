/*
 * Every touch of Unbound's private structures, each with what it assumes and since when.
 *
 * Unbound's modules have no stable interface: what this module needs beyond its documented
 * callbacks is gathered here, so that a new release is compared against one file. Plain reads of a
 * query (qstate->qinfo, return_msg, a reply's RRsets) are every module's and not listed. Unbound
 * itself calls all of it from the worker that owns the query, unless a function says otherwise.
 *
 * Run with 1.17.1, 1.19.2, 1.22.0 and 1.26.0. The module is loaded only by the very build it was
 * compiled for (host_guard.h), so the layout is known at compile time; the assumptions are about
 * behaviour.
 */
#ifndef NEARMISS_MODULE_UNBOUND_HOST_API_H
#define NEARMISS_MODULE_UNBOUND_HOST_API_H

#include "config.h"

#include "dynlibmod/dynlibmod.h"
#include "iterator/iter_delegpt.h"
#include "iterator/iter_utils.h"
#include "iterator/iterator.h"
#include "services/authzone.h"
#include "services/cache/dns.h"
#include "services/cache/rrset.h"
#include "services/listen_dnsport.h"
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
#include "util/ub_event.h"
#include "validator/val_utils.h"

#include <stdatomic.h>
#include <stdbool.h>

#ifdef THREADS_DISABLED
#error                                                                                             \
    "nearmiss needs an Unbound with threads: where each worker is a process, no policy reaches it"
#endif

static inline uint16_t type_of(const struct ub_packed_rrset_key* rrset) {
  return ntohs(rrset->rk.type);
}

/* ---- no_cache_store --------------------------------------------------------------------------
 *
 * qstate->no_cache_store keeps the query's answers, RRsets and referrals out of Unbound's caches.
 * Unbound sets it for stub-no-cache and forward-no-cache, and clears it for new queries only. The
 * module sets it as well, and may lift its own mark, never Unbound's. From 1.26 on
 * qstate->fwd_stub_no_cache says whose it is; before, Unbound tests the mark for not 0 only and
 * writes 1, so that 2 is ours. Assumes: iterator and validator look at the mark each time they
 * store (iterator.c, validator.c: `if(!qstate->no_cache_store)`).
 */
bool host_forbids_store(const struct module_qstate* qstate); /* Unbound's configuration does */
bool host_store_is_held(const struct module_qstate* qstate); /* this module's mark is on */
/* Lifts or sets this module's mark, where Unbound's configuration does not forbid storing anyway.
 */
void host_let_store(struct module_qstate* qstate, bool store);
/* Sets it, whatever is configured: for the query's whole life. */
void host_hold_store(struct module_qstate* qstate);

/* ---- the mesh --------------------------------------------------------------------------------
 *
 * env->mesh->all is a tree of the worker's queries, by name, type, class, flags and `unique`. A new
 * client joins a query with an equal key (mesh_area_find()).
 */

/* No other client may join this query. A query with a client and no super query is in no other tree
 * by its key, so it may be taken out and put back with another. */
void host_let_nobody_join(struct module_qstate* qstate);
/* The same for a query under way, with a client or without. Its sub-queries have it in a tree by
 * its key, too, from which it is taken and put back. False: it is a sub-query itself, whose key
 * clients' queries do not have, or memory is out. */
bool host_isolate(struct module_qstate* qstate);
/* Calls visit() for each of the worker's queries. */
void host_each_query(const struct module_env* env,
                     void (*visit)(struct module_qstate* query, int id), int id);
/* All of them, to be freed. NULL: out of memory. */
struct module_qstate** host_queries(const struct module_env* env, size_t* count);
/* The worker has nothing to run, and nobody waits for this query: whatever was judged is stored. */
bool host_rests(const struct module_qstate* qstate);
/* Does the client's connection carry another query? To drop a client's query Unbound closes its
 * connection, and with that ends all its other queries: of the same lookup with harm (1.17.1 closes
 * it twice), and num_reply_addrs could not be put right again. */
bool host_has_other_query(const struct module_qstate* qstate, const struct mesh_reply* reply);

/* The address of the resolver's that the client asked: that of the socket, which may be the
 * wildcard one. NULL: not known. Unbound keeps it for its own log (dnstap). */
const struct sockaddr* host_address_asked(const struct comm_reply* client);

/* Clients that get no reply: Unbound's count of those that wait, before it let go of them. */
struct host_drop {
  size_t clients, reply_addrs;
};
void host_drop(struct module_qstate* qstate, struct host_drop* drop, size_t clients);
/* Some releases (1.17.1 is one) do not take dropped clients off mesh->num_reply_addrs, and serve
 * nobody once it has reached its limit. To be called when the query ends. */
void host_account_for_drop(const struct module_qstate* qstate, const struct host_drop* drop);

/* ---- the iterator ----------------------------------------------------------------------------
 *
 * qstate->minfo[id of the iterator] is a struct iter_qstate. NULL before it has run.
 */

/* Will the iterator take this response for a delegation? Of other responses with NS records, all
 * that a forwarder says and the name servers of the very zone that was asked among them, it makes
 * an answer (response_type_from_server() and processQueryResponse()). */
/* Was the last question sent for the name that the query has come to, not for one above it (QNAME
 * minimisation, RFC 9156)? */
bool host_asked_for_chased(const struct module_qstate* qstate);
/* The aliases that the iterator has followed so far, from the query's name on: at most `max` of
 * them. */
size_t host_followed_aliases(const struct module_qstate* qstate,
                             struct ub_packed_rrset_key** aliases, size_t max);
bool host_is_referral(const struct module_qstate* qstate, const struct reply_info* rep);

/* ---- caches ----------------------------------------------------------------------------------
 *
 * A message and the RRsets it holds. In Unbound, new data of an RRset shows in every cached message
 * that holds it.
 */
struct host_caches {
  struct slabhash* messages;
  struct rrset_cache* rrsets;
};

/* Lets the worker work on other caches, and returns those it had. env is the worker's own copy of
 * the environment: nobody else sees the exchange. */
struct host_caches host_exchange_caches(struct module_env* env, struct host_caches caches);

/* Caches like Unbound's, of a quarter of their sizes. False: out of memory. */
bool host_make_caches(struct host_caches* caches, const struct module_env* env);
void host_delete_caches(const struct host_caches* caches);

bool host_may_store(const struct module_qstate* qstate);
/* Stores return_msg as dns_cache_store() would (whose arguments differ between releases), if it may
 * be stored at all; logs where memory is out. */
void host_store(struct module_qstate* qstate);
/* False: out of memory. */
bool host_store_rrset(struct module_env* env, const struct ub_packed_rrset_key* rrset);
/* Remembers for seconds that nobody has the answer, as the iterator does by itself for what it may
 * store (error_response_cache()), and keeps what is known and may be told meanwhile. */
void host_store_failure(struct module_qstate* qstate);
/* Has a response policy zone or respip made another answer for this client? 1.22 added
 * qstate->rpz_applied; before, every answer of an Unbound with an rpz: clause counts. */
bool host_was_rewritten(const struct module_qstate* qstate);
/* The query's message in these caches, copied to return_msg. */
bool host_find(struct module_qstate* qstate, struct host_caches caches);

/*
 * The entries of some bins of a table from `bin` on, each under its write lock; false: there are no
 * more. Like lruhash_traverse(), which would hold the table's lock, that every query needs, all the
 * way. A table that grows in the meantime moves what was not visited yet to bins further on.
 */
typedef void host_visit(void* arg, struct lruhash_entry* entry);
bool host_visit_bins(struct lruhash* table, size_t* bin, host_visit* visit, void* arg);

/* ---- waking workers --------------------------------------------------------------------------
 *
 * A worker that waits in its event loop (env->worker_base) is woken by an event of its own there.
 * daemon_cleanup() ends the workers and their loops before any deinit, and takes the loops' events
 * out then. So an event must not be freed afterwards, which would reach into its loop: it is kept,
 * some 200 octets for each worker and reload of Unbound.
 *
 * Not with an Unbound that has no libevent: its own event loop calls none but its own functions
 * (fptr_whitelist_event()). There a worker meets a new policy with the next query that it works on.
 */
struct host_bell;
struct host_bells {
  _Atomic(struct host_bell*) first;
};
typedef void host_rung(struct module_env* env, void* arg);

/* From a worker: `rung` is called in it after each host_ring(). False: that cannot be had. */
bool host_listen(struct host_bells* bells, struct module_env* env, host_rung* rung, void* arg);
/* From the module's thread. Waits until each worker has answered, at most for
 * HOST_RING_MILLISECONDS: a worker may have ended. */
enum { HOST_RING_MILLISECONDS = 500 };
void host_ring(const struct host_bells* bells);
/* From deinit. */
void host_end_bells(struct host_bells* bells);

/* ---- Unbound's service -----------------------------------------------------------------------*/

typedef void host_signal_handler(int);
host_signal_handler* host_sighup_handler(void);

/* How the module's thread knows that Unbound's caches are still there. */
struct host_service {
  struct auth_zones* zones;
  host_signal_handler* idle_handler; /* of SIGHUP, while Unbound serves nobody */
  atomic_bool ends;                  /* the module does */
};

/*
 * Keeps Unbound's caches from being deleted, until host_release_caches(). From the module's thread.
 *
 * A reload with other cache sizes deletes them in daemon_apply_cfg() and calls the module's deinit
 * much later, in daemon_setup_modules(). The one sign before is in daemon_cleanup(): Unbound takes
 * its signals out of the workers' hands again, and after that waits for the lock of its authority
 * zones, which outlive all reloads. So while somebody holds that lock and has seen the workers'
 * signal handler, the caches stay.
 *
 * Waits while Unbound does not serve, at most for HOST_WAIT_SECONDS: where the handler never
 * changes (a libevent that takes signals by signalfd) nothing may be touched from this thread.
 * False: the module ends, or that time is over.
 */
enum { HOST_WAIT_SECONDS = 60 };
bool host_hold_caches(struct host_service* service);
void host_release_caches(struct host_service* service);

#endif
