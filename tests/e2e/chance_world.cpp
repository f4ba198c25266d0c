#include "tests/e2e/chance_world.hpp"

#include "tests/e2e/unbound.hpp"

namespace e2e {

namespace {

const std::vector<std::string> hosts{"a", "b", "c", "e", "f", "g", "mx"};

void draw_names(Chance& chance, Scene& scene) {
  const std::vector<std::string> tlds{"ml.", "example.", "zz."};
  const std::size_t count = 4 + chance.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string parent =
        i > 1 && chance.percent(25) ? scene.domains[chance.below(i)] : chance.of(tlds);
    scene.domains.push_back("d" + std::to_string(i) + "." + parent);
  }
  if (chance.percent(40)) {
    scene.domains.push_back(lookalike_domain);
  }
  for (const std::string& domain : scene.domains) {
    scene.names.push_back(domain);
    scene.silent.push_back("silent." + domain);
    for (const std::string& host : hosts) {
      scene.names.push_back(host + "." + domain);
    }
    for (const char* more : {"q0.w.", "q1.w.", "q2.w.", "a.dn.", "b.dn.", "q0.w.dn.", "dn.",
                             "none.", "x.none.", "sub.a.", "ns1."}) {
      scene.names.push_back(more + domain);
    }
  }
  for (std::size_t i = 0; i < 12; ++i) {
    scene.focus.push_back(chance.of(scene.names));
  }
}

class ZoneDraw {
 public:
  ZoneDraw(Chance& chance, Scene& scene) : chance_(chance), scene_(scene) {}

  void draw(const std::string& domain);

 private:
  const std::string& target() {
    return chance_.of(chance_.percent(60) ? scene_.focus : scene_.names);
  }
  std::string records_of(const std::string& owner, bool apex);
  void choose_name_server(Zone& zone, const std::string& address);

  Chance& chance_;
  Scene& scene_;
  std::size_t address_ = 0;
  std::vector<Zone> plain_; // with their server's usual name
};

std::string ZoneDraw::records_of(const std::string& owner, bool apex) {
  if (!apex && chance_.percent(38)) {
    return owner + " CNAME " + target() + "\n";
  }
  std::string text;
  const auto add_address = [&] {
    scene_.addresses.push_back("198.51.100." + std::to_string(++address_ % 250));
    text += owner + " A " + scene_.addresses.back() + "\n";
  };
  if (chance_.percent(75)) {
    add_address();
    if (chance_.percent(20)) {
      add_address();
    }
  }
  if (chance_.percent(35)) {
    text += owner + " AAAA 2001:db8::" + std::to_string(++address_) + "\n";
  }
  if (chance_.percent(60)) {
    for (std::size_t i = 0, mx = 1 + chance_.below(3); i < mx; ++i) {
      text += owner + " MX " + std::to_string(10 * (i + 1)) + " " + target() + "\n";
    }
  }
  if (chance_.percent(15)) {
    text += owner + " SRV 0 0 25 " + target() + "\n";
  }
  if (chance_.percent(15)) {
    text += owner + " HTTPS 1 " + target() + " alpn=h2\n";
  }
  return text + owner + " TXT \"t\"\n";
}

// Its own with glue, another domain's, or the usual one.
void ZoneDraw::choose_name_server(Zone& zone, const std::string& address) {
  if (chance_.percent(30)) {
    zone.name_server = "ns1." + zone.origin;
    for (Zone& other : scene_.zones) {
      if (other.origin == parent_of(zone.origin)) {
        other.records += zone.name_server + " A " + address + "\n";
      }
    }
  } else if (!plain_.empty() && chance_.percent(30)) {
    for (const Zone& other : plain_) {
      if (other.server == zone.server) {
        zone.name_server = "ns1." + other.origin;
      }
    }
  }
  if (zone.name_server.empty()) {
    plain_.push_back(zone);
  }
}

void ZoneDraw::draw(const std::string& domain) {
  const bool is_signed = !domain.ends_with("zz.") && chance_.percent(55);
  Zone zone{domain, chance_.percent(80) ? Server::host : Server::tld, is_signed, ""};
  const std::vector<unsigned> ttls{1, 2, 300, 300};
  zone.ttl = chance_.of(ttls);
  if (chance_.percent(20)) {
    zone.key_ttl = 2;
  }
  const std::string here = zone.server == Server::host ? "@HOST@" : "@TLD@";
  zone.records = "ns1 A " + here + "\n" + records_of("@", true);
  for (const std::string& host : hosts) {
    zone.records += records_of(host, false);
  }
  zone.records += records_of("*.w", false) + "silent A 198.51.100.251\n";
  if (chance_.percent(60)) {
    zone.records += "dn DNAME " + chance_.of(scene_.domains) + "\n";
  } else if (chance_.percent(40)) {
    zone.records += "dn DNAME w." + chance_.of(scene_.domains) + "\n";
  }
  choose_name_server(zone, here);
  if (!is_signed) {
    for (const std::string& host : hosts) {
      scene_.open_names.push_back(host + "." + domain);
    }
  }
  scene_.zones.push_back(zone);
}

} // namespace

