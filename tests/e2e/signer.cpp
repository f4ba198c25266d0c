#include "tests/e2e/signer.hpp"

#include "tests/e2e/ldns_handle.hpp"

#include <cstdio>
#include <ctime>
#include <map>
#include <memory>
#include <vector>

namespace e2e {

namespace {

constexpr std::time_t day = 86400;

ZoneHandle parse(const std::string& text) {
  std::string copy = text;
  const std::unique_ptr<FILE, LdnsFree<std::fclose>> file(fmemopen(copy.data(), copy.size(), "r"));
  ldns_zone* zone = nullptr;
  int line = 0;
  const ldns_status status =
      ldns_zone_new_frm_fp_l(&zone, file.get(), nullptr, 0, LDNS_RR_CLASS_IN, &line);
  check(status, "zone text, line " + std::to_string(line));
  return ZoneHandle(zone);
}

// The same each time, so that a zone can change under its key.
ldns_key_list* keys_of(const std::string& origin) {
  static std::map<std::string, KeysHandle> known;
  KeysHandle& keys = known[origin];
  if (!keys) {
    ldns_key* key = ldns_key_new_frm_algorithm(LDNS_SIGN_ECDSAP256SHA256, 256);
    if (key == nullptr) {
      throw std::runtime_error("cannot make a key for " + origin);
    }
    ldns_key_set_pubkey_owner(key, ldns_dname_new_frm_str(origin.c_str()));
    ldns_key_set_flags(key, LDNS_KEY_ZONE_KEY | LDNS_KEY_SEP_KEY);
    ldns_key_set_inception(key, static_cast<std::uint32_t>(std::time(nullptr) - day));
    ldns_key_set_expiration(key, static_cast<std::uint32_t>(std::time(nullptr) + 30 * day));
    keys.reset(ldns_key_list_new());
    ldns_key_list_push_key(keys.get(), key);
  }
  return keys.get();
}

} // namespace

SignedZone sign_zone(const std::string& origin, const std::string& text, std::uint32_t key_ttl) {
  const ZoneHandle zone = parse(text);

  ldns_key_list* const keys = keys_of(origin);
  ldns_key* const key = ldns_key_list_key(keys, 0);
  const RrHandle dnskey(ldns_key2rr(key));
  ldns_rr_set_ttl(dnskey.get(), key_ttl);
  ldns_key_set_keytag(key, ldns_calc_keytag(dnskey.get()));
  const RrHandle ds(ldns_key_rr2ds(dnskey.get(), LDNS_SHA256));

  const SignedZoneHandle made(ldns_dnssec_zone_new());
  const auto add = [&](const ldns_rr* rr) {
    check(ldns_dnssec_zone_add_rr(made.get(), ldns_rr_clone(rr)), "zone " + origin);
  };
  add(ldns_zone_soa(zone.get()));
  for (std::size_t i = 0; i < ldns_rr_list_rr_count(ldns_zone_rrs(zone.get())); ++i) {
    add(ldns_rr_list_rr(ldns_zone_rrs(zone.get()), i));
  }
  add(dnskey.get());

  // Records that the signer makes live in `made` or here.
  const std::unique_ptr<ldns_rr_list, LdnsFree<ldns_rr_list_free>> added(ldns_rr_list_new());
  check(ldns_dnssec_zone_sign(made.get(), added.get(), keys, ldns_dnssec_default_replace_signatures,
                              nullptr),
        "signing " + origin);

  char* output = nullptr;
  std::size_t size = 0;
  FILE* stream = open_memstream(&output, &size);
  ldns_dnssec_zone_print(stream, made.get());
  std::fclose(stream);
  std::string ds_text = taken(ldns_rr2str(ds.get()));
  ds_text.erase(ds_text.find_last_not_of('\n') + 1);
  return {taken(output), ds_text};
}

} // namespace e2e
