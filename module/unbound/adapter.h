/*
 * What the files of the adapter share: the module's own structures beside Unbound's.
 *
 * Only the C files here include this header, and only they and it include Unbound's, which are not
 * C++ and have another layout with another config.h. Everything else goes through core.h.
 *
 *   start.c     init and deinit
 *   adapter.c   the way of a query
 *   message.c   a message, flattened for the core, and what its findings do to it
 *   cache.c     which answer is in which cache
 *   lead.c      an alias that suffices to block
 *   evict.c     what a new policy takes out of Unbound's caches
 *   reply.c     what a client gets
 *   host_api.c  every touch of Unbound's private structures
 *
 * Per-query data lives in the query's region; all calls for one query come from one thread.
 */
#ifndef NEARMISS_MODULE_UNBOUND_ADAPTER_H
#define NEARMISS_MODULE_UNBOUND_ADAPTER_H

#include "module/unbound/host_api.h"

#include "module/core.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int init(struct module_env* env, int id);
EXPORT void deinit(struct module_env* env, int id);
EXPORT void operate(struct module_qstate* qstate, enum module_ev event, int id,
                    struct outbound_entry* outbound);
EXPORT void inform_super(struct module_qstate* qstate, int id, struct module_qstate* super);
EXPORT void clear(struct module_qstate* qstate, int id);
EXPORT size_t get_mem(struct module_env* env, int id);

/* Without this a thread-local variable of a module that was loaded is a call to look up. The C
 * library keeps room for little ones. */
#define IN_STATIC_TLS __attribute__((tls_model("initial-exec")))