Scene draw_scene(Chance& chance) {
  Scene scene;
  scene.zones = {{"ml.", Server::tld, true, ""},
                 {"example.", Server::tld, true, ""},
                 {"zz.", Server::tld, false, ""}};
  draw_names(chance, scene);
  ZoneDraw zones(chance, scene);
  for (const std::string& domain : scene.domains) {
    zones.draw(domain);
  }
  return scene;
}

bool is_recent() {
  static const std::string said = run({unbound_program("unbound"), "-V"}).output;
  return std::stoi(said.substr(said.find('.') + 1)) >= 25; // "Version 1.26.0"
}

namespace {

std::string draw_configuration(Chance& chance, const Scene& scene) {
  std::string text;
  const auto maybe = [&](std::size_t percent, const std::string& line) {
    if (chance.percent(percent)) {
      text += "  " + line + "\n";
    }
  };
  if (chance.percent(50)) {
    text += "  serve-expired: yes\n";
    maybe(40, "serve-expired-client-timeout: 50");
    maybe(30, "serve-expired-ttl: 2");
    maybe(40, "serve-expired-ttl-reset: yes");
    maybe(30, "serve-expired-reply-ttl: 1");
  }
  maybe(50, "prefetch: yes");
  maybe(30, "prefetch-key: yes");
  maybe(50, "qname-minimisation: no");
  maybe(10, "qname-minimisation-strict: yes");
  maybe(50, "aggressive-nsec: yes");
  maybe(20, "harden-below-nxdomain: no");
  maybe(20, "harden-referral-path: yes");
  maybe(20, "harden-algo-downgrade: yes");
  maybe(20, "harden-large-queries: yes");
  maybe(20, "harden-dnssec-stripped: no");
  maybe(20, "use-caps-for-id: yes");
  maybe(50, "minimal-responses: no");
  maybe(30, "rrset-roundrobin: no");
  maybe(20, "cache-min-ttl: 2");
  maybe(20, "cache-max-ttl: 1");
  maybe(15, "cache-max-negative-ttl: 1");
  maybe(15, "ignore-cd-flag: yes");
  maybe(15, "val-permissive-mode: yes");
  maybe(15, "val-clean-additional: no");
  maybe(10, "msg-cache-size: 20k\n  rrset-cache-size: 40k");
  maybe(15, "ede: yes");
  maybe(10, "ede-serve-expired: yes");
  maybe(10, "edns-buffer-size: 512");
  maybe(15, "target-fetch-policy: \"3 2 1 1 1\"");
  maybe(10, "fast-server-permil: 500");
  maybe(10, "so-reuseport: no");
  maybe(15, "domain-insecure: \"ml\"");
  maybe(15, "disable-dnssec-lame-check: yes");
  if (chance.percent(15)) {
    text += "  local-zone: \"" + chance.of(scene.domains) +
            "\" typetransparent\n  local-data: \"own." + chance.of(scene.domains) +
            " A 203.0.113.99\"\n";
  }
  if (is_recent()) {
    maybe(20, "answer-cookie: yes");
    maybe(20, "dns-error-reporting: yes");
    maybe(30, "iter-scrub-promiscuous: no");
    maybe(15, "harden-unknown-additional: yes");
    maybe(15, "discard-timeout: 0");
    maybe(10, "sock-queue-timeout: 3");
    maybe(15, "cache-min-negative-ttl: 2");
    maybe(10, "iter-scrub-cname: 3");
    maybe(10, "max-global-quota: 60");
  }
  return text;
}

std::string draw_clauses(Chance& chance, const Scene& scene) {
  std::string text;
  for (const Zone& zone : scene.zones) {
    if (zone.server != Server::host) {
      continue;
    }
    if (chance.percent(6)) {
      text += "stub-zone:\n  name: \"" + zone.origin + "\"\n  stub-addr: @HOST@\n";
      text += chance.percent(50) ? "  stub-prime: yes\n" : "";
      text += chance.percent(30) ? "  stub-no-cache: yes\n" : "";
    } else if (chance.percent(6)) {
      text += "forward-zone:\n  name: \"" + zone.origin + "\"\n  forward-addr: @HOST@\n";
      text += chance.percent(30) ? "  forward-no-cache: yes\n" : "";
      text += chance.percent(30) ? "  forward-first: yes\n" : "";
    } else if (chance.percent(6)) {
      text += "auth-zone:\n  name: \"" + zone.origin +
              "\"\n  primary: @HOST@\n  for-downstream: no\n  for-upstream: yes\n" +
              "  fallback-enabled: yes\n";
    }
  }
  return text;
}

// Clients with local data of their own, by a view and by a tag. The names are none that is asked
// for: what Unbound answers before its modules is not the module's.
void draw_views(Chance& chance, const Scene& scene, Host& host) {
  const std::string own = "own." + chance.of(scene.domains);
  host.server_lines += "  access-control-view: 127.1.0.2/32 special\n"
                       "  access-control-view: 127.2.0.2/32 special\n"
                       "  define-tag: \"few\"\n"
                       "  access-control-tag: 127.1.0.1/32 \"few\"\n"
                       "  local-zone: \"tagged." +
                       own +
                       "\" redirect\n"
                       "  local-zone-tag: \"tagged." +
                       own + "\" \"few\"\n";
  host.clauses += "view:\n  name: \"special\"\n  view-first: yes\n  local-data: \"" + own + " A " +
                  view_address + "\"\n";
}

// The host's own response policy zone.
void draw_response_policy(Chance& chance, const Scene& scene, Host& host) {
  static const std::vector<std::string> actions{"CNAME .", "CNAME *.", "CNAME rpz-passthru.",
                                                "A " + rewritten_address};
  std::string zone =
      "$ORIGIN rpz.here.\n@ 60 SOA localhost. hostmaster.localhost. 1 3600 600 86400 60\n"
      "@ NS localhost.\n";
  for (std::size_t i = 0, n = 1 + chance.below(3); i < n; ++i) {
    const std::string name = chance.of(chance.percent(50) ? scene.focus : scene.names);
    if (host.rewritten.insert(name).second) {
      zone += undotted(name) + " 60 " + chance.of(actions) + "\n";
    }
  }
  host.files["here.rpz"] = zone;
  host.clauses += "rpz:\n  name: rpz.here\n  zonefile: here.rpz\n";
}

} // namespace

Host draw_host(Chance& chance, const Scene& scene) {
  Host host;
  host.server_lines = draw_configuration(chance, scene);
  host.clauses = draw_clauses(chance, scene);
  host.encrypted = chance.percent(25);
  if (chance.percent(20)) {
    draw_views(chance, scene, host);
  }
  if (chance.percent(15)) {
    draw_response_policy(chance, scene, host);
  }
  if (chance.percent(8)) {
    host.server_lines += "  ratelimit: 30\n";
  }
  if (chance.percent(6)) {
    host.server_lines += "  ip-ratelimit: 60\n";
    host.loses_answers = true;
  }
  return host;
}

} // namespace e2e
