/* The adapter's way of a query, from its beginning to a client's reply, without a resolver around
 * it. */
#ifndef NEARMISS_TESTS_FUZZ_PACKET_ADAPTER_H
#define NEARMISS_TESTS_FUZZ_PACKET_ADAPTER_H

#include "module/core.h"

#ifdef __cplusplus
extern "C" {
#endif

enum packet_section { PACKET_ANSWER, PACKET_AUTHORITY, PACKET_ADDITIONAL };

struct packet_record {
  enum packet_section section;
  uint16_t type;
  struct nm_name owner;
  const uint8_t* rdata;
  size_t rdata_len;
};

struct packet_outcome {
  bool failed;   /* the allocation that should */
  bool asked;    /* a question would go upstream; else the rest is the module's own answer */
  bool parsed;   /* Unbound takes the upstream's packet for a message */
  bool referral; /* it is one; no client gets it, and it says nothing about the rest */
  bool cached;   /* Unbound would keep the upstream's answer in its cache */
  bool dropped;  /* no reply */
  int rcode;     /* of the reply */
};

/* A client's lookup of class IN and what an upstream server answers. `seen` is called for each
 * record of the upstream's answer (before) and of the client's reply (after). The `failing`-th
 * allocation in the query's memory fails; 0: none. */
void packet_ask(struct nm_core* core, const struct nm_lookup* lookup, const uint8_t* packet,
                size_t packet_len, size_t failing, struct packet_outcome* outcome,
                void (*seen)(void* arg, bool after, const struct packet_record* record), void* arg);

#ifdef __cplusplus
}
#endif
#endif
