// The data goes into the page as one JSON text in a script element that is no script, with every
// octet that could end that element or begin markup written as an escape. The page's script puts it
// into the document as text. Should both fail, the page's policy (CSP) runs no script and uses no
// style but the page's own two, known by their SHA-256, and opens no connection at all.

#include "contrib/cli/report.hpp"

#include "config/digest.hpp"
#include "contrib/cli/report_page.hpp"

#include <chrono>
#include <stdexcept>

#include <openssl/evp.h>

namespace nearmiss::cli {

namespace {

std::string base64(const std::string& octets) {
  std::string text(4 * ((octets.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(octets.data()),
                                   static_cast<int>(octets.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

// As a CSP source: the hash of what stands between the tags, both of which the page has once.
std::string source_of(std::string_view begin, std::string_view end) {
  const std::size_t from = report_page.rfind(begin);
  const std::size_t to = report_page.find(end, from);
  if (from == std::string_view::npos || to == std::string_view::npos) {
    throw std::logic_error("the report's page has no " + std::string(begin));
  }
  Sha256 hash;
  hash.update(report_page.substr(from + begin.size(), to - from - begin.size()));
  return "'sha256-" + base64(hash.octets()) + '\'';
}

// Inside a script element `<!--` and `</script` mean something; inside JSON < is as good as \u003c.
std::string inert(const std::string& json) {
  std::string text;
  text.reserve(json.size() + json.size() / 8);
  for (const char c : json) {
    switch (c) {
    case '<':
      text += "\\u003c";
      break;
    case '>':
      text += "\\u003e";
      break;
    case '&':
      text += "\\u0026";
      break;
    default:
      text += c;
    }
  }
  return text;
}

// The page with `text` in place of `mark`.
void put(std::string& page, std::string_view mark, const std::string& text) {
  const std::size_t at = page.find(mark);
  if (at == std::string::npos) {
    throw std::logic_error("the report's page has no " + std::string(mark));
  }
  page.replace(at, mark.size(), text);
}

} // namespace

std::string report_html(const ReportInput& input) {
  constexpr std::size_t bins = 120;
  nlohmann::ordered_json json = report_json(input, bins);
  json["version"] = NEARMISS_VERSION;
  json["made"] = logs::to_rfc3339(std::chrono::duration_cast<std::chrono::microseconds>(
                                      std::chrono::system_clock::now().time_since_epoch())
                                      .count());
  std::string page(report_page);
  put(page, "{{policy}}",
      "default-src 'none'; script-src " + source_of("<script>", "</script>") + "; style-src " +
          source_of("<style>", "</style>") + "; base-uri 'none'; form-action 'none'");
  // ASCII alone: every other character an escape, U+2028 and the like among them.
  put(page, "{{data}}", inert(json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)));
  return page;
}

} // namespace nearmiss::cli
