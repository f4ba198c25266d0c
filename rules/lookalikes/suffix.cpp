#include "rules/lookalikes/suffix.hpp"

#include "rules/lookalikes/keys.hpp"
#include "rules/lookalikes/public_suffix_list.hpp"
#include "rules/lookalikes/tld_pairs.hpp"

#include <libpsl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace nearmiss::lookalike {

namespace {

// The one libpsl was built with, so that a resolver in a chroot and `nearmiss check` outside of it
// judge alike. Static; not to be freed.
const psl_ctx_t* public_suffixes() {
  return psl_builtin();
}

constexpr bool is_plain(char octet) noexcept {
  return (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '-';
}

constexpr bool is_ascii(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char octet) { return is_plain(octet) || octet == '.'; });
}

// What libpsl's list can have at all. libpsl has the last word, but each question costs it
// thousands of instructions, and for most names the answer is known from here to be no.
class Rules {
 public:
  Rules() {
    // Another list than that of the build?
    if (public_suffix_rules.empty() ||
        std::string_view(psl_builtin_sha1sum()) != public_suffix_list_sha1) {
      return;
    }
    std::vector<KeyEntry> entries;
    std::set<std::uint64_t> above_u_labels;
    std::string_view lines = public_suffix_rules;
    while (!lines.empty()) {
      std::string_view rule = lines.substr(0, lines.find('\n'));
      lines.remove_prefix(rule.size() + 1);
      const bool wildcard = rule.starts_with("*.");
      rule.remove_prefix(wildcard ? 2 : rule.starts_with('!') ? 1 : 0);
      if (!is_ascii(rule)) {
        while (!is_ascii(rule)) { // leave the ASCII labels at its end
          rule.remove_prefix(std::min(rule.find('.'), rule.size() - 1) + 1);
        }
        above_u_labels.insert(hash_of(rule));
        continue;
      }
      const std::uint64_t hash = hash_of(rule);
      entries.push_back(
          {make_key(KeyKind::top_level, hash_of(rule.substr(rule.rfind('.') + 1))), 0});
      if (rule.find('.') != rule.npos) { // a last label is a suffix in any case
        entries.push_back({make_key(KeyKind::rule, hash), 0});
      }
      if (wildcard) {
        entries.push_back({make_key(KeyKind::wildcard, hash), 0});
      }
    }
    for (const std::uint64_t hash : above_u_labels) {
      entries.push_back({make_key(KeyKind::above_u_labels, hash), 0});
    }
    keys_ = KeyTable(std::move(entries));
    known_ = true;
  }

  bool known() const noexcept { return known_; }
  bool has_top_level(std::string_view label) const noexcept {
    return holds(KeyKind::top_level, append(0, label));
  }

  // A bit for each number of labels, 2 to `most`: may so many of the name's last ones be a public
  // suffix?
  std::uint32_t possible_suffixes(const Name& name, std::size_t most) const noexcept {
    std::uint32_t possible = 0;
    if (!known_) {
      return ~possible;
    }
    // NOLINTNEXTLINE(*-member-init): filled below
    std::array<std::uint64_t, max_suffix_labels + 2> before; // hashes of what is before a suffix
    std::uint64_t hash = 0;
    for (std::size_t labels = most; labels > 0; --labels) {
      before[labels] = hash;
      hash = append(hash, name.label(name.label_count() - labels));
    }
    if (most >= 2 && name.label(name.label_count() - 1).size() == 1) {
      possible |= std::uint32_t{1} << 2; // libpsl 0.21.2 takes "m" for a wildcard of the list
    }
    std::uint64_t parent = 0;
    bool u_label = false; // one where the list has some: their rules are not told apart here
    for (std::size_t labels = 1; labels <= most; ++labels) {
      u_label = u_label || (name.label(name.label_count() - labels).starts_with("xn--") &&
                            holds(KeyKind::above_u_labels, parent));
      const std::uint64_t suffix =
          hasher_.tail(hash, before[labels], name.suffix(labels).size() - 1);
      if (labels > 1 &&
          (u_label || holds(KeyKind::rule, suffix) || holds(KeyKind::wildcard, parent))) {
        possible |= std::uint32_t{1} << labels;
      }
      parent = suffix;
    }
    return possible;
  }

