#define _GNU_SOURCE /* dl_iterate_phdr */
#include "module/unbound/host_guard.h"

#include <ctype.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

/* What the program says of itself. */
struct search {
  const struct nm_built_for* built;
  bool has_package, has_configured;
  char build[NM_BUILD_MAX]; /* empty: no build-id */
  char running[64];         /* the version the program says it is */
  const char* options;      /* what looks most like its own configure line */
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

static bool put_hex(char* text, size_t size, const char* kind, const unsigned char* octets,
                    size_t count) {
  static const char digits[] = "0123456789abcdef";
  const size_t kind_len = strlen(kind);
  if (kind_len + 2 * count >= size)
    return false;
  (void)memcpy(text, kind, kind_len);
  for (size_t i = 0; i < count; i++) {
    text[kind_len + 2 * i] = digits[octets[i] >> 4];
    text[kind_len + 2 * i + 1] = digits[octets[i] & 0xF];
  }
  text[kind_len + 2 * count] = '\0';
  return true;
}

/* A segment of notes: a head, then name and description, each padded to the segment's alignment. */
static void note_build_id(struct search* search, const char* at, const char* end, size_t align) {
  ElfW(Nhdr) head;
  while ((size_t)(end - at) >= sizeof(head)) {
    (void)memcpy(&head, at, sizeof(head));
    const char* name = at + sizeof(head);
    const size_t name_len = (head.n_namesz + align - 1) & ~(align - 1);
    const size_t desc_len = (head.n_descsz + align - 1) & ~(align - 1);
    if (name_len > (size_t)(end - name) || desc_len > (size_t)(end - name) - name_len)
      return;
    if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == sizeof("GNU") &&
        memcmp(name, "GNU", sizeof("GNU")) == 0 && head.n_descsz > 0)
      (void)put_hex(search->build, sizeof(search->build),
                    "build-id:", (const unsigned char*)name + name_len, head.n_descsz);
    at = name + name_len + desc_len;
  }
}

/* For a program without a build-id. The link leads to the file that was started, also after an
 * update has put another in its place; below a chroot it is there only if /proc is. */
static bool digest_program(char* build, size_t size) {
  unsigned char block[16384];
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned digest_len = 0;
  size_t count;
  FILE* file = fopen("/proc/self/exe", "rbe");
  EVP_MD_CTX* hash = EVP_MD_CTX_new();
  bool fine = file && hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1;
  while (fine && (count = fread(block, 1, sizeof(block), file)) > 0)
    fine = EVP_DigestUpdate(hash, block, count) == 1;
  fine = fine && ferror(file) == 0 && EVP_DigestFinal_ex(hash, digest, &digest_len) == 1 &&
         put_hex(build, size, "sha256:", digest, digest_len);
  EVP_MD_CTX_free(hash);
  if (file)
    (void)fclose(file);
  return fine;
}

/* The first object is the program itself. Its strings are in segments that are not writable. */
static int search_program(struct dl_phdr_info* object, size_t size, void* arg) {
  struct search* search = arg;
  (void)size;
  for (size_t i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr)* segment = &object->dlpi_phdr[i];
    const char* begin = (const char*)(object->dlpi_addr + segment->p_vaddr);
    const char* end = begin + segment->p_memsz;
    if (segment->p_type == PT_NOTE)
      note_build_id(search, begin, end, segment->p_align == 8 ? 8 : 4);
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_R) || (segment->p_flags & PF_W))
      continue;
    search->has_package = search->has_package || find_string(begin, end, search->built->package);
    search->has_configured =
        search->has_configured || find_string(begin, end, search->built->configured);
    note_version(search, begin, end);
    note_options(search, begin, end);
  }
  return 1; /* no other object */
}

enum nm_host_kind nm_judge_host(const struct nm_built_for* built, const char* accepted, char* why,
                                size_t why_size) {
  struct search search = {.built = built};
  (void)dl_iterate_phdr(search_program, &search);
  if (search.build[0] == '\0' && !digest_program(search.build, sizeof(search.build)))
    (void)snprintf(search.build, sizeof(search.build),
                   "unknown: it has no build-id, and /proc/self/exe cannot be read");
  if (strcmp(search.build, built->build) == 0)
    return NM_HOST_SAME;
  const bool same_options = !search.has_package || search.has_configured;
  const int len = snprintf(
      why, why_size, "built for %s (%s), but this is %s (%s)%s%s%s%s", built->package, built->build,
      search.has_package          ? built->package
      : search.running[0] != '\0' ? search.running
                                  : "no Unbound that says its version",
      search.build, same_options ? "" : " with other configure options. They were: ",
      same_options ? "" : built->configured, same_options ? "" : ". This one's are: ",
      same_options     ? ""
      : search.options ? search.options
                       : "not found; `unbound -V` prints them");
  if (accepted && strcmp(accepted, search.build) == 0)
    return NM_HOST_ACCEPTED;
  if (len >= 0 && (size_t)len < why_size)
    (void)snprintf(
        why + len, why_size - (size_t)len,
        ". Its structures may have another layout, so nearmiss does not run in it. Build "
        "nearmiss for this Unbound or start the one it was built for. If you know that "
        "the layout is the same: " NM_ACCEPT_VARIABLE "=%s",
        search.build);
  return NM_HOST_REFUSED;
}
