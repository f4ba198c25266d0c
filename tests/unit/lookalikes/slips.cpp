// The score of a slip: what people type is found, what honest names look like is not.
#include "rules/lookalikes/slips.hpp"
#include "rules/lookalikes/known.hpp"
#include "rules/lookalikes/lookalike.hpp"
#include "rules/lookalikes/score.hpp"
#include "tests/catch.hpp"
#include "tests/unit/rules/names.hpp"

#include <string>
#include <vector>

using namespace nearmiss;
using nearmiss::test::name;

namespace {

LookalikeIndex protecting(const std::vector<std::string>& domains,
                          Sensitivity sensitivity = Sensitivity::normal,
                          std::shared_ptr<const KnownNames> known = nullptr) {
  std::vector<Protected> list;
  for (const std::string& domain : domains) {
    list.push_back({name(domain), default_classes(name(domain)), 0, threshold_of(sensitivity)});
  }
  return LookalikeIndex(std::move(list), std::move(known));
}

// "class domain", or "" for no look-alike.
std::string found(const LookalikeIndex& index, const std::string& asked) {
  const auto lookalike = index.find(name(asked));
  return lookalike ? std::string(to_string(lookalike->kind)) + ' ' +
                         index.domains()[lookalike->domain].domain.to_text()
                   : std::string();
}

} // namespace

TEST_CASE("slips of the fingers are told by kind") {
  const LookalikeIndex index =
      protecting({"gmail.com", "hotmail.com", "yahoo.com.br", "army.mil", "outlook.com"});
  CHECK(found(index, "gmai.com") == "omission gmail.com");
  CHECK(found(index, "outlok.com") == "omission outlook.com");
  CHECK(found(index, "hptmail.com") == "replacement hotmail.com");
  CHECK(found(index, "gmial.com") == "transposition gmail.com");
  CHECK(found(index, "hotmal.co") == "label-and-ending hotmail.com");
  CHECK(found(index, "gmil.con") == "label-and-ending gmail.com");
  CHECK(found(index, "gmail.con") == "ending-slip gmail.com");
  CHECK(found(index, "yahoo.con.br") == "ending-slip yahoo.com.br");
  CHECK(found(index, "gmailc.om") == "moved-dot gmail.com");
  CHECK(found(index, "armym.il") == "moved-dot army.mil");
  CHECK(found(index, "hormsil.com") == "two-slips hotmail.com");
  CHECK(found(index, "mx.in.hptmail.com") == "replacement hotmail.com");
  // Near misses.
  CHECK(found(index, "gmail.com").empty());
  CHECK(found(index, "mx.gmail.com").empty());
  CHECK(found(index, "hotel.com").empty());
  CHECK(found(index, "mailbox.com").empty());
  CHECK(found(index, "yahoo.com.mx").empty());
  CHECK(found(index, "hotmail.com.br").empty());
  CHECK(found(index, "arbys.com").empty());
}

TEST_CASE("honest neighbours of protected domains pass by default") {
  struct Neighbour {
    std::string meant, asked;
  };
  const std::vector<Neighbour> neighbours{
      {"tsa.gov", "usa.gov"},      {"usa.gov", "tsa.gov"},        {"mtb.com", "mlb.com"},
      {"ual.com", "uol.com"},      {"tuta.com", "tuya.com"},      {"sony.com", "lamy.com"},
      {"spacex.com", "space.com"}, {"box.com", "boox.com"},       {"dw.de", "dwdl.de"},
      {"gap.com", "galp.com"},     {"inter.net", "internet.com"}, {"ups.com", "usps.com"},
      {"bbc.com", "nbc.com"},      {"hsbc.com", "hsb.com"},       {"chase.com", "chess.com"},
      {"kit.edu", "mit.edu"},      {"ubs.com", "dbs.com"},        {"web.de", "wdr.de"},
      {"nato.int", "nat.int"},     {"fedex.com", "fender.com"},   {"visa.com", "vista.com"},
  };
  const auto known = KnownNames::shipped();
  for (const auto& [meant, asked] : neighbours) {
    INFO(meant << ' ' << asked);
    CHECK(found(protecting({meant}, Sensitivity::normal, known), asked).empty());
  }
  // The same domains' slips are found all the same.
  CHECK_FALSE(found(protecting({"spacex.com"}, Sensitivity::normal, known), "spaecx.com").empty());
  CHECK_FALSE(found(protecting({"chase.com"}, Sensitivity::normal, known), "chaes.com").empty());
}

TEST_CASE("a known name and what is below it are no look-alikes, a slip of it is") {
  const auto known = std::make_shared<const KnownNames>(std::vector<Name>{name("hotmai.com")});
  CHECK(found(protecting({"hotmail.com"}), "hotmai.com") == "omission hotmail.com");
  const LookalikeIndex index = protecting({"hotmail.com"}, Sensitivity::normal, known);
  CHECK(found(index, "hotmai.com").empty());
  CHECK(found(index, "mx.hotmai.com").empty());
  CHECK(found(index, "hotmal.com") == "omission hotmail.com");
  CHECK(index.knows(name("mx.hotmai.com")));
  CHECK_FALSE(index.knows(name("hotmal.com")));
  // Whoever asks why it passes gets what it is near.
  REQUIRE(index.nearest(name("hotmai.com")));
  CHECK(index.nearest(name("hotmai.com"))->kind == LookalikeClass::omission);
}

