// The events the module writes: one JSON object a line.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace e2e {

class Events {
 public:
  explicit Events(std::filesystem::path file) : file_(std::move(file)) {}

  // The events about queries so far (dns.question.name is there), in the order they were written.
  // Throws, with the line, if a line is not one JSON object.
  std::vector<nlohmann::json> alerts() const;
  std::vector<nlohmann::json> all() const; // start, reload and the like as well

  // Waits for the n-th event about a query (from 1) and returns it; throws if it does not come.
  nlohmann::json alert(std::size_t n) const;

  // A field by its dotted name ("dns.question.name"), nested or flat; null if there is none.
  static nlohmann::json field(const nlohmann::json& event, const std::string& name);

 private:
  std::filesystem::path file_;
};

} // namespace e2e
