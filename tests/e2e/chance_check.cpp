#include "tests/e2e/chance_check.hpp"

#include "tests/e2e/world.hpp"

#include <algorithm>
#include <future>
#include <set>

using namespace std::chrono_literals;

namespace e2e {

namespace {

std::optional<Answer> ask(const Unbound& server, const Query& query) {
  return server.ask(query.client, query.name, query.type, query.flags);
}

std::string leak(const Model& model, const Query& query, const Answer& answer) {
  return model.leak(query.client, query.name, query.type, query.tcp(), answer);
}

std::string both_texts(const Answer& got, const Answer& want) {
  return got.text() + "\nplain:\n" + want.text();
}

std::set<std::string> content(const Answer& answer) {
  std::set<std::string> records;
  for (const Rr& rr : answer.answer) {
    if (rr.type != RRSIG && rr.type != DNAME) { // a DNAME's CNAME says the same
      records.insert(lower(rr.owner) + " " + type_text(rr.type) + " " + lower(rr.data));
    }
  }
  return records;
}

// By Unbound's own `response-ip`, which says so as the module does.
bool is_redirected(const Answer& answer) {
  return std::ranges::any_of(answer.answer,
                             [](const Rr& rr) { return rr.data == redirected_address; });
}

bool are_equal(const Answer& one, const Answer& other) {
  return one.rcode == other.rcode && content(one) == content(other);
}

std::string event_key(const nlohmann::json& event) {
  const auto field = [&](const char* key) {
    const nlohmann::json value = Events::field(event, key);
    return value.is_string() ? value.get<std::string>() : "";
  };
  return field("source.ip") + " " + field("dns.question.name") + " " + field("dns.question.type");
}

} // namespace

bool Checks::is_listed(const Query& query) const {
  return model_.blocks(query.client, query.name, query.type, query.tcp());
}

void Checks::expect_event(const Query& query, const Answer& got) {
  const std::lock_guard lock(mutex_);
  blocked_[query.client + " " + undotted(query.name) + " " + type_text(query.type)].push_back(
      where_ + to_text(query) + "\n" + got.text());
}

void Checks::ask_both(const Query& query) {
  const auto got = ask(resolver_, query);
  const auto want = ask(plain_, query);
  if (!got || !want) {
    if (want && !ask(resolver_, query)) {
      report("no answer: " + to_text(query));
    }
    return;
  }
  ++answers;
  const std::string told = leak(model_, query, *got);
  if (!told.empty()) {
    report("LEAK " + told + ": " + to_text(query) + "\n" + both_texts(*got, *want));
    return;
  }
  if (is_listed(query)) {
    if (query.flags.rd) {
      ++blocks;
      expect_event(query, *got);
      if (model_.decide(query.client, query.name, query.type) == "nxdomain" &&
          got->rcode != nxdomain) {
        report("RCODE of a block: " + to_text(query) + "\n" + got->text());
      }
    }
  } else if (!leak(model_, query, *want).empty()) { // listed is what the answer tells
    if (query.flags.rd && looks_blocked(*got)) {
      ++answer_blocks;
      expect_event(query, *got);
    }
  } else {
    compare(query, *got, *want);
  }
}

// Of what is not listed. Unbound itself is not always of one mind: it may answer these types with
// what it happens to have, leave out what does not fit, and remember a failure for a while.
void Checks::compare(const Query& query, const Answer& got, const Answer& want) {
  if (query.type == ANY || query.type == CNAME || query.type == DNAME || got.tc || want.tc ||
      !query.flags.rd) {
    if (looks_blocked(got) && !is_redirected(got) && !records_change_ && query.type != ANY) {
      report("BLOCKED unlisted: " + to_text(query) + "\n" + both_texts(got, want));
    }
    return;
  }
  if (got.rcode == servfail || want.rcode == servfail || records_change_ || are_equal(got, want)) {
    return;
  }
  const auto again = ask(resolver_, query);
  const auto want_again = ask(plain_, query);
  if (again && want_again && !are_equal(*again, *want_again)) {
    report("DIFFERENT: " + to_text(query) + "\n" + both_texts(got, want) + "\nagain:\n" +
           both_texts(*again, *want_again));
  }
}

void Checks::ask_in_burst(const Query& query) {
  const auto beside = std::async(std::launch::async, [&] { (void)ask(plain_, query); });
  const auto got = ask(resolver_, query);
  if (!got) { // a slow lookup, or a server that leads astray; ask_both() tells
    return;
  }
  ++answers;
  const std::string told = leak(model_, query, *got);
  if (!told.empty()) {
    report("LEAK in a burst " + told + ": " + to_text(query) + "\n" + got->text());
  }
  if (is_listed(query)) {
    expect_event(query, *got);
  }
}

void Checks::ask_under_reload(const Query& query, const Model& next) {
  const auto got = ask(resolver_, query);
  if (got && !leak(model_, query, *got).empty() && !leak(next, query, *got).empty()) {
    report("LEAK under a reload " + leak(next, query, *got) + ": " + to_text(query) + "\n" +
           got->text());
  }
}

void Checks::report(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) {
    failure_ = where_ + what;
  }
}

bool Checks::has_all_events(std::string& missing) {
  std::map<std::string, std::size_t> seen;
  for (const nlohmann::json& event : resolver_.events().alerts()) {
    ++seen[event_key(event)];
  }
  missing.clear();
  for (const auto& [told, given] : blocked_) {
    if (seen[told] < given.size()) {
      missing =
          told + " (" + std::to_string(seen[told]) + " of " + std::to_string(given.size()) + ")";
      for (const std::string& text : given) {
        missing += "\n" + text;
      }
      return false;
    }
  }
  return true;
}

void Checks::wait_for_events() {
  std::string missing;
  if (!wait_until([&] { return has_all_events(missing); })) {
    report("NO EVENT for " + missing);
  }
}

bool Checks::failed() const {
  const std::lock_guard lock(mutex_);
  return !failure_.empty();
}

std::string Checks::failure() const {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) {
    return "";
  }
  std::string text = failure_ + "\npolicy then:\n" + model_.text;
  for (const auto& [file, lines] : model_.lists) {
    text += "--- " + file + "\n" + lines;
  }
  return text;
}

} // namespace e2e
