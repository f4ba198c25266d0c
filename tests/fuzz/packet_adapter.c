/*
 * The adapter as it is, over messages as Unbound's own parser makes them. What of Unbound does not
 * parse messages or keep them is not here: it is stood in for, or never called.
 */
#include "module/unbound/adapter.c"

#include "tests/fuzz/packet_adapter.h"

#include "util/alloc.h"

/* ---- Unbound's memory, each piece by itself, so that a read behind its end is seen ------------
 */

struct piece {
  _Alignas(16) struct piece* next;
};

static size_t until_failure; /* 0: none will fail */
static bool failed;

struct regional* regional_create(void) {
  return calloc(1, sizeof(struct regional));
}
struct regional* regional_create_custom(size_t size) {
  (void)size;
  return regional_create();
}
void regional_free_all(struct regional* r) {
  for (struct piece* piece = (void*)r->large_list; piece;) {
    struct piece* next = piece->next;
    free(piece);
    piece = next;
  }
  r->large_list = NULL;
}
void regional_destroy(struct regional* r) {
  regional_free_all(r);
  free(r);
}
void* regional_alloc(struct regional* r, size_t size) {
  struct piece* piece;
  if (until_failure > 0 && --until_failure == 0) {
    failed = true;
    return NULL;
  }
  piece = malloc(sizeof(*piece) + size);
  if (!piece)
    return NULL;
  piece->next = (void*)r->large_list;
  r->large_list = (void*)piece;
  return piece + 1;
}
void* regional_alloc_zero(struct regional* r, size_t size) {
  void* memory = regional_alloc(r, size);
  return memory ? memset(memory, 0, size) : NULL;
}
void* regional_alloc_init(struct regional* r, const void* from, size_t size) {
  void* memory = regional_alloc(r, size);
  return memory && size > 0 ? memcpy(memory, from, size) : memory;
}
char* regional_strdup(struct regional* r, const char* string) {
  return regional_alloc_init(r, string, strlen(string) + 1);
}
size_t regional_get_mem(struct regional* r) {
  (void)r;
  return 0;
}

void mesh_state_make_unique(struct mesh_state* state) {
  state->unique = state;
}
enum { ITERATOR = 1 };
int modstack_find(struct module_stack* stack, const char* name) {
  (void)stack, (void)name;
  return ITERATOR;
}
/* As if each were signed, and made of a wildcard. */
int val_rrset_wildcard(struct ub_packed_rrset_key* rrset, uint8_t** encloser, size_t* len) {
  if (rrset->rk.dname_len > 1) {
    *encloser = rrset->rk.dname + rrset->rk.dname[0] + 1;
    *len = rrset->rk.dname_len - rrset->rk.dname[0] - 1;
  }
  return 1;
}
static int one_state(const void* a, const void* b) {
  return (a > b) - (a < b);
}

/* ---- one query --------------------------------------------------------------------------------
 */

/* All that the adapter looks at. */
struct world {
  struct config_file cfg;
  struct alloc_cache alloc;
  struct mesh_area mesh;
  struct nearmiss nm;
  struct dynlibmod_env dynlib;
  struct module_env env;
  struct mesh_state state;
  struct mesh_reply reply;
  struct comm_point socket; /* of the client */
  struct iter_qstate iterator;
  struct delegpt root; /* whom it asks */
  time_t now;
};

static bool make_world(struct world* w, struct nm_core* core, const struct nm_lookup* lookup) {
  struct module_qstate* qstate = &w->state.s;
  w->now = 1700000000;
  w->cfg.msg_cache_slabs = w->cfg.rrset_cache_slabs = 1;
  w->cfg.msg_cache_size = w->cfg.rrset_cache_size = 1 << 20;
  alloc_init(&w->alloc, NULL, 0);
  rbtree_init(&w->mesh.all, one_state);
  w->nm.core = core;
  w->dynlib.dyn_env = &w->nm;
  w->env.cfg = &w->cfg;
  w->env.alloc = &w->alloc;
  w->env.now = &w->now;
  w->env.mesh = &w->mesh;
  w->env.scratch = regional_create();
  w->env.rrset_cache = rrset_cache_create(&w->cfg, &w->alloc);
  w->env.msg_cache = slabhash_create(1, 16, 1 << 20, msgreply_sizefunc, query_info_compare,
                                     query_entry_delete, reply_info_delete, NULL);
  w->env.modinfo[0] = &w->dynlib;
  w->nm.host = (struct host_caches){w->env.msg_cache, w->env.rrset_cache};
  evict_matched(&w->nm);

  rbtree_init(&w->state.super_set, one_state);
  w->state.node.key = &w->state;
  (void)rbtree_insert(&w->mesh.all, &w->state.node);
  w->state.reply_list = &w->reply;
  w->socket.type = lookup->tcp ? comm_tcp : comm_udp;
  w->reply.query_reply.c = &w->socket;
  memcpy(&w->reply.query_reply.client_addr, lookup->client,
         lookup->client->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                               : sizeof(struct sockaddr_in));
  w->root.name = (uint8_t*)"";
  w->iterator.dp = &w->root;
  qstate->minfo[ITERATOR] = &w->iterator;
  qstate->mesh_info = &w->state;
  qstate->env = &w->env;
  qstate->region = regional_create();
  qstate->query_flags = BIT_RD;
  if (!qstate->region || !w->env.scratch || !w->env.rrset_cache || !w->env.msg_cache ||
      !host_make_caches(&w->nm.own, &w->env))
    return false;
  qstate->qinfo = (struct query_info){
      .qname = regional_alloc_init(qstate->region, lookup->qname.wire, lookup->qname.len),
      .qname_len = lookup->qname.len,
      .qtype = lookup->qtype,
      .qclass = LDNS_RR_CLASS_IN,
  };
  return qstate->qinfo.qname != NULL;
}

