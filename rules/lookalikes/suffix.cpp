#include "rules/lookalikes/suffix.hpp"

#include "rules/lookalikes/tld_pairs.hpp"

#include <libpsl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace nearmiss::lookalike {

namespace {

// The one libpsl was built with, so that a resolver in a chroot and `nearmiss check` outside of it
// judge alike. Static; not to be freed.
const psl_ctx_t* public_suffixes() {
  return psl_builtin();
}

// One character put in, left out or replaced, or two neighbours swapped.
bool is_one_edit(std::string_view a, std::string_view b) noexcept {
  if (a.size() > b.size()) {
    std::swap(a, b);
  }
  const auto at = static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  const std::string_view a_rest = a.substr(at);
  const std::string_view b_rest = b.substr(at);
  if (a.size() + 1 == b.size()) {
    return a_rest == b_rest.substr(1);
  }
  if (a.size() != b.size() || a_rest.empty()) {
    return false;
  }
  return a_rest.substr(1) == b_rest.substr(1) ||
         (a_rest.size() > 1 && a_rest[0] == b_rest[1] && a_rest[1] == b_rest[0] &&
          a_rest.substr(2) == b_rest.substr(2));
}

} // namespace

void load_public_suffixes() {
  if (public_suffixes() == nullptr) {
    throw std::runtime_error("no public suffix list: install the package publicsuffix");
  }
}

std::size_t suffix_labels(const Name& name) noexcept {
  // Only the labels that can matter, so that the work does not grow with the name.
  const std::size_t total = name.label_count();
  const std::size_t count = std::min(total, max_suffix_labels + 1);
  std::array<char, (max_suffix_labels + 1) * (Name::max_label + 1)> text{};
  std::size_t size = 0;
  for (std::size_t index = total - count; index < total; ++index) {
    if (size != 0) {
      text[size++] = '.';
    }
    // libpsl takes text: an octet that stands in no suffix must not look like a dot or an end.
    for (const char octet : name.label(index)) {
      const bool plain =
          (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '-';
      text[size++] = plain ? octet : '_';
    }
  }
  // The longest suffix that the list has. libpsl would ask it for the last label too, which is the
  // suffix if nothing longer is one, and each question costs thousands of instructions.
  const char* at = text.data();
  for (std::size_t labels = count; labels > 1; --labels) {
    if (psl_is_public_suffix(public_suffixes(), at) != 0) {
      return labels;
    }
    at = std::strchr(at, '.') + 1;
  }
  return std::min<std::size_t>(count, 1);
}

std::size_t owned_suffix_labels(const Name& name) noexcept {
  const std::size_t count = suffix_labels(name);
  return count == name.label_count() && count > 1 ? count - 1 : count;
}

std::optional<unsigned> suffix_slip(const Name& asked, std::size_t asked_labels, const Name& meant,
                                    std::size_t meant_labels) noexcept {
  if (asked_labels < meant_labels) {
    const bool left_out =
        std::ranges::equal(asked.suffix(asked_labels), meant.suffix(asked_labels));
    return left_out ? std::optional(1U) : std::nullopt;
  }
  if (asked_labels != meant_labels) {
    return std::nullopt;
  }
  std::optional<unsigned> slip;
  for (std::size_t behind = 1; behind <= asked_labels; ++behind) {
    const std::string_view a = asked.label(asked.label_count() - behind);
    const std::string_view b = meant.label(meant.label_count() - behind);
    if (a == b) {
      continue;
    }
    if (slip) {
      return std::nullopt; // two labels differ
    }
    if (is_mistyped(a, b)) {
      slip = 0;
    } else if (is_one_edit(a, b) && !(a.size() == 2 && b.size() == 2)) {
      slip = 1;
    } else {
      return std::nullopt;
    }
  }
  return slip;
}

bool is_top_level_domain(const char* label) noexcept {
  return psl_is_public_suffix2(public_suffixes(), label, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) !=
         0;
}

} // namespace nearmiss::lookalike
