#include "tests/e2e/event_file.hpp"

#include "tests/e2e/process.hpp"

#include <stdexcept>

namespace e2e {

std::vector<nlohmann::json> Events::all() const {
  const std::string text = read_file(file_);
  std::vector<nlohmann::json> events;
  std::size_t at = 0;
  // A line without its end is still being written.
  for (std::size_t end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    const std::string line = text.substr(at, end - at);
    nlohmann::json event = nlohmann::json::parse(line, nullptr, false);
    if (!event.is_object()) {
      throw std::runtime_error("not one JSON object: " + line);
    }
    events.push_back(std::move(event));
  }
  return events;
}

std::vector<nlohmann::json> Events::alerts() const {
  std::vector<nlohmann::json> events;
  for (nlohmann::json& event : all()) {
    if (!field(event, "dns.question.name").is_null() && field(event, "event.action") != "allow") {
      events.push_back(std::move(event));
    }
  }
  return events;
}

nlohmann::json Events::alert(std::size_t n) const {
  if (!wait_until([&] { return alerts().size() >= n; })) {
    throw std::runtime_error("event " + std::to_string(n) + " does not come; the file:\n" +
                             read_file(file_));
  }
  return alerts()[n - 1];
}

nlohmann::json Events::field(const nlohmann::json& event, const std::string& name) {
  if (event.contains(name)) {
    return event[name];
  }
  for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
    const std::string head = name.substr(0, dot);
    if (event.contains(head) && event[head].is_object()) {
      nlohmann::json found = field(event[head], name.substr(dot + 1));
      if (!found.is_null()) {
        return found;
      }
    }
  }
  return nullptr;
}

} // namespace e2e
