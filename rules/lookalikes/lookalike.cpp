#include "rules/lookalikes/lookalike.hpp"

#include "rules/lookalikes/class.hpp"
#include "rules/lookalikes/edit.hpp"
#include "rules/lookalikes/glyph.hpp"
#include "rules/lookalikes/known.hpp"
#include "rules/lookalikes/score.hpp"
#include "rules/lookalikes/slip_keys.hpp"
#include "rules/lookalikes/suffix.hpp"
#include "rules/lookalikes/tables.hpp"
#include "rules/lookalikes/tld_pairs.hpp"

#include <algorithm>
#include <array>

namespace nearmiss {

using lookalike::KeyEntry;
using lookalike::KeyKind;
using lookalike::make_key;
using lookalike::Target;
using lookalike::Text;

// One lookup. What only a candidate needs (the public suffix, whether the name is trusted) is
// worked out when there is one: most names have none.
class LookalikeIndex::Search {
 public:
  // NOLINTNEXTLINE(*-member-init): hash_labels() fills what is read
  Search(const Tables& tables, const Name& asked, const RuleFilter* wanted) noexcept
      : tables_(tables), asked_(asked), wanted_(wanted) {}

  std::optional<Lookalike> run() noexcept {
    hash_labels();
    const std::size_t labels = asked_.label_count();
    const std::size_t deepest = std::min(labels - 1, lookalike::max_suffix_labels);
    for (std::size_t suffix = 1; suffix <= deepest && !trusted_; ++suffix) {
      const std::uint64_t hash = hash_of(labels - suffix, labels);
      if (suffix <= tables_.longest_suffix && holds(make_key(KeyKind::suffix, hash))) {
        under_same_suffix(suffix, hash);
      }
      under_any_suffix(suffix);
    }
    whole_names_inside();
    if (!tables_.slips.empty()) {
      slips();
    }
    if (!best_ || trusted_) {
      return std::nullopt;
    }
    return Lookalike{best_->kind, best_->domain, best_->score, asked_.last_labels(best_->compared)};
  }

  void report_to(const FeatureVisit& visit) noexcept { visit_ = &visit; }
  // Finds slips of any odds, and known names too.
  void ask_for_nearest() noexcept { nearest_ = true; }
  std::size_t work() const noexcept { return work_; }

 private:
  // Slips of the fingers: of the registered name, and of one with a label more (yahoo.con.br, where
  // the list has no con.br; i.softbank.jp).
  void slips() noexcept {
    const std::size_t labels = asked_.label_count();
    const std::size_t suffix = lookalike::most_suffix_labels(asked_);
    const std::size_t shortest = suffix == labels ? labels : suffix + 1;
    if (shortest < 2) {
      return;
    }
    slips_of(shortest, 2);
    if (shortest < labels) {
      slips_of(shortest + 1, 1);
    }
  }

  void slips_of(std::size_t labels, unsigned most) noexcept {
    const lookalike::SlipText text(asked_, labels);
    const std::size_t size = text.joined().size();
    most = text.too_long() ? 0 : std::min(most, lookalike::slips_of_length(size, 2));
    if (most == 0) {
      return;
    }
    // All keys first, so that their lines come from memory side by side.
    // NOLINTNEXTLINE(*-member-init): filled below
    std::array<std::uint64_t, lookalike::most_slip_keys + 64> keys;
    std::size_t count = 0;
    lookalike::for_each_slip_key(tables_.hasher, text.joined(), most,
                                 [&](std::uint64_t key) noexcept {
                                   tables_.slips.prefetch(key);
                                   keys[count++] = key;
                                 });
    work_ += count;
    seen_count_ = 0;
    for (std::size_t at = 0; at < count; ++at) {
      if (tables_.slips.may_hold(keys[at])) {
        tables_.slips.each(keys[at], [&](std::uint32_t value) noexcept {
          return consider_slip(value, labels, text);
        });
      }
    }
  }

