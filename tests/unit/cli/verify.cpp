// `nearmiss verify`: a log that somebody tampered with is found out, and where.
#include "config/digest.hpp"
#include "tests/unit/cli/log_lines.hpp"
#include "tests/unit/cli/run.hpp"
#include "tests/unit/config/folder.hpp"

#include <algorithm>
#include <vector>

using namespace nearmiss::test;

namespace {

// `last`: the value of the line that stands before the run in its file.
std::vector<std::string> run_of(int count, bool chained, const std::string& run = "r1",
                                std::string_view last = nearmiss::LogChain::start) {
  nearmiss::LogChain chain(last);
  std::vector<std::string> lines;
  for (int i = 1; i <= count; ++i) {
    const auto sequence = static_cast<std::uint64_t>(i);
    const std::string line = i == 1 ? notice(0, "policy-loaded", sequence, "", run)
                                    : lookup({.second = i, .sequence = sequence, .run = run});
    lines.push_back(chained ? chain.sealed(line) : line);
  }
  return lines;
}

Run verify(const Folder& folder, const std::vector<std::string>& lines,
           const std::string& options = "") {
  std::string text;
  for (const std::string& line : lines) {
    text += line + '\n';
  }
  return nearmiss_cli("verify " + options + folder.write("e.jsonl", text).native() + " 2>&1");
}

} // namespace

