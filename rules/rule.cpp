#include "rules/rule.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

namespace nearmiss {

namespace {

struct Mnemonic {
  std::uint16_t type;
  std::string_view text;
};

// IANA's registry "Resource Record (RR) TYPEs", in its order.
constexpr Mnemonic mnemonics[] = {
    {1, "A"},           {2, "NS"},          {5, "CNAME"},     {6, "SOA"},     {10, "NULL"},
    {11, "WKS"},        {12, "PTR"},        {13, "HINFO"},    {14, "MINFO"},  {15, "MX"},
    {16, "TXT"},        {17, "RP"},         {18, "AFSDB"},    {19, "X25"},    {20, "ISDN"},
    {21, "RT"},         {22, "NSAP"},       {23, "NSAP-PTR"}, {24, "SIG"},    {25, "KEY"},
    {26, "PX"},         {27, "GPOS"},       {28, "AAAA"},     {29, "LOC"},    {33, "SRV"},
    {35, "NAPTR"},      {36, "KX"},         {37, "CERT"},     {38, "A6"},     {39, "DNAME"},
    {41, "OPT"},        {42, "APL"},        {43, "DS"},       {44, "SSHFP"},  {45, "IPSECKEY"},
    {46, "RRSIG"},      {47, "NSEC"},       {48, "DNSKEY"},   {49, "DHCID"},  {50, "NSEC3"},
    {51, "NSEC3PARAM"}, {52, "TLSA"},       {53, "SMIMEA"},   {55, "HIP"},    {59, "CDS"},
    {60, "CDNSKEY"},    {61, "OPENPGPKEY"}, {62, "CSYNC"},    {63, "ZONEMD"}, {64, "SVCB"},
    {65, "HTTPS"},      {99, "SPF"},        {104, "NID"},     {105, "L32"},   {106, "L64"},
    {107, "LP"},        {108, "EUI48"},     {109, "EUI64"},   {249, "TKEY"},  {250, "TSIG"},
    {251, "IXFR"},      {252, "AXFR"},      {255, "ANY"},     {256, "URI"},   {257, "CAA"},
};

constexpr char upper(char character) noexcept {
  return character >= 'a' && character <= 'z' ? static_cast<char>(character - ('a' - 'A'))
                                              : character;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, upper, upper);
}

} // namespace

TypeSet TypeSet::all() noexcept {
  TypeSet types;
  types.bits_.set();
  types.others_ = true;
  return types;
}

TypeSet TypeSet::only(std::uint16_t type) noexcept {
  TypeSet types;
  if (type < limit) {
    types.bits_[type] = true;
  } else {
    types.others_ = true;
  }
  return types;
}

TypeSet TypeSet::delivery() noexcept {
  TypeSet types;
  for (const std::string_view text : {"MX", "A", "AAAA", "CNAME", "ANY", "SRV", "HTTPS", "SVCB"}) {
    types.add(*type_from_text(text));
  }
  return types;
}

void TypeSet::add(std::uint16_t type) noexcept {
  assert(type < limit);
  bits_[type] = true;
}

std::string type_to_text(std::uint16_t type) {
  const auto* const found = std::ranges::find(mnemonics, type, &Mnemonic::type);
  return found == std::end(mnemonics) ? "TYPE" + std::to_string(type) : std::string(found->text);
}

std::optional<std::uint16_t> type_from_text(std::string_view text) noexcept {
  for (const auto& [type, mnemonic] : mnemonics) {
    if (equal_ignoring_case(mnemonic, text)) {
      return type;
    }
  }
  constexpr std::string_view generic = "TYPE"; // RFC 3597 section 5
  if (!equal_ignoring_case(text.substr(0, generic.size()), generic)) {
    return std::nullopt;
  }
  std::uint16_t type = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + generic.size(), end, type);
  if (error != std::errc() || stop != end) {
    return std::nullopt;
  }
  return type;
}

} // namespace nearmiss
