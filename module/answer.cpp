#include "module/answer.hpp"

#include <ldns/ldns.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace nearmiss {

namespace {

constexpr std::uint16_t flags_qr_ra = 0x8080;
constexpr std::uint16_t flag_tc = 0x0200;
constexpr std::size_t header_octets = 12;

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

// Appends big-endian numbers and octets to a fixed buffer; says at the end whether all fitted.
class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> out) noexcept : out_(out) {}
  void u8(unsigned value) noexcept {
    if (size_ < out_.size()) {
      out_[size_] = static_cast<std::uint8_t>(value);
    }
    ++size_;
  }
  void u16(unsigned value) noexcept {
    u8(value >> 8);
    u8(value & 0xff);
  }
  void u32(std::uint32_t value) noexcept {
    u16(value >> 16);
    u16(value & 0xffff);
  }
  void octets(std::span<const std::uint8_t> octets) noexcept {
    std::for_each(octets.begin(), octets.end(), [this](std::uint8_t octet) { u8(octet); });
  }
  std::size_t size() const noexcept { return size_ <= out_.size() ? size_ : 0; }

 private:
  std::span<std::uint8_t> out_;
  std::size_t size_ = 0;
};

// An RR whose owner is the qname without its first `skip` octets, by a compression pointer.
void write_rr(Writer& writer, std::size_t skip, unsigned type, std::uint32_t ttl,
              std::span<const std::uint8_t> rdata) {
  writer.u16(0xc000U | static_cast<unsigned>(header_octets + skip));
  writer.u16(type);
  writer.u16(LDNS_RR_CLASS_IN);
  writer.u32(ttl);
  writer.u16(static_cast<unsigned>(rdata.size()));
  writer.octets(rdata);
}

bool answers(const LocalRecord& record, std::uint16_t qtype) noexcept {
  // A CNAME answers every type, what stands behind one all but the question for the CNAME itself.
  const bool asked = record.type == qtype || qtype == LDNS_RR_TYPE_ANY;
  return record.owner ? qtype != LDNS_RR_TYPE_CNAME && (asked || record.type == LDNS_RR_TYPE_CNAME)
                      : asked || record.type == LDNS_RR_TYPE_CNAME;
}

// True for a CNAME that leads to the asked name under another one.
bool is_wildcard_cname(const LocalRecord& record) noexcept {
  constexpr std::uint8_t wildcard[] = {1, '*'};
  return record.type == LDNS_RR_TYPE_CNAME &&
         std::ranges::equal(std::span(record.rdata).first(std::min(record.rdata.size(), 2UL)),
                            wildcard);
}

// How many records of the local data an answer has; 0: it is NODATA.
unsigned count_local(const LocalData& data, std::span<const std::uint8_t> qname,
                     std::uint16_t qtype) noexcept {
  if (is_wildcard_cname(data.front()) &&
      qname.size() - 1 + data.front().rdata.size() - 2 > Name::max_octets) {
    return 0;
  }
  return static_cast<unsigned>(std::ranges::count_if(
      data, [qtype](const LocalRecord& record) { return answers(record, qtype); }));
}

// Local data, from the asked name on.
void write_local(Writer& writer, const LocalData& data, std::span<const std::uint8_t> qname,
                 std::uint16_t qtype, std::uint32_t ttl) {
  for (const LocalRecord& record : data) {
    if (!answers(record, qtype)) {
      continue;
    }
    if (record.owner) {
      writer.octets(record.owner->wire());
    } else {
      writer.u16(0xc000U | header_octets);
    }
    writer.u16(record.type);
    writer.u16(LDNS_RR_CLASS_IN);
    writer.u32(ttl);
    std::span<const std::uint8_t> rdata(record.rdata);
    if (is_wildcard_cname(record)) {
      rdata = rdata.subspan(2);
      const auto asked = qname.first(qname.size() - 1); // without the root
      writer.u16(static_cast<unsigned>(asked.size() + rdata.size()));
      writer.octets(asked);
    } else {
      writer.u16(static_cast<unsigned>(rdata.size()));
    }
    writer.octets(rdata);
  }
}

// What the answer section holds, for a verdict and a type.
enum class Section { nothing, ipv4, ipv6, sinkhole_mx, null_mx, local };

Section section_for(const Verdict& verdict, std::uint16_t qtype,
                    const Sinkhole& sinkhole) noexcept {
  if (verdict.action == Action::null_mx && qtype == LDNS_RR_TYPE_MX) {
    return Section::null_mx;
  }
  if (verdict.action == Action::local_data &&
      std::ranges::any_of(*verdict.rule->local_data,
                          [&](const LocalRecord& record) { return answers(record, qtype); })) {
    return Section::local;
  }
  if (verdict.action == Action::sinkhole) {
    if (qtype == LDNS_RR_TYPE_A && sinkhole.ipv4) {
      return Section::ipv4;
    }
    if (qtype == LDNS_RR_TYPE_AAAA && sinkhole.ipv6) {
      return Section::ipv6;
    }
    if (qtype == LDNS_RR_TYPE_MX) {
      return Section::sinkhole_mx;
    }
  }
  return Section::nothing;
}

