#include "module/explanation.hpp"

#include "config/contact_reader.hpp"
#include "module/events/json.hpp"

#include <algorithm>
#include <span>
#include <string>

namespace nearmiss {

namespace {

constexpr std::size_t max_plain = 200;           // octets
constexpr std::uint64_t dns_operator_policy = 6; // of the draft's sub-error codes

// How much of the reply is left for EXTRA-TEXT. Names count as if none were compressed.
std::size_t room_for_text(const nm_lookup& lookup, const nm_answer& answer) noexcept {
  constexpr std::size_t header = 12;
  constexpr std::size_t type_and_class = 4;
  constexpr std::size_t before_rdata = 10; // type, class, TTL, length
  constexpr std::size_t opt = 11;          // the record without options
  constexpr std::size_t ede = 6;           // an option's code and length, and the INFO-CODE
  std::size_t size = header + lookup.qname.len + type_and_class + opt + ede;
  for (const nm_record& record :
       std::span(answer.records).first(answer.answer_count + answer.authority_count)) {
    size += record.owner.len + before_rdata + record.rdata_len;
  }
  return size < lookup.max_size ? lookup.max_size - size : 0;
}

bool set_if_it_fits(nm_explanation& why, std::string_view text, std::size_t room) noexcept {
  if (text.size() > std::min(room, sizeof(why.text))) {
    return false;
  }
  why.len = text.copy(why.text, text.size());
  return true;
}

std::string plain_text(const Rule& rule, std::string_view intended) {
  return intended.empty() ? "blocked by rule " + rule.id
                          : "did you mean " + std::string(intended) + "?";
}

// RFC 7493. `o` and `j` may be left out, where the reply has no room.
std::string structured(const Contact& contact, const Rule& rule, std::string_view plain,
                       bool with_o, bool with_j) {
  LineBuffer json;
  std::string_view before = R"({"c":[)";
  const auto add_contact = [&](std::string_view uri) {
    json += before;
    json::append_string(json, uri);
    before = ",";
  };
  if (is_mail_address(rule.owner)) {
    add_contact("mailto:" + rule.owner);
  }
  for (const std::string& uri : contact.uris) {
    add_contact(uri);
  }
  json += ']';
  if (with_j) {
    const std::string about =
        rule.reason.empty() ? std::string(plain) : std::string(plain) + " " + rule.reason;
    json::append_field(json, R"(,"j":)", about);
  }
  json::append_field(json, R"(,"s":)", dns_operator_policy);
  if (with_o) {
    json::append_optional(json, R"(,"o":)", contact.organisation);
  }
  if (with_o || with_j) {
    json::append_field(json, R"(,"l":)", contact.language);
  }
  json += '}';
  return std::string(json.text());
}

} // namespace

void explain(const Contact& contact, const Rule& rule, std::string_view intended,
             const nm_lookup& lookup, nm_answer& answer) {
  nm_explanation& why = answer.why;
  const std::size_t room = room_for_text(lookup, answer);
  const std::string plain = plain_text(rule, intended);
  if (lookup.wants_structured_error && (!contact.uris.empty() || is_mail_address(rule.owner))) {
    if (set_if_it_fits(why, structured(contact, rule, plain, true, true), room) ||
        set_if_it_fits(why, structured(contact, rule, plain, false, true), room) ||
        set_if_it_fits(why, structured(contact, rule, plain, false, false), room)) {
      return;
    }
    why.len = 0; // half of a JSON text is none
    return;
  }
  why.len = plain.copy(why.text, std::min({room, max_plain, sizeof(why.text)}));
}

} // namespace nearmiss
