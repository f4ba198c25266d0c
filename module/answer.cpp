#include "module/answer.hpp"

#include <ldns/ldns.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <utility>

namespace nearmiss {

// Puts records into an answer.
class Answers::Writer {
 public:
  Writer(nm_answer& answer, std::span<const std::uint8_t> qname) noexcept
      : answer_(answer), qname_(qname) {}

  void add(std::span<const std::uint8_t> owner, std::uint16_t type,
           std::span<const std::uint8_t> rdata) noexcept {
    answer_.records[answer_.answer_count++] = {
        {owner.data(), owner.size()}, type, rdata.data(), rdata.size(), ttl_};
  }
  // Of the records added from now on; before, it is the rule's.
  void set_ttl(std::uint32_t ttl) noexcept { ttl_ = ttl; }
  // Of the asked name.
  void add(std::uint16_t type, std::span<const std::uint8_t> rdata) noexcept {
    add(qname_, type, rdata);
  }
  // With RDATA of these parts; once an answer.
  void add_made(std::span<const std::uint8_t> owner, std::uint16_t type,
                std::initializer_list<std::span<const std::uint8_t>> parts) noexcept {
    std::size_t size = 0;
    for (const auto part : parts) {
      std::ranges::copy(part, answer_.made_rdata + size);
      size += part.size();
    }
    add(owner, type, std::span(answer_.made_rdata, size));
  }
  // Of the asked name's last `owner_octets`.
  void add_soa(std::size_t owner_octets, std::span<const std::uint8_t> rdata) noexcept {
    add(qname_.last(owner_octets), LDNS_RR_TYPE_SOA, rdata);
    answer_.authority_count = std::exchange(answer_.answer_count, 0);
  }
  std::span<const std::uint8_t> qname() const noexcept { return qname_; }

