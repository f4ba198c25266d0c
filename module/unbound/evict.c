/*
 * What a new policy takes out of Unbound's caches.
 *
 * First the tables of the RRsets, so that Unbound makes no other message of those; then the
 * messages. From init, where no worker runs, from the module's thread, beside workers that serve,
 * or from a worker. Workers need the tables' locks for every query: what a few bins hold is copied
 * under them, judged without, and removed by its key. What has come to stand under that key in the
 * meantime has been judged by the new policy; it goes as well, and is asked for again.
 */
#include "module/unbound/adapter.h"

#include <unistd.h>

/* A message or an RRset that a table holds; in the eviction's region. */
struct copy {
  struct copy* next;
  hashvalue_type hash;
  struct query_info qinfo;           /* of a message */
  struct ub_packed_rrset_key* rrset; /* NULL: it is a message */
  struct nm_rrset* parts;            /* what there is to be inspected */
  size_t count;
};

struct eviction {
  struct nearmiss* nm;
  const struct nm_policy* policy;
  size_t table, bin;       /* where it has got to */
  struct regional* region; /* of the copies; NULL: out of memory */
  struct copy* copies;
};

static struct copy* make_copy(struct eviction* eviction, const struct lruhash_entry* entry,
                              size_t parts) {
  struct copy* copy =
      eviction->region ? regional_alloc_zero(eviction->region, sizeof(*copy)) : NULL;
  if (!copy || !(copy->parts = regional_alloc(eviction->region, parts * sizeof(*copy->parts))))
    return NULL;
  copy->hash = entry->hash;
  return copy;
}

static void keep_copy(struct eviction* eviction, struct copy* copy) {
  copy->next = eviction->copies;
  eviction->copies = copy;
}

/* False: out of memory. */
static bool copy_rrset(struct eviction* eviction, struct copy* copy, uint8_t section,
                       const struct ub_packed_rrset_key* rrset) {
  copy->rrset = packed_rrset_copy_region((struct ub_packed_rrset_key*)rrset, eviction->region, 0);
  if (!copy->rrset)
    return false;
  copy->parts[copy->count++] = flatten(copy->rrset, section);
  return true;
}

/* Copies the message's RRset at `place`. False: out of memory.
 *
 * Takes the table's lock, because this may be while Unbound ends its service: it then clears the
 * RRset cache under that lock alone, and the messages, whose lock the caller holds, afterwards. The
 * keys stay allocated until both are empty. */
static bool copy_part(struct eviction* eviction, struct copy* copy, const struct reply_info* rep,
                      size_t place) {
  struct ub_packed_rrset_key* rrset = rep->rrsets[place];
  struct lruhash* table = slabhash_gettable(&eviction->nm->host.rrsets->table, rrset->entry.hash);
  size_t i = 0;
  bool copied = true;
  while (i < rep->rrset_count && rep->ref[i].key != rrset)
    i++;
  lock_quick_lock(&table->lock);
  lock_rw_rdlock(&rrset->entry.lock);
  /* With another id it is another RRset by now, and Unbound does not serve the message either. */
  if (i < rep->rrset_count && rep->ref[i].id == rrset->id)
    copied = copy_rrset(eviction, copy,
                        place < rep->an_numrrsets                       ? NM_ANSWER
                        : place < rep->an_numrrsets + rep->ns_numrrsets ? NM_AUTHORITY
                                                                        : NM_ADDITIONAL,
                        rrset);
  lock_rw_unlock(&rrset->entry.lock);
  lock_quick_unlock(&table->lock);
  return copied;
}

static bool copy_message(struct eviction* eviction, const struct lruhash_entry* entry) {
  const struct query_info* qinfo = &((struct msgreply_entry*)entry->key)->key;
  const struct reply_info* rep = entry->data;
  struct copy* copy = make_copy(eviction, entry, rep->rrset_count);
  if (!copy)
    return false;
  copy->qinfo = *qinfo;
  copy->qinfo.qname = regional_alloc_init(eviction->region, qinfo->qname, qinfo->qname_len);
  if (!copy->qinfo.qname)
    return false;
  for (size_t i = 0; i < rep->rrset_count; i++)
    if (!copy_part(eviction, copy, rep, i))
      return false;
  copy->rrset = NULL; /* that of its last part */
  keep_copy(eviction, copy);
  return true;
}

