/*
 * Is this the Unbound that the module was built for?
 *
 * Unbound's structures have another layout in another version, and with other options of its
 * configure script: a module built for one reads wrong addresses in the other without a crash. Both
 * are texts in Unbound's program, looked for there before any structure is read.
 */
#ifndef NEARMISS_MODULE_HOST_GUARD_H
#define NEARMISS_MODULE_HOST_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if the running program holds `package` ("unbound 1.17.1") and `configured` (its configure
 * line), each as a whole string. If not, `why` says what was expected and what is running.
 */
bool nm_host_is(const char* package, const char* configured, char* why, size_t why_size);

#endif
