/*
 * The module's start and end in Unbound.
 */
#include "module/unbound/adapter.h"

#include "module/unbound/host_guard.h"

PROVE(init, func_init_t);
PROVE(deinit, func_deinit_t);

/* Unbound takes its callbacks as untyped pointers, which POSIX allows and ISO C does not. */
#define FUNCTION(name) (__extension__(void*)(name))

static void log_line(bool is_error, const char* line) {
  if (is_error)
    log_err("nearmiss: %s", line);
  else
    log_info("nearmiss: %s", line);
}

/* Unbound ends at its start where these are configured and respip is not in module-config. */
static bool needs_respip(const struct config_file* cfg) {
  for (const struct config_auth* zone = cfg->auths; zone; zone = zone->next) {
    if (zone->isrpz)
      return true;
  }
  for (const struct config_view* view = cfg->views; view; view = view->next) {
    if (view->respip_actions || view->respip_data)
      return true;
  }
  return cfg->respip_actions || cfg->respip_data;
}

/* dynlib must stand first: a module before it could answer from a cache of its own, ask without a
 * client, or check the block's signature. And behind it only modules that respect no_cache_store:
 * subnetcache takes the mark back, dns64 and cachedb store an answer before this module has seen
 * it. */
static bool may_stand_with(const struct config_file* cfg) {
  static const char* const known[] = {"respip", "validator", "iterator"};
  bool has_respip = false;
  const char* modules = cfg->module_conf ? cfg->module_conf : "";
  const bool asks_respip = needs_respip(cfg);
  char words[256];
  char* rest = words;
  const char* word;
  bool fine = snprintf(words, sizeof(words), "%s", modules) < (int)sizeof(words) &&
              (word = strtok_r(rest, " \t", &rest)) && strcmp(word, "dynlib") == 0;
  while (fine && (word = strtok_r(NULL, " \t", &rest))) {
    fine = false;
    has_respip = has_respip || strcmp(word, "respip") == 0;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
      fine = fine || strcmp(word, known[i]) == 0;
  }
  /* The one to write instead, of the modules that are configured. */
  const bool validates = strstr(modules, "validator") != NULL;
  const bool responds = asks_respip || strstr(modules, "respip") != NULL;
  if (!fine)
    log_err("nearmiss: module-config is \"%s\", but dynlib must stand first and only respip, "
            "validator and iterator after it: another module could hand out an answer that "
            "nearmiss blocks. Write module-config: \"dynlib%s%s iterator\"",
            modules, responds ? " respip" : "", validates ? " validator" : "");
  else if (asks_respip && !has_respip)
    log_err("nearmiss: module-config is \"%s\", but an rpz: clause or a response-ip option is "
            "configured, which Unbound runs with respip only. Write module-config: \"dynlib "
            "respip%s iterator\"",
            modules, validates ? " validator" : "");
  return fine && (!asks_respip || has_respip);
}

/* Without it some releases (1.17.1 is one) cache what a server says of names that are not its own
 * as they parse it, and an older answer can change that way. */
static bool hardens_glue(const struct config_file* cfg) {
  if (!cfg->harden_glue)
    log_err("nearmiss: harden-glue is no, so Unbound caches addresses that nobody asked for before "
            "any module can judge them. Take that line out");
  return cfg->harden_glue;
}

/* Also read in the file, by `nearmiss check --unbound`: see contrib/cli/check_unbound.cpp. */
__attribute__((used)) static const char built_for_mark[] =
    "nearmiss built for\n" PACKAGE_STRING "\n" NM_UNBOUND_BUILD "\n";

static bool is_built_for_host(void) {
  const struct nm_built_for built = {PACKAGE_STRING, CONFCMDLINE, NM_UNBOUND_BUILD};
  char why[8192];
  const enum nm_host_kind kind =
      nm_judge_host(&built, getenv(NM_ACCEPT_VARIABLE), why, sizeof(why));
  if (kind == NM_HOST_REFUSED)
    log_err("nearmiss: %s", why);
  else if (kind == NM_HOST_ACCEPTED)
    log_warn("nearmiss: %s. Running all the same, because " NM_ACCEPT_VARIABLE " names it", why);
  return kind != NM_HOST_REFUSED;
}

static void policy_changed(void* arg) {
  evict_matched_in_service(arg);
}

static void free_module(struct nearmiss* nm) {
  if (!nm)
    return;
  atomic_store(&nm->service.ends, true);
  nm_core_stop(nm->core);
  host_end_bells(&nm->bells);
  host_delete_caches(&nm->own);
  free(nm);
}

static void unregister(struct module_env* env, int id) {
  struct dynlibmod_env* de = env->modinfo[id];
  de->inplace_cb_delete_wrapped(env, inplace_cb_reply, id);
  de->inplace_cb_delete_wrapped(env, inplace_cb_reply_servfail, id);
  de->inplace_cb_delete_wrapped(env, inplace_cb_query, id);
  de->inplace_cb_delete_wrapped(env, inplace_cb_query_response, id);
}

EXPORT int init(struct module_env* env, int id) {
  static uint64_t modules_so_far; /* init and deinit run alone */
  struct dynlibmod_env* de;
  struct nearmiss* nm;
  if (!is_built_for_host() || !may_stand_with(env->cfg) || !hardens_glue(env->cfg))
    return 0;
  if ((size_t)env->cfg->num_threads >= nm_max_threads()) {
    log_err("nearmiss: num-threads is %d, but it works with less than %u only",
            env->cfg->num_threads, (unsigned)nm_max_threads());
    return 0;
  }
  de = env->modinfo[id];
  nm = calloc(1, sizeof(*nm));
  if (!nm) {
    log_err("nearmiss: out of memory");
    return 0;
  }
  nm->serial = ++modules_so_far;
  nm->id = id;
  nm->host = (struct host_caches){env->msg_cache, env->rrset_cache};
  nm->service.zones = env->auth_zones;
  nm->is_rewritten = strstr(env->cfg->module_conf, "respip") != NULL;
  nm->service.idle_handler = host_sighup_handler();
  nm->core = nm_core_start(
      getenv("NEARMISS_CONFIG"),
      &(struct nm_host){.log_line = log_line, .policy_changed = policy_changed, .arg = nm});
  if (!nm->core) {
    free_module(nm);
    return 0;
  }
  if (!host_make_caches(&nm->own, env) ||
      !de->inplace_cb_register_wrapped(FUNCTION(on_reply), inplace_cb_reply, nm, env, id) ||
      !de->inplace_cb_register_wrapped(FUNCTION(on_reply), inplace_cb_reply_servfail, nm, env,
                                       id) ||
      !de->inplace_cb_register_wrapped(FUNCTION(on_query), inplace_cb_query, nm, env, id) ||
      !de->inplace_cb_register_wrapped(FUNCTION(on_response), inplace_cb_query_response, nm, env,
                                       id)) {
    log_err("nearmiss: out of memory");
    unregister(env, id);
    free_module(nm);
    return 0;
  }
  evict_matched(nm); /* a cache that was kept over a reload may hold answers from before a rule */
  if (!nm_core_watch(nm->core)) {
    unregister(env, id);
    free_module(nm);
    return 0;
  }
  de->dyn_env = nm;
  return 1;
}

EXPORT void deinit(struct module_env* env, int id) {
  struct dynlibmod_env* de = env->modinfo[id];
  if (!de || !de->dyn_env)
    return;
  unregister(env, id);
  free_module(de->dyn_env);
  de->dyn_env = NULL;
}
