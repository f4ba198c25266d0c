/*
 * What the parts of Unbound that the fuzz target `packet` links refer to and it has no need of. In
 * a file of its own, without Unbound's headers, which know them by other types.
 */
#include <stdlib.h>

/* Its list of functions that may be called by pointer. */
#define WHITELISTED(name)                                                                          \
  int name(void* function);                                                                        \
  int name(void* function) {                                                                       \
    (void)function;                                                                                \
    return 1;                                                                                      \
  }
WHITELISTED(fptr_whitelist_hash_sizefunc)
WHITELISTED(fptr_whitelist_hash_compfunc)
WHITELISTED(fptr_whitelist_hash_delkeyfunc)
WHITELISTED(fptr_whitelist_hash_deldatafunc)
WHITELISTED(fptr_whitelist_hash_markdelfunc)
WHITELISTED(fptr_whitelist_rbtree_cmp)
WHITELISTED(fptr_whitelist_alloc_cleanup)

/* No event loop: no worker is woken. */
void* comm_base_internal(void* base);
void* comm_base_internal(void* base) {
  return base;
}
void* ub_event_new(void* base, int fd, short bits, void* callback, void* arg);
void* ub_event_new(void* base, int fd, short bits, void* callback, void* arg) {
  (void)base, (void)fd, (void)bits, (void)callback, (void)arg;
  return NULL;
}

#define NEVER_CALLED(name)                                                                         \
  void name(void);                                                                                 \
  void name(void) {                                                                                \
    abort();                                                                                       \
  }
NEVER_CALLED(delegpt_create)
NEVER_CALLED(delegpt_set_name)
NEVER_CALLED(delegpt_rrset_add_ns)
NEVER_CALLED(delegpt_add_rrset_A)
NEVER_CALLED(delegpt_add_rrset_AAAA)
NEVER_CALLED(delegpt_add_neg_msg)
NEVER_CALLED(nsec_has_type)
NEVER_CALLED(nghttp2_select_next_protocol)
NEVER_CALLED(iter_scrub_nxdomain)
NEVER_CALLED(ub_event_add)
NEVER_CALLED(ub_event_free)
NEVER_CALLED(fptr_whitelist_inplace_cb_reply_generic)
NEVER_CALLED(fptr_whitelist_inplace_cb_query)
NEVER_CALLED(fptr_whitelist_inplace_cb_query_response)
NEVER_CALLED(fptr_whitelist_inplace_cb_edns_back_parsed)
/* Of newer releases. */
NEVER_CALLED(cfg_tls_protocols_allowed)
NEVER_CALLED(cookie_secrets_server_validate)
NEVER_CALLED(deleg_port_number)
NEVER_CALLED(edns_cookie_server_validate)
NEVER_CALLED(edns_cookie_server_write)
NEVER_CALLED(rrsig_get_signer)