TEST_CASE("the lists that ship hold what they should, and no slips of mail providers") {
  const auto known = KnownNames::shipped();
  CHECK(known->size() > 30000);
  CHECK(known->contains(name("www.usa.gov")));
  CHECK(known->contains(name("kit.edu")));
  CHECK_FALSE(known->contains(name("com")));
  for (const std::string slip : {"gmai.com", "gamil.com", "hotmai.com", "hotmial.com", "yaho.com",
                                 "outlok.com", "gmail.con", "hotmail.con"}) {
    INFO(slip);
    CHECK_FALSE(known->contains(name(slip)));
  }
  CHECK(KnownNames::mail_providers().contains(name("gmail.com")));
  CHECK_FALSE(KnownNames::mail_providers().contains(name("army.mil")));
}

TEST_CASE("a higher sensitivity takes more for look-alikes, never less") {
  const std::vector<std::string> asked{"gmai.com", "amry.mil",  "arm.mil",    "hotmali.com",
                                       "gnail.cm", "hotel.com", "fotmail.com"};
  const std::vector<std::string> domains{"gmail.com", "army.mil", "hotmail.com"};
  for (const std::string& one : asked) {
    INFO(one);
    const bool low = !found(protecting(domains, Sensitivity::low), one).empty();
    const bool normal = !found(protecting(domains), one).empty();
    const bool high = !found(protecting(domains, Sensitivity::high), one).empty();
    CHECK((!low || normal));
    CHECK((!normal || high));
  }
  CHECK(threshold_of(Sensitivity::low) > threshold_of(Sensitivity::normal));
  CHECK(threshold_of(Sensitivity::normal) > threshold_of(Sensitivity::high));
}

TEST_CASE("without a threshold only the named classes count") {
  const auto with = [](ClassSet classes) {
    return LookalikeIndex({{name("hotmail.com"), classes, 0}});
  };
  CHECK(found(with({LookalikeClass::two_slips}), "hormsil.com") == "two-slips hotmail.com");
  CHECK(found(with({LookalikeClass::two_slips}), "hotmai.com").empty());
  CHECK(found(with({LookalikeClass::omission}), "hormsil.com").empty());
  CHECK(found(with({LookalikeClass::omission}), "hotmai.com") == "omission hotmail.com");
}

TEST_CASE("the score's parts are explained") {
  const LookalikeIndex index = protecting({"hotmail.com"});
  const auto lookalike = index.find(name("hotmial.con"));
  REQUIRE(lookalike);
  REQUIRE(lookalike->score.weighed);
  const std::string text = explain(lookalike->kind, lookalike->score);
  INFO(text);
  CHECK(text.find("label-and-ending") != text.npos);
  CHECK(text.find("a look-alike from 0.33 on") != text.npos);
  CHECK(text.find("ending") != text.npos);
  CHECK(text.find("mail provider") != text.npos);
  CHECK(lookalike->score.value() >= 33);
}

TEST_CASE("slips are counted by kind and place") {
  const auto slips = [](std::string_view asked, std::string_view meant, std::size_t label) {
    return *lookalike::slips_between(asked, meant, label);
  };
  CHECK(slips("gmail.con", "gmail.com", 5).ending == 1);
  CHECK(slips("gmail.con", "gmail.com", 5).label == 0);
  CHECK(slips("gmailc.om", "gmail.com", 5).dots == 1);
  CHECK(slips("gmailcom", "gmail.com", 5).dots == 1);
  CHECK(slips("gmial.com", "gmail.com", 5).label == 1);
  CHECK(slips("gmmail.com", "gmail.com", 5)
            .in_label[static_cast<std::size_t>(lookalike::Slip::doubled)] == 1);
  CHECK(slips("gmail.com", "gmail.com", 5).all() == 0);
  CHECK_FALSE(lookalike::slips_between("gmail.com", "gmail-for-everyone.com", 18));
}

TEST_CASE("the work is bounded for protected domains that are all near each other") {
  std::vector<std::string> domains;
  for (unsigned bits = 0; bits < 4096; ++bits) {
    std::string label;
    for (unsigned at = 0; at < 12; ++at) {
      label += (bits >> at & 1) != 0 ? 'b' : 'd';
    }
    domains.push_back(label + ".com");
  }
  const LookalikeIndex index = protecting(domains);
  CHECK(index.work(name("bdbdbdbdbdbdb.com")) < 6000);
  CHECK(index.work(name("qwertyuiopas.com")) < 1000);
  CHECK_FALSE(found(index, "bdbdbdbdbdbdx.com").empty());
}
