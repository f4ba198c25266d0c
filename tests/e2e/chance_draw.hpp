// What the chance test draws with, and the names it draws: in lower case, with a final dot.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace e2e {

// A number from the environment.
inline std::uint64_t setting(const char* name, std::uint64_t usual) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
}

inline std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}
inline bool below(const std::string& name, const std::string& ancestor) {
  return name.ends_with("." + ancestor);
}
inline bool at_or_below(const std::string& name, const std::string& ancestor) {
  return name == ancestor || below(name, ancestor);
}
inline std::string parent_of(const std::string& name) {
  return name.substr(name.find('.') + 1);
}
inline std::string undotted(const std::string& name) {
  return name.substr(0, name.size() - 1);
}

// Draws the same for the same seed, whatever the machine.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}
  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool percent(std::size_t p) { return below(100) < p; }
  template<typename T> const T& of(const std::vector<T>& all) { return all[below(all.size())]; }

 private:
  std::mt19937_64 random_;
};

} // namespace e2e
