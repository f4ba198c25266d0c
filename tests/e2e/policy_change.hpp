// Changing a policy, or a list, under a resolver that serves.
#pragma once

#include "tests/e2e/world.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace e2e {

// The usual policy with another name that it lists alone.
std::string policy_listing(const std::string& name);

std::uint64_t generation(const Unbound& resolver);
void wait_for_generation(const Unbound& resolver, std::uint64_t wanted); // a requirement

enum class Write { in_place, rename, remove_and_make };

void replace(const std::filesystem::path& file, const std::string& text, Write how);

} // namespace e2e
