// What a blocked lookup costs behind the adapter: the decision, the answer, and its event on the
// way to the file. Only core.h is used, so that any two versions can be compared.
//
// For instructions instead of time, where the machine has no counters:
//   valgrind --tool=callgrind --callgrind-out-file=out nearmiss_bench_event --benchmark_filter=8192
//   callgrind_annotate --inclusive=yes out | head -60
// and divide the lines of nm_judge and of the writing thread by the iterations printed.
#include "module/core.h"

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/in.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr std::uint16_t type_mx = 15;

void complain(bool is_error, const char* line) {
  if (is_error) {
    std::fprintf(stderr, "%s\n", line);
  }
}

// A policy in a folder of its own, and the core that runs on it.
class Module {
 public:
  Module() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nearmiss-XXXXXX").native();
    if (mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("mkdtemp");
    }
    folder_ = pattern;
    std::ofstream(folder_ / "nearmiss.yaml") << "version: 1\n"
                                                "rules:\n"
                                                "  - id: mil-ml\n"
                                                "    confusable: {intended: mil, mistyped: [ml]}\n"
                                                "    category: typo\n"
                                                "    reason: DoD mail mistyped into Mali's TLD\n"
                                                "    reference: \"https://example.net/mil-ml\"\n"
                                                "log: {file: events.jsonl}\n";
    const nm_host host{.log_line = complain, .policy_changed = [](void*) {}, .arg = nullptr};
    core_ = nm_core_start((folder_ / "nearmiss.yaml").c_str(), &host);
    if (core_ == nullptr) {
      throw std::runtime_error("the core does not start");
    }
  }
  ~Module() {
    nm_core_stop(core_);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  nm_core* core() const noexcept { return core_; }

 private:
  std::filesystem::path folder_;
  nm_core* core_ = nullptr;
};

// "mail.<drawn>.ml" in wire form: names as senders mistype them, no two alike.
std::vector<std::string> draw_names(std::size_t count) {
  std::mt19937_64 random(7);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    std::string label(6 + random() % 10, ' ');
    for (char& letter : label) {
      letter = static_cast<char>('a' + random() % 26);
    }
    std::string wire = "\4mail";
    wire += static_cast<char>(label.size());
    names.push_back(wire + label + std::string("\2ml\0", 4));
  }
  return names;
}

void blocked(benchmark::State& state) {
  const Module module;
  const std::vector<std::string> names = draw_names(4096);
  sockaddr_in client{};
  client.sin_family = AF_INET;
  client.sin_port = htons(53535);
  inet_pton(AF_INET, "192.0.2.25", &client.sin_addr);
  nm_lookup lookup{};
  lookup.qtype = type_mx;
  lookup.client = reinterpret_cast<const sockaddr*>(&client);
  nm_answer answer; // NOLINT(*-member-init): written before it is read
  std::size_t next = 0;
  for (auto _ : state) {
    const std::string& name = names[next++ % names.size()];
    lookup.qname = {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()};
    lookup.id = static_cast<std::uint16_t>(next);
    const nm_policy* policy = nm_enter(module.core());
    if (nm_judge(module.core(), policy, &lookup, 0, &answer) != NM_BLOCKED) {
      state.SkipWithError("not blocked");
    }
    nm_leave();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(blocked)->Iterations(8192);
BENCHMARK(blocked)->Iterations(200000)->MeasureProcessCPUTime();

} // namespace

BENCHMARK_MAIN();
