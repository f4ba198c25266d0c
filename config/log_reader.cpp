#include "config/log_reader.hpp"

#include "config/diagnostics.hpp"

#include <algorithm>
#include <charconv>

namespace nearmiss {

namespace {

using Kind = LogSink::Kind;

// "192.0.2.1:601" or "[2001:db8::1]:601".
bool read_endpoint(std::string_view text, LogSink& sink) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return false;
  }
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool in_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (in_brackets) {
    host = host.substr(1, host.size() - 2);
  }
  const auto address = ClientAddress::from_text(host);
  const char* const end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data(), end, sink.port);
  if (!address || in_brackets != (host.find(':') != std::string_view::npos) ||
      error != std::errc() || stop != end || sink.port == 0) {
    return false;
  }
  sink.host = *address;
  return true;
}

void read_syslog(const YamlNode& node, const YamlReader& reader, LogSink& sink) {
  const std::string remedy = "write `syslog: local` for this machine's own, or `syslog: {tcp: " +
                             std::string("192.0.2.1:601}` for another's");
  sink.kind = Kind::syslog_local;
  if (node.kind != YamlNode::Kind::map) {
    const auto text = reader.text(node, "syslog");
    if (text && *text != "local") {
      reader.error(node, shown(*text) + " is no way to a syslog server; " + remedy);
    }
    return;
  }
  YamlMap map(node, keys::syslog, reader);
  if (const YamlNode* value = map.require("tcp", remedy)) {
    sink.kind = Kind::syslog_tcp;
    const auto text = reader.text(*value, "tcp");
    if (text && !read_endpoint(*text, sink)) {
      reader.error(*value,
                   shown(*text) + " is no address with a port; write 192.0.2.1:601 or " +
                       "\"[2001:db8::1]:601\". A name would have to be looked up with the " +
                       "resolver that is waiting for it");
    }
  }
  map.finish();
}

void read_journald(const YamlNode& node, const YamlReader& reader, LogSink& sink) {
  sink.kind = Kind::journald;
  if (reader.truth(node, "journald") == false) {
    reader.error(node, "`journald: false` names no place for the events; take the entry out");
  }
}

// One sink. `settings` gets what is said for all of them.
void read_sink(const YamlNode& node, const YamlReader& reader, WrittenFiles& files,
               LogSettings& settings) {
  LogSink sink;
  YamlMap map(node, keys::log, reader);
  const YamlNode* const file = map.find("file");
  const YamlNode* const syslog = map.find("syslog");
  const YamlNode* const journald = map.find("journald");
  const auto kinds = int{map.has("file")} + int{map.has("syslog")} + int{map.has("journald")};
  if (node.kind == YamlNode::Kind::map && kinds != 1) {
    reader.error(node, std::string(kinds == 0 ? "`log` names no place for the events"
                                              : "`log` names several places in one") +
                           "; write `file: nearmiss.jsonl`, `syslog: local` or `journald: true`" +
                           (kinds == 0 ? "" : ", each as an item of a list"));
  }
  if (file != nullptr) {
    sink.file = files.read(*file, "file", "log").value_or("");
  } else if (syslog != nullptr) {
    read_syslog(*syslog, reader, sink);
  } else if (journald != nullptr) {
    read_journald(*journald, reader, sink);
  }
  if (const YamlNode* value = map.find("format")) {
    const auto index = reader.word(*value, "format", {"ecs", "ocsf"});
    sink.format = index == std::size_t{1} ? LogFormat::ocsf : LogFormat::ecs;
    if (sink.kind == Kind::journald) {
      reader.error(*value, "the journal has fields of its own, in no format; take `format` out");
    }
  }
  if (const YamlNode* value = map.find("chain")) {
    sink.chain = reader.truth(*value, "chain").value_or(false);
    if (sink.chain && sink.kind != Kind::file) {
      reader.error(*value, "only the lines of a file can be chained; take `chain` out, or write " +
                               std::string("to a `file` as well"));
    }
  }
  if (const YamlNode* value = map.find("allowed")) {
    settings.allowed = reader.truth(*value, "allowed").value_or(false) || settings.allowed;
  }
  if (const YamlNode* value = map.find("discover")) {
    settings.discover = reader.truth(*value, "discover").value_or(false) || settings.discover;
  }
  map.finish();
  const bool twice = std::any_of(settings.sinks.begin(), settings.sinks.end(), [&](const auto& s) {
    return s.kind == sink.kind && s.host == sink.host && s.port == sink.port;
  });
  if (twice && kinds == 1 && sink.kind != Kind::file) {
    reader.error(node, "`log` names this place twice; its events would mix");
  }
  if (settings.file.empty()) {
    settings.file = sink.file;
  }
  settings.sinks.push_back(std::move(sink));
}

} // namespace

LogSettings read_log(const YamlNode& node, const YamlReader& reader, WrittenFiles& files) {
  LogSettings settings;
  if (node.kind != YamlNode::Kind::list) {
    read_sink(node, reader, files, settings);
  } else if (const auto* items = reader.list(node, "log")) {
    for (const YamlNode& item : *items) {
      read_sink(item, reader, files, settings);
    }
  }
  return settings;
}

MetricsSettings read_metrics(const YamlNode& node, const YamlReader& reader, WrittenFiles& files) {
  constexpr std::uint32_t longest = 3600;
  MetricsSettings settings;
  YamlMap map(node, keys::metrics, reader);
  if (const YamlNode* value =
          map.require("file", "write `file: nearmiss.prom`, in the folder that node_exporter's "
                              "textfile collector reads")) {
    settings.file = files.read(*value, "file", "metrics").value_or("");
  }
  if (const YamlNode* value = map.find("interval")) {
    settings.interval = reader.number(*value, "interval", 1, longest).value_or(settings.interval);
  }
  map.finish();
  return settings;
}

} // namespace nearmiss