static void visit_message(void* arg, struct lruhash_entry* entry) {
  struct reply_info* rep = entry->data;
  if (!is_internet(((struct msgreply_entry*)entry->key)->key.qclass) || copy_message(arg, entry))
    return;
  /* Unjudged for want of memory: an expired failure. Not even serve-expired answers with one. */
  rep->flags = (uint16_t)((rep->flags & ~0xfU) | LDNS_RCODE_SERVFAIL);
  rep->ttl = rep->serve_expired_ttl = rep->prefetch_ttl = 0;
}

static void visit_rrset(void* arg, struct lruhash_entry* entry) {
  struct eviction* eviction = arg;
  struct copy* copy = make_copy(eviction, entry, 1);
  if (copy && copy_rrset(eviction, copy, NM_ANSWER, entry->key))
    keep_copy(eviction, copy);
  else
    ((struct packed_rrset_data*)entry->data)->ttl = 0;
}

static void judge_copies(struct eviction* eviction) {
  const struct nm_policy* policy = eviction->policy;
  for (struct copy* copy = eviction->copies; copy; copy = copy->next) {
    const struct query_info* qinfo = &copy->qinfo;
    if (copy->rrset) {
      if (nm_inspect(policy, LDNS_RR_TYPE_ANY, copy->parts, copy->count) &
          (NM_LEADS_FOR_SOME_TYPE | NM_NOT_SHARED))
        slabhash_remove(&eviction->nm->host.rrsets->table, copy->hash, copy->rrset);
    } else if (nm_covers(policy, name_of(qinfo), qinfo->qtype) ||
               nm_inspect(policy, qinfo->qtype, copy->parts, copy->count) &
                   (NM_LEADS | NM_NOT_SHARED | NM_STRAY)) {
      slabhash_remove(eviction->nm->host.messages, copy->hash, &copy->qinfo);
    }
  }
  eviction->copies = NULL;
  if (eviction->region)
    regional_free_all(eviction->region);
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
          ? host_visit_bins(rrsets->array[eviction->table], &eviction->bin, visit_rrset, eviction)
          : host_visit_bins(messages->array[eviction->table - rrsets->size], &eviction->bin,
                            visit_message, eviction);
  judge_copies(eviction);
  if (!more) {
    eviction->table++;
    eviction->bin = 0;
  }
  return true;
}

static struct eviction begin(struct nearmiss* nm) {
  return (struct eviction){.nm = nm, .policy = nm_enter(nm->core), .region = regional_create()};
}

static void end(const struct eviction* eviction, bool whole) {
  if (eviction->policy && whole)
    atomic_store(&eviction->nm->evicted_generation, nm_generation(eviction->policy));
  if (eviction->region)
    regional_destroy(eviction->region);
  nm_leave();
}

void evict_matched(struct nearmiss* nm) {
  struct eviction eviction = begin(nm);
  while (eviction.policy && evict_some(&eviction))
    ;
  end(&eviction, true);
}

void evict_matched_in_service(struct nearmiss* nm) {
  struct eviction eviction;
  bool more, held = true;
  host_ring(&nm->bells); /* what the workers wait for comes first: until it goes, a cache answers */
  eviction = begin(nm);
  more = eviction.policy;
  while (more && (held = host_hold_caches(&nm->service))) {
    more = evict_some(&eviction);
    host_release_caches(&nm->service);
  }
  end(&eviction, !more);
  if (held || atomic_load(&nm->service.ends))
    return;
  log_err("nearmiss: Unbound's caches may still hold what the new policy blocks: its handler of "
          "SIGHUP does not show whether it serves. The next query that they cannot answer evicts "
          "it; `unbound-control flush_zone .` does so at once");
  atomic_store(&nm->worker_evicts, true);
}
