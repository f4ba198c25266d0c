#include "module/events/format.hpp"

#include "config/diagnostics.hpp"
#include "module/events/json.hpp"

#include <sys/random.h>
#include <unistd.h>

namespace nearmiss {

EventOrigin EventOrigin::here() {
  constexpr std::string_view hex = "0123456789abcdef";
  EventOrigin origin;
  std::array<char, 16> digits{};
  const auto micros =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count());
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), micros, 16).ptr;
  origin.id_prefix.assign(digits.data(), end);
  origin.id_prefix += '-';
  std::array<unsigned char, 8> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    random.fill(0); // the start's time still tells two starts apart
  }
  for (const unsigned char octet : random) {
    origin.id_prefix += hex[octet >> 4];
    origin.id_prefix += hex[octet & 0xf];
  }
  std::array<char, 256> hostname{};
  if (gethostname(hostname.data(), hostname.size() - 1) == 0) {
    origin.hostname = printable(hostname.data());
  }
  return origin;
}

void append_flags(LineBuffer& out, std::string_view key, const HeaderFlags& flags) {
  if (!flags.any()) {
    return;
  }
  out += key;
  std::string_view before = R"([")";
  const auto append = [&](bool set, std::string_view flag) {
    if (set) {
      out += before;
      out += flag;
      before = R"(",")";
    }
  };
  append(flags.recursion_desired, "RD");
  append(flags.checking_disabled, "CD");
  append(flags.dnssec_ok, "DO");
  out += R"("])";
}

void append_value(LineBuffer& out, const Notice::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    json::append_string(out, *text);
  } else if (const auto* number = std::get_if<std::uint64_t>(&value)) {
    out.append_number(*number);
  } else {
    out += '[';
    std::string_view separator;
    for (const std::string& item : std::get<std::vector<std::string>>(value)) {
      out += separator;
      separator = ",";
      json::append_string(out, item);
    }
    out += ']';
  }
}

} // namespace nearmiss
