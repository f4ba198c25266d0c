// The `nearmiss` command, run by the shell.
#pragma once

#include "tests/catch.hpp"
#include "tests/paths.hpp"

#include <array>
#include <cstdio>
#include <string>

#include <sys/wait.h>

namespace nearmiss::test {

struct Run {
  int exit_code;
  std::string output; // stdout, or both where the command says 2>&1
};

inline Run nearmiss_cli(const std::string& arguments) {
  const std::string command = std::string(NEARMISS_CLI) + ' ' + arguments;
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Run run{-1, {}};
  std::array<char, 4096> buffer{};
  while (const std::size_t got = fread(buffer.data(), 1, buffer.size(), pipe)) {
    run.output.append(buffer.data(), got);
  }
  const int status = pclose(pipe);
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return run;
}

inline bool holds(const Run& run, const std::string& part) {
  INFO(run.output);
  INFO(part);
  CHECK(run.output.find(part) != std::string::npos);
  return run.output.find(part) != std::string::npos;
}

inline void lacks(const Run& run, const std::string& part) {
  INFO(run.output);
  INFO(part);
  CHECK(run.output.find(part) == std::string::npos);
}

} // namespace nearmiss::test
