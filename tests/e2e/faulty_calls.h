/* The switches of faulty_calls.c, in shared memory. */
#ifndef NEARMISS_TESTS_E2E_FAULTY_CALLS_H
#define NEARMISS_TESTS_E2E_FAULTY_CALLS_H

#ifdef __cplusplus
#include <atomic>
using std::atomic_int;
using std::atomic_long;
#else
#include <stdatomic.h>
#endif

struct faulty_calls {
  atomic_long clock_is_off_by;  /* seconds; the monotonic clock never is */
  atomic_int disk_hangs;        /* in each write(2) to a file named *.jsonl */
  atomic_int hangs_now;         /* set when one does */
  atomic_int no_room_for_state; /* in each write(2) to a file named *.state.part */
};

#endif
