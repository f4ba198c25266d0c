// The test runner. Catch2 v2 makes it from its header; v3 has it in a library of its own.
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_RUNNER
#endif
#include "tests/catch.hpp"

#include "tests/e2e/unbound.hpp"

int main(int argc, char** argv) {
  e2e::on_problem = [](const std::string& what) { FAIL_CHECK(what); };
  return exit_code_of(Catch::Session().run(argc, argv));
}
