#include "tests/e2e/chance_run.hpp"

#include "tests/e2e/chance_check.hpp"

#include <atomic>
#include <map>
#include <thread>

namespace e2e {

namespace {

std::string lists_text(const Model& model) {
  std::string text;
  for (const auto& [file, lines] : model.lists) {
    text += "--- " + file + "\n" + lines;
  }
  return text;
}

UnboundOptions draw_options(Chance& chance, const Host& host) {
  static const std::vector<int> threads{1, 2, 4, 4};
  UnboundOptions options{.lists = host.files,
                         .encrypted = host.encrypted,
                         .server_lines = host.server_lines,
                         .more_clauses = host.clauses};
  options.threads = chance.of(threads);
  if (!host.rewritten.empty()) {
    options.module_config = "respip ";
  }
  if (chance.percent(12)) {
    options.module_config = "respip ";
    options.server_lines += "  response-ip: 198.51.100.7/32 redirect\n"
                            "  response-ip-data: 198.51.100.7/32 \"A " +
                            redirected_address + "\"\n";
  }
  options.validate = !chance.percent(10);
  options.module_config += options.validate ? "validator iterator" : "iterator";
  options.access = chance.percent(30) ? "allow_snoop" : "allow";
  return options;
}

UnboundOptions with_module(UnboundOptions options, const Model& model) {
  options.module_config = "dynlib " + options.module_config;
  options.policy = model.text;
  options.lists.insert(model.lists.begin(), model.lists.end());
  return options;
}

// Its lists under names of their own, so that none changes under another policy.
Model with_own_lists(Model model, const std::string& prefix) {
  std::map<std::string, std::string> lists;
  for (const auto& [file, text] : model.lists) {
    const std::string said = "file: " + file;
    model.text.replace(model.text.find(said), said.size(), "file: " + prefix + file);
    lists[prefix + file] = text;
  }
  model.lists = lists;
  return model;
}

class Play {
 public:
  Play(const Scene& scene, const Model& model, const Host& host, const UnboundOptions& options,
       std::uint64_t seed)
      : scene_(scene), seed_(seed), lab_(scene.zones), plain_(lab_, options),
        resolver_(lab_, with_module(options, model)), checks_(resolver_, plain_, host, model) {}

  Played through(const std::vector<Step>& steps);

 private:
  void take(const Step& step);
  void burst(const Step& step);
  void reload(const std::string& how);
  void change_policy(const Step& step);
  void load_cache();
  void ask_on_threads(const std::vector<Query>& queries);