  // False where enough candidates have been compared: a name that is near more protected ones than
  // that is judged by the first of them.
  bool consider_slip(std::uint32_t value, std::size_t labels,
                     const lookalike::SlipText& text) noexcept {
    const auto seen_end = seen_.begin() + static_cast<std::ptrdiff_t>(seen_count_);
    if (++work_ > most_work || std::find(seen_.begin(), seen_end, value) != seen_end) {
      return work_ <= most_work;
    }
    if (seen_count_ == seen_.size()) {
      return false;
    }
    seen_[seen_count_++] = value;
    const std::uint32_t index = value >> 1;
    const Target& target = tables_.targets[index];
    const Name& domain = tables_.domains[index].domain;
    const std::size_t meant_labels =
        (value & 1) != 0 ? domain.label_count() : target.suffix_labels + 1U;
    const lookalike::SlipText meant(domain, meant_labels);
    if (meant.text() == text.text()) {
      return true;
    }
    const std::size_t suffix = owned_suffix();
    if (suffix >= labels) {
      return true;
    }
    const auto compared = [](const lookalike::SlipText& name, std::size_t all,
                             std::size_t ending) noexcept {
      std::size_t at = name.text().size();
      for (std::size_t left = ending; left > 0; --left) {
        at = name.text().rfind('.', at - 1);
      }
      return lookalike::Compared{name.text(), all, ending, at};
    };
    if (!no_such_ending_) {
      no_such_ending_ = lookalike::has_no_such_ending(asked_);
    }
    const auto found = lookalike::find_slip(compared(text, labels, suffix),
                                            compared(meant, meant_labels, target.suffix_labels),
                                            *no_such_ending_, target.provider);
    if (!found) {
      return true;
    }
    if (visit_ != nullptr && !is_trusted()) {
      (*visit_)(index, found->features);
    }
    LookalikeScore score = lookalike::score_of(found->features);
    score.threshold = target.threshold;
    if (nearest_ || target.classes.contains(found->kind) || score.odds() >= target.threshold) {
      settle(found->kind, index, score, labels);
    }
    return true;
  }

  // What can be told of the registered label under a suffix that protected domains share.
  void under_same_suffix(std::size_t suffix, std::uint64_t suffix_hash) noexcept {
    const std::string_view octets = asked_.label(asked_.label_count() - suffix - 1);
    const Text text = lookalike::decode(octets);
    const std::u32string_view label = text.view();
    // What is longer than every protected label may end in one, but is none.
    const std::size_t longest = tables_.longest_under_suffix + 1;
    const std::size_t first = label.size() > longest ? label.size() - longest : 0;
    // hashes[i]: of the characters from `first` up to i.
    // NOLINTNEXTLINE(*-member-init): filled below
    std::array<std::uint64_t, Text::capacity + 1> hashes;
    hashes[first] = 0;
    for (std::size_t at = first; at < label.size(); ++at) {
      hashes[at + 1] = tables_.hasher.append(hashes[at], label[at]);
    }
    const std::uint64_t whole = hashes[label.size()];
    const auto rest_from = [&](std::size_t at) noexcept {
      return tables_.hasher.tail(whole, hashes[at], label.size() - at);
    };

    if (first == 0) {
      each(make_key(KeyKind::alias, whole, suffix_hash),
           [&](std::uint32_t value) noexcept { offer_alias(value, label, suffix); });
    }
    if (label.size() <= tables_.longest_label + 1) {
      // All keys first, so that their lines come from memory side by side.
      // NOLINTNEXTLINE(*-member-init): filled below
      std::array<std::uint64_t, Text::capacity + 1> keys;
      std::size_t count = 0;
      const auto want = [&](std::uint64_t hash) noexcept {
        keys[count] = make_key(KeyKind::deletion, hash, suffix_hash);
        tables_.keys.prefetch(keys[count++]);
      };
      want(whole);
      for (std::size_t at = 0; at < label.size(); ++at) {
        if (at > 0 && label[at] == label[at - 1]) {
          continue; // leaves the same text
        }
        want(tables_.hasher.join(hashes[at], rest_from(at + 1), label.size() - at - 1));
      }
      for (std::size_t at = 0; at < count; ++at) {
        edited(keys[at], label, suffix);
      }
    }
    glyphs(label, suffix, suffix_hash);

    const auto key_from = [&](std::size_t at) noexcept {
      return make_key(KeyKind::label, rest_from(at), suffix_hash);
    };
    if (label.starts_with(U"www")) {
      const std::size_t length = label.substr(3).starts_with(U'-') ? 4 : 3;
      if (length >= first) {
        behind_prefix(label, length, key_from(length), suffix, [&](std::uint32_t index) noexcept {
          offer(LookalikeClass::www_prefix, index, 0, suffix, suffix + 1);
        });
      }
    }
    for (std::size_t at = label.find(U'-', first); at != label.npos;
         at = label.find(U'-', at + 1)) {
      behind_prefix(label, at + 1, key_from(at + 1), suffix, [&](std::uint32_t index) noexcept {
        offer(LookalikeClass::combosquatting, index, 0, suffix, suffix + 1);
        if (lookalike::is_host_word(label.substr(0, at))) {
          offer(LookalikeClass::subdomain_as_prefix, index, 0, suffix, suffix + 1);
        }
      });
    }
    if (asked_.label_count() > suffix + 1) {
      split_label(octets, label, suffix, suffix_hash);
    }
  }

