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

/*
 * An RRset of a message, as the adapter hands it over: Unbound's octets, seen as RFC 1035 has them.
 * Everything that reads RDATA is C++ (inspection.hpp).
 */
struct nm_rrset {
  struct nm_name owner;
  uint16_t type;
  uint8_t section;  /* enum nm_section */
  uint8_t findings; /* enum nm_finding; set by nm_inspect() */
  size_t count;     /* of records, at least 1 but in a broken message */
  /* Of each record RDLENGTH (2 octets) and RDATA, uncompressed; rdata_len counts both. */
  uint8_t* const* rdata;
  const size_t* rdata_len;
};

enum nm_section { NM_ANSWER, NM_AUTHORITY, NM_ADDITIONAL };

/* What nm_inspect() finds of an RRset; of a message: of any RRset in it. */
enum nm_finding {
  /* Answer section: leads clients that ask for the message's type to a matched name or address. */
  NM_LEADS = 1,
  /* The same for clients that ask for any type. */
  NM_LEADS_FOR_SOME_TYPE = 2,
  /* The host's shared caches must not hold it: an alias from or to a matched name, or a wildcard;
   * the iterator would make answers of it that this module may never see. */
  NM_NOT_SHARED = 4,
  /* Holds an address that a rule matches. */
  NM_MATCHED_ADDRESS = 8,
  /* Authority or additional section: data that nobody asked for, of a matched name or leading to
   * one. No client sees it; a referral alone keeps such additional records (it needs them). */
  NM_STRAY = 16
};

/* One client lookup plus the answer section it is about to get. Pass all of it: what no rule
 * matches is ignored. */
struct nm_lookup {
  struct nm_name qname;
  uint16_t qtype;
  uint16_t id; /* the DNS message's, host order */
  const struct sockaddr*
      client; /* AF_INET or AF_INET6; NULL: the host itself asks (nm_open only) */
  bool tcp;   /* TCP, DNS over TLS or HTTPS; else UDP */
  bool recursion_desired, checking_disabled, dnssec_ok; /* what the client set: RD, CD, DO */
  bool wants_structured_error;                          /* its query has EDNS option 26 */
  /* The address that it asked, whose port counts even where it is the wildcard one; or NULL. */
  const struct sockaddr* server;
  /* Octets that its reply may have, without the EDNS options that the host adds. Of use where the
   * lookup may be blocked. */
  size_t max_size;
  const struct nm_rrset* answer; /* other sections than the answer's are ignored */
  size_t answer_count;
};

enum nm_outcome {
  NM_PASSED,      /* the client may have the real answer, and there is nothing to log */
  NM_LET_THROUGH, /* the client may have the real answer; the event is still to be written */
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
  uint32_t ttl; /* seconds; the same for all records of an RRset */
};

enum { NM_RECORDS_MAX = 292, NM_MADE_RDATA_MAX = 257, NM_EDE_TEXT_MAX = 900 };

/* For EDE 15 (Blocked), RFC 8914: EXTRA-TEXT, as long as the reply has room for it. */
struct nm_explanation {
  size_t len;
  char text[NM_EDE_TEXT_MAX]; /* not ended by a zero */
};

/* Not to be copied: `records` may point to `made_rdata`. Else they point into the policy, and are
 * valid until the thread leaves it. */
struct nm_answer {
  uint8_t rcode;
  bool truncated; /* TC: the client shall ask over TCP */
  uint32_t ttl;   /* the shortest of its records'; seconds */
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
 * Like nm_leave(), but the caller may still cache an answer it judged under this policy. A
 * publisher waits (bounded, some seconds) until the thread calls nm_enter() or nm_leave() again,
 * before it evicts from the caches what the new policy matches.
 */
void nm_linger(void);
/* Counts the policies of this process; from 1. */
uint64_t nm_generation(const struct nm_policy* policy);
size_t nm_max_threads(void);

/*
 * True if the lookup of this name and type might be blocked or logged for some client: its answers
 * must not get into a cache that is asked before the module. No lock, no allocation. True for what
 * is not a name.
 */
bool nm_covers(const struct nm_policy* policy, struct nm_name name, uint16_t type);
/* Is that so for any type? As cheap. */
bool nm_covers_some_type(const struct nm_policy* policy, struct nm_name name);

/*
 * One pass over a message (or over one RRset of a cache, as NM_ANSWER): sets the findings of each
 * RRset and returns all of them together. `qtype`: what the message answers. No lock, no
 * allocation. A name that cannot be read counts as matched.
 */
unsigned nm_inspect(const struct nm_policy* policy, uint16_t qtype, struct nm_rrset* rrsets,
                    size_t count);

/*
 * Called once for a query that nm_covers(), before anything is asked upstream: what does its client
 * get? NM_BLOCKED fills `answer` and writes the event, NM_DROPPED writes it. NM_PASSED holds for
 * this client as long as the policy is in force, and as long as the answer's findings have no
 * NM_LEADS. Without a client: NM_LET_THROUGH.
 */
enum nm_outcome nm_open(struct nm_core* core, const struct nm_policy* policy,
                        const struct nm_lookup* lookup, struct nm_answer* answer);

/*
 * A client asks for an MX record that no rule matches. If it is in no group, an admin may have
 * forgotten a mail server: with `discover: true` that is reported. No lock, no allocation without.
 */
void nm_discover(struct nm_core* core, const struct nm_policy* policy,
                 const struct nm_lookup* lookup);

/* Would the lookup be blocked? True where it cannot be decided. Writes no event. */
bool nm_blocks(const struct nm_policy* policy, const struct nm_lookup* lookup);

/* False: no rule of the policy drops, so that nm_drops() need not be asked. */
bool nm_may_drop(const struct nm_policy* policy);
/* Would the client get no reply at all? False where it cannot be decided. Writes no event. */
bool nm_drops(const struct nm_policy* policy, const struct nm_lookup* lookup);

/*
 * Decides what one client gets and writes the event, if the verdict calls for one. `answer` is
 * filled if and only if NM_BLOCKED. `failed_rcode` is 0, or the rcode of the error this client is
 * about to get because the lookup failed upstream; the event then reports that.
 */
enum nm_outcome nm_judge(struct nm_core* core, const struct nm_policy* policy,
                         const struct nm_lookup* lookup, int failed_rcode,
                         struct nm_answer* answer);

#ifdef __cplusplus
}
#endif
#endif