 private:
  nm_answer& answer_;
  std::span<const std::uint8_t> qname_;
  std::uint32_t ttl_ = answer_.ttl;
};

namespace {

// The RDATA of an RR written as in a zone file.
std::vector<std::uint8_t> rdata_of(const std::string& text) {
  ldns_rr* raw = nullptr;
  if (ldns_rr_new_frm_str(&raw, text.c_str(), 0, nullptr, nullptr) != LDNS_STATUS_OK) {
    throw std::runtime_error("cannot make a record from \"" + text + "\"");
  }
  const std::unique_ptr<ldns_rr, decltype(&ldns_rr_free)> rr(raw, ldns_rr_free);
  const std::unique_ptr<ldns_buffer, decltype(&ldns_buffer_free)> buffer(
      ldns_buffer_new(LDNS_MAX_PACKETLEN), ldns_buffer_free);
  if (!buffer || ldns_rr_rdata2buffer_wire(buffer.get(), rr.get()) != LDNS_STATUS_OK) {
    throw std::bad_alloc();
  }
  const std::uint8_t* begin = ldns_buffer_begin(buffer.get()); // without the RDLENGTH
  return {begin, begin + ldns_buffer_position(buffer.get())};
}

bool answers(const LocalRecord& record, std::uint16_t qtype) noexcept {
  // A CNAME answers every type, what stands behind one all but the question for the CNAME itself.
  const bool asked = record.type == qtype || qtype == LDNS_RR_TYPE_ANY;
  return record.owner ? qtype != LDNS_RR_TYPE_CNAME && (asked || record.type == LDNS_RR_TYPE_CNAME)
                      : asked || record.type == LDNS_RR_TYPE_CNAME;
}

// Local data, from the asked name on. It ends where a wildcard CNAME would lead to a name that is
// too long; if that is at once, it is NODATA.
void add_local(Answers::Writer& writer, const LocalData& data, std::uint16_t qtype) noexcept {
  for (const LocalRecord& record : data) {
    if (!answers(record, qtype)) {
      continue;
    }
    const auto owner = record.owner ? record.owner->wire() : writer.qname();
    writer.set_ttl(record.ttl);
    if (!is_wildcard_cname(record)) {
      writer.add(owner, record.type, record.rdata);
      continue;
    }
    const auto prefix = owner.first(owner.size() - 1); // without the root
    const auto rest = std::span(record.rdata).subspan(2);
    if (prefix.size() + rest.size() > Name::max_octets) {
      return;
    }
    writer.add_made(owner, record.type, {prefix, rest});
  }
}

std::uint32_t shortest_ttl(const nm_answer& answer) noexcept {
  const auto records = std::span(answer.records).first(answer.answer_count);
  return std::ranges::min_element(records, {}, &nm_record::ttl)->ttl;
}

// How many of the asked name's last labels are the owner of the SOA of a negative answer. The
// matched name is an ancestor of the asked one, or, for an answer that led to it by CNAME or MX,
// stands elsewhere: then the answer is about the asked name itself.
std::size_t soa_labels(const Verdict& verdict, const Name& asked) noexcept {
  const bool ancestor = asked.is_at_or_below(verdict.matched);
  const std::size_t labels = ancestor ? verdict.matched.label_count() : asked.label_count();
  if (labels == asked.label_count() && labels > 0 && verdict.action == Action::nxdomain) {
    return labels - 1; // a name that does not exist has no SOA
  }
  return labels;
}

} // namespace

std::string_view to_string(Rcode rcode) noexcept {
  switch (rcode) {
  case Rcode::noerror:
    return "NOERROR";
  case Rcode::servfail:
    return "SERVFAIL";
  case Rcode::nxdomain:
    return "NXDOMAIN";
  case Rcode::refused:
    return "REFUSED";
  }
  return "NOERROR";
}

Rcode rcode_for(const Verdict& verdict) noexcept {
  switch (verdict.action) {
  case Action::nxdomain:
    return Rcode::nxdomain;
  case Action::refused:
    return Rcode::refused;
  case Action::servfail:
    return Rcode::servfail;
  default:
    return Rcode::noerror;
  }
}

Answers::Answers(const Config& config) : config_(config), null_mx_(rdata_of("x. 0 IN MX 0 .")) {
  for (const Rule& rule : config.policy.rules()) {
    if (!soa_.contains(rule.ttl)) {
      soa_.emplace(rule.ttl, rdata_of("x. 0 IN SOA nearmiss.invalid. hostmaster.nearmiss.invalid. "
                                      "1 3600 1200 604800 " +
                                      std::to_string(rule.ttl)));
    }
  }
  if (config.sinkhole.mx) {
    sinkhole_mx_ = rdata_of("x. 0 IN MX 0 " + config.sinkhole.mx->to_text() + ".");
  }
}

void Answers::make(const Verdict& verdict, const Name& asked, std::span<const std::uint8_t> qname,
                   std::uint16_t qtype, nm_answer& answer) const noexcept {
  const Rcode rcode = rcode_for(verdict);
  answer.rcode = static_cast<std::uint8_t>(rcode);
  answer.truncated = verdict.action == Action::tcp_only;
  answer.ttl = verdict.rule->ttl;
  answer.answer_count = answer.authority_count = 0;
  Writer writer(answer, qname.first(asked.wire().size()));
  if (verdict.action == Action::local_data) {
    add_local(writer, *verdict.rule->local_data, qtype);
    writer.set_ttl(answer.ttl);
    if (answer.answer_count > 0) {
      answer.ttl = shortest_ttl(answer);
    }
  } else if (verdict.action == Action::null_mx && qtype == LDNS_RR_TYPE_MX) {
    writer.add(qtype, null_mx_);
  } else if (verdict.action == Action::sinkhole) {
    add_sinkhole(writer, qtype);
  }
  const bool negative = answer.answer_count == 0 && !answer.truncated &&
                        (rcode == Rcode::nxdomain || rcode == Rcode::noerror);
  if (negative) {
    writer.add_soa(asked.suffix(soa_labels(verdict, asked)).size(),
                   soa_.find(verdict.rule->ttl)->second);
  }
}

void Answers::add_sinkhole(Writer& writer, std::uint16_t qtype) const noexcept {
  const Sinkhole& sinkhole = config_.sinkhole;
  if (qtype == LDNS_RR_TYPE_A && sinkhole.ipv4) {
    writer.add(qtype, std::span(sinkhole.ipv4->octets()).last(4));
  } else if (qtype == LDNS_RR_TYPE_AAAA && sinkhole.ipv6) {
    writer.add(qtype, sinkhole.ipv6->octets());
  } else if (qtype == LDNS_RR_TYPE_MX && !sinkhole_mx_.empty()) {
    writer.add(qtype, sinkhole_mx_);
  } else if (qtype == LDNS_RR_TYPE_MX) {
    constexpr std::uint8_t preference[] = {0, 0};
    writer.add_made(writer.qname(), qtype, {preference, writer.qname()});
  }
}

std::optional<ClientAddress> first_address(const nm_answer& answer) noexcept {
  for (const nm_record& record : std::span(answer.records).first(answer.answer_count)) {
    if (record.type == LDNS_RR_TYPE_A && record.rdata_len == 4) {
      std::array<std::uint8_t, 4> octets{};
      std::copy_n(record.rdata, octets.size(), octets.begin());
      return ClientAddress::v4(octets);
    }
    if (record.type == LDNS_RR_TYPE_AAAA && record.rdata_len == 16) {
      std::array<std::uint8_t, 16> octets{};
      std::copy_n(record.rdata, octets.size(), octets.begin());
      return ClientAddress::v6(octets);
    }
  }
  return std::nullopt;
}

} // namespace nearmiss