  const Scene& scene_;
  std::uint64_t seed_;
  Lab lab_;
  Unbound plain_, resolver_;
  Checks checks_;
};

Played Play::through(const std::vector<Step>& steps) {
  try {
    plain_.start();
    resolver_.start();
    for (std::size_t at = 0; at < steps.size() && !checks_.failed(); ++at) {
      checks_.at(at);
      take(steps[at]);
      if (!resolver_.alive()) {
        checks_.report("CRASH\n" + resolver_.log());
      }
    }
    if (!checks_.failed()) {
      checks_.wait_for_events();
      checks_.wait_for_rest();
    }
  } catch (const std::exception& error) {
    checks_.report(std::string("EXCEPTION: ") + error.what());
  }
  return {checks_.failure(), checks_.answers, checks_.blocks, checks_.answer_blocks};
}

void Play::take(const Step& step) {
  switch (step.what) {
  case Step::ask:
    checks_.ask_both(step.queries.front());
    break;
  case Step::burst:
    burst(step);
    break;
  case Step::pause:
    std::this_thread::sleep_for(std::chrono::milliseconds(step.number));
    break;
  case Step::control:
    (void)plain_.control(step.text);
    (void)resolver_.control(step.text);
    break;
  case Step::reload:
    reload(step.text);
    break;
  case Step::policy:
    change_policy(step);
    break;
  case Step::forge:
    checks_.records_change();
    for (const Server server : {Server::tld, Server::host}) {
      lab_.relay(server).forge(step.text, forger_of(step));
    }
    break;
  case Step::slow:
    lab_.slow(step.text, std::chrono::milliseconds(step.number));
    break;
  case Step::load:
    load_cache();
    break;
  }
}

// What the Unbound without the module knows gets into both caches; `nearmiss reload` is what the
// documents ask for after it.
void Play::load_cache() {
  const std::filesystem::path dump = resolver_.folder() / "dump";
  write_file(dump, plain_.control("dump_cache"));
  plain_.load_cache(dump);
  resolver_.load_cache(dump);
  int code = 0;
  const nlohmann::json said = resolver_.nearmiss("reload", &code);
  if (code != 0) {
    checks_.report("RELOAD: " + said.dump());
  }
}

void Play::burst(const Step& step) {
  const auto slow_down = [&](std::uint64_t milliseconds) {
    for (const Query& query : step.queries) {
      lab_.slow(query.name, std::chrono::milliseconds(milliseconds));
    }
  };
  slow_down(step.number);
  std::vector<std::thread> askers;
  for (const Query& query : step.queries) {
    askers.emplace_back([&] {
      try {
        checks_.ask_in_burst(query);
      } catch (const std::exception& error) {
        checks_.report(error.what());
      }
    });
  }
  for (std::thread& asker : askers) {
    asker.join();
  }
  slow_down(0);
  for (const Query& query : step.queries) {
    checks_.ask_both(query);
  }
}

void Play::reload(const std::string& how) {
  for (Unbound* server : {&plain_, &resolver_}) {
    if (how == "fast_reload") {
      (void)server->control("fast_reload +p");
    } else {
      server->reload(how);
    }
  }
}

// While a client asks.
void Play::change_policy(const Step& step) {
  Chance chance(seed_ * 7919 + step.number);
  const Model next = with_own_lists(draw_policy(chance, scene_), std::to_string(step.number));
  std::atomic<bool> done = false;
  std::thread asker([&] {
    try {
      while (!done) {
        for (const Query& query : step.queries) {
          checks_.ask_under_reload(query, next);
        }
      }
    } catch (const std::exception& error) {
      checks_.report(error.what());
    }
  });
  int code = 0;
  nlohmann::json said;
  try {
    for (const auto& [file, text] : next.lists) {
      resolver_.write_list(file, text);
    }
    resolver_.write_policy(next.text);
    said = resolver_.nearmiss("reload", &code);
  } catch (const std::exception& error) {
    code = 2;
    said = error.what();
  }
  done = true;
  asker.join();
  if (code != 0) {
    checks_.report("RELOAD: " + said.dump() + "\n" + next.text);
  }
  checks_.policy_is(next);
}

} // namespace

Run::Run(std::uint64_t seed, std::size_t steps) : seed_(seed) {
  Chance chance(seed);
  scene_ = draw_scene(chance);
  model_ = draw_policy(chance, scene_);
  host_ = draw_host(chance, scene_);
  options_ = draw_options(chance, host_);
  steps_ = draw_steps(chance, scene_, model_, host_, steps);
}

std::string Run::describe(const std::vector<Step>& steps) const {
  std::string text = model_.text + lists_text(model_) + (host_.encrypted ? "encrypted " : "") +
                     "threads " + std::to_string(options_.threads) + " " + options_.access + " " +
                     options_.module_config + "\n" + options_.server_lines + options_.more_clauses;
  for (const Zone& zone : scene_.zones) {
    text += "zone " + zone.origin + (zone.is_signed ? " signed" : "") + " ttl " +
            std::to_string(zone.ttl) + " ns " + zone.name_server + " server " +
            std::to_string(static_cast<int>(zone.server)) + "\n" + zone.records;
  }
  std::size_t at = 0;
  for (const Step& step : steps) {
    text += "  " + std::to_string(at++) + " " + to_text(step) + "\n";
  }
  return text;
}

Played Run::play(const std::vector<Step>& steps) const {
  return Play(scene_, model_, host_, options_, seed_).through(steps);
}

} // namespace e2e
