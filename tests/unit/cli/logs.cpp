// The files that the commands read: compressed in each way, from syslog, and none of ours.
#include "contrib/logs/event.hpp"
#include "contrib/logs/log_file.hpp"
#include "tests/unit/cli/log_lines.hpp"
#include "tests/unit/cli/run.hpp"
#include "tests/unit/config/folder.hpp"

#include <map>

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

using namespace nearmiss::test;
using nearmiss::logs::compression_of;
using nearmiss::logs::json_of;

namespace {

std::string gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string xz(const std::string& text) {
  std::string packed(lzma_stream_buffer_bound(text.size()), '\0');
  std::size_t size = 0;
  REQUIRE(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, nullptr,
                                  reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                                  reinterpret_cast<std::uint8_t*>(packed.data()), &size,
                                  packed.size()) == LZMA_OK);
  packed.resize(size);
  return packed;
}

std::string zstd(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

std::string bzip2(const std::string& text) {
  std::string in = text;
  auto size = static_cast<unsigned>(text.size() + text.size() / 50 + 700);
  std::string packed(size, '\0');
  REQUIRE(BZ2_bzBuffToBuffCompress(packed.data(), &size, in.data(),
                                   static_cast<unsigned>(in.size()), 9, 0, 0) == BZ_OK);
  packed.resize(size);
  return packed;
}

const std::map<std::string, std::string (*)(const std::string&)> packers{
    {"gzip", gzip}, {"xz", xz}, {"zstd", zstd}, {"bzip2", bzip2}};

struct Read {
  std::size_t lines = 0;
  std::string last;
  nearmiss::logs::Damage damage;
};

Read read(const std::filesystem::path& file) {
  Read result;
  nearmiss::logs::LogFile log(file);
  nearmiss::logs::Line line;
  while (log.next(line, result.damage)) {
    ++result.lines;
    result.last = line.text;
  }
  return result;
}

std::string events(int from, int count) {
  std::string text;
  for (int i = from; i < from + count; ++i) {
    text += lookup({.second = i, .sequence = static_cast<std::uint64_t>(i + 1)}) + '\n';
  }
  return text;
}

} // namespace

TEST_CASE("logs: what compressed them is known by their content", "[logs]") {
  using namespace std::string_literals;
  for (const auto& [name, pack] : packers) {
    CHECK(compression_of(pack("x")) == name);
    CHECK(compression_of(pack("")) == name);
  }
  CHECK(compression_of("\x04\x22\x4d\x18 and more") == "lz4");
  CHECK(compression_of("LZIP\1") == "lzip");
  CHECK(compression_of("\x1f\x9d\x90") == "compress");
  // A text may begin like that.
  CHECK(compression_of("BZh9 is no compressed data").empty());
  CHECK(compression_of("{\"@timestamp\":1}").empty());
  CHECK(compression_of("").empty());
}

TEST_CASE("logs: each compression, members one after the other, and what breaks off", "[logs]") {
  const Folder folder;
  std::string text;
  for (int i = 0; i < 40000; ++i) { // several blocks
    text += "line " + std::to_string(i * 7919 % 40009) + " of the log\n";
  }
  for (const auto& [name, pack] : packers) {
    INFO(name);
    const std::string packed = pack(text);
    const Read one = read(folder.write("one", packed));
    CHECK(one.lines == 40000);
    CHECK(one.damage.count() == 0);
    const Read two = read(folder.write("two", packed + pack("the last\n")));
    CHECK(two.lines == 40001);
    CHECK(two.last == "the last");
    CHECK(two.damage.count() == 0);
    CHECK(read(folder.write("none", pack(""))).lines == 0);
    CHECK(read(folder.write("padded", packed + std::string(512, '\0'))).damage.count() == 0);

    const Read cut = read(folder.write("cut", packed.substr(0, packed.size() - 6)));
    CHECK(cut.damage.count() == 1);
    CHECK(cut.damage.places().at(0).why == "the compressed data breaks off here");
    const Read behind = read(folder.write("behind", packed + "something else"));
    CHECK(behind.lines == 40000);
    CHECK(behind.damage.count() == 1);
  }
  const Read plain = read(folder.write("plain", text));
  CHECK(plain.lines == 40000);
  CHECK(plain.damage.count() == 0);
}

