#include "rules/lookalikes/variants.hpp"

#include "rules/lookalikes/edit.hpp"
#include "rules/lookalikes/glyph.hpp"
#include "rules/lookalikes/suffix.hpp"
#include "rules/lookalikes/tld_pairs.hpp"
#include "rules/lookalikes/variants_glyph.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>

namespace nearmiss {

namespace {

using Labels = std::vector<std::string>;

constexpr std::string_view letters_and_digits = "abcdefghijklmnopqrstuvwxyz0123456789";

// Collects variants of one domain. Labels are U-labels until they are put into a name.
class Generator {
 public:
  Generator(const Name& domain, ClassSet classes) : domain_(domain), classes_(classes) {
    const std::size_t suffix = lookalike::owned_suffix_labels(domain);
    const std::size_t own = domain.label_count() - suffix - 1;
    for (std::size_t at = 0; at < domain.label_count(); ++at) {
      auto& part = at < own ? before_ : suffix_;
      if (at != own) {
        part.emplace_back(domain.label(at));
      }
    }
    registered_ = std::string(domain.label(own));
    label_ = std::u32string(lookalike::decode(domain.label(own)).view());
  }

  std::vector<Variant> run() {
    edits();
    if (classes_.contains(LookalikeClass::homoglyph)) {
      for (const auto& label : lookalike::look_same(label_)) {
        add_label(LookalikeClass::homoglyph, label);
      }
    }
    if (classes_.contains(LookalikeClass::near_homoglyph)) {
      for (const auto& label : lookalike::look_similar(label_)) {
        add_label(LookalikeClass::near_homoglyph, label);
      }
    }
    other_suffixes();
    other_dots();
    prefixes();
    whole_names();

    std::vector<Variant> variants;
    for (const auto& [kind, text] : found_) {
      const auto name = Name::from_text(text);
      if (name && *name != domain_) {
        variants.push_back({*name, kind});
      }
    }
    return variants;
  }

 private:
  void edits() {
    const std::size_t size = label_.size();
    for (std::size_t at = 0; at < size; ++at) {
      const char32_t here = label_[at];
      add_edit(LookalikeClass::omission, at, 1, U"");
      add_edit(LookalikeClass::repetition, at, 0, std::u32string(1, here));
      if (here == U'-') {
        add_edit(LookalikeClass::hyphenation, at, 1, U"");
      }
      if (at > 0) {
        add_edit(LookalikeClass::hyphenation, at, 0, U"-");
      }
      if (at + 1 < size) {
        add_edit(LookalikeClass::transposition, at, 2, std::u32string{label_[at + 1], here});
      }
      for (const char octet : letters_and_digits) {
        const auto character = static_cast<char32_t>(octet);
        const std::u32string text(1, character);
        if (lookalike::are_key_neighbours(character, here)) {
          add_edit(LookalikeClass::insertion, at, 0, text);
          add_edit(LookalikeClass::insertion, at + 1, 0, text);
          add_edit(LookalikeClass::replacement, at, 1, text);
        }
        if (lookalike::is_vowel(character) && lookalike::is_vowel(here)) {
          add_edit(LookalikeClass::vowel_swap, at, 1, text);
        }
      }
      for (char32_t bit = 1; bit < 0x80 && here < 0x80; bit <<= 1) {
        add_edit(LookalikeClass::bitsquatting, at, 1, std::u32string(1, here ^ bit));
      }
    }
    for (const char octet : letters_and_digits) {
      add_edit(LookalikeClass::addition, size, 0, std::u32string(1, static_cast<char32_t>(octet)));
    }
    for (const auto& word : lookalike::other_numbers(label_)) {
      add_label(LookalikeClass::plural, word);
    }
  }

  void other_suffixes() {
    const std::string tld = suffix_.back();
    std::set<std::string> tlds;
    for (const auto mistyped : mistyped_of(tld)) {
      tlds.emplace(mistyped);
    }
    for (const auto& other : one_edit_away(tld)) {
      if (lookalike::is_top_level_domain(other.c_str()) &&
          !(tld.size() == 2 && other.size() == 2)) {
        tlds.insert(other);
      }
    }
    for (const auto& other : tlds) {
      Labels suffix = suffix_;
      suffix.back() = other;
      add(LookalikeClass::tld_swap, before_, registered_, suffix);
    }
    if (suffix_.size() > 1) {
      add(LookalikeClass::tld_swap, before_, registered_, {suffix_.begin() + 1, suffix_.end()});
    }
  }

  static std::set<std::string> one_edit_away(const std::string& text) {
    std::set<std::string> found;
    for (std::size_t at = 0; at <= text.size(); ++at) {
      for (char letter = 'a'; letter <= 'z'; ++letter) {
        found.insert(text.substr(0, at) + letter + text.substr(at));
        if (at < text.size()) {
          found.insert(text.substr(0, at) + letter + text.substr(at + 1));
        }
      }
      if (at < text.size()) {
        found.insert(text.substr(0, at) + text.substr(at + 1));
      }
      if (at + 1 < text.size()) {
        found.insert(text.substr(0, at) + text[at + 1] + text[at] + text.substr(at + 2));
      }
    }
    found.erase(text);
    found.erase("");
    return found;
  }

