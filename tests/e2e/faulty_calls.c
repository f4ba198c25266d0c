/*
 * Preloaded into Unbound by a test: a clock that jumps, a disk that hangs in write(2), and one that
 * is full.
 *
 * The switches are in a file that both map, $NEARMISS_FAULTY_CALLS.
 */
#define _GNU_SOURCE
#include "tests/e2e/faulty_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static struct faulty_calls nothing;
static struct faulty_calls* faults = &nothing;

__attribute__((constructor)) static void map_switches(void) {
  const char* file = getenv("NEARMISS_FAULTY_CALLS");
  int fd = file ? open(file, O_RDWR | O_CLOEXEC) : -1;
  void* mapped = MAP_FAILED;
  if (fd >= 0) {
    mapped = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
  }
  if (mapped == MAP_FAILED)
    abort();
  faults = mapped;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec* now) {
  int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    now->tv_sec += atomic_load(&faults->clock_is_off_by);
  return result;
}

EXPORT int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  int result = (int)syscall(SYS_gettimeofday, now, zone);
  if (result == 0)
    now->tv_sec += atomic_load(&faults->clock_is_off_by);
  return result;
}

EXPORT time_t time(time_t* now) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  if (now)
    *now = precise.tv_sec;
  return precise.tv_sec;
}

static int ends_in(int fd, const char* end) {
  char link[32] = "/proc/self/fd/";
  char file[4096];
  char digits[12];
  size_t used = strlen(link);
  size_t count = 0;
  ssize_t size;
  do {
    digits[count++] = (char)('0' + fd % 10);
    fd /= 10;
  } while (fd > 0);
  while (count > 0)
    link[used++] = digits[--count];
  size = readlink(link, file, sizeof(file));
  count = strlen(end);
  return size > (ssize_t)count && memcmp(file + size - (ssize_t)count, end, count) == 0;
}

EXPORT ssize_t write(int fd, const void* octets, size_t count) {
  static const struct timespec a_while = {0, 2000000};
  if (atomic_load(&faults->no_room_for_state) && ends_in(fd, ".state.part")) {
    errno = ENOSPC;
    return -1;
  }
  if (atomic_load(&faults->disk_hangs) && ends_in(fd, ".jsonl")) {
    atomic_store(&faults->hangs_now, 1);
    while (atomic_load(&faults->disk_hangs))
      nanosleep(&a_while, NULL);
  }
  return syscall(SYS_write, fd, octets, count);
}
