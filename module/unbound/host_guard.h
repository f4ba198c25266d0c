/*
 * Is this the Unbound that the module was built for?
 *
 * Unbound's structures have another layout in another version, with other options of its configure
 * script, and with a vendor's patch that changes neither: a module built for one reads wrong
 * addresses in the other without a crash. So the module is tied to one program, by the GNU build-id
 * that the linker put into it, or by the SHA-256 of its file where it has no build-id. Version and
 * configure line are looked for in the program as well, for a message that an admin can act on. All
 * of it happens before any structure of Unbound is read.
 */
#ifndef NEARMISS_MODULE_HOST_GUARD_H
#define NEARMISS_MODULE_HOST_GUARD_H

#include <stddef.h>

/* The environment variable that accepts one other program, by its build as the refusal prints it.
 */
#define NM_ACCEPT_VARIABLE "NEARMISS_ACCEPT_UNBOUND"

enum { NM_BUILD_MAX = 160 };

struct nm_built_for {
  const char* package;    /* "unbound 1.17.1" */
  const char* configured; /* its configure line */
  const char* build;      /* "build-id:<hex>", or "sha256:<hex>" of the program without one */
};

enum nm_host_kind {
  NM_HOST_SAME,     /* the program that the module was built for */
  NM_HOST_ACCEPTED, /* another one, which `accepted` names; `why` says what differs */
  NM_HOST_REFUSED   /* another one; `why` says what differs and what to do */
};

/* Judges the running program. `accepted`: the value of NM_ACCEPT_VARIABLE, or NULL. */
enum nm_host_kind nm_judge_host(const struct nm_built_for* built, const char* accepted, char* why,
                                size_t why_size);

#endif