  void edited(std::uint64_t key, std::u32string_view label, std::size_t suffix) noexcept {
    each(key, [&](std::uint32_t index) noexcept {
      const Target& target = tables_.targets[index];
      // Two labels that are an edit apart often share several keys in a row.
      if (index == last_edited_ || !same_suffix(target.suffix, suffix)) {
        return;
      }
      last_edited_ = index;
      const ClassSet classes = lookalike::edit_classes(label, target.label);
      for (std::size_t kind = 0; kind < lookalike_class_count; ++kind) {
        if (classes.contains(static_cast<LookalikeClass>(kind))) {
          offer(static_cast<LookalikeClass>(kind), index, 0, suffix, suffix + 1);
        }
      }
    });
  }

  void glyphs(std::u32string_view label, std::size_t suffix, std::uint64_t suffix_hash) noexcept {
    const auto skeleton = tables_.skeletons.find_possible(label);
    if (!skeleton) {
      return;
    }
    const std::uint64_t hash = tables_.hash_text(skeleton->view());
    std::size_t compared = 0;
    each(make_key(KeyKind::skeleton, hash, suffix_hash), [&](std::uint32_t index) noexcept {
      const Target& target = tables_.targets[index];
      if (!same_suffix(target.suffix, suffix) || label == target.label ||
          ++compared > most_glyphs_compared) {
        return;
      }
      const Text folded = lookalike::fold(label);
      const auto distance = lookalike::glyph_distance(folded.view(), target.folded);
      if (!distance) {
        return;
      }
      if (*distance == 0) {
        offer(LookalikeClass::homoglyph, index, 0, suffix, suffix + 1);
      } else {
        offer(LookalikeClass::near_homoglyph, index, *distance - 1, suffix, suffix + 1);
      }
    });
  }

  // The protected labels that this one ends in, behind `length` characters.
  template<typename Visit>
  void behind_prefix(std::u32string_view label, std::size_t length, std::uint64_t key,
                     std::size_t suffix, Visit visit) noexcept {
    each(key, [&](std::uint32_t index) noexcept {
      const Target& target = tables_.targets[index];
      if (same_suffix(target.suffix, suffix) && label.substr(length) == target.label) {
        visit(index);
      }
    });
  }

