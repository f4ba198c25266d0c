/*
 * What a new policy takes out of Unbound's caches.
 *
 * First the tables of the RRsets, so that Unbound makes no other message of those; then the
 * messages. From init, where no worker runs, from the module's thread, beside workers that serve,
 * or from a worker.
 */
#include "module/unbound/adapter.h"

#include <unistd.h>

struct eviction {
  struct nearmiss* nm;
  const struct nm_policy* policy;
  size_t table, bin; /* where it has got to */
};

/* Does the message's RRset at `place` lead to anything matched, or does it bring such along?
 *
 * The table's lock, because this may be while Unbound ends its service: it then clears the RRset
 * cache under that lock alone, and the messages, whose lock the caller holds, afterwards. The keys
 * stay allocated until both are empty. */
static bool is_matched_part(const struct eviction* eviction, const struct reply_info* rep,
                            size_t place, uint16_t qtype) {
  struct ub_packed_rrset_key* rrset = rep->rrsets[place];
  struct lruhash* table = slabhash_gettable(&eviction->nm->host.rrsets->table, rrset->entry.hash);
  unsigned findings = 0;
  size_t i = 0;
  while (i < rep->rrset_count && rep->ref[i].key != rrset)
    i++;
  lock_quick_lock(&table->lock);
  lock_rw_rdlock(&rrset->entry.lock);
  /* With another id it is another RRset by now, and Unbound does not serve the message either. */
  if (i < rep->rrset_count && rep->ref[i].id == rrset->id) {
    struct nm_rrset flat =
        flatten(rrset, place < rep->an_numrrsets                       ? NM_ANSWER
                       : place < rep->an_numrrsets + rep->ns_numrrsets ? NM_AUTHORITY
                                                                       : NM_ADDITIONAL);
    findings = nm_inspect(eviction->policy, qtype, &flat, 1);
  }
  lock_rw_unlock(&rrset->entry.lock);
  lock_quick_unlock(&table->lock);
  return findings & (NM_LEADS | NM_NOT_SHARED | NM_STRAY);
}

static void evict_message(void* arg, struct lruhash_entry* entry) {
  const struct eviction* eviction = arg;
  const struct query_info* qinfo = &((struct msgreply_entry*)entry->key)->key;
  struct reply_info* rep = entry->data;
  bool matched;
  if (!is_internet(qinfo->qclass))
    return;
  matched = nm_covers(eviction->policy, name_of(qinfo), qinfo->qtype);
  for (size_t i = 0; !matched && i < rep->rrset_count; i++)
    matched = is_matched_part(eviction, rep, i, qinfo->qtype);
  if (matched) {
    /* An expired failure: not even serve-expired answers with one. */
    rep->flags = (uint16_t)((rep->flags & ~0xfU) | LDNS_RCODE_SERVFAIL);
    rep->ttl = rep->serve_expired_ttl = rep->prefetch_ttl = 0;
  }
}

static void evict_rrset(void* arg, struct lruhash_entry* entry) {
  const struct eviction* eviction = arg;
  struct packed_rrset_data* data = entry->data;
  struct nm_rrset flat = flatten(entry->key, NM_ANSWER);
  if (nm_inspect(eviction->policy, LDNS_RR_TYPE_ANY, &flat, 1) &
      (NM_LEADS_FOR_SOME_TYPE | NM_NOT_SHARED))
    data->ttl = 0;
}

/* False: there are no more. */
static bool evict_some(struct eviction* eviction) {
  const struct slabhash* rrsets = &eviction->nm->host.rrsets->table;
  const struct slabhash* messages = eviction->nm->host.messages;
  bool more;
  if (eviction->table == rrsets->size + messages->size)
    return false;
  more =
      eviction->table < rrsets->size
          ? host_visit_bins(rrsets->array[eviction->table], &eviction->bin, evict_rrset, eviction)
          : host_visit_bins(messages->array[eviction->table - rrsets->size], &eviction->bin,
                            evict_message, eviction);
  if (!more) {
    eviction->table++;
    eviction->bin = 0;
  }
  return true;
}

static void note_evicted(const struct eviction* eviction) {
  atomic_store(&eviction->nm->evicted_generation, nm_generation(eviction->policy));
}

void evict_matched(struct nearmiss* nm) {
  struct eviction eviction = {.nm = nm, .policy = nm_enter(nm->core)};
  if (eviction.policy) {
    while (evict_some(&eviction))
      ;
    note_evicted(&eviction);
  }
  nm_leave();
}

void evict_matched_in_service(struct nearmiss* nm) {
  struct eviction eviction = {.nm = nm};
  bool more, held = true;
  host_ring(&nm->bells); /* what the workers wait for comes first: until it goes, a cache answers */
  eviction.policy = nm_enter(nm->core);
  more = eviction.policy;
  while (more && (held = host_hold_caches(&nm->service))) {
    more = evict_some(&eviction);
    host_release_caches(&nm->service);
  }
  if (eviction.policy && !more)
    note_evicted(&eviction);
  nm_leave();
  if (held || atomic_load(&nm->service.ends))
    return;
  log_err("nearmiss: Unbound's caches may still hold what the new policy blocks: its handler of "
          "SIGHUP does not show whether it serves. The next query that they cannot answer evicts "
          "it; `unbound-control flush_zone .` does so at once");
  atomic_store(&nm->worker_evicts, true);
}