// Octets of the qname before the owner of the SOA of a negative answer. The matched name is an
// ancestor of the qname, or, for an answer that led to it by CNAME or MX, stands elsewhere: then
// the answer is about the qname itself.
std::size_t soa_owner_offset(const Verdict& verdict, const Name& asked) noexcept {
  const bool ancestor = asked.is_at_or_below(verdict.matched);
  std::size_t labels = ancestor ? verdict.matched.label_count() : asked.label_count();
  if (labels == asked.label_count() && labels > 0 && verdict.action == Action::nxdomain) {
    --labels; // a name that does not exist has no SOA
  }
  return asked.wire().size() - asked.suffix(labels).size();
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
  soa_.reserve(config.policy.rules().size());
  for (const Rule& rule : config.policy.rules()) {
    soa_.push_back(
        rdata_of("x. 0 IN SOA nearmiss.invalid. hostmaster.nearmiss.invalid. 1 3600 1200 604800 " +
                 std::to_string(rule.ttl)));
  }
  if (config.sinkhole.mx) {
    sinkhole_mx_ = rdata_of("x. 0 IN MX 0 " + config.sinkhole.mx->to_text() + ".");
  }
}

std::size_t Answers::write(const Verdict& verdict, std::span<const std::uint8_t> qname,
                           std::uint16_t qtype, std::span<std::uint8_t> out) const noexcept {
  const auto asked = Name::from_wire(qname);
  if (!asked) {
    return 0;
  }
  Section section = section_for(verdict, qtype, config_.sinkhole);
  unsigned count = section == Section::nothing ? 0 : 1;
  if (section == Section::local) {
    count = count_local(*verdict.rule->local_data, qname, qtype);
    section = count == 0 ? Section::nothing : section;
  }
  const Rcode rcode = rcode_for(verdict);
  const bool truncated = verdict.action == Action::tcp_only;
  const bool negative = section == Section::nothing && !truncated &&
                        (rcode == Rcode::nxdomain || rcode == Rcode::noerror);
  const std::uint32_t ttl = verdict.rule->ttl;

  Writer writer(out);
  writer.u16(0); // the id is the client's, set when the reply is encoded
  writer.u16(flags_qr_ra | (truncated ? flag_tc : 0U) | static_cast<unsigned>(rcode));
  writer.u16(1);
  writer.u16(count);
  writer.u16(negative ? 1 : 0);
  writer.u16(0);
  writer.octets(qname.first(asked->wire().size()));
  writer.u16(qtype);
  writer.u16(LDNS_RR_CLASS_IN);
  switch (section) {
  case Section::nothing:
    break;
  case Section::ipv4:
    write_rr(writer, 0, LDNS_RR_TYPE_A, ttl, std::span(config_.sinkhole.ipv4->octets()).last(4));
    break;
  case Section::ipv6:
    write_rr(writer, 0, LDNS_RR_TYPE_AAAA, ttl, config_.sinkhole.ipv6->octets());
    break;
  case Section::null_mx:
    write_rr(writer, 0, LDNS_RR_TYPE_MX, ttl, null_mx_);
    break;
  case Section::local:
    write_local(writer, *verdict.rule->local_data, qname, qtype, ttl);
    break;
  case Section::sinkhole_mx: {
    constexpr std::uint8_t zero_and_qname[] = {0, 0, 0xc0, header_octets};
    if (sinkhole_mx_.empty()) {
      write_rr(writer, 0, LDNS_RR_TYPE_MX, ttl, zero_and_qname);
    } else {
      write_rr(writer, 0, LDNS_RR_TYPE_MX, ttl, sinkhole_mx_);
    }
    break;
  }
  }
  if (negative) {
    const auto rule = static_cast<std::size_t>(verdict.rule - config_.policy.rules().data());
    write_rr(writer, soa_owner_offset(verdict, *asked), LDNS_RR_TYPE_SOA, ttl, soa_[rule]);
  }
  return writer.size();
}

std::optional<ClientAddress> Answers::resolved_ip(const Verdict& verdict,
                                                  std::uint16_t qtype) const noexcept {
  switch (section_for(verdict, qtype, config_.sinkhole)) {
  case Section::ipv4:
    return config_.sinkhole.ipv4;
  case Section::ipv6:
    return config_.sinkhole.ipv6;
  case Section::local:
    for (const LocalRecord& record : *verdict.rule->local_data) {
      if (answers(record, qtype) && record.type == LDNS_RR_TYPE_A && record.rdata.size() == 4) {
        std::array<std::uint8_t, 4> octets{};
        std::ranges::copy(record.rdata, octets.begin());
        return ClientAddress::v4(octets);
      }
      if (answers(record, qtype) && record.type == LDNS_RR_TYPE_AAAA && record.rdata.size() == 16) {
        std::array<std::uint8_t, 16> octets{};
        std::ranges::copy(record.rdata, octets.begin());
        return ClientAddress::v6(octets);
      }
    }
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

} // namespace nearmiss
