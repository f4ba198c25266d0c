// `nearmiss export`, read back as a list: the zone must say what the policy says.
#include "tests/catch.hpp"
#include "tests/paths.hpp"
#include "tests/unit/config/folder.hpp"

#include "config/local_data.hpp"

#include <cstdlib>
#include <random>
#include <set>

#include <sys/wait.h>

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

int run(const std::string& arguments) {
  const int status = std::system((std::string(NEARMISS_CLI) + ' ' + arguments).c_str()); // NOLINT
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A name of up to four labels of one letter, so that many lie above, below and between.
std::string draw_name(std::mt19937& random) {
  std::string text = "example";
  for (std::size_t labels = 1 + random() % 4; labels > 0; --labels) {
    text = std::string(1, static_cast<char>('a' + random() % 3)) + "." + text;
  }
  return text;
}

} // namespace

TEST_CASE("export: what random policies say, their zones say", "[cli]") {
  const auto seed = static_cast<unsigned>(std::random_device{}());
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const Folder folder;
  for (int round = 0; round < 30; ++round) {
    std::string text = "version: 1\nrules:\n";
    for (const char* const action : {"nxdomain", "nodata", "allow", "nxdomain", "drop"}) {
      text += "  - {id: r" + std::to_string(text.size()) + ", domains: [" + draw_name(random) +
              "], exact: [" + draw_name(random) + ", " + draw_name(random) + "], except: [" +
              draw_name(random) + "], types: all, action: " + action + "}\n";
    }
    const LoadResult policy = load(folder.write("policy.yaml", text), today);
    INFO(text);
    REQUIRE(policy.config);
    const int code = run("export --config " + (folder.path() / "policy.yaml").native() +
                         " --output " + (folder.path() / "zone").native() + " 2>/dev/null");
    REQUIRE(code == 0);
    const LoadResult zone =
        load(folder.write("zone.yaml", "version: 1\nrules:\n  - {id: z, list: {file: zone, format: "
                                       "rpz}, types: all, public_suffix: true}\n"),
             today);
    INFO(content(folder.path() / "zone"));
    INFO(texts(folder, zone));
    REQUIRE(zone.config);
    CHECK(zone.diagnostics.size() <= 1); // of drop
    for (int lookup = 0; lookup < 300; ++lookup) {
      const std::string name = draw_name(random);
      INFO(name);
      const Verdict expected = ask(*policy.config, name);
      const Verdict found = ask(*zone.config, name);
      REQUIRE(found.enforced == expected.enforced);
      REQUIRE(found.action == expected.action);
    }
  }
}

