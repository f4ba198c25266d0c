/*
 * The module's start and end in Unbound.
 */
#include "module/unbound/host.h"

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

/* dynlib must stand first: a module before it could answer from a cache of its own, ask without a
 * client, or check the block's signature. And behind it only modules that respect no_cache_store:
 * subnetcache takes the mark back, dns64 and cachedb store an answer before this module has seen
 * it. */
static bool may_stand_with(const struct config_file* cfg) {
  static const char* const known[] = {"respip", "validator", "iterator"};
  const char* modules = cfg->module_conf ? cfg->module_conf : "";
  char words[256];
  char* rest = words;
  const char* word;
  bool fine = snprintf(words, sizeof(words), "%s", modules) < (int)sizeof(words) &&
              (word = strtok_r(rest, " \t", &rest)) && strcmp(word, "dynlib") == 0;
  while (fine && (word = strtok_r(NULL, " \t", &rest))) {
    fine = false;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
      fine = fine || strcmp(word, known[i]) == 0;
  }
  if (!fine)
    log_err("nearmiss: module-config is \"%s\", but dynlib must stand first and only respip, "
            "validator and iterator behind it: another module could hand out an answer that "
            "nearmiss blocks. Write for example module-config: \"dynlib validator iterator\"",
            modules);
  return fine;
}

/* Without it some releases (1.17.1 is one) cache what a server says of names that are not its own
 * as they parse it, and an older answer can change that way. */
static bool hardens_glue(const struct config_file* cfg) {
  if (!cfg->harden_glue)
    log_err("nearmiss: harden-glue is no, so Unbound caches addresses that nobody asked for before "
            "any module can judge them. Take that line out");
  return cfg->harden_glue;
}

static void policy_changed(void* arg) {
  evict_listed_in_service(arg);
}

static void free_module(struct nearmiss* nm) {
  if (!nm)
    return;
  atomic_store(&nm->ends, true);
  nm_core_stop(nm->core);
  delete_own_cache(nm);
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
  struct dynlibmod_env* de;
  struct nearmiss* nm;
  char why[8192];
  if (!nm_host_is(PACKAGE_STRING, CONFCMDLINE, why, sizeof(why))) {
    log_err("nearmiss: %s. Build the module against the Unbound that loads it", why);
    return 0;
  }
  if (!may_stand_with(env->cfg) || !hardens_glue(env->cfg))
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
  nm->host = (struct caches){env->msg_cache, env->rrset_cache};
  nm->zones = env->auth_zones;
  nm->is_rewritten = strstr(env->cfg->module_conf, "respip") != NULL;
  nm->idle_handler = sighup_handler();
  nm->core = nm_core_start(
      getenv("NEARMISS_CONFIG"),
      &(struct nm_host){.log_line = log_line, .policy_changed = policy_changed, .arg = nm});
  if (!nm->core) {
    free_module(nm);
    return 0;
  }
  if (!make_own_cache(nm, env) ||
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
  evict_listed(nm); /* a cache that was kept over a reload may hold answers from before a rule */
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