  void other_dots() {
    std::u32string joined = label_;
    std::u32string hyphened = label_;
    for (std::size_t at = before_.size(); at-- > 0;) {
      const std::u32string before = read(before_[at]);
      joined.insert(0, before);
      hyphened.insert(0, before + U'-');
      const Labels left(before_.begin(), before_.begin() + static_cast<std::ptrdiff_t>(at));
      add_read(LookalikeClass::missing_dot, left, joined, suffix_);
      add_read(LookalikeClass::subdomain_as_prefix, left, hyphened, suffix_);
    }
    if (suffix_.size() > 1) {
      const std::u32string first = read(suffix_[0]);
      const Labels rest(suffix_.begin() + 1, suffix_.end());
      add_read(LookalikeClass::missing_dot, before_, label_ + first, rest);
      add_read(LookalikeClass::subdomain_as_prefix, before_, label_ + U'-' + first, rest);
    }
    for (std::size_t at = 1; at < label_.size(); ++at) {
      if (const auto first = lookalike::to_a_label(label_.substr(0, at))) {
        Labels left = before_;
        left.push_back(*first);
        add_read(LookalikeClass::dot_insertion, left, label_.substr(at), suffix_);
      }
    }
  }

  void prefixes() {
    add_label(LookalikeClass::www_prefix, U"www" + label_);
    add_label(LookalikeClass::www_prefix, U"www-" + label_);
    for (const auto word : lookalike::host_words()) {
      const std::u32string label = std::u32string(word) + U"-" + label_;
      add_label(LookalikeClass::subdomain_as_prefix, label);
      add_label(LookalikeClass::combosquatting, label);
    }
  }

  void whole_names() {
    Labels registered{registered_};
    registered.insert(registered.end(), suffix_.begin(), suffix_.end());
    Labels whole = before_;
    whole.insert(whole.end(), registered.begin(), registered.end());
    for (const Labels& labels : {registered, whole}) {
      const Labels front(labels.begin(), labels.end() - 1);
      add(LookalikeClass::subdomain_as_prefix, front, labels.back(), {"example"});
      Labels inside = labels;
      add(LookalikeClass::embedded_domain, inside, "other", {"example"});
      for (const char32_t* between : {U"", U"-"}) {
        std::u32string joined;
        for (const auto& label : labels) {
          joined += (joined.empty() ? U"" : between) + read(label);
        }
        add_read(LookalikeClass::subdomain_as_prefix, {}, joined, {"example"});
        add_read(LookalikeClass::subdomain_as_prefix, {}, joined, {"com"});
        add_read(LookalikeClass::subdomain_as_prefix, {}, joined, suffix_);
      }
    }
  }

  // The label with `count` characters from `at` on replaced.
  void add_edit(LookalikeClass kind, std::size_t at, std::size_t count, std::u32string_view text) {
    std::u32string label = label_;
    label.replace(at, count, text);
    add_label(kind, label);
  }

  void add_label(LookalikeClass kind, std::u32string_view label) {
    if (label != label_) {
      add_read(kind, before_, label, suffix_);
    }
  }

  void add_read(LookalikeClass kind, const Labels& before, std::u32string_view label,
                const Labels& suffix) {
    if (classes_.contains(kind)) {
      if (const auto written = lookalike::to_a_label(label)) {
        add(kind, before, *written, suffix);
      }
    }
  }

  static std::u32string read(std::string_view label) {
    return std::u32string(lookalike::decode(label).view());
  }

  void add(LookalikeClass kind, const Labels& before, const std::string& label,
           const Labels& suffix) {
    if (!classes_.contains(kind)) {
      return;
    }
    std::string text;
    for (const auto& part : before) {
      text += part + '.';
    }
    text += label;
    for (const auto& part : suffix) {
      text += '.' + part;
    }
    if (are_host_labels(text)) {
      found_.emplace(kind, std::move(text));
    }
  }

  // RFC 1123 section 2.1: letters, digits, and hyphens that neither begin nor end a label. Labels
  // of the domain itself may have underscores.
  static bool are_host_labels(std::string_view text) {
    char last = '.';
    for (const char octet : text) {
      const bool hyphen_at_edge = (octet == '-' && last == '.') || (octet == '.' && last == '-');
      const bool plain = octet == '.' || octet == '-' || octet == '_' ||
                         lookalike::is_letter_or_digit(static_cast<unsigned char>(octet));
      if (hyphen_at_edge || !plain || (octet == '.' && last == '.')) {
        return false;
      }
      last = octet;
    }
    return last != '-' && last != '.';
  }

  const Name& domain_;
  ClassSet classes_;
  Labels before_;          // the labels before the registered one
  std::string registered_; // as an A-label
  std::u32string label_;   // as a U-label
  Labels suffix_;
  std::set<std::pair<LookalikeClass, std::string>> found_;
};

} // namespace

std::vector<Variant> variants_of(const Name& domain, ClassSet classes) {
  lookalike::load_public_suffixes();
  lookalike::load_glyphs();
  if (domain.label_count() < 2) {
    throw std::invalid_argument("no variants of \"" + domain.to_text() +
                                "\": a domain of two labels or more is needed");
  }
  return Generator(domain, classes).run();
}

} // namespace nearmiss