TEST_CASE("logs: every command reads each compression, or says what it is", "[cli][logs]") {
  const Folder folder;
  const std::string policy =
      folder.write("p.yaml", "version: 1\nrules:\n  - id: a\n    domains: [army.ml]\n");
  const std::string simulate = "simulate --config " + policy + ' ';
  for (const auto& [name, pack] : packers) {
    const std::string log = folder.write("e." + name, pack(events(0, 7)));
    holds(nearmiss_cli("verify " + log + " 2>&1"), "ok: 7 events, 0 problems");
    holds(nearmiss_cli("verify - <" + log + " 2>&1"), "ok: 7 events, 0 problems");
    holds(nearmiss_cli("report " + log + " 2>&1"), "7 lookups in 1 log");
    holds(nearmiss_cli(simulate + log + " 2>&1"), "7 would be blocked");
    const Run tail = nearmiss_cli("tail --no-follow " + log + " 2>&1");
    CHECK(tail.exit_code == 2);
    holds(tail, "it is compressed by " + name);
  }
  const std::string lz4 = folder.write("e.lz4", "\x04\x22\x4d\x18 whatever it holds\n");
  for (const std::string& command : {std::string("verify "), std::string("report "), simulate,
                                     std::string("tail --no-follow ")}) {
    const Run run = nearmiss_cli(command + lz4 + " 2>&1");
    CHECK(run.exit_code == 2);
    holds(run, "compressed by lz4");
    lacks(run, "damaged");
  }
}

TEST_CASE("logs: a file of which no line was understood is reported", "[cli][logs]") {
  const Folder folder;
  const std::string policy =
      folder.write("p.yaml", "version: 1\nrules:\n  - id: a\n    domains: [army.ml]\n");
  const std::string good = folder.write("good", events(0, 3));
  const std::string text = folder.write("text", "a letter\nto somebody\n");
  const std::string foreign = folder.write("foreign", "{\"event.dataset\":\"else\"}\n");
  const std::string blank = folder.write("blank", "\n \n");
  const std::string notices = folder.write("notices", notice(1, "policy-loaded", 9) + '\n');
  for (const std::string& command :
       {std::string("report "), "simulate --config " + policy + ' ', std::string("verify ")}) {
    const Run run = nearmiss_cli(command + good + ' ' + text + ' ' + foreign + ' ' + blank + ' ' +
                                 notices + " 2>&1");
    holds(run, text + ": not one of its lines was understood");
    holds(run, foreign + ": not one of its lines was understood");
    lacks(run, good + ": not");
    lacks(run, blank + ": not");
    lacks(run, notices + ": not");
  }
  CHECK(nearmiss_cli("verify " + good + ' ' + foreign + " 2>&1").exit_code == 2);
  CHECK(nearmiss_cli("verify " + good + " 2>&1").exit_code == 0);
  holds(nearmiss_cli("tail --no-follow " + foreign + " 2>&1"), "not one of its lines");
  lacks(nearmiss_cli("tail --no-follow " + good + " 2>&1"), "not one of its lines");
  holds(nearmiss_cli("report --json " + good + ' ' + text + " 2>/dev/null"),
        "\"files_not_understood\": [\n      \"" + text + '"');
}

TEST_CASE("logs: events with syslog's header or a byte order mark", "[cli][logs]") {
  CHECK(json_of("{\"a\":1}") == "{\"a\":1}");
  CHECK(json_of("\xef\xbb\xbf{\"a\":1}") == "{\"a\":1}");
  CHECK(json_of("Nov 23 12:00:00 mx nearmiss: {\"a\":1}") == "{\"a\":1}");
  CHECK(json_of("<134>1 2026-11-23T12:00:00Z mx nearmiss 7 - - \xef\xbb\xbf{\"a\":1}") ==
        "{\"a\":1}");
  CHECK(json_of("Nov 23 12:00:00 mx nearmiss: @cee:{\"a\":1}") == "{\"a\":1}");
  // The end of an event whose start is gone is no header.
  CHECK(json_of("true}{\"a\":1}").empty());
  CHECK(json_of("\"source\":{\"ip\":1}}").empty());
  CHECK(json_of("no object").empty());

  const Folder folder;
  std::string lines = "\xef\xbb\xbf" + lookup({.sequence = 1}) + '\n';
  for (std::uint64_t i = 2; i <= 3; ++i) {
    lines += "Nov 23 12:00:00 mx nearmiss[42]: " + lookup({.sequence = i}) + '\n';
  }
  lines += "<134>1 2026-11-23T12:00:04Z mx nearmiss 42 - - " + lookup({.sequence = 4}) + '\n';
  const std::string log = folder.write("syslog", lines);
  holds(nearmiss_cli("verify " + log + " 2>&1"), "ok: 4 events, 0 problems");
  holds(nearmiss_cli("report " + log + " 2>&1"), "4 lookups");
  const Run tail = nearmiss_cli("tail --no-follow " + log + " 2>&1");
  CHECK(std::count(tail.output.begin(), tail.output.end(), '\n') == 4);
  lacks(tail, "damaged");
  const std::string policy =
      folder.write("p.yaml", "version: 1\nrules:\n  - id: a\n    domains: [army.ml]\n");
  holds(nearmiss_cli("simulate --config " + policy + ' ' + log + " 2>&1"), "4 would be blocked");
}