 private:
  std::uint64_t append(std::uint64_t hash, std::string_view label) const noexcept {
    return hasher_.append(hasher_.append(hash, static_cast<std::uint32_t>(label.size())), label);
  }
  std::uint64_t hash_of(std::string_view labels) const noexcept {
    std::uint64_t hash = 0;
    while (!labels.empty()) {
      const std::string_view label = labels.substr(0, labels.find('.'));
      hash = append(hash, label);
      labels.remove_prefix(std::min(label.size() + 1, labels.size()));
    }
    return hash;
  }
  bool holds(KeyKind kind, std::uint64_t hash) const noexcept {
    return !keys_.find(make_key(kind, hash)).empty();
  }

  Hasher hasher_;
  KeyTable keys_;
  bool known_ = false;
};

// Null until the list is loaded. Never destroyed: the log's thread may be at work while the process
// ends.
std::atomic<const Rules*> rules = nullptr;

std::uint32_t possible_suffixes(const Name& name, std::size_t most) noexcept {
  const Rules* const loaded = rules.load(std::memory_order_acquire);
  return loaded != nullptr ? loaded->possible_suffixes(name, most) : ~std::uint32_t{0};
}

using SuffixText = std::array<char, (max_suffix_labels + 1) * (Name::max_label + 1)>;

// The last `count` labels, max_suffix_labels + 1 at most, as libpsl takes them.
SuffixText text_of(const Name& name, std::size_t count) noexcept {
  SuffixText text{};
  std::size_t size = 0;
  const std::size_t total = name.label_count();
  for (std::size_t index = total - count; index < total; ++index) {
    if (size != 0) {
      text[size++] = '.';
    }
    // An octet that stands in no suffix must not look like a dot or an end.
    for (const char octet : name.label(index)) {
      text[size++] = is_plain(octet) ? octet : '_';
    }
  }
  return text;
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
  static const Rules* const loaded = new Rules;
  rules.store(loaded, std::memory_order_release);
}

std::size_t suffix_labels(const Name& name) noexcept {
  // Only the labels that can matter, so that the work does not grow with the name.
  const std::size_t total = name.label_count();
  const std::size_t count = std::min(total, max_suffix_labels + 1);
  const std::uint32_t possible = possible_suffixes(name, count);
  if (possible == 0) {
    return std::min<std::size_t>(count, 1);
  }
  const SuffixText text = text_of(name, count);
  // The longest suffix that the list has. libpsl would ask it for the last label too, which is the
  // suffix if nothing longer is one, and each question costs thousands of instructions.
  const char* at = text.data();
  for (std::size_t labels = count; labels > 1; --labels) {
    if ((possible >> labels & 1) != 0 && psl_is_public_suffix(public_suffixes(), at) != 0) {
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

bool is_private_suffix(const Name& name, std::size_t labels) noexcept {
  return psl_is_public_suffix2(public_suffixes(), text_of(name, labels).data(),
                               PSL_TYPE_PRIVATE | PSL_TYPE_NO_STAR_RULE) != 0;
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

std::size_t most_suffix_labels(const Name& name) noexcept {
  const std::size_t count = std::min(name.label_count(), max_suffix_labels + 1);
  const Rules* const loaded = rules.load(std::memory_order_acquire);
  if (loaded == nullptr || !loaded->known()) {
    return suffix_labels(name);
  }
  const std::uint32_t possible = loaded->possible_suffixes(name, count);
  return possible == 0 ? std::min<std::size_t>(count, 1)
                       : static_cast<std::size_t>(std::bit_width(possible)) - 1;
}

bool has_no_such_ending(const Name& name) noexcept {
  // Endings that no registry has, but that exist all the same (RFC 2606, 6761, 7686, 8375, 9476;
  // ICANN's resolution of 2024 on `internal`).
  constexpr std::array<std::string_view, 10> special{"alt",     "arpa", "example", "internal",
                                                     "invalid", "lan",  "local",   "localhost",
                                                     "onion",   "test"};
  const std::string_view last = name.label(name.label_count() - 1);
  if (last.starts_with("xn--") || std::ranges::find(special, last) != special.end()) {
    return false;
  }
  const Rules* const loaded = rules.load(std::memory_order_acquire);
  if (loaded != nullptr && loaded->known()) {
    return !loaded->has_top_level(last);
  }
  return !is_top_level_domain(text_of(name, 1).data());
}

bool is_top_level_domain(const char* label) noexcept {
  return psl_is_public_suffix2(public_suffixes(), label, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) !=
         0;
}

} // namespace nearmiss::lookalike
