// Catch2 v3 where it is, else v2; what their names differ in by its name in v3.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
inline auto ContainsSubstring(const std::string& text) {
  return Catch::Contains(text);
}
#endif

// A test that cannot run here says why and ends. A program of which something was left out and
// nothing failed exits with 4, which CTest reports as skipped (SKIP_RETURN_CODE, which Catch2 v3
// sets to 4 by itself): so what may be left out is a test of its own there.
inline int tests_left_out = 0;
#define LEAVE_OUT(reason)                                                                          \
  do {                                                                                             \
    ++tests_left_out;                                                                              \
    WARN("left out: " << (reason));                                                                \
    return;                                                                                        \
  } while (false)

// Of a runner, with what Catch's session returned: in v2 that is the number of what failed, 4 as
// well.
inline int exit_code_of(int result) {
  if (result != 0) {
    return 1;
  }
  return tests_left_out > 0 ? 4 : 0;
}