// A zone, read as a list and written out again, says the same of every name.
TEST_CASE("export: random zones come out as they went in", "[cli]") {
  const auto seed = static_cast<unsigned>(std::random_device{}());
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const Folder folder;
  const std::vector<std::string> data{"CNAME .",
                                      "CNAME *.",
                                      "CNAME rpz-passthru.",
                                      "CNAME rpz-drop.",
                                      "CNAME rpz-tcp-only.",
                                      "A 192.0.2.1",
                                      "A 192.0.2.2",
                                      "AAAA 2001:db8::1",
                                      "MX 10 mx.test.",
                                      "TXT \"a \\\" b; (\" c",
                                      "CNAME garden.test.",
                                      "CNAME *.garden.test.",
                                      "SRV 1 2 25 a.test.",
                                      "TYPE300 \\# 2 00ff"};
  const auto said = [&](const Config& config, const std::string& name, const char* type) {
    const Verdict verdict = ask(config, name, "::", type);
    std::string text(verdict.enforced ? to_string(verdict.action) : "passes");
    for (std::size_t i = 0;
         verdict.rule && verdict.rule->local_data && i < verdict.rule->local_data->size(); ++i) {
      const LocalRecord& record = (*verdict.rule->local_data)[i];
      text += " | " + std::to_string(record.ttl) + ' ' + to_text(record);
    }
    return text;
  };
  for (int round = 0; round < 30; ++round) {
    std::string text = "$TTL 300\n@ SOA localhost. h. 1 3600 600 86400 60\n";
    std::set<std::string> used;
    for (int trigger = 0; trigger < 10; ++trigger) {
      const std::string owner = (random() % 3 == 0 ? "*." : "") + draw_name(random);
      if (!used.insert(owner).second) {
        continue;
      }
      const std::string& first = data[random() % data.size()];
      const std::string ttl = std::to_string(random() % 4 * 100);
      text += owner + ' ' + ttl + ' ' + first + '\n';
      for (int more = 0; more < 2 && !first.starts_with("CNAME"); ++more) {
        text += owner + " IN " + ttl + ' ' + data[5 + random() % 5] + '\n';
      }
    }
    folder.write("in.zone", text);
    const std::string rest = ", format: rpz}, types: all, public_suffix: true}\n";
    const LoadResult in =
        load(folder.write("in.yaml", "version: 1\nrules:\n  - {id: z, list: {file: in.zone" + rest),
             today);
    INFO(text);
    INFO(texts(folder, in));
    REQUIRE(in.config);
    REQUIRE(run("export --config " + (folder.path() / "in.yaml").native() + " --output " +
                (folder.path() / "out.zone").native() + " 2>/dev/null") <= 1);
    const LoadResult out = load(
        folder.write("out.yaml", "version: 1\nrules:\n  - {id: z, list: {file: out.zone" + rest),
        today);
    INFO(content(folder.path() / "out.zone"));
    INFO(texts(folder, out));
    REQUIRE(out.config);
    for (int lookup = 0; lookup < 300; ++lookup) {
      const std::string name = draw_name(random);
      for (const char* const type : {"MX", "A", "TXT", "TYPE300"}) {
        INFO(name << ' ' << type);
        REQUIRE(said(*out.config, name, type) == said(*in.config, name, type));
      }
    }
  }
}

TEST_CASE("export: what a zone cannot say is told", "[cli]") {
  const Folder folder;
  const std::string file = folder.write("p.yaml", R"(version: 1
clients: {mail: [192.0.2.1], web: [192.0.2.2]}
defaults: {clients: [mail]}
rules:
  - {id: a, domains: [a.example], action: servfail}
  - {id: b, domains: [b.example], action: observe}
  - {id: c, domains: [c.example], clients: [web], types: all}
  - {id: d, mx_exchange: [mx.example.net], answer_ip: [198.51.100.0/24]}
protect:
  - {id: e, domains: [army.mil]}
)");
  const std::string out = (folder.path() / "zone").native();
  CHECK(run("export --config " + file + " --output " + out + " 2>" + out + ".told") == 0);
  const std::string zone = content(out);
  const std::string told = content(out + ".told");
  for (const char* const part :
       {"2 triggers with the action servfail: NXDOMAIN in the zone", "only observe: left out",
        "for other clients than 192.0.2.1: left out", "1 protected domain with look-alikes: left",
        "1 name of `mx_exchange`: left out", "1 prefix of `answer_ip`: left out",
        "for some types: in the zone for every type"}) {
    INFO(part);
    CHECK(zone.find(part) != std::string::npos);
    CHECK(told.find(part) != std::string::npos);
  }
  CHECK(zone.find("\na.example 60 CNAME .\n") != std::string::npos);
  CHECK(zone.find("b.example") == std::string::npos);
  CHECK(zone.find("c.example") == std::string::npos);
  CHECK(zone.find("arrny.mil") == std::string::npos);

  CHECK(run("export --protect --zone My.Zone --client 192.0.2.2 --config " + file + " --output " +
            out + " 2>/dev/null") == 0);
  const std::string other = content(out);
  CHECK(other.find("\n$ORIGIN my.zone.\n") != std::string::npos);
  CHECK(other.find("\nc.example 60 CNAME .\n") != std::string::npos);
  CHECK(other.find("\na.example") == std::string::npos);
  CHECK(other.find("arrny.mil") == std::string::npos); // `protect` is for the mail servers

  CHECK(run("export --protect --config " + file + " >" + out + " 2>/dev/null") == 0);
  CHECK(content(out).find("\narrny.mil 60 CNAME .\n*.arrny.mil 60 CNAME .\n") != std::string::npos);
  const std::string observing =
      folder.write("o.yaml", "version: 1\nmode: observe\nrules: [{id: a, domains: [a.example]}]\n");
  CHECK(run("export --config " + observing + " >/dev/null 2>&1") == 1);
  const std::string allowing =
      folder.write("w.yaml", "version: 1\nrules: [{id: a, domains: [a.example], action: allow}]\n");
  CHECK(run("export --config " + allowing + " >/dev/null 2>&1") == 1);
  CHECK(run("export --config " + out + ".none >/dev/null 2>&1") == 2);
  CHECK(run("export --zone . --config " + file + " >/dev/null 2>&1") == 2);
  CHECK(run("export --config " + file + " --output /nowhere/zone >/dev/null 2>&1") == 2);
}

