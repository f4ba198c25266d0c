#define CATCH_CONFIG_RUNNER // Catch2 v2: this file holds the library
#include "tests/catch.hpp"

int main(int argc, char** argv) {
  return exit_code_of(Catch::Session().run(argc, argv));
}
