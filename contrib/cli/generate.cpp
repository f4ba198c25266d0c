#include "config/diagnostics.hpp"
#include "config/names.hpp"
#include "contrib/cli/commands.hpp"
#include "contrib/cli/progress.hpp"
#include "contrib/cli/text.hpp"
#include "rules/lookalikes/variants.hpp"

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace nearmiss::cli {

namespace {

// The first is the default.
constexpr std::array<const char*, 4> formats{"domains", "rpz", "yaml", "postfix"};

struct Options {
  std::vector<std::string> domains;
  std::string format = formats[0];
  std::vector<std::string> classes{"default"}; // names of classes, `default`, `all`
  bool json = false;                           // instead of a format
};

// The classes that were asked for; nullopt after saying what is wrong.
struct Classes {
  ClassSet named;
  bool defaults = false; // besides, those of `default`, which depend on the domain
};

std::optional<Classes> classes_from(const std::vector<std::string>& words) {
  Classes classes;
  for (const std::string& word : words) {
    if (word == "default") {
      classes.defaults = true;
    } else if (word == "all") {
      classes.named = ClassSet::all();
    } else if (const auto value = lookalike_class_from(word)) {
      classes.named.add(*value);
    } else {
      std::vector<std::string_view> known{"default", "all"};
      for (std::size_t index = 0; index < lookalike_class_count; ++index) {
        known.push_back(to_string(static_cast<LookalikeClass>(index)));
      }
      std::cerr << "nearmiss generate: --classes: " << shown(word)
                << " is no class; the classes are: " << joined(known) << '\n';
      return std::nullopt;
    }
  }
  return classes;
}

// Letters, digits and hyphens (RFC 1123 section 2.1): nothing that a format would have to quote.
bool is_host_name(const Name& name) {
  return std::ranges::all_of(name.to_text(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

// One look-alike with all the classes it comes of.
struct Line {
  std::string name;
  std::vector<std::string_view> classes;
};

// In the order of their first classes. Left out: what an earlier domain had (`written`, which
// grows), the domains asked about with all below them, which are nobody's look-alikes, and public
// suffixes, below which everybody's names stand.
std::vector<Line> lines_of(const Name& domain, ClassSet classes, const std::vector<Name>& all,
                           std::set<std::string>& written) {
  std::vector<Line> lines;
  std::map<std::string, std::size_t> places;
  for (const Variant& variant : variants_of(domain, classes)) {
    const bool trusted =
        std::ranges::any_of(all, [&](const Name& one) { return variant.name.is_at_or_below(one); });
    if (trusted || is_public_suffix(variant.name)) {
      continue;
    }
    const std::string text = variant.name.to_text();
    if (written.contains(text)) {
      continue;
    }
    const auto [place, fresh] = places.emplace(text, lines.size());
    if (fresh) {
      lines.push_back({text, {to_string(variant.kind)}});
    } else {
      lines[place->second].classes.push_back(to_string(variant.kind));
    }
  }
  for (const Line& line : lines) {
    written.insert(line.name);
  }
  return lines;
}

void print_head(const std::string& format) {
  if (format == "rpz") {
    std::cout << "; a response policy zone: load it under a name of your choice\n"
                 "$TTL 60\n"
                 "@ SOA localhost. hostmaster.localhost. 1 3600 600 86400 60\n"
                 "@ NS localhost.\n";
  } else if (format == "yaml") {
    std::cout << "version: 1\nrules:\n";
  } else if (format == "postfix") {
    std::cout << "# for check_recipient_access, see access(5); run postmap after a change\n";
  }
}

void print_lines(const std::string& format, const std::string& domain,
                 const std::vector<Line>& lines) {
  if (format == "yaml") {
    std::cout << "  - id: lookalikes-of-" << domain << "\n    intended: " << domain
              << "\n    domains:\n";
  }
  for (const Line& line : lines) {
    const std::string classes = joined(line.classes);
    if (format == "rpz") {
      std::cout << line.name << " CNAME . ; " << classes << '\n'
                << "*." << line.name << " CNAME .\n";
    } else if (format == "yaml") {
      std::cout << "      - " << line.name << " # " << classes << '\n';
    } else if (format == "postfix") {
      std::cout << line.name << " REJECT did you mean " << domain << "? (" << classes << ")\n";
    } else {
      std::cout << line.name << " # " << classes << '\n';
    }
  }
}

nlohmann::ordered_json to_json(const std::string& domain, const std::vector<Line>& lines) {
  nlohmann::ordered_json json{{"domain", domain}, {"lookalikes", nlohmann::ordered_json::array()}};
  for (const Line& line : lines) {
    json["lookalikes"].push_back({{"name", line.name}, {"classes", line.classes}});
  }
  return json;
}

int generate(const Options& options) {
  const auto classes = classes_from(options.classes);
  if (!classes) {
    return exit_cannot;
  }
  std::vector<Name> domains;
  int exit_code = exit_fine;
  for (const std::string& text : options.domains) {
    std::string problem;
    const auto name = read_listed_name(text, problem);
    if (name && name->label_count() >= 2 && is_host_name(*name)) {
      if (std::ranges::find(domains, *name) == domains.end()) {
        domains.push_back(*name);
      }
      continue;
    }
    std::cerr << "nearmiss generate: "
              << (name ? shown(text) + " is no domain that mail goes to; write one such as "
                                       "army.mil"
                       : problem)
              << '\n';
    exit_code = exit_no;
  }
  if (domains.empty()) {
    return exit_code;
  }
  std::set<std::string> written;
  Progress progress(true);
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  if (!options.json) {
    print_head(options.format);
  }
  for (const Name& domain : domains) {
    ClassSet wanted = classes->named;
    if (classes->defaults) {
      wanted.add(default_classes(domain));
    }
    const std::vector<Line> lines = lines_of(domain, wanted, domains, written);
    if (lines.empty()) {
      std::cerr << "nearmiss generate: " << domain.to_text()
                << " has no look-alikes in these classes\n";
      exit_code = exit_no;
      continue;
    }
    if (options.json) {
      json.push_back(to_json(domain.to_text(), lines));
    } else {
      print_lines(options.format, domain.to_text(), lines);
    }
    if (progress.due()) {
      progress.show(domain.to_text() + ": " + counted(written.size(), "look-alike") + " so far");
    }
  }
  if (options.json) {
    std::cout << json.dump(2) << '\n';
  }
  return exit_code;
}

} // namespace

Command add_generate(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "generate", "Write out the look-alikes of domains, a line each with its class");
  command
      ->add_option("--format", options->format,
                   "domains: a list for a rule of the policy; rpz: records of a response policy "
                   "zone; yaml: a policy; postfix: an access(5) table")
      ->check(CLI::IsMember(std::vector<std::string>(formats.begin(), formats.end())))
      ->capture_default_str();
  command
      ->add_option("--classes", options->classes,
                   "the classes, with commas between: `default` (what `protect` takes), `all`, or "
                   "names such as omission,homoglyph")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  command->add_flag("--json", options->json,
                    "print them as JSON, with their classes, in place of a format");
  command->add_option("DOMAIN", options->domains, "domain names")->required();
  command->footer("Exit codes: 0 the look-alikes of every domain were written; 1 a DOMAIN has none "
                  "or is\nno domain name; 2 an option is wrong.");
  return {command, [options] { return generate(*options); }};
}

} // namespace nearmiss::cli
