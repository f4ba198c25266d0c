#include "module/events/maker.hpp"

#include "rules/lookalikes/suffix.hpp"

#include <algorithm>
#include <span>

namespace nearmiss {

namespace {

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

void EventMaker::set_names(const EventRecord& record, const EventQueue::Batch& batch) {
  const auto* const text =
      reinterpret_cast<const std::uint8_t*>(batch.text.data()) + record.text_at;
  const std::span<const std::uint8_t> wire(text, record.qname_size);
  const Name qname = *Name::from_wire(wire); // a name put it there
  const std::size_t size = qname.write_text(qname_);
  event_.qname = {qname_.data(), size};
  event_.top_level_domain = qname.is_root() ? "" : last_labels(qname, event_.qname, 1);
  const std::size_t suffix = lookalike::suffix_labels(qname);
  event_.registered_domain =
      suffix < qname.label_count() ? last_labels(qname, event_.qname, suffix + 1) : "";
  if (record.matched_by == MatchedBy::answer_ip && record.matched_size == 16) {
    std::array<std::uint8_t, 16> octets{};
    std::copy_n(text + record.qname_size, octets.size(), octets.begin());
    const std::span<char, ClientAddress::max_text> out(matched_.data(), ClientAddress::max_text);
    event_.matched = {matched_.data(), ClientAddress::v6(octets).write_text(out)};
  } else if (record.matched_size == 0) {
    event_.matched = last_labels(qname, event_.qname, record.matched_labels);
  } else {
    const Name matched = *Name::from_wire({text + record.qname_size, record.matched_size});
    event_.matched = {matched_.data(), matched.write_text(matched_)};
  }
  const std::uint8_t* const after_matched = text + record.qname_size + record.matched_size;
  if (record.led_to_size > 0) {
    const Name led_to = *Name::from_wire({after_matched, record.led_to_size});
    event_.led_to = {led_to_.data(), led_to.write_text(led_to_)};
  }
  event_.intended = {reinterpret_cast<const char*>(after_matched) + record.led_to_size,
                     record.intended_size};
}

const Event& EventMaker::make(const EventRecord& record, const EventQueue::Batch& batch) {
  event_ = Event{};
  event_.time = record.time;
  event_.sequence = record.sequence;
  event_.policy = record.policy.get();
  event_.notice = record.notice.get();
  event_.timestamp = timestamp_.text(event_.time);
  if (event_.notice != nullptr) {
    return event_;
  }
  event_.rule = record.rule;
  event_.action = record.action;
  event_.matched_by = record.matched_by;
  event_.enforced = record.enforced;
  event_.tcp = record.tcp;
  event_.flags = record.flags;
  event_.rcode = record.rcode;
  event_.qtype = record.qtype;
  event_.id = record.id;
  event_.client_port = record.client_port;
  event_.server_port = record.server_port;
  if (record.has_server) {
    event_.server = {server_.data(), record.server.write_text(server_)};
  }
  event_.wildcard = record.wildcard;
  event_.client = {client_.data(), record.client.write_text(client_)};
  if (record.has_resolved_ip) {
    event_.resolved_ip = {resolved_ip_.data(), record.resolved_ip.write_text(resolved_ip_)};
  }
  set_names(record, batch);
  type_ = type_to_text(record.qtype);
  event_.type = type_;
  event_.confusable_class = record.confusable_class;
  if (record.client_group != nullptr) {
    event_.client_group = *record.client_group;
  }
  return event_;
}

} // namespace nearmiss
