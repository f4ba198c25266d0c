// What the module tells: an event for each lookup that drew a block or a note (an attempt), and one
// for each change of the module itself (a notice).
//
// The resolver's threads hand over little more than what they have at hand (queue.hpp). One
// thread of the event log makes an Event of it: the texts that every format needs, each once. The
// formats (format.hpp) put it into words, the sinks (sink.hpp) write those.
//
// Every event has a number from one counter without gaps since the module's start, in the order of
// the log, so a reader sees whether one is missing.
#pragma once

#include "config/config.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nearmiss {

// How the listed name was met.
enum class MatchedBy : std::uint8_t { qname, cname, mx_exchange, answer_ip };
std::string_view to_string(MatchedBy matched_by) noexcept;

// What the client set in its message; of EDNS, DO.
struct HeaderFlags {
  bool recursion_desired = false, checking_disabled = false, dnssec_ok = false;
  bool any() const noexcept { return recursion_desired || checking_disabled || dnssec_ok; }
};

// What the events of one published policy have in common, worked out once. Immutable; keeps its
// policy alive while events wait that point into it.
class EventPolicy {
 public:
  // Throws std::bad_alloc.
  EventPolicy(std::shared_ptr<const Config> config, std::uint64_t generation);

  const Config& config() const noexcept { return *config_; }
  std::uint64_t generation() const noexcept { return generation_; }
  // The digest as the events have it: its first 16 digits.
  std::string_view version() const noexcept;
  // The fields about a rule of this policy, ready to be put into a JSON object: each begins with a
  // comma. Those of OCSF end within the object `unmapped`.
  std::string_view ecs(const Rule& rule) const noexcept { return texts(rule).ecs; }
  std::string_view ocsf(const Rule& rule) const noexcept { return texts(rule).ocsf; }

 private:
  struct RuleTexts {
    std::string ecs, ocsf;
  };
  const RuleTexts& texts(const Rule& rule) const noexcept {
    return texts_[text_of_[static_cast<std::size_t>(&rule - config_->policy.rules().data())]];
  }
  std::shared_ptr<const Config> config_;
  std::uint64_t generation_;
  std::vector<RuleTexts> texts_;
  // By rule, in the policy's order. A response policy zone may be 100,000 rules with a few texts.
  std::vector<std::uint32_t> text_of_;
};

// A lookup that drew a block or a note, and what became of it, as the resolver's thread has it.
struct Attempt {
  const Verdict& verdict;
  MatchedBy matched_by;
  const ClientAddress* matched_address; // of answer_ip, else null
  const Name* led_to = nullptr;         // the name of the answer that a rule matched, or null
  const Name& qname;
  std::string_view intended; // the domain that was meant, as text; empty if not known
  std::uint16_t qtype;
  std::uint16_t id; // the DNS message's
  ClientAddress client;
  std::uint16_t client_port;
  const ClientAddress* server = nullptr; // that was asked, or null
  std::uint16_t server_port = 0;         // 0: not known
  bool tcp;
  HeaderFlags flags{};
  int rcode; // as sent; -1: not known, the real answer went out, or no answer at all
  const ClientAddress* resolved_ip; // the sinkhole's or the local data's, or null
};

// Something about the module itself. Rare, so it may take memory as it likes.
struct Notice {
  using Value = std::variant<std::string, std::uint64_t, std::vector<std::string>>;
  struct Field {
    std::string name; // of ECS, or nearmiss.*
    Value value;
  };
  std::string action; // "policy-loaded"
  bool success = true;
  std::string message{};
  std::vector<Field> fields{};
  std::string category{"configuration"}; // ECS event.category
};

// The list that all names of the rule come from; null: there is none, or not one alone.
const LoadedList* list_of(const Rule& rule, const EventPolicy& policy) noexcept;

// An event in the writing thread, whatever its format will be. Views into what the maker holds.
struct Event {
  std::chrono::system_clock::time_point time;
  std::uint64_t sequence = 0;
  const EventPolicy* policy = nullptr; // null: a notice that is about no policy
  const Notice* notice = nullptr;      // null: an attempt

  // Of an attempt.
  const Rule* rule = nullptr;
  Action action = Action::observe;
  MatchedBy matched_by = MatchedBy::qname;
  bool enforced = false;
  bool tcp = false;
  HeaderFlags flags;
  int rcode = -1;
  bool wildcard = false; // `matched` is listed as `*.matched`
  std::uint16_t qtype = 0, id = 0, client_port = 0, server_port = 0;
  std::string_view timestamp; // of `time`, RFC 3339, UTC, microseconds; of a notice too
  std::string_view client, server, resolved_ip;                      // server: empty if not known
  std::string_view qname, registered_domain, top_level_domain, type; // empty: there is none
  std::string_view matched, led_to, intended, confusable_class, client_group;
};

} // namespace nearmiss