  // ar.my.mil: the registered label and the one before it make a protected one.
  void split_label(std::string_view octets, std::u32string_view label, std::size_t suffix,
                   std::uint64_t suffix_hash) noexcept {
    const std::size_t at = asked_.label_count() - suffix - 1;
    const std::string_view before = asked_.label(at - 1);
    const bool ascii = !octets.starts_with("xn--") && !before.starts_with("xn--");
    if (!ascii && label.size() >= tables_.longest_under_suffix) {
      return;
    }
    Text both;
    if (!ascii) {
      both = lookalike::decode(before);
      for (const char32_t character : label) {
        both.append(character);
      }
    }
    const std::uint64_t joined =
        ascii ? tables_.hasher.join(label_hash(at - 1), label_hash(at), octets.size())
              : tables_.hash_text(both.view());
    each(make_key(KeyKind::label, joined, suffix_hash), [&](std::uint32_t index) noexcept {
      const Target& target = tables_.targets[index];
      const std::u32string_view meant = target.label;
      const bool same = ascii ? meant.size() == before.size() + octets.size() &&
                                    same_octets(before, meant.substr(0, before.size())) &&
                                    same_octets(octets, meant.substr(before.size()))
                              : meant == both.view();
      if (same_suffix(target.suffix, suffix) && same) {
        // The dot may have made another public suffix (ar.in.net of arin.net).
        const bool longer_suffix = owned_suffix() == suffix + 1;
        offer(LookalikeClass::dot_insertion, index, 0, suffix + (longer_suffix ? 1 : 0),
              suffix + 2);
      }
    });
  }

  // The registered label is a protected one under another suffix, or a whole protected name.
  void under_any_suffix(std::size_t suffix) noexcept {
    const std::size_t at = asked_.label_count() - suffix - 1;
    const std::string_view octets = asked_.label(at);
    const std::uint64_t hash = label_hash(at);
    each(make_key(KeyKind::any_label, hash), [&](std::uint32_t index) noexcept {
      const Name& domain = tables_.domains[index].domain;
      const std::size_t labels = tables_.targets[index].suffix_labels;
      if (domain.label(domain.label_count() - labels - 1) != octets) {
        return;
      }
      if (const auto further = lookalike::suffix_slip(asked_, suffix, domain, labels)) {
        offer(LookalikeClass::tld_swap, index, *further, suffix, suffix + 1);
      }
    });
    each(make_key(KeyKind::any_alias, hash), [&](std::uint32_t value) noexcept {
      if (same_octets(octets, tables_.aliases[value].label)) {
        offer(tables_.aliases[value].kind, tables_.aliases[value].target, 0, suffix, suffix + 1);
      }
    });
  }

  // army.mil.example and army.mil.another.example: all labels of a protected name in a row, and
  // more behind them. The first kind ends where a public suffix begins, or within one that
  // somebody sells names under: deutsche-bank.de.com, but not google.com.br.
  void whole_names_inside() noexcept {
    const std::size_t labels = asked_.label_count();
    const std::size_t last_suffix =
        labels > lookalike::max_suffix_labels ? labels - lookalike::max_suffix_labels : 0;
    for (const std::size_t count : tables_.sequence_labels) {
      const std::size_t first = tables_.anywhere ? count : std::max(count, last_suffix);
      for (std::size_t end = first; end < labels && !trusted_; ++end) {
        const std::size_t begin = end - count;
        each(make_key(KeyKind::sequence, hash_of(begin, end)), [&](std::uint32_t index) noexcept {
          const Name& domain = tables_.domains[index].domain;
          if (count > domain.label_count() || !same_labels(begin, domain, count)) {
            return;
          }
          const std::size_t behind = labels - end;
          const std::size_t suffix = owned_suffix();
          if (behind == suffix || (behind < suffix && suffix < labels - begin &&
                                   lookalike::is_private_suffix(asked_, suffix))) {
            offer(LookalikeClass::subdomain_as_prefix, index, 0, suffix, labels - begin);
          } else if (behind > suffix) {
            offer(LookalikeClass::embedded_domain, index, 0, suffix, labels - begin);
          }
        });
      }
    }
  }

