/*
 * What the adapter to Unbound may ask of the rest of the module.
 *
 * The adapter (module/unbound) alone knows Unbound's structures; the core
 * decides, words the answer and writes the event, and knows nothing of Unbound. This header is C
 * because Unbound's are not C++. No exception leaves these functions: where one fails, it says so,
 * and the caller answers SERVFAIL.
 *
 * Names are uncompressed wire form in any case. RR types and classes are in host order.
 */
#ifndef NEARMISS_MODULE_CORE_H
#define NEARMISS_MODULE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sockaddr;

struct nm_core;   /* one a process; made in init, ended in deinit */
struct nm_policy; /* a policy in force; immutable */

struct nm_name {
  const uint8_t* wire;
  size_t len; /* octets that may be read; the name ends at its zero octet */
};

struct nm_address {
  const uint8_t* octets;
  size_t len; /* 4 or 16 */
};

/* A client's lookup, and what an answer to it has led to. What of that no rule lists does no
 * harm. */
struct nm_lookup {
  struct nm_name qname;
  uint16_t qtype;
  uint16_t id;                   /* the DNS message's, host order */
  const struct sockaddr* client; /* AF_INET or AF_INET6 */
  bool tcp;                      /* TCP, DNS over TLS or HTTPS; else UDP */
  const struct nm_name* aliases; /* targets of CNAMEs in the answer */
  size_t alias_count;
  const struct nm_name* exchanges; /* all exchanges of the MX RRset */
  size_t exchange_count;
  const struct nm_address* addresses; /* in the A and AAAA RRsets */
  size_t address_count;
};

enum nm_outcome {
  NM_LET_THROUGH, /* the client may have the real answer */
  NM_BLOCKED,     /* the client must have `answer` instead */
  NM_DROPPED,     /* the client must have no reply */
  NM_FAILED       /* could not be decided: the client must have SERVFAIL */
};

/* A record of the class IN. Its octets are the policy's, the answer's or the lookup's: they stay
 * where they are as long as those do. */
struct nm_record {
  struct nm_name owner; /* ends at `owner.len` */
  uint16_t type;
  const uint8_t* rdata; /* uncompressed */
  size_t rdata_len;
};

enum { NM_RECORDS_MAX = 292, NM_MADE_RDATA_MAX = 257, NM_EDE_TEXT_MAX = 200 };

/* For EDE 15 (Blocked), RFC 8914. */
struct nm_explanation {
  char text[NM_EDE_TEXT_MAX]; /* not ended by a zero */
  size_t len;
};

/* Not to be copied: `records` may point to `made_rdata`. Else they point into the policy, and are
 * valid until the thread leaves it. */
struct nm_answer {
  uint8_t rcode;
  bool truncated; /* TC: the client shall ask over TCP */
  uint32_t ttl;   /* of all records; seconds */
  /* First those of the answer section, then those of the authority section. The records of an RRset
   * stand together. */
  struct nm_record records[NM_RECORDS_MAX];
  size_t answer_count, authority_count;
  uint8_t made_rdata[NM_MADE_RDATA_MAX]; /* where one depends on the asked name */
  struct nm_explanation why;
};

/* How the core speaks to its host. */
struct nm_host {
  void (*log_line)(bool is_error, const char* line); /* a line for Unbound's own log */
  /* A new policy is in force, and no thread judges or stores by an older (see nm_linger()): what
   * the host's caches hold may be wrong now. Called from a thread of the core's. */
  void (*policy_changed)(void* arg);
  void* arg;
};

/*
 * Reads the policy file, starts the event log and the thread that notices changed files. The path
 * is `config` or, where that is NULL or empty, nearmiss.yaml in the working directory. If the file
 * is wrong the last good policy of this process serves on (a reload must never end the resolver);
 * if there is none, NULL: refuse to start. Either way each error has been logged. Keeps a copy of
 * `host`.
 */
struct nm_core* nm_core_start(const char* config, const struct nm_host* host);
/* Lets the thread begin; host->policy_changed may be called from now on. False: it cannot. */
bool nm_core_watch(struct nm_core* core);
/* Writes the events still waiting. No lookup may be held any more. NULL is fine. */
void nm_core_stop(struct nm_core* core);
size_t nm_core_memory(struct nm_core* core); /* octets */

/*
 * The policy in force, valid until this thread's nm_leave(); calls do not nest. NULL: more than
 * nm_max_threads() threads came, so nothing can be decided. No lock, no allocation.
 */
const struct nm_policy* nm_enter(struct nm_core* core);
void nm_leave(void);
/*
 * As nm_leave(), for a thread that may still store in the host's caches what it has judged: up to
 * its next nm_enter() or nm_leave(). Whoever publishes a policy waits for it, some seconds at most,
 * before it rids the caches of what the new policy lists.
 */
void nm_linger(void);
/* Counts the policies of this process; from 1. */
uint64_t nm_generation(const struct nm_policy* policy);
size_t nm_max_threads(void);

/*
 * True if any client's lookup of this name and type might be blocked or logged: its answers must
 * not get into a cache that is asked before the module. Called for every query that Unbound's cache
 * does not answer, so: no lock, no allocation. What is no name counts as covered.
 */
bool nm_covers(const struct nm_policy* policy, struct nm_name name, uint16_t type);
/* The same for any type. */
bool nm_covers_some_type(const struct nm_policy* policy, struct nm_name name);
/* The same for any name below this one, as an alias's target, exchanges too. */
bool nm_covers_below(const struct nm_policy* policy, struct nm_name name);
/* The same for an exchange or an address in anybody's answer, for rules about those. */
bool nm_covers_exchange(const struct nm_policy* policy, struct nm_name exchange);
bool nm_covers_address(const struct nm_policy* policy, struct nm_address address);
bool nm_has_address_rules(const struct nm_policy* policy); /* else no address is covered */

/* Would the lookup be blocked? True where it cannot be decided. Writes no event. */
bool nm_blocks(const struct nm_policy* policy, const struct nm_lookup* lookup);

/* Blocks the lookup if the verdict says so: as nm_judge, but a lookup that is let through is left
 * to nm_judge, event and all. */
enum nm_outcome nm_block(struct nm_core* core, const struct nm_policy* policy,
                         const struct nm_lookup* lookup, struct nm_answer* answer);

/* Would the client get no reply at all? False where it cannot be decided. Writes no event. */
bool nm_drops(const struct nm_policy* policy, const struct nm_lookup* lookup);

/*
 * Decides what one client gets and writes the event, if the verdict calls for one. `answer` is
 * filled if and only if NM_BLOCKED. `failed_rcode` is 0, or the rcode of the error this client is
 * about to get because the lookup failed upstream; the event then tells that.
 */
enum nm_outcome nm_judge(struct nm_core* core, const struct nm_policy* policy,
                         const struct nm_lookup* lookup, int failed_rcode,
                         struct nm_answer* answer);

/* A client asks for the MX of a name that no rule concerns. With `discover: true` it is told of, if
 * it is in no group of clients: somebody may have forgotten a mail server. Else cheap. */
void nm_discover(struct nm_core* core, const struct nm_policy* policy,
                 const struct nm_lookup* lookup);

#ifdef __cplusplus
}
#endif
#endif
