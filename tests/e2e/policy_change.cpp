#include "tests/e2e/policy_change.hpp"

#include "tests/catch.hpp"

namespace e2e {

std::string policy_listing(const std::string& name) {
  std::string policy = usual_policy;
  const std::string before = "exact: [arrny.example]";
  policy.replace(policy.find(before), before.size(), "exact: [arrny.example, " + name + "]");
  return policy;
}

std::uint64_t generation(const Unbound& resolver) {
  return resolver.nearmiss("status").at("policy").at("generation").get<std::uint64_t>();
}

void wait_for_generation(const Unbound& resolver, std::uint64_t wanted) {
  INFO(resolver.log());
  REQUIRE(wait_until([&] { return generation(resolver) == wanted; }));
}

void replace(const std::filesystem::path& file, const std::string& text, Write how) {
  if (how == Write::rename) {
    write_file(file.string() + ".new", text);
    std::filesystem::rename(file.string() + ".new", file);
    return;
  }
  if (how == Write::remove_and_make) {
    std::filesystem::remove(file);
  }
  write_file(file, text);
}

} // namespace e2e