  void offer_alias(std::uint32_t value, std::u32string_view label, std::size_t suffix) noexcept {
    const lookalike::Alias& alias = tables_.aliases[value];
    if (alias.label == label && same_suffix(alias.suffix, suffix)) {
      offer(alias.kind, alias.target, 0, suffix, suffix + 1);
    }
  }

  // A look-alike of this kind, if the kind is wanted for the domain and `suffix` labels are what
  // the public suffix list takes for the asked name's suffix. `compared`: labels that were judged.
  void offer(LookalikeClass kind, std::uint32_t index, unsigned further, std::size_t suffix,
             std::size_t compared) noexcept {
    const Target& target = tables_.targets[index];
    if (!target.classes.contains(kind) || suffix != owned_suffix()) {
      return;
    }
    settle(kind, index, lookalike::score_of(kind, target.label.size(), further), compared);
  }

  // Takes it for the best, unless another is better.
  void settle(LookalikeClass kind, std::uint32_t index, const LookalikeScore& score,
              std::size_t compared) noexcept {
    if (is_trusted() || (!nearest_ && is_known()) ||
        (wanted_ != nullptr && !(*wanted_)(tables_.targets[index].rule))) {
      return;
    }
    if (best_) {
      const int gain = score.value() - best_->score.value();
      const bool earlier = kind != best_->kind ? kind < best_->kind : index < best_->domain;
      if (gain < 0 || (gain == 0 && !earlier)) {
        return;
      }
    }
    best_ = Best{kind, index, score, compared};
  }

  std::size_t owned_suffix() noexcept {
    if (owned_suffix_ == 0) {
      owned_suffix_ = lookalike::owned_suffix_labels(asked_);
    }
    return owned_suffix_;
  }

  // Is the name a protected one, or below one? Then it is nobody's look-alike.
  bool is_trusted() noexcept {
    if (!trust_known_) {
      trust_known_ = true;
      const std::size_t labels = asked_.label_count();
      const std::size_t most = std::min(labels, tables_.longest_trusted);
      for (std::size_t count = 2; count <= most && !trusted_; ++count) {
        each(make_key(KeyKind::trusted, hash_of(labels - count, labels)),
             [&](std::uint32_t value) noexcept {
               trusted_ = trusted_ || asked_.is_at_or_below(tables_.trusted[value]);
             });
      }
    }
    return trusted_;
  }

  bool is_known() noexcept {
    if (!known_) {
      known_ = tables_.known_names != nullptr && tables_.known_names->contains(asked_);
    }
    return *known_;
  }

  template<typename Visit> void each(std::uint64_t key, Visit visit) noexcept {
    const auto entries = tables_.keys.find(key);
    work_ += 1 + entries.size();
    for (const KeyEntry& entry : entries) {
      visit(entry.value);
    }
  }
  bool holds(std::uint64_t key) noexcept {
    ++work_;
    return !tables_.keys.find(key).empty();
  }

  bool same_suffix(std::string_view suffix, std::size_t labels) const noexcept {
    return last_octets(asked_, labels) == suffix;
  }
  bool same_labels(std::size_t begin, const Name& domain, std::size_t count) const noexcept {
    const std::string_view wanted = last_octets(domain, count);
    return last_octets(asked_, asked_.label_count() - begin).starts_with(wanted);
  }
  static bool same_octets(std::string_view octets, std::u32string_view text) noexcept {
    return std::ranges::equal(
        octets, text, {}, [](char octet) { return char32_t{static_cast<unsigned char>(octet)}; });
  }

  void hash_labels() noexcept {
    std::uint64_t hash = 0;
    for (std::size_t label = 0; label < asked_.label_count(); ++label) {
      const std::string_view octets = asked_.label(label);
      const std::uint64_t length =
          tables_.hasher.append(hash, static_cast<std::uint32_t>(octets.size()));
      hashes_[label] = {hash, length};
      hash = tables_.hasher.append(length, octets);
    }
    hashes_[asked_.label_count()] = {hash, hash};
  }
  std::size_t start_of(std::size_t label) const noexcept {
    return asked_.wire().size() - asked_.suffix(asked_.label_count() - label).size();
  }
  // Of the labels from `begin` up to `end`, in wire form.
  std::uint64_t hash_of(std::size_t begin, std::size_t end) const noexcept {
    return tables_.hasher.tail(hashes_[end].before, hashes_[begin].before,
                               start_of(end) - start_of(begin));
  }
  std::uint64_t label_hash(std::size_t label) const noexcept {
    return tables_.hasher.tail(hashes_[label + 1].before, hashes_[label].with_length,
                               asked_.label(label).size());
  }

