#define _GNU_SOURCE /* dl_iterate_phdr */
#include "module/unbound/host_guard.h"

#include <ctype.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

struct search {
  const char* package;
  const char* configured;
  bool has_package, has_configured;
  char running[64];    /* the version the program says it is */
  const char* options; /* what looks most like its own configure line */
  size_t options_len;
};

/* The next place in [from, end) where these octets stand. Not memmem(): AddressSanitizer takes what
 * it put between two strings of the program for out of bounds. */
__attribute__((no_sanitize_address)) static const char* find(const char* from, const char* end,
                                                             const char* octets, size_t count) {
  for (; (size_t)(end - from) >= count; from++) {
    size_t same = 0;
    while (same < count && from[same] == octets[same])
      same++;
    if (same == count)
      return from;
  }
  return NULL;
}

/* The next place where `text` stands with a zero octet behind it. */
static const char* find_string(const char* from, const char* end, const char* text) {
  return find(from, end, text, strlen(text) + 1);
}

static void note_version(struct search* search, const char* from, const char* end) {
  static const char prefix[] = "unbound ";
  while (search->running[0] == '\0' && (from = find(from, end, prefix, sizeof(prefix) - 1))) {
    const char* digit = from + sizeof(prefix) - 1;
    if (digit < end && isdigit((unsigned char)*digit) &&
        memchr(from, '\0', (size_t)(end - from)) != NULL)
      (void)snprintf(search->running, sizeof(search->running), "%s", from);
    from = digit;
  }
}

/* For the message alone: the longest string that begins as a configure line does. */
__attribute__((no_sanitize_address)) static void note_options(struct search* search,
                                                              const char* from, const char* end) {
  static const char begin[] = "\0--"; /* behind the end of another string */
  while ((from = find(from, end, begin, sizeof(begin) - 1))) {
    size_t len = 0;
    from++;
    while (from + len < end && from[len] != '\0')
      len++;
    if (len > search->options_len && find(from, from + len, "--with-", 7)) {
      search->options = from;
      search->options_len = len;
    }
  }
}

/* The first object is the program itself. Its strings are in segments that are not writable. */
static int search_program(struct dl_phdr_info* object, size_t size, void* arg) {
  struct search* search = arg;
  (void)size;
  for (size_t i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr)* segment = &object->dlpi_phdr[i];
    const char* begin = (const char*)(object->dlpi_addr + segment->p_vaddr);
    const char* end = begin + segment->p_memsz;
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_R) || (segment->p_flags & PF_W))
      continue;
    search->has_package = search->has_package || find_string(begin, end, search->package);
    search->has_configured = search->has_configured || find_string(begin, end, search->configured);
    note_version(search, begin, end);
    note_options(search, begin, end);
  }
  return 1; /* no other object */
}

bool nm_host_is(const char* package, const char* configured, char* why, size_t why_size) {
  struct search search = {.package = package, .configured = configured};
  (void)dl_iterate_phdr(search_program, &search);
  if (search.has_package && search.has_configured)
    return true;
  if (search.has_package)
    (void)snprintf(why, why_size,
                   "built for an %s with other configure options. It was: %s. This one's are: %s",
                   package, configured,
                   search.options ? search.options : "not found; `unbound -V` tells them");
  else
    (void)snprintf(why, why_size, "built for %s, but this is %s", package,
                   search.running[0] != '\0' ? search.running : "no Unbound that says its version");
  return false;
}