TEST_CASE("SHA-256 and the chain's rule", "[verify]") {
  nearmiss::Sha256 hash;
  hash.update("ab");
  hash.update("c");
  CHECK(hash.hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hash.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  // As sha256sum computes it over 64 zeros and {"a":1
  nearmiss::LogChain chain;
  CHECK(
      chain.sealed(R"({"a":1})") ==
      R"({"a":1,"nearmiss.chain":"a6fc8d7dbf738917ee8344e1cd5486b01255b25fe5de4df9be7af29689f6a1aa"})");
}

TEST_CASE("verify: a chain that holds", "[cli][verify]") {
  const Folder folder;
  const Run run = verify(folder, run_of(6, true));
  CHECK(run.exit_code == 0);
  holds(run, "run r1: 6 events, numbers 1 to 6, chain begins here and ends in ");
  holds(run, "ok: 6 events, 0 problems");
  // The first lines were rotated away.
  auto rest = run_of(6, true);
  rest.erase(rest.begin(), rest.begin() + 2);
  CHECK(verify(folder, rest).exit_code == 0);
  // Two runs, one of another resolver mixed into it.
  auto mixed = run_of(6, true);
  const auto other = run_of(3, true, "r2");
  mixed.insert(mixed.begin() + 2, other.begin(), other.end());
  CHECK(verify(folder, mixed).exit_code == 0);
  const Run json = verify(folder, run_of(2, true), "--json ");
  CHECK(json.exit_code == 0);
  holds(json, "\"ok\": true");
}

TEST_CASE("verify: a chain that was tampered with", "[cli][verify]") {
  const Folder folder;
  const auto whole = run_of(8, true);
  const auto expect = [&](const std::vector<std::string>& lines, const std::string& finding,
                          const std::string& problems) {
    const Run run = verify(folder, lines);
    CHECK(run.exit_code == 1);
    holds(run, "e.jsonl:" + finding);
    holds(run, problems);
  };
  auto lines = whole;
  lines[3].replace(lines[3].find("192.0.2.25"), 10, "192.0.2.99");
  expect(lines, "4: changed: the chain does not lead to it", "1 problem\n");
  lines = whole;
  lines.erase(lines.begin() + 3);
  expect(lines, "4: lines before it were removed (number 4), or it was inserted", "1 problem\n");
  lines = whole;
  lines.insert(lines.begin() + 3, whole[6]);
  expect(lines, "4: lines before it were removed (numbers 4 to 6), or it was inserted",
         "2 problems\n"); // and number 7 stands there twice
  lines = whole;
  lines.insert(lines.begin() + 3, lookup({.second = 3, .sequence = 3}));
  expect(lines, "4: has no chain value at its end", "2 problems\n"); // and number 3 is there twice
  lines[3] = lookup({.second = 3});
  expect(lines, "4: has no event.sequence", "1 problem\n");
  lines = whole;
  std::swap(lines[3], lines[4]);
  expect(lines, "4: lines before it were removed (number 4), or it was inserted", "problems\n");
  holds(verify(folder, lines), "e.jsonl:6: moved: it was written right after");
  lines = whole;
  lines.front().replace(lines.front().find("about"), 5, "abuot");
  expect(lines, "1: changed: the chain does not begin with it", "1 problem\n");
  lines = whole;
  lines[5].resize(lines[5].size() - 20);
  expect(lines, "6: damaged: ", "problem");
}

TEST_CASE("verify: a chain goes on over starts of the module", "[cli][verify]") {
  const Folder folder;
  const auto value_of = [](const std::string& line) {
    return std::string(nearmiss::LogChain::split(line).second);
  };
  const auto first = run_of(4, true);
  const auto second = run_of(3, true, "r2", value_of(first.back()));
  const auto third = run_of(5, true, "r3", value_of(second.back()));
  const auto joined = [](std::initializer_list<std::vector<std::string>> runs) {
    std::vector<std::string> lines;
    for (const auto& run : runs) {
      lines.insert(lines.end(), run.begin(), run.end());
    }
    return lines;
  };
  const Run whole = verify(folder, joined({first, second, third}));
  CHECK(whole.exit_code == 0);
  holds(whole, "run r1: 4 events, numbers 1 to 4, chain begins here and ends in ");
  holds(whole, "run r3: 5 events, numbers 1 to 5, chain goes on from run r2, ends in " +
                   value_of(third.back()));
  // The log of another resolver is mixed into it.
  auto mixed = joined({first, second, third});
  const auto other = run_of(2, true, "o1");
  mixed.insert(mixed.begin() + 5, other.begin(), other.end());
  CHECK(verify(folder, mixed).exit_code == 0);
  // A whole run is gone; the end of one is gone, which nothing in that run shows.
  const Run gone = verify(folder, joined({first, third}));
  CHECK(gone.exit_code == 1);
  holds(gone, "e.jsonl:5: the chain does not lead to it from any line before");
  auto cut = first;
  cut.pop_back();
  const Run shortened = verify(folder, joined({cut, second, third}));
  CHECK(shortened.exit_code == 1);
  holds(shortened, "e.jsonl:4: the chain does not lead to it from any line before");
  // The chain was switched on by a reload; and a line before it lost its value to somebody.
  const auto plain_lines = run_of(3, false);
  nearmiss::LogChain chain;
  CHECK(verify(folder, joined({plain_lines, {chain.sealed(lookup({.second = 4, .sequence = 4}))}}))
            .exit_code == 0);
  const auto stripped = joined({run_of(3, false), {run_of(4, true).back()}});
  holds(verify(folder, stripped), "e.jsonl:4: the chain does not lead to it from any line before");
}

TEST_CASE("verify: a value that was kept finds a log that was cut off or written anew",
          "[cli][verify]") {
  const Folder folder;
  const auto whole = run_of(6, true);
  const std::string kept(nearmiss::LogChain::split(whole[4]).second);
  CHECK(verify(folder, whole, "--kept " + kept + ' ').exit_code == 0);
  auto cut = whole;
  cut.resize(4);
  CHECK(verify(folder, cut).exit_code == 0); // nothing in the log shows it
  const Run found = verify(folder, cut, "--kept " + kept + ' ');
  CHECK(found.exit_code == 1);
  holds(found, "no line states " + kept + ", which was kept");
  auto anew = run_of(6, false);
  anew.erase(anew.begin() + 2);
  nearmiss::LogChain chain;
  for (std::string& line : anew) {
    line = chain.sealed(line);
  }
  CHECK(verify(folder, anew, "--kept " + kept + ' ').exit_code == 1);
  const Run wrong = verify(folder, whole, "--kept abc ");
  CHECK(wrong.exit_code == 2);
  holds(wrong, "64 hex digits");
}

TEST_CASE("verify: numbers alone, without a chain", "[cli][verify]") {
  const Folder folder;
  const auto whole = run_of(200, false);
  CHECK(verify(folder, whole).exit_code == 0);
  holds(verify(folder, whole), "no chain\n");

  auto lines = whole;
  lines.erase(lines.begin() + 9, lines.begin() + 11);
  const Run removed = verify(folder, lines);
  CHECK(removed.exit_code == 1);
  holds(removed, "e.jsonl:10: before it numbers 10 to 11 of this run are missing");
  // The module told of as many.
  lines.push_back(notice(300, "events-lost", 201, R"(,"nearmiss.events_lost":2)"));
  const Run told = verify(folder, lines);
  CHECK(told.exit_code == 0);
  holds(told, "2 missing (2 told as lost)");

  lines = whole;
  lines.push_back(whole[20]);
  holds(verify(folder, lines), "e.jsonl:201: number 21 of this run has been in the log before");
  // Neighbours may be swapped by the module's threads; not lines far apart.
  lines = whole;
  std::swap(lines[20], lines[22]);
  CHECK(verify(folder, lines).exit_code == 0);
  lines = whole;
  std::rotate(lines.begin() + 20, lines.begin() + 21, lines.end());
  const Run moved = verify(folder, lines);
  CHECK(moved.exit_code == 1);
  holds(moved, "e.jsonl:200: out of order: number 21 stands after 200");
}

TEST_CASE("verify: a chain across a rotation, nothing to verify", "[cli][verify]") {
  const Folder folder;
  const auto whole = run_of(6, true);
  std::string first;
  std::string second;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    (i < 4 ? first : second) += whole[i] + '\n';
  }
  const std::string newer = folder.write("e.jsonl", second);
  const std::string older = folder.write("e.jsonl.1", first);
  CHECK(nearmiss_cli("verify " + newer + ' ' + older).exit_code == 0);
  const Run none = nearmiss_cli("verify " + folder.write("o", "{}\n").native() + " 2>&1");
  CHECK(none.exit_code == 2);
  holds(none, "no event of nearmiss in these logs");
  CHECK(nearmiss_cli("verify /nonexistent 2>&1").exit_code == 2);
}