  const Tables& tables_;
  const Name& asked_;
  const RuleFilter* wanted_; // null: every rule
  // Of the name's wire form: of all before a label, and of that and the label's length octet.
  struct LabelHashes {
    std::uint64_t before, with_length;
  };
  std::array<LabelHashes, Name::max_labels + 1> hashes_;
  std::size_t owned_suffix_ = 0; // 0: not asked for yet
  std::optional<std::uint32_t> last_edited_;
  bool trust_known_ = false;
  bool trusted_ = false;
  bool nearest_ = false;
  const FeatureVisit* visit_ = nullptr; // null: nobody fits weights
  std::optional<bool> known_;
  std::optional<bool> no_such_ending_;
  static constexpr std::size_t most_work = 2000;
  // Labels of b and d alone, or of i, l and 1, have one skeleton: of many such protected ones the
  // first are compared, and nearly always one of these is the look-alike.
  static constexpr std::size_t most_glyphs_compared = 32;
  std::array<std::uint32_t, 32> seen_; // candidates that were compared
  std::size_t seen_count_ = 0;
  std::size_t work_ = 0;
  struct Best {
    LookalikeClass kind;
    std::uint32_t domain;
    LookalikeScore score;
    std::size_t compared; // labels
  };
  std::optional<Best> best_;
};

LookalikeIndex::LookalikeIndex() : LookalikeIndex(std::vector<Protected>()) {}
LookalikeIndex::LookalikeIndex(std::vector<Protected> domains,
                               std::shared_ptr<const KnownNames> known)
    : tables_(std::make_unique<const Tables>(std::move(domains), std::move(known))) {}
LookalikeIndex::LookalikeIndex(LookalikeIndex&&) noexcept = default;
LookalikeIndex& LookalikeIndex::operator=(LookalikeIndex&&) noexcept = default;
LookalikeIndex::~LookalikeIndex() = default;

std::optional<Lookalike> LookalikeIndex::find(const Name& asked) const noexcept {
  if (tables_->domains.empty() || asked.label_count() < 2) {
    return std::nullopt;
  }
  return Search(*tables_, asked, nullptr).run();
}

std::optional<Lookalike> LookalikeIndex::find(const Name& asked,
                                              const RuleFilter& wanted) const noexcept {
  if (tables_->domains.empty() || asked.label_count() < 2) {
    return std::nullopt;
  }
  return Search(*tables_, asked, &wanted).run();
}

std::optional<Lookalike> LookalikeIndex::nearest(const Name& asked) const noexcept {
  if (tables_->domains.empty() || asked.label_count() < 2) {
    return std::nullopt;
  }
  Search search(*tables_, asked, nullptr);
  search.ask_for_nearest();
  return search.run();
}

void LookalikeIndex::for_each_slip(const Name& asked, const FeatureVisit& visit) const {
  Search search(*tables_, asked, nullptr);
  search.report_to(visit);
  search.run();
}

bool LookalikeIndex::knows(const Name& asked) const noexcept {
  return tables_->known_names != nullptr && tables_->known_names->contains(asked);
}

std::size_t LookalikeIndex::work(const Name& asked) const noexcept {
  if (tables_->domains.empty() || asked.label_count() < 2) {
    return 0;
  }
  Search search(*tables_, asked, nullptr);
  search.run();
  return search.work();
}

std::span<const Protected> LookalikeIndex::domains() const noexcept {
  return tables_->domains;
}

} // namespace nearmiss
