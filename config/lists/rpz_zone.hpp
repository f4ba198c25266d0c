// What a response policy zone says, as it is read (config/lists/rpz.hpp has what it may say). For
// one zone and one call of read().
#pragma once

#include "config/lists/rpz.hpp"
#include "config/lists/trigger_table.hpp"
#include "config/lists/zone_file.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace nearmiss {

// By number: ldns is left to the files that read and write records.
enum ZoneType : std::uint16_t {
  type_ns = 2,
  type_cname = 5,
  type_soa = 6,
  type_dname = 39,
  type_ds = 43,
  type_rrsig = 46,
  type_nsec = 47,
  type_dnskey = 48,
  type_nsec3 = 50,
  type_nsec3param = 51,
  type_zonemd = 63,
};

class RpzZone {
 public:
  // A trigger, and what it lists.
  struct Trigger {
    Name name;
    Scope scope = Scope::exact;
  };

  RpzZone(std::string_view content, RpzRules& rules, ZoneOrder& order, ListLoad& load)
      : file_(content), rules_(rules), order_(order), load_(load) {}

  void read();

 private:
  // How often something was met, and where first.
  struct Count {
    std::size_t count = 0;
    std::size_t first_line = 0;
    void operator()(std::size_t line) noexcept { first_line = count++ == 0 ? line : first_line; }
  };

  // As LocalRecord and Trigger, in an eighth of the room: there may be millions.
  struct Data {
    std::uint16_t type = 0;
    std::uint32_t ttl = 0;
    std::vector<std::uint8_t> rdata;
    LocalRecord record() const { return {{}, type, rdata, ttl}; }
  };
  struct Local {
    std::size_t line = 0;
    Scope scope = Scope::exact;
    const std::string* key = nullptr; // of local_at_
    std::vector<Data> data;
    Trigger trigger() const;
  };

  void broken(std::size_t line, std::string problem) {
    load_.broken({line, 1}, std::move(problem));
  }
  void take(const ZoneRecord& record);
  bool begins(const ZoneRecord& record);
  void begin(const ZoneRecord& soa);
  void take_apex(const ZoneRecord& soa);
  std::optional<Name> trigger_of(const ZoneRecord& record);
  void take_cname(const Trigger& trigger, const ZoneRecord& record);
  void take_policy(const Trigger& trigger, Action action, std::size_t line);
  void take_local(const Trigger& trigger, const ZoneRecord& record);
  bool may_list(const Trigger& trigger, bool blocks, std::size_t line);
  // False: another action holds for the trigger, which is reported.
  bool may_have(const Trigger& trigger, unsigned action, std::size_t line);
  void listed(const Trigger& trigger) noexcept;
  // False: an earlier zone decides the trigger.
  bool is_first(const Trigger& trigger, bool allows, std::size_t line);
  // The records of the trigger, and behind a CNAME those that this zone has for its target.
  LocalData whole_data(const Local& local) const;
  void add_chain(const Trigger& trigger, LocalData& data) const;
  void list_locals();
  void report_left_out();
  void report_strange_names();

  ZoneFile file_;
  RpzRules& rules_;
  ZoneOrder& order_;
  ListLoad& load_;
  bool begun_ = false;
  bool out_of_place_ = false; // it does not begin with an SOA, which was said
  bool apex_known_ = false;
  Name apex_;
  std::uint32_t usual_ttl_ = 0; // of records where the file says none
  std::vector<Local> locals_;   // in the file's order
  std::unordered_map<std::string, std::size_t> local_at_;
  TriggerTable seen_;
  std::map<std::string, Count> others_;            // triggers, by the label
  std::map<std::uint16_t, Count> passed_over_;     // records, by the type
  Count inside_;                                   // CNAMEs to names of the zone
  std::string inside_target_;                      // the first of them
  Count elsewhere_;                                // triggers that an earlier zone decides
  std::string elsewhere_trigger_, elsewhere_zone_; // the first of them
  Name first_;                                     // trigger
  bool one_top_ = true;                            // all triggers have its last label
};

std::string shown_trigger(const RpzZone::Trigger& trigger);

} // namespace nearmiss
