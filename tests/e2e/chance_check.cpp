#include "tests/e2e/chance_check.hpp"

#include "tests/e2e/world.hpp"

#include <algorithm>
#include <future>
#include <set>
#include <sstream>

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

template<typename Is> bool follows_alias_to(const Answer& answer, Is is) {
  return std::ranges::any_of(answer.answer,
                             [&](const Rr& rr) { return rr.type == CNAME && is(lower(rr.data)); });
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

bool Checks::is_dropped(const Query& query) const {
  return model_.decide(query.client, query.name, query.type) == "drop";
}

// Over UDP only: what is dropped over a connection ends it, and that may be for other reasons.
void Checks::expect_silence(const Query& query) {
  if (query.tcp() || !query.flags.rd || host_.loses_answers ||
      host_.rewritten.contains(query.name)) {
    return;
  }
  if (!stays_silent(resolver_.endpoint(), query.client, query.name, query.type, "localhost.")) {
    report("ANSWER to what is dropped: " + to_text(query));
  }
  const std::lock_guard lock(mutex_);
  blocked_[query.client + " " + undotted(query.name) + " " + type_text(query.type)].push_back(
      where_ + to_text(query) + " dropped");
}

void Checks::ask_both(const Query& query) {
  if (is_dropped(query)) {
    expect_silence(query);
    return;
  }
  const auto got = ask(resolver_, query);
  const auto want = ask(plain_, query);
  if (!got || !want) {
    const auto is_dropped_name = [&](const std::string& name) {
      return model_.decide(query.client, name, query.type) == "drop";
    };
    if (want && !host_.loses_answers && !follows_alias_to(*want, is_dropped_name) &&
        !ask(resolver_, query)) {
      report("LOST, no answer: " + to_text(query) + "\nplain:\n" + want->text());
    }
    return;
  }
  ++answers;
  if (host_.rewritten.contains(query.name)) { // Unbound answers by itself
    if (got->rcode != want->rcode && got->rcode != servfail && want->rcode != servfail &&
        !is_listed(query) && leak(model_, query, *want).empty() && !records_change_) {
      report("DIFFERENT: " + to_text(query) + "\n" + both_texts(*got, *want));
    }
    return;
  }
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
  // 1.17.1 applies its response policy zones to the target of an alias only if that comes from
  // upstream, and the module keeps aliases to what it matches out of Unbound's cache.
  const auto is_rewritten = [&](const std::string& name) { return host_.rewritten.contains(name); };
  if (!is_recent() &&
      (follows_alias_to(got, is_rewritten) || follows_alias_to(want, is_rewritten))) {
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
  if (is_dropped(query) || host_.rewritten.contains(query.name)) {
    return;
  }
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
  if (is_dropped(query) || next.decide(query.client, query.name, query.type) == "drop" ||
      host_.rewritten.contains(query.name)) {
    return;
  }
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

// Of Unbound's own counters; "replies" is told since 1.22 or so.
void Checks::wait_for_rest() {
  std::string left;
  const auto rests = [&] {
    std::istringstream lines(resolver_.control("stats_noreset"));
    left.clear();
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("total.requestlist.current.") && !line.ends_with("=0")) {
        left += line + "\n";
      }
    }
    return left.empty();
  };
  if (!wait_until(rests, 30s)) {
    report("LEFT in Unbound's request list: " + left + resolver_.control("dump_requestlist"));
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