/* dlsym() gives untyped pointers: prove each entry point against the type Unbound calls it by. */
#define PROVE(function, type)                                                                      \
  _Static_assert(_Generic(&(function), type : 1, default : 0), #function " is not a " #type)

enum { ALIAS_WORDS = 4096 };

/* The module, one a process. */
struct nearmiss {
  struct nm_core* core;
  /* Answers for names that rules match, for the clients that may have them; like Unbound's caches
   * in all but that no client is answered from them before the module has decided. They have RRsets
   * of their own: in Unbound's cache new data would show in an older message, from which clients
   * are answered unseen. */
  struct host_caches own;
  struct host_caches host; /* Unbound's */
  struct host_service service;
  struct host_bells bells; /* of the workers that have had a query */
  uint64_t serial;         /* of this module among those of the process */
  int id;                  /* the module's number in Unbound's chain */
  /* Generation of the last policy whose names were evicted from `host`. */
  atomic_uint_least64_t evicted_generation;
  /* The module's thread could not evict (see host_hold_caches()): the next worker does. */
  atomic_bool worker_evicts;
  /* A module after this one may make another answer for one client (respip): that is no other
   * client's, and what respip has not seen may not be handed out by this module. */
  bool is_rewritten;
  /* Which names that no rule matches may have an answer in `own`, because it leads to a matched
   * name: a bit for each hash. Spares every other name the look into the cache. Bits are never
   * taken back; a wrong one costs that look. */
  _Atomic uint64_t alias_bits[ALIAS_WORDS];
};

/* A message, flattened: its RRsets in their order, as the core reads them. Points into the message.
 */
struct message {
  struct nm_rrset* rrsets; /* `few`, or the query's region */
  size_t count;
  unsigned findings; /* of all RRsets; enum nm_finding */
  struct nm_rrset few[24];
};

/*
 * A query in flight is in one of three states, by qstate->minfo:
 *
 *   clean    a rule matches neither its name nor, so far, where its answer leads; clean_name: nor
 *            would one match the name if another type were asked for
 *   recheck  its answer is kept out of Unbound's cache until the whole of it has been judged: it
 *            began under another policy, or leads to something matched
 *   listed   a rule matches its name, or where its answer leads; it has a struct listed_query
 *
 * NULL: it began after this module, as the iterator's own lookups of name servers do.
 */
extern char clean_query, clean_name, recheck_query;

struct listed_query {
  bool qname_matched; /* else its answer led to something matched */
  /* The answer section of return_msg, for the core; complete. */
  struct nm_rrset* answer;
  size_t answer_count;
  unsigned findings;
  /* The client that may have the real answer with nothing to log, as nm_open() found under this
   * policy; NULL: none. */
  const struct mesh_reply* passed;
  uint64_t passed_generation;
  bool blocked; /* the client is, and return_msg is its block */
  /* Every client is, by where an alias leads; `answer` is that alias, and return_msg is empty.
   * NULL: no. */
  struct reply_info* lead;
  const struct nm_explanation* why; /* of that block */
  size_t max_size; /* the least that a client's reply may have, see struct nm_lookup */
  /* The reply whose head on_reply has replaced for one client, and what it said before. */
  struct reply_info* shown;
  struct reply_info real;
  struct host_drop dropped;
};

static inline struct listed_query* listed_of(const struct module_qstate* qstate, int id) {
  void* state = qstate->minfo[id];
  return state == &clean_query || state == &clean_name || state == &recheck_query ? NULL : state;
}

/* By the policy in force: enter() sees to that. */
static inline bool is_clean(const struct module_qstate* qstate, int id) {
  return qstate->minfo[id] == &clean_query || qstate->minfo[id] == &clean_name;
}

static inline struct nm_name name_of(const struct query_info* qinfo) {
  return (struct nm_name){qinfo->qname, qinfo->qname_len};
}

static inline bool is_internet(uint16_t qclass) {
  return qclass == LDNS_RR_CLASS_IN || qclass == LDNS_RR_CLASS_ANY;
}

static inline const struct packed_rrset_data* data_of(const struct ub_packed_rrset_key* rrset) {
  return rrset->entry.data;
}

/* ---- message.c ---- */

/* Flattens a message and lets the core inspect it. False: out of memory. */
bool inspect(const struct nm_policy* policy, const struct module_qstate* qstate,
             const struct reply_info* rep, struct message* message);
struct nm_rrset flatten(const struct ub_packed_rrset_key* rrset, uint8_t section);
/* Takes the NM_STRAY records out of the reply, those of the additional section only if
 * `additional`: optional data, without which no client is misled. `message` keeps them. */
void drop_strays(struct reply_info* rep, const struct message* message, bool additional);
/* Keeps the answer section with the listed query. False: out of memory. */
bool keep_answer(const struct module_qstate* qstate, struct listed_query* listed,
                 const struct message* message);
bool answers_with(const struct reply_info* rep, uint16_t type);

/* ---- cache.c ---- */

void note_alias(struct nearmiss* nm, const struct query_info* qinfo);
bool may_be_alias(const struct nearmiss* nm, const struct query_info* qinfo);
/* Stores return_msg, whose inspection `message` is, in the module's own cache, or in Unbound's, if
 * it may be stored at all. What is for the own cache is evicted from Unbound's, where the validator
 * has put a part of it. */
void store_in_own_cache(struct nearmiss* nm, const struct nm_policy* policy,
                        struct module_qstate* qstate, const struct message* message);
void store_in_host_cache(const struct nearmiss* nm, struct module_qstate* qstate);
/* The aliases of an answer whose end is still looked for. */
void store_aliases_in_host_cache(const struct module_qstate* qstate, const struct reply_info* rep);
/* Before a referral gets into Unbound's cache: no message there is to share its matched addresses.
 * `message` is its inspection, and nothing has been dropped yet. */
void part_from_matched_glue(const struct module_qstate* qstate, const struct reply_info* rep,
                            const struct message* message);
/* Takes return_msg from the module's own cache. */
bool find_in_own_cache(struct nearmiss* nm, struct module_qstate* qstate);
/* An alias that return_msg is, see lead.c. */
void store_lead(struct nearmiss* nm, struct module_qstate* qstate);
/*
 * The policy in force, for what a worker is about to do with the query; like nm_enter(). A worker
 * that meets a new policy rechecks all its queries in flight: what was judged by the policy before
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
void recheck(struct module_qstate* qstate, int id);

/* ---- lead.c ---- */

/* Does this part of an answer, an alias whose end is not known yet, suffice to block every client
 * of the query? Then nothing more needs to be asked: the query is listed, with its `lead`. */
bool leads_every_client(const struct nm_policy* policy, struct module_qstate* qstate, int id,
                        const struct reply_info* rep, const struct message* message);
/* Makes a response such that the iterator ends the query. False: out of memory. */
bool end_at_lead(const struct module_qstate* qstate, struct reply_info* rep);
/* The query's end. `fresh`: the lead came from upstream, and is remembered. */
enum module_ext_state finish_at_lead(struct nearmiss* nm, const struct nm_policy* policy,
                                     struct module_qstate* qstate, struct listed_query* listed,
                                     bool fresh);
/* Is return_msg, from the module's own cache, such a part? */
bool is_known_lead(const struct module_qstate* qstate);

/* ---- evict.c ---- */

/* Evicts from Unbound's caches every answer that the policy in force could block. From init, or
 * from a worker: the caches stay meanwhile. */
void evict_matched(struct nearmiss* nm);
/* The same from the module's thread; waits until Unbound serves. */
void evict_matched_in_service(struct nearmiss* nm);

/* ---- reply.c ---- */

void make_empty(struct reply_info* rep, uint16_t rcode); /* a reply with no data in it */
/* The RRset of these records, in the region. NULL: out of memory. */
struct ub_packed_rrset_key* make_rrset(const struct nm_record* records, size_t count, time_t ttl,
                                       struct regional* region);
/* NULL: out of memory. */
struct listed_query* make_listed(struct module_qstate* qstate, int id);
bool blocks_every_client(const struct nm_policy* policy, const struct module_qstate* qstate,
                         const struct listed_query* listed);
bool blocks_some_client(const struct nm_policy* policy, const struct module_qstate* qstate,
                        const struct listed_query* listed);
/* Decides for the query's client before anything is asked upstream; a new query has one, or none
 * where Unbound itself asks. module_wait_module: go on, in the state `minfo` now says. */
enum module_ext_state open_query(struct nearmiss* nm, const struct nm_policy* policy,
                                 struct module_qstate* qstate, int id);
/* The client gets SERVFAIL. */
enum module_ext_state fail(struct module_qstate* qstate);
/* Where none of the query's clients may have a reply, Unbound must know before on_reply, which is
 * then not called. */
void drop_clients(struct nearmiss* nm, const struct nm_policy* policy, struct module_qstate* qstate,
                  struct listed_query* listed);

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
