// Does a message say what it must?
#pragma once

#include "tests/catch.hpp"

#include <string>

namespace nearmiss::test {

// Fails the test, and shows both, where it does not.
inline bool holds(const std::string& text, const std::string& part) {
  INFO(text);
  INFO(part);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

} // namespace nearmiss::test
