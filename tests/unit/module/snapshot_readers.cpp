// Readers against publishers. What is wrong with the order of memory only ThreadSanitizer and
// AddressSanitizer see: `tests/run.sh --thorough` runs this under both.
#include "module/reload/snapshot_readers.hpp"
#include "tests/catch.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using namespace nearmiss;
using namespace std::chrono_literals;

namespace {

// Runs `body` on a thread of its own, and waits for that thread's end.
template<typename Body> void on_a_thread(Body body) {
  std::thread(body).join();
}

// What readers read. A snapshot that is freed is spoilt first, so that a reader sees it even where
// no sanitizer runs.
struct Snapshot {
  explicit Snapshot(std::uint64_t number) : first(number), second(~number) {}
  ~Snapshot() { first = second = 0; }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  bool whole() const { return first == ~second; }
  std::uint64_t first, second;
};

} // namespace

TEST_CASE("1,024 threads have a slot, the 1,025th has none until one ends", "[readers]") {
  REQUIRE(SnapshotReaders::enter()); // this thread is one of them
  SnapshotReaders::leave();
  std::atomic<std::size_t> asked{0};
  std::atomic<std::size_t> entered{0};
  std::atomic<bool> one_may_end{false};
  std::atomic<bool> all_may_end{false};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < SnapshotReaders::max_threads; ++i) {
    threads.emplace_back([&] {
      const bool has_slot = SnapshotReaders::enter();
      entered += has_slot ? 1 : 0;
      ++asked;
      while (!all_may_end && !(has_slot && one_may_end.exchange(false))) {
        std::this_thread::sleep_for(1ms);
      }
      SnapshotReaders::leave();
      --asked;
    });
  }
  while (asked < SnapshotReaders::max_threads) {
    std::this_thread::sleep_for(1ms);
  }
  CHECK(entered == SnapshotReaders::max_threads - 1);
  on_a_thread([] { CHECK_FALSE(SnapshotReaders::enter()); });
  one_may_end = true;
  bool enters = false;
  for (int i = 0; i < 20'000 && !enters; ++i) { // its slot is free once it has ended
    on_a_thread([&] { enters = SnapshotReaders::enter(); });
    std::this_thread::sleep_for(1ms);
  }
  CHECK(enters);
  all_may_end = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST_CASE("a publisher waits for a thread that lingers, but not for one that has ended",
          "[readers]") {
  const bool lingers = GENERATE(true, false);
  CAPTURE(lingers);
  on_a_thread([&] {
    REQUIRE(SnapshotReaders::enter());
    if (lingers) {
      SnapshotReaders::linger();
    } // else it ends inside, as no thread of a resolver does
  });
  SnapshotReaders::wait_until_left(SnapshotReaders::advance());
  CHECK(SnapshotReaders::wait_until_stored(SnapshotReaders::advance(), 0ms));

  std::atomic<int> step{0};
  std::thread living([&] {
    REQUIRE(SnapshotReaders::enter());
    SnapshotReaders::linger();
    step = 1;
    while (step == 1) {
      std::this_thread::sleep_for(1ms);
    }
    SnapshotReaders::enter(); // it has stored what it had
    step = 3;
    while (step == 3) {
      std::this_thread::sleep_for(1ms);
    }
  });
  while (step != 1) {
    std::this_thread::sleep_for(1ms);
  }
  const auto epoch = SnapshotReaders::advance();
  SnapshotReaders::wait_until_left(epoch); // which it has
  CHECK_FALSE(SnapshotReaders::wait_until_stored(epoch, 0ms));
  // One publication that gave up does not make the next one overlook the thread.
  CHECK_FALSE(SnapshotReaders::wait_until_stored(SnapshotReaders::advance(), 0ms));
  step = 2;
  while (step != 3) {
    std::this_thread::sleep_for(1ms);
  }
  CHECK(SnapshotReaders::wait_until_stored(epoch, 0ms));
  step = 4;
  living.join();
}

TEST_CASE("a thread that is inside is waited for, however long", "[readers]") {
  std::atomic<bool> inside{false};
  std::atomic<bool> left{false};
  std::thread reader([&] {
    REQUIRE(SnapshotReaders::enter());
    inside = true;
    std::this_thread::sleep_for(50ms);
    left = true;
    SnapshotReaders::leave();
  });
  while (!inside) {
    std::this_thread::sleep_for(1ms);
  }
  SnapshotReaders::wait_until_left(SnapshotReaders::advance());
  CHECK(left);
  reader.join();
}

TEST_CASE("no reader sees a snapshot that its publisher has freed", "[readers]") {
  std::atomic<const Snapshot*> current{new Snapshot(1)};
  std::atomic<bool> ends{false};
  std::atomic<std::uint64_t> spoilt{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> reads{0};
  std::array<std::thread, 4> threads;
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      for (std::uint64_t turn = 0; !ends; ++turn) {
        if (turn % 64 == 63) { // threads end meanwhile, and others take their slots
          on_a_thread([&] {
            refused += SnapshotReaders::enter() ? 0 : 1;
            spoilt += current.load(std::memory_order_seq_cst)->whole() ? 0 : 1;
            SnapshotReaders::linger();
          });
        }
        refused += SnapshotReaders::enter() ? 0 : 1;
        spoilt += current.load(std::memory_order_seq_cst)->whole() ? 0 : 1;
        ++reads;
        if (turn % 2 == 0) {
          SnapshotReaders::leave();
        } else {
          SnapshotReaders::linger();
        }
      }
    });
  }
  std::uint64_t published = 1;
  while (published < 500 || reads < 5'000) {
    const std::unique_ptr<const Snapshot> old(
        current.exchange(new Snapshot(++published), std::memory_order_seq_cst));
    const auto epoch = SnapshotReaders::advance();
    SnapshotReaders::wait_until_left(epoch);
    (void)SnapshotReaders::wait_until_stored(epoch, 1ms);
  }
  ends = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(refused == 0);
  CHECK(spoilt == 0);
  delete current.load();
}
