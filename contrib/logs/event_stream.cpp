#include "contrib/logs/event_stream.hpp"

#include <algorithm>
#include <limits>

namespace nearmiss::logs {

namespace {

constexpr Instant never = std::numeric_limits<Instant>::max();

// The time of a file's first event. What is damaged is not counted: it is met again.
Instant start_of(LogFile& file) {
  Damage ignored;
  EventReader reader;
  Line line;
  Event event;
  while (file.next(line, ignored)) {
    if (reader.read(line, event) == EventReader::Result::event) {
      return event.time;
    }
  }
  return never;
}

} // namespace

std::vector<std::string> in_order_of_time(const std::vector<std::string>& files) {
  std::vector<std::pair<Instant, std::string>> starts;
  for (const std::string& name : files) {
    if (name == "-") { // cannot be read twice
      starts.emplace_back(never, name);
      continue;
    }
    LogFile file(name);
    starts.emplace_back(start_of(file), name);
  }
  std::ranges::stable_sort(starts, {}, &std::pair<Instant, std::string>::first);
  std::vector<std::string> names;
  names.reserve(starts.size());
  for (auto& [start, name] : starts) {
    names.push_back(std::move(name));
  }
  return names;
}

struct EventStream::Source {
  std::string name;
  Instant start = never;
  std::uint64_t size = 0;
  std::unique_ptr<LogFile> file;       // open while active
  std::unique_ptr<EventReader> reader; // likewise
  Event event;
  std::uint64_t lines = 0, events = 0;
};

EventStream::EventStream(const std::vector<std::string>& files) {
  for (const std::string& name : files) {
    auto source = std::make_unique<Source>();
    source->name = name;
    LogFile file(name);
    source->size = file.size();
    size_ += file.size();
    // Standard input cannot be read twice: it is due at once.
    source->start = name == "-" ? std::numeric_limits<Instant>::min() : start_of(file);
    waiting_.push_back(std::move(source));
  }
  std::ranges::stable_sort(waiting_, std::greater(),
                           [](const auto& source) { return source->start; });
}

EventStream::~EventStream() = default;

std::uint64_t EventStream::position() const noexcept {
  std::uint64_t octets = finished_octets_;
  for (const auto& source : active_) {
    octets += source->file->position();
  }
  return octets;
}

bool EventStream::advance(Source& source) {
  Line line;
  while (source.file->next(line, damage_)) {
    ++source.lines;
    switch (source.reader->read(line, source.event)) {
    case EventReader::Result::event:
      ++source.events;
      ++events_;
      return true;
    case EventReader::Result::foreign:
      ++foreign_;
      break;
    case EventReader::Result::damaged:
      damage_.add(source.name, line.number, source.reader->why());
      break;
    case EventReader::Result::empty:
      --source.lines;
      break;
    }
  }
  if (source.lines > 0 && source.events == 0) {
    damage_.add_file(source.name);
  }
  finished_octets_ += source.size;
  return false;
}

void EventStream::open_those_due() {
  const auto earliest =
      std::ranges::min_element(active_, {}, [](const auto& source) { return source->event.time; });
  const Instant now = active_.empty() ? never : (*earliest)->event.time;
  while (!waiting_.empty() && (active_.empty() || waiting_.back()->start <= now)) {
    std::unique_ptr<Source> source = std::move(waiting_.back());
    waiting_.pop_back();
    source->file = std::make_unique<LogFile>(source->name);
    source->reader = std::make_unique<EventReader>();
    if (advance(*source)) {
      active_.push_back(std::move(source));
    }
  }
}

const Event* EventStream::next() {
  if (current_ != nullptr && !advance(*current_)) {
    std::erase_if(active_, [&](const auto& source) { return source.get() == current_; });
  }
  if (!waiting_.empty()) {
    open_those_due();
  }
  if (active_.empty()) {
    return nullptr;
  }
  current_ = active_.size() == 1 ? active_.front().get()
                                 : std::ranges::min_element(active_, {}, [](const auto& source) {
                                     return source->event.time;
                                   })->get();
  if (file_ != current_->name) {
    file_ = current_->name;
  }
  return &current_->event;
}

} // namespace nearmiss::logs
