#include "module/events/sink.hpp"

#include <thread>
#include <utility>

namespace nearmiss {

EventSink::EventSink(std::string name, Complain complain)
    : name_(std::move(name)), complain_(std::move(complain)) {}

std::uint64_t EventSink::take_untold_losses() noexcept {
  return lost() - std::exchange(told_, lost());
}

void EventSink::fail(const std::string& problem) {
  failed_ = true;
  retry_at_ = Clock::now() + retry_after;
  if (std::exchange(problem_, problem).empty()) {
    complain_("event log, " + name_ + ": " + problem +
              "; lookups stay blocked, their events wait here as long as there is room");
  }
}

void EventSink::lose(const std::string& why) {
  if (refused_++ == 0) {
    complain_("event log, " + name_ + ": " + why + "; this event is lost here");
  }
}

void EventSink::sink_it_(const spdlog::details::log_msg& message) {
  if (text_.size() - begin_ >= max_waiting) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const std::size_t before = text_.size();
  try {
    sizes_.push_back(0);
    frame(message, text_);
  } catch (...) { // no memory
    if (text_.size() > before) {
      text_.resize(before);
    }
    if (!sizes_.empty() && sizes_.back() == 0) {
      sizes_.pop_back();
    }
    lost_.fetch_add(1, std::memory_order_relaxed);
    throw;
  }
  const std::size_t size = text_.size() - before;
  sizes_.back() = static_cast<std::uint32_t>(size);
  unflushed_ += size;
  if (unflushed_ >= block) {
    flush_();
  }
}

void EventSink::flush_() {
  unflushed_ = 0;
  if (sizes_.empty() || (!problem_.empty() && Clock::now() < retry_at_)) {
    return;
  }
  failed_ = false;
  refused_ = 0;
  const std::size_t done = pass_on();
  for (std::size_t event = 0; event < done; ++event) {
    begin_ += sizes_.front();
    sizes_.pop_front();
  }
  written_.fetch_add(done - refused_, std::memory_order_relaxed);
  lost_.fetch_add(refused_, std::memory_order_relaxed);
  if (done > refused_ && !failed_ && !problem_.empty()) {
    problem_.clear();
    complain_("event log, " + name_ + ": works again; " + std::to_string(lost()) +
              " events were lost since the start");
  }
  if (sizes_.empty()) {
    text_.clear();
    begin_ = 0;
    if (text_.capacity() > 4 * block) {
      text_.shrink_to_fit(); // after a failure
    }
  } else if (begin_ >= block) {
    text_.erase(0, begin_);
    begin_ = 0;
  }
}

void EventSink::give_up() {
  constexpr std::chrono::milliseconds pause{10};
  const auto end = Clock::now() + last_try;
  retry_at_ = {};
  flush_();
  while (!sizes_.empty() && !failed_ && Clock::now() < end) { // the receiver is busy
    std::this_thread::sleep_for(pause);
    flush_();
  }
  if (!sizes_.empty()) {
    complain_("event log, " + name_ + ": " + std::to_string(sizes_.size()) +
              " events could not be passed on before the end" +
              (problem_.empty() ? "" : ": " + problem_));
    lost_.fetch_add(sizes_.size(), std::memory_order_relaxed);
    sizes_.clear();
    text_.clear();
    begin_ = 0;
  }
}

} // namespace nearmiss
