// What is said of a response policy zone beside its broken lines.
#include "config/lists/rpz_zone.hpp"
#include "config/names.hpp"

#include <algorithm>
#include <array>

namespace nearmiss {

namespace {

// What a trigger is for, by the label below the apex.
constexpr std::array<std::string_view, 4> other_triggers{"rpz-client-ip", "rpz-ip", "rpz-nsdname",
                                                         "rpz-nsip"};

} // namespace

std::string shown_trigger(const RpzZone::Trigger& trigger) {
  return shown((trigger.scope == Scope::below ? "*." : "") + trigger.name.to_text());
}

void RpzZone::report_left_out() {
  for (const auto& [label, others] : others_) {
    const bool known = std::ranges::find(other_triggers, label) != other_triggers.end();
    std::string remedy;
    if (label == "rpz-ip") {
      remedy = "; for addresses in answers write `answer_ip` in a rule";
    } else if (label == "rpz-client-ip") {
      remedy = "; for clients write `clients` in the policy and in its rules";
    }
    load_.warning(
        {others.first_line, 1},
        std::to_string(others.count) + ' ' + shown(label) +
            (others.count == 1 ? " trigger is left out: " : " triggers are left out: ") +
            (known ? "lists match the asked name alone" : "there is no such kind of trigger") +
            remedy);
  }
  for (const auto& [type, records] : passed_over_) {
    load_.warning({records.first_line, 1},
                  std::to_string(records.count) + ' ' + type_to_text(type) +
                      (records.count == 1 ? " record" : " records") +
                      " below the zone's name left out: such a record is no trigger, as in other "
                      "resolvers; write `CNAME .` to block the name");
  }
  if (elsewhere_.count > 0) {
    const bool left_out = order_.mode() == ZoneOrder::Mode::first_wins;
    const std::string some =
        std::to_string(elsewhere_.count) + (elsewhere_.count == 1 ? " trigger" : " triggers");
    if (left_out) {
      load_.note({elsewhere_.first_line, 1},
                 some + " left out, which an earlier zone decides, as " + elsewhere_trigger_ +
                     " is decided by " + shown(elsewhere_zone_));
    } else {
      load_.warning({elsewhere_.first_line, 1},
                    some + " contradict an earlier zone, as " + elsewhere_trigger_ + " does " +
                        shown(elsewhere_zone_) +
                        ": here the most specific trigger wins, and at the same name a passthru; "
                        "write `order: zones` in the policy for the earlier zone to win, as in "
                        "other resolvers");
    }
  }
  if (inside_.count > 0) {
    load_.warning({inside_.first_line, 1},
                  std::to_string(inside_.count) +
                      (inside_.count == 1 ? " CNAME leads" : " CNAMEs lead") +
                      " to names of the zone itself, as to " + shown(inside_target_) +
                      ", which no client can look up; is its final dot missing?");
  }
}

// Triggers as they come to be where the zone's name is taken for a part of the names.
void RpzZone::report_strange_names() {
  const std::string_view top =
      first_.is_root() ? std::string_view() : first_.label(first_.label_count() - 1);
  if (!first_.is_root() && first_.label_count() > 1 && one_top_ && !is_top_level_domain(top)) {
    load_.warning({}, "every trigger ends in " + shown(top) +
                          ", which is no top-level domain, as " + shown(first_.to_text()) +
                          ", so that no client may ever ask for one; if that is of the zone's "
                          "name, write `zone: NAME` in `list`");
  }
}

} // namespace nearmiss
