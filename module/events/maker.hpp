// Makes the Event of a record, with the texts that the formats need.
#pragma once

#include "module/events/event.hpp"
#include "module/events/queue.hpp"
#include "module/events/timestamp.hpp"

#include <array>
#include <string>

namespace nearmiss {

// For one thread.
class EventMaker {
 public:
  // Valid until the next call, and no longer than `record` and `batch`.
  const Event& make(const EventRecord& record, const EventQueue::Batch& batch);

 private:
  void set_names(const EventRecord& record, const EventQueue::Batch& batch);

  Event event_;
  Timestamp timestamp_;
  std::array<char, ClientAddress::max_text> client_{}, server_{}, resolved_ip_{};
  std::array<char, Name::max_text> qname_{}, matched_{}, led_to_{};
  std::string type_;
};

} // namespace nearmiss
