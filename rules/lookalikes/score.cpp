#include "rules/lookalikes/score.hpp"

#include "rules/lookalikes/tld_pairs.hpp"
#include "rules/lookalikes/weights.hpp"

#include <algorithm>
#include <cmath>

namespace nearmiss {

namespace lookalike {

namespace {

constexpr std::size_t place(Feature feature) noexcept {
  return static_cast<std::size_t>(feature);
}

// The octets behind the first `labels` dots.
std::string_view last_labels(const Compared& name, std::size_t labels) noexcept {
  std::string_view text = name.text;
  for (std::size_t left = name.labels; left > labels; --left) {
    text.remove_prefix(std::min(text.find('.') + 1, text.size()));
  }
  return text;
}

// Which feature the ending has, if its slip is one that is judged.
std::optional<Feature> judge_ending(const Compared& asked, const Compared& meant) noexcept {
  const bool deeper = asked.labels > asked.suffix_labels + 1;
  if (deeper && meant.suffix_labels > asked.suffix_labels) {
    return Feature::inside_ending;
  }
  if (asked.suffix_labels != meant.suffix_labels) {
    return std::nullopt;
  }
  std::string_view a = last_labels(asked, asked.suffix_labels);
  std::string_view m = last_labels(meant, meant.suffix_labels);
  std::optional<Feature> found;
  while (!a.empty() && !m.empty()) {
    const std::string_view one = a.substr(0, a.find('.'));
    const std::string_view other = m.substr(0, m.find('.'));
    a.remove_prefix(std::min(one.size() + 1, a.size()));
    m.remove_prefix(std::min(other.size() + 1, m.size()));
    if (one == other) {
      continue;
    }
    const bool both_countries = one.size() == 2 && other.size() == 2;
    if (found || (both_countries && !is_mistyped(one, other))) {
      return std::nullopt; // under any two country codes the same label often has one owner
    }
    found = is_mistyped(one, other) ? Feature::mistyped_ending : Feature::ending_by_one;
  }
  return found;
}

LookalikeClass class_of(const Slips& slips, bool known_pair) noexcept {
  if (slips.dots > 0) {
    return LookalikeClass::moved_dot;
  }
  if (slips.ending > 0) {
    if (slips.label > 0) {
      return LookalikeClass::label_and_ending;
    }
    return known_pair ? LookalikeClass::tld_swap : LookalikeClass::ending_slip;
  }
  if (slips.label > 1) {
    return LookalikeClass::two_slips;
  }
  const auto found = std::ranges::find(slips.in_label, 1);
  switch (static_cast<Slip>(found - slips.in_label.begin())) {
  case Slip::key_beside:
    return LookalikeClass::replacement;
  case Slip::vowel:
    return LookalikeClass::vowel_swap;
  case Slip::by_ear:
  case Slip::other_letter:
    return LookalikeClass::misspelling;
  case Slip::doubled:
    return LookalikeClass::repetition;
  case Slip::put_in_at_end:
    return LookalikeClass::addition;
  case Slip::key_beside_put_in:
  case Slip::put_in_front:
  case Slip::put_in:
    return LookalikeClass::insertion;
  case Slip::swapped:
    return LookalikeClass::transposition;
  case Slip::hyphen:
    return LookalikeClass::hyphenation;
  case Slip::left_out_of_double:
  case Slip::left_out_first:
  case Slip::left_out_last:
  case Slip::left_out:
    break;
  }
  return LookalikeClass::omission;
}

// Is this more than one hand does by mistake, or too much to tell by what is left?
bool too_far(const Slips& slips, bool no_such_ending) noexcept {
  if (slips.all() == 0 || slips.all() > 3 || slips.label > 2 || slips.ending > 2 ||
      slips.dots > 1) {
    return true;
  }
  if (no_such_ending) {
    return slips.label == 2 && slips.ending > 1;
  }
  return slips.ending > 1 || (slips.dots > 0 && (slips.ending > 0 || slips.label > 1));
}

} // namespace

std::optional<SlipFound> find_slip(const Compared& asked, const Compared& meant,
                                   bool no_such_ending, bool provider) noexcept {
  const auto slips = slips_between(asked.text, meant.text, meant.label_size);
  if (!slips || too_far(*slips, no_such_ending)) {
    return std::nullopt;
  }
  SlipFound found;
  Features& features = found.features;
  features[place(Feature::any)] = 1;
  for (std::size_t kind = 0; kind < slip_count; ++kind) {
    features[place(Feature::first_slip) + kind] = slips->in_label[kind];
  }
  features[place(Feature::dot)] = slips->dots;
  bool known_pair = false;
  if (no_such_ending) {
    features[place(Feature::no_such_ending)] = slips->ending + slips->dots > 0 ? 1 : 0;
  } else if (slips->ending > 0) {
    const auto ending = judge_ending(asked, meant);
    if (!ending) {
      return std::nullopt;
    }
    features[place(*ending)] = 1;
    known_pair = *ending == Feature::mistyped_ending;
  }
  // A moved dot keeps every letter of the whole name, so it is the whole name that is as long as it
  // is.
  const bool dot_alone = slips->dots > 0 && slips->label == 0;
  const std::string_view label = dot_alone ? meant.text : meant.text.substr(0, meant.label_size);
  const auto length = label.size() - static_cast<std::size_t>(std::ranges::count(label, '.'));
  const bool two = slips->label > 1;
  features[place(Feature::two_slips)] = two ? 1 : 0;
  features[place(two ? Feature::length_two : Feature::length_one) + length_step(length)] = 1;
  features[place(Feature::provider)] = provider ? 1 : 0;
  features[place(Feature::provider_by_two)] = provider && two ? 1 : 0;
  found.kind = class_of(*slips, known_pair);
  return found;
}

LookalikeScore score_of(const Features& features) noexcept {
  const auto sum = [&](Feature begin, Feature end) noexcept {
    int total = 0;
    for (std::size_t at = place(begin); at < place(end); ++at) {
      total += weights[at] * features[at];
    }
    return static_cast<std::int16_t>(total);
  };
  LookalikeScore score;
  score.weighed = true;
  score.slip = sum(Feature::any, Feature::no_such_ending);
  score.ending = sum(Feature::no_such_ending, Feature::provider);
  score.provider = sum(Feature::provider, Feature::length_one);
  score.length = sum(Feature::length_one, Feature::count);
  return score;
}

} // namespace lookalike

int LookalikeScore::value() const noexcept {
  if (weighed) {
    const double share = 1 / (1 + std::exp(-odds() / 100.0));
    return std::clamp(static_cast<int>(std::lround(share * 100)), 1, 99);
  }
  const int left = base - short_label - changes;
  return left < 1 ? 1 : left;
}

} // namespace nearmiss