TEST_CASE("export: names at their longest, and names that mean something else in a zone", "[cli]") {
  const Folder folder;
  const std::string out = (folder.path() / "zone").native();
  const auto exported = [&](const std::string& rules) {
    const std::string file = folder.write("p.yaml", "version: 1\nrules:\n" + rules);
    REQUIRE(run("export --config " + file + " --output " + out + " 2>" + out + ".told") <= 1);
    return content(out);
  };
  // Below rpz.nearmiss a name of 240 octets has room for a label of one octet, one of 241 has none.
  const auto long_name = [](std::size_t octets) {
    const std::string label(63, 'a');
    return label + '.' + label + '.' + label + '.' + std::string(octets - 202, 'b') + ".example";
  };
  const std::string fits = long_name(240);
  const std::string zone = exported("  - {id: a, domains: [" + fits + "]}\n");
  CHECK(zone.find("\n" + fits + " 60 CNAME .\n") != std::string::npos);
  CHECK(zone.find("\n*." + fits + " 60 CNAME .\n") != std::string::npos);
  CHECK(exported("  - {id: a, domains: [" + long_name(241) + "]}\n")
            .find("1 name too long below the zone's name: left out") != std::string::npos);

  const std::string odd =
      exported(R"(  - {id: a, exact: ['\*.example', '\255.example', 'a\.b.example']}
  - {id: b, domains: [32.1.2.0.192.rpz-ip]}
  - {id: c, domains: [c.example], expires: 2999-12-31}
)");
  INFO(odd);
  CHECK(odd.find("\n\\255.example 60 CNAME .\na\\.b.example 60 CNAME .\n") != std::string::npos);
  CHECK(odd.find("\n*.example ") == std::string::npos);
  CHECK(odd.find("\n\\*.example ") == std::string::npos);
  CHECK(odd.find("rpz-ip ") == std::string::npos);
  CHECK(odd.find("; 3 names that mean something else in a zone") != std::string::npos);
  CHECK(odd.find("; 1 rule with `expires`: in the zone for good") != std::string::npos);
}

TEST_CASE("a file that is written whole: through no link that another user has put there",
          "[cli]") {
  const Folder folder;
  const std::string file =
      folder.write("p.yaml", "version: 1\nrules: [{id: a, domains: [a.example]}]\n");
  const std::filesystem::path victim = folder.write("victim", "mine\n");
  const std::filesystem::path zone = folder.path() / "zone";
  std::filesystem::create_symlink(victim, zone.native() + ".new");
  const std::string command = "export --config " + file + " --output " + zone.native();
  REQUIRE(run(command + " 2>/dev/null") == 0);
  CHECK(content(victim) == "mine\n");
  CHECK(content(zone).find("a.example 60 CNAME .") != std::string::npos);
  // The file keeps its mode, a new one has the usual one, and nothing is left beside it.
  const auto mode_of = [](const std::filesystem::path& path) {
    return std::filesystem::status(path).permissions();
  };
  CHECK(mode_of(zone) == mode_of(victim));
  std::filesystem::permissions(zone, std::filesystem::perms::owner_read |
                                         std::filesystem::perms::owner_write);
  REQUIRE(run(command + " 2>/dev/null") == 0);
  CHECK(mode_of(zone) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  const std::filesystem::directory_iterator files(folder.path());
  CHECK(std::distance(begin(files), end(files)) == 4);
}
