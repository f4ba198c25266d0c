#include "module/event_maker.hpp"

#include <cstring>
#include <ctime>
#include <iterator>
#include <span>

namespace nearmiss {

namespace {

// `value` as so many digits, zeros in front.
void write_digits(char* out, std::size_t digits, std::int64_t value) {
  for (std::size_t at = digits; at-- > 0; value /= 10) {
    out[at] = static_cast<char>('0' + value % 10);
  }
}

// The text of the name's last `labels` labels, which is the end of the whole name's text.
std::string_view last_labels(const Name& name, std::string_view text, std::size_t labels) {
  const std::size_t octets = name.wire().size();
  if (labels == 0) {
    return ".";
  }
  // Without an escape each octet is a character, a dot stands for each length octet but the first.
  const std::size_t size = text.size() + 2 == octets ? name.suffix(labels).size() - 2
                                                     : name.last_labels(labels).to_text().size();
  return text.substr(text.size() - size);
}

} // namespace

void EventMaker::set_timestamp() {
  using namespace std::chrono;
  constexpr std::string_view shape = "0000-00-00T00:00:00.000000Z";
  static_assert(shape.size() == std::tuple_size_v<decltype(timestamp_)>);
  const std::int64_t micros = duration_cast<microseconds>(event_.time.time_since_epoch()).count();
  const std::int64_t second = micros / 1'000'000;
  if (second != second_) {
    second_ = second;
    const std::time_t seconds = second;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    shape.copy(timestamp_.data(), shape.size());
    write_digits(&timestamp_[0], 4, utc.tm_year + 1900);
    write_digits(&timestamp_[5], 2, utc.tm_mon + 1);
    write_digits(&timestamp_[8], 2, utc.tm_mday);
    write_digits(&timestamp_[11], 2, utc.tm_hour);
    write_digits(&timestamp_[14], 2, utc.tm_min);
    write_digits(&timestamp_[17], 2, utc.tm_sec);
  }
  write_digits(&timestamp_[20], 6, micros % 1'000'000);
  event_.timestamp = {timestamp_.data(), timestamp_.size()};
}

void EventMaker::set_names(const EventRecord& record, const EventQueue::Batch& batch) {
  const auto* const text =
      reinterpret_cast<const std::uint8_t*>(batch.text.data()) + record.text_at;
  const std::span<const std::uint8_t> wire(text, record.qname_size);
  const Name qname = *Name::from_wire(wire); // a name put it there
  const std::size_t size = qname.write_text(std::span(qname_).first<Name::max_text>());
  qname_[size] = '\0';
  event_.qname = {qname_.data(), size};
  event_.top_level_domain = qname.is_root() ? "" : last_labels(qname, event_.qname, 1);
  const char* const registered =
      suffixes_ == nullptr ? nullptr : psl_registrable_domain(suffixes_, qname_.data());
  event_.registered_domain = registered == nullptr ? "" : registered;
  if (record.matched_size == 0) {
    event_.matched = last_labels(qname, event_.qname, record.matched_labels);
  } else {
    const Name matched = *Name::from_wire({text + record.qname_size, record.matched_size});
    event_.matched = {matched_.data(), matched.write_text(matched_)};
  }
  event_.intended = {batch.text.data() + record.text_at + record.qname_size + record.matched_size,
                     record.intended_size};
}

const Event& EventMaker::make(const EventRecord& record, const EventQueue::Batch& batch) {
  event_ = Event{};
  event_.time = record.time;
  event_.sequence = record.sequence;
  event_.policy = record.policy.get();
  event_.notice = record.notice.get();
  set_timestamp();
  if (event_.notice != nullptr) {
    return event_;
  }
  event_.rule = record.rule;
  event_.action = record.action;
  event_.matched_by = record.matched_by;
  event_.enforced = record.enforced;
  event_.tcp = record.tcp;
  event_.rcode = record.rcode;
  event_.qtype = record.qtype;
  event_.id = record.id;
  event_.client_port = record.client_port;
  event_.client = {client_.data(), record.client.write_text(client_)};
  if (record.has_resolved_ip) {
    event_.resolved_ip = {resolved_ip_.data(), record.resolved_ip.write_text(resolved_ip_)};
  }
  set_names(record, batch);
  type_ = type_to_text(record.qtype);
  event_.type = type_;
  event_.confusable_class = record.confusable_class;
  event_.client_group = record.client_group == nullptr ? "" : *record.client_group;
  return event_;
}

} // namespace nearmiss
