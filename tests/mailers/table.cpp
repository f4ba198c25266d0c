// What each action does to a message, by mail server: sends one message for each and prints the
// outcomes as a table in Markdown.
//
// usage: nearmiss_mailers [--reasons] [--only NAME] [--compare FILE]
//
// Needs root: everything runs in a network namespace of its own, on its loopback interface, with
// nothing around it. Each server has a real resolver with the module and a real DNS world; see
// tests/e2e/. A message that waits in a queue is known by what the server notes about it, not by
// waiting.
#include "tests/e2e/address.hpp"
#include "tests/e2e/lab.hpp"
#include "tests/e2e/sinkhole_server.hpp"
#include "tests/e2e/unbound.hpp"
#include "tests/mailers/mailer.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <regex>
#include <sched.h>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

namespace nearmiss::mailers {

namespace {

constexpr int exit_fine = 0;
constexpr int exit_differs = 1;
constexpr int exit_cannot = 2;
constexpr int exit_skipped = 77; // packages are missing

struct Case {
  std::string label;  // the table's row
  std::string domain; // below ml, where it is tried
  std::string rule;   // of the policy: what it does, in YAML; empty: a list with `zone`
  std::string zone{}; // a response policy zone
};

// Cases that one policy can hold: it has one sinkhole.
struct Phase {
  std::string sinkhole; // an address
  std::vector<Case> cases;
};

const std::string greeting_row = "sinkhole of `contrib/sinkhole/`, which greets and says 550";

// Leads out of the network, to no host; see enter_own_network().
const std::string silent = "192.0.2.99";

std::vector<Phase> phases(const std::string& network) {
  return {
      {network + "3",
       {{"`nxdomain`", "nxdomain", "action: nxdomain"},
        {"`nodata`", "nodata", "action: nodata"},
        {"`null-mx`", "nullmx", "action: null-mx"},
        {"`sinkhole`, no server listens", "nobody", "action: sinkhole"},
        {"`refused`", "refused", "action: refused"},
        {"`servfail`", "servfail", "action: servfail"},
        {"`drop`", "drop", "action: drop"},
        {"`tcp-only`", "tcponly", "action: tcp-only"},
        {"`local-data` with the address of a sinkhole that greets", "localdata", "",
         "localdata.ml A " + network + "4\n"},
        {"`observe`", "observe", "action: observe"},
        {"`allow`", "allow", "action: allow"},
        {"`nxdomain` for MX alone (`types: [MX]`)", "nxmx", "action: nxdomain, types: [MX]"},
        {"`nodata` for MX alone (`types: [MX]`)", "nomx", "action: nodata, types: [MX]"}}},
      {network + "4", {{greeting_row, "greets", "action: sinkhole"}}},
      {silent, {{"`sinkhole`, where nothing answers", "silent", "action: sinkhole"}}},
      {"127.0.0.1", {{"`sinkhole` at 127.0.0.1", "itself", "action: sinkhole"}}},
  };
}

std::string policy(const Phase& phase) {
  std::string text = "version: 1\nclients: {mail: [" + e2e::mail_server_client +
                     "]}\nsinkhole: {ipv4: " + phase.sinkhole +
                     "}\ndefaults: {clients: [mail]}\nrules:\n";
  for (const Case& one : phase.cases) {
    text +=
        "  - {id: " + one.domain +
        (one.zone.empty() ? ", domains: [" + one.domain + ".ml], intended: army.mil, " + one.rule
                          : ", list: {file: " + one.domain + ".zone, format: rpz}") +
        "}\n";
  }
  return text + "log: {file: events.jsonl}\n";
}

// The files that the policy names.
std::map<std::string, std::string> lists(const Phase& phase) {
  std::map<std::string, std::string> files;
  for (const Case& one : phase.cases) {
    if (!one.zone.empty()) {
      files[one.domain + ".zone"] =
          "$ORIGIN rpz.feed.\n$TTL 60\n@ SOA localhost. root.localhost. 1 3600 600 86400 60\n@ NS "
          "localhost.\n" +
          one.zone;
    }
  }
  return files;
}

// Below ml the domains of all cases, with an MX and an address that lead to the stranger.
std::vector<e2e::Zone> zones_on(const std::string& network) {
  using enum e2e::Server;
  std::vector<e2e::Zone> zones{
      {"ml.", tld, true, ""},
      {"example.", tld, true, ""},
      {sender_domain + ".", host, true,
       "@ MX 10 mx\nmx A " + network + "1\nmail A " + e2e::mail_server_client + "\n"}};
  const std::string stranger = network + "2\n";
  const std::string records = "@ MX 10 mx\n@ A " + stranger + "mx A " + stranger;
  for (const Phase& phase : phases(network)) {
    for (const Case& one : phase.cases) {
      zones.push_back({one.domain + ".ml.", host, true, records});
    }
  }
  return zones;
}

struct Fate {
  std::string outcome; // the table's cell
  std::string reason;  // in the mail server's words
};

// With runs of white space as one: a bounce folds long lines.
std::string unfolded(const std::string& text) {
  return std::regex_replace(text, std::regex("\\s+"), " ");
}

// The bounce about `recipient` in `folder`; empty outcome if there is none (yet).
Fate bounce_in(const std::filesystem::path& folder, const std::string& recipient) {
  static const std::regex status("\nStatus: ([0-9.]+)");
  static const std::regex diagnostic("\nDiagnostic-Code: ([^\n]+(\n[ \t]+[^\n]+)*)");
  const std::regex about("\nFinal-Recipient: *rfc822; *<?" + recipient + ">?\n", std::regex::icase);
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
    std::string text = e2e::read_file(entry.path());
    std::erase(text, '\r');
    if (!std::regex_search(text, about) || text.find("\nAction: failed") == std::string::npos) {
      continue;
    }
    Fate fate{"bounces", ""};
    std::smatch part;
    if (std::regex_search(text, part, status)) {
      fate.outcome += " " + part[1].str();
    }
    if (unfolded(text).find("did you mean user@army.mil?") != std::string::npos) {
      fate.outcome += ", with the suggestion";
    }
    if (std::regex_search(text, part, diagnostic)) {
      fate.reason = unfolded(part[1].str());
    }
    return fate;
  }
  return {};
}

Fate fate_of(const std::string& recipient, const Mailer& mailer, const e2e::SmtpSink& sender_host,
             const e2e::SmtpSink& stranger) {
  Fate fate;
  const bool known = e2e::wait_until(
      [&] {
        fate = bounce_in(mailer.bounces(sender_host), recipient);
        if (!fate.outcome.empty() && fate.reason.empty()) {
          fate.reason = mailer.given_up(recipient);
        }
        if (fate.outcome.empty() && !stranger.message_to(recipient).empty()) {
          fate = {"**delivers**", "the stranger's host took it"};
        }
        if (const std::string note = mailer.waiting(recipient);
            fate.outcome.empty() && !note.empty()) {
          fate = {"queues", note};
        }
        return !fate.outcome.empty();
      },
      std::chrono::minutes(5)); // OpenSMTPD sends a message to itself a hundred times, one a second
  if (!known) {
    throw std::runtime_error("nothing becomes of the message to " + recipient + ":\n" +
                             mailer.log());
  }
  return fate;
}

using Fates = std::map<std::string, Fate>; // by row

// One mail server from beginning to end.
Fates try_all(const Kind& kind) {
  const std::string network = e2e::claim_network(25);
  const std::vector<Phase> all = phases(network);
  const e2e::Lab lab(zones_on(network));
  e2e::Unbound resolver(lab, {.policy = policy(all[0]), .lists = lists(all[0])});
  resolver.start();
  const e2e::MailHost host(resolver.endpoint().address);
  const e2e::SmtpSink sender_host(host, network + "1");
  const e2e::SmtpSink stranger(host, network + "2");
  const e2e::SinkholeServer sinkhole(host, all[1].sinkhole, policy(all[1]));
  const std::unique_ptr<Mailer> mailer = kind.start(host);
  Fates fates;
  for (const Phase& phase : all) {
    resolver.write_policy(policy(phase));
    resolver.reload();
    for (const Case& one : phase.cases) {
      mailer->send("user@" + one.domain + ".ml");
    }
    for (const Case& one : phase.cases) {
      fates[one.label] = fate_of("user@" + one.domain + ".ml", *mailer, sender_host, stranger);
    }
  }
  return fates;
}

// Exim with Debian's ignore_target_hosts as it is, and the sinkhole among them.
Fate try_ignored_sinkhole() {
  const std::string network = e2e::claim_network(25);
  const Phase greeting = phases(network)[1];
  const e2e::Lab lab(zones_on(network));
  e2e::Unbound resolver(lab, {.policy = policy(greeting)});
  resolver.start();
  const e2e::MailHost host(resolver.endpoint().address);
  const e2e::SmtpSink sender_host(host, network + "1");
  const e2e::SmtpSink stranger(host, network + "2");
  const e2e::SinkholeServer sinkhole(host, greeting.sinkhole, policy(greeting));
  const std::unique_ptr<Mailer> exim = start_exim_unchanged(host, network + "1");
  const std::string recipient = "user@" + greeting.cases[0].domain + ".ml";
  exim->send(recipient);
  return fate_of(recipient, *exim, sender_host, stranger);
}

const std::string ignored_row = "the same, at an address that Debian's Exim ignores (RFC 1918)";

std::string table(const std::map<std::string, Fates>& fates) {
  std::vector<std::string> rows;
  for (const Phase& phase : phases("")) {
    for (const Case& one : phase.cases) {
      rows.push_back(one.label);
      if (one.label == greeting_row) {
        rows.push_back(ignored_row);
      }
    }
  }
  std::string head = "| answer to the recipient's domain |";
  std::string line = "| --- |";
  for (const Kind& kind : kinds()) {
    if (!fates.contains(kind.name)) {
      continue;
    }
    head += std::string(" ") + kind.name + " " + version_of(kind.packages.front()) + " |";
    line += " --- |";
  }
  std::string text = head + "\n" + line + "\n";
  for (const std::string& row : rows) {
    text += "| " + row + " |";
    for (const Kind& kind : kinds()) {
      if (!fates.contains(kind.name)) {
        continue;
      }
      const Fates& of_kind = fates.at(kind.name);
      const auto fate = of_kind.find(row);
      text += " " + (fate == of_kind.end() ? std::string("-") : fate->second.outcome) + " |";
    }
    text += "\n";
  }
  return text;
}

// The table in `text`, by mail server (without its version, the head's first word) and row.
std::map<std::string, std::map<std::string, std::string>> columns_of(const std::string& text) {
  const auto cells_of = [](const std::string& line) {
    std::vector<std::string> cells;
    for (std::size_t at = 2; at < line.size();) {
      const std::size_t end = std::min(line.find(" |", at), line.size());
      cells.push_back(line.substr(at, end - at));
      at = end + 3;
    }
    return cells;
  };
  std::istringstream lines(text);
  std::map<std::string, std::map<std::string, std::string>> columns;
  std::vector<std::string> head;
  std::string before;
  for (std::string line; std::getline(lines, line); before = line) {
    if (!line.starts_with("| ")) {
      head.clear();
    } else if (line.starts_with("| --- |")) {
      head = cells_of(before);
    } else if (!head.empty()) {
      const std::vector<std::string> cells = cells_of(line);
      for (std::size_t i = 1; i < cells.size() && i < head.size(); ++i) {
        columns[head[i].substr(0, head[i].find(' '))][cells[0]] = cells[i];
      }
    }
  }
  return columns;
}

// Its loopback interface, and one that leads nowhere: OpenSMTPD's resolver gives no IPv4 addresses
// to a host that has none but 127.0.0.1. What is sent to `silent` gets no answer, and a connection
// there is given up after three seconds instead of two minutes.
void enter_own_network() {
  if (unshare(CLONE_NEWNET) != 0) {
    throw std::system_error(errno, std::generic_category(), "a network namespace needs root");
  }
  const e2e::Outcome made =
      e2e::run({"sh", "-ec",
                "ip link set lo up; ip link add mail type veth peer name nowhere; "
                "ip link set mail up; ip link set nowhere up; ip addr add 192.0.2.25/32 dev mail; "
                "ip route add \"$0\" dev mail; "
                "ip neighbour add \"$0\" lladdr 02:00:00:00:00:01 dev mail nud permanent; "
                "echo 1 >/proc/sys/net/ipv4/tcp_syn_retries",
                silent});
  if (made.exit_code != 0) {
    throw std::runtime_error("no network for the mail servers: " + made.output);
  }
}

int run(const std::vector<std::string>& arguments) {
  bool reasons = false;
  std::string only;
  std::string expected;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--reasons") {
      reasons = true;
    } else if (arguments[i] == "--only" && i + 1 < arguments.size()) {
      only = arguments[++i];
    } else if (arguments[i] == "--compare" && i + 1 < arguments.size()) {
      expected = arguments[++i];
    } else {
      std::cerr << "usage: nearmiss_mailers [--reasons] [--only NAME] [--compare FILE]\n";
      return exit_cannot;
    }
  }
  for (const Kind& kind : kinds()) {
    for (const std::string& package : kind.packages) {
      if (!std::filesystem::exists(unpacked(package))) {
        std::cerr << "skipped: " << unpacked(package).string()
                  << " is not there; run contrib/install-packages.sh test mailers\n";
        return exit_skipped;
      }
    }
  }
  enter_own_network();
  std::map<std::string, Fates> fates;
  for (const Kind& kind : kinds()) {
    if (only.empty() || only == kind.name) {
      std::cerr << kind.name << " ...\n";
      fates[kind.name] = try_all(kind);
    }
  }
  if (fates.contains("Exim")) {
    fates["Exim"][ignored_row] = try_ignored_sinkhole();
  }

  if (fates.empty()) {
    std::cerr << only << " is none of the mail servers\n";
    return exit_cannot;
  }
  const std::string result = table(fates);
  std::cout << result;
  if (reasons) {
    for (const auto& [name, of_kind] : fates) {
      std::cout << "\n" << name << ":\n";
      for (const auto& [row, fate] : of_kind) {
        std::cout << "- " << row << ": " << fate.outcome << ": " << fate.reason << "\n";
      }
    }
  }
  if (!expected.empty()) {
    auto said = columns_of(e2e::read_file(expected));
    for (const auto& [name, column] : columns_of(result)) {
      if (said[name] != column) {
        std::cerr << name << " differs from " << expected << "\n";
        return exit_differs;
      }
    }
  }
  return exit_fine;
}

} // namespace

} // namespace nearmiss::mailers

int main(int argc, char** argv) {
  try {
    return nearmiss::mailers::run({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    std::cerr << "nearmiss_mailers: " << e.what() << "\n";
    return nearmiss::mailers::exit_cannot;
  }
}