static void end_world(struct world* w) {
  clear(&w->state.s, 0);
  host_delete_caches(&w->nm.own);
  slabhash_delete(w->env.msg_cache);
  rrset_cache_delete(w->env.rrset_cache);
  alloc_clear(&w->alloc);
  regional_destroy(w->env.scratch);
  regional_destroy(w->state.s.region);
}

/* A message as Unbound makes it of a packet. NULL: it is none. */
static struct dns_msg* message_of(struct module_qstate* qstate, const uint8_t* packet, size_t len) {
  struct msg_parse* parsed = regional_alloc_zero(qstate->region, sizeof(*parsed));
  struct dns_msg* msg = regional_alloc_zero(qstate->region, sizeof(*msg));
  void* octets = regional_alloc_init(qstate->region, packet, len);
  struct sldns_buffer buffer;
  if (!parsed || !msg || !octets)
    return NULL;
  sldns_buffer_init_frm_data(&buffer, octets, len);
  if (parse_packet(&buffer, parsed, qstate->region) != LDNS_RCODE_NOERROR ||
      !parse_create_msg(&buffer, parsed, NULL, &msg->qinfo, &msg->rep, qstate->region))
    return NULL;
  return msg;
}

static void show(const struct reply_info* rep, bool after,
                 void (*seen)(void*, bool, const struct packet_record*), void* arg) {
  for (size_t i = 0; i < rep->rrset_count; i++) {
    const struct ub_packed_rrset_key* rrset = rep->rrsets[i];
    const struct packed_rrset_data* data = data_of(rrset);
    for (size_t rr = 0; rr < data->count; rr++) {
      struct packet_record record = {
          .section = i < rep->an_numrrsets                       ? PACKET_ANSWER
                     : i < rep->an_numrrsets + rep->ns_numrrsets ? PACKET_AUTHORITY
                                                                 : PACKET_ADDITIONAL,
          .type = type_of(rrset),
          .owner = {rrset->rk.dname, rrset->rk.dname_len},
          .rdata = data->rr_data[rr] + sizeof(uint16_t),
          .rdata_len = data->rr_len[rr] - sizeof(uint16_t),
      };
      seen(arg, after, &record);
    }
  }
}

void packet_ask(struct nm_core* core, const struct nm_lookup* lookup, const uint8_t* packet,
                size_t packet_len, size_t failing, struct packet_outcome* outcome,
                void (*seen)(void* arg, bool after, const struct packet_record* record),
                void* arg) {
  struct world* w = calloc(1, sizeof(*w));
  struct module_qstate* qstate = w ? &w->state.s : NULL;
  struct edns_option* options = NULL;
  struct timeval start = {0, 0};
  memset(outcome, 0, sizeof(*outcome));
  if (!w || !make_world(w, core, lookup))
    abort(); /* out of memory */
  failed = false;
  until_failure = failing;
  operate(qstate, module_event_new, 0, NULL);
  outcome->asked = qstate->ext_state[0] == module_wait_module;
  if (outcome->asked) {
    struct dns_msg* msg = message_of(qstate, packet, packet_len);
    if ((outcome->parsed = msg != NULL)) {
      show(msg->rep, false, seen, arg);
      outcome->referral = host_is_referral(qstate, msg->rep);
      (void)on_response(qstate, msg, 0, &w->nm);
      outcome->cached = !qstate->no_cache_store;
    }
    qstate->return_msg = msg;
    qstate->return_rcode = msg ? LDNS_RCODE_NOERROR : LDNS_RCODE_SERVFAIL;
    operate(qstate, module_event_moddone, 0, NULL);
  }
  outcome->dropped = qstate->is_drop;
  if (!outcome->dropped) {
    struct reply_info* rep = qstate->return_rcode == LDNS_RCODE_NOERROR && qstate->return_msg
                                 ? qstate->return_msg->rep
                                 : NULL;
    (void)on_reply(&qstate->qinfo, qstate, rep, rep ? 0 : LDNS_RCODE_SERVFAIL, NULL, &options,
                   &w->reply.query_reply, qstate->region, &start, 0, &w->nm);
    outcome->rcode = rep ? (int)FLAGS_GET_RCODE(rep->flags) : LDNS_RCODE_SERVFAIL;
    if (rep)
      show(rep, true, seen, arg);
  }
  until_failure = 0;
  outcome->failed = failed;
  end_world(w);
  free(w);
}
