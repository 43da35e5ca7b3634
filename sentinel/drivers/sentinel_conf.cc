#include "sentinel/drivers/sentinel_conf.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "common/base/parse.h"
#include "common/config/value.h"

namespace redan {

namespace {

using value_detail::quote_if_needed;
using Statement = std::vector<std::string>;

std::string yes_no(bool value) {
  return value ? "yes" : "no";
}

template <bool SentinelOptions::*member>
constexpr GlobalSetting flag(std::string_view name) {
  return {name, [](const SentinelConf& conf) { return yes_no(conf.options.*member); },
          [](SentinelConf& conf, const std::string& value) {
            const auto parsed = parse_yes_no(value);
            if (parsed) conf.options.*member = *parsed;
            return parsed.has_value();
          }};
}

const GlobalSetting kSettings[] = {
    flag<&SentinelOptions::resolve_hostnames>("resolve-hostnames"),
    flag<&SentinelOptions::announce_hostnames>("announce-hostnames"),
    {"announce-ip", [](const SentinelConf& conf) { return conf.options.announce_ip; },
     [](SentinelConf& conf, const std::string& value) {
       conf.options.announce_ip = value;
       return true;
     }},
    {"announce-port",
     [](const SentinelConf& conf) { return std::to_string(conf.options.announce_port); },
     [](SentinelConf& conf, const std::string& value) {
       const auto port = parse_int64(value);
       if (!port || *port < 0 || *port > 65535) return false;
       conf.options.announce_port = static_cast<uint16_t>(*port);
       return true;
     }},
    {"sentinel-user", [](const SentinelConf& conf) { return conf.sentinel_user; },
     [](SentinelConf& conf, const std::string& value) {
       conf.sentinel_user = value;
       return true;
     }},
    {"sentinel-pass", [](const SentinelConf& conf) { return conf.sentinel_pass; },
     [](SentinelConf& conf, const std::string& value) {
       conf.sentinel_pass = value;
       return true;
     }},
};

// Not changeable by SENTINEL CONFIG SET.
const GlobalSetting kDenyScripts =
    flag<&SentinelOptions::deny_scripts_reconfig>("deny-scripts-reconfig");

const GlobalSetting* find_setting(std::string_view name) {
  if (iequals(name, kDenyScripts.name)) return &kDenyScripts;
  for (const GlobalSetting& setting : kSettings) {
    if (iequals(name, setting.name)) return &setting;
  }
  return nullptr;
}

Error bad(std::string_view why) {
  return Error("CONFIG", why);
}

Result<Address> read_address(const std::string& host, const std::string& port) {
  const auto number = parse_int64(port);
  if (!number || *number < 1 || *number > 65535) return bad("Invalid port number.");
  if (host.empty()) return bad("Invalid IP address or hostname specified");
  Address address{.port = static_cast<uint16_t>(*number)};
  (is_ip_literal(host) ? address.ip : address.hostname) = host;
  return address;
}

Result<Epoch> read_epoch(const std::string& text) {
  const auto epoch = parse_uint64(text);
  if (!epoch) return bad("Invalid epoch.");
  return Epoch(*epoch);
}

class Reader {
 public:
  explicit Reader(SentinelConf& conf) : conf_(conf) {}

  Result<void> monitor(const Statement& words) {
    if (words.size() != 5) return unknown();
    const auto quorum = parse_int64(words[4]);
    if (!quorum || *quorum <= 0 || *quorum > INT32_MAX) return bad("Quorum must be 1 or greater.");
    if (find(words[1]) != nullptr) return bad("Duplicate master name.");
    Result<Address> address = read_address(words[2], words[3]);
    if (!address) return address.error();
    DurablePrimary primary{.name = words[1], .address = address.take()};
    primary.options.quorum = static_cast<uint32_t>(*quorum);
    conf_.state.primaries.push_back(std::move(primary));
    return kOk;
  }

  Result<void> other(const Statement& words) {
    if (words.size() < 2) return unknown();
    const std::string what = to_lower(words[0]);
    if (const GlobalSetting* setting = find_setting(what)) {
      if (words.size() != 2) return unknown();
      if (!setting->set(conf_, words[1])) {
        return bad("Invalid value '" + words[1] + "' for '" + what + "'.");
      }
      return kOk;
    }
    if (what == "myid" && words.size() == 2) {
      const auto id = NodeId::from_hex(words[1]);
      if (!id) return bad("Malformed Sentinel id in myid option.");
      conf_.state.id = *id;
      return kOk;
    }
    if (what == "current-epoch" && words.size() == 2) {
      Result<Epoch> epoch = read_epoch(words[1]);
      if (!epoch) return epoch.error();
      conf_.state.current_epoch = std::max(conf_.state.current_epoch, *epoch);
      return kOk;
    }
    DurablePrimary* primary = find(words[1]);
    const bool known_statement = option_arity(what) > 0 || is_state(what);
    if (!known_statement) return unknown();
    if (primary == nullptr) return bad("No such master with specified name.");
    return about(*primary, what, {words.begin() + 2, words.end()});
  }

 private:
  static bool is_state(const std::string& what) {
    return what == "config-epoch" || what == "leader-epoch" || what == "known-replica" ||
           what == "known-slave" || what == "known-sentinel";
  }
  static Error unknown() { return bad("Unrecognized sentinel configuration statement."); }

  Result<void> about(DurablePrimary& primary, const std::string& what, const Statement& values) {
    if (!is_state(what)) {
      Result<void> applied = apply_option(primary.options, what, values);
      if (!applied) return bad(applied.error().message());
      return kOk;
    }
    if (what == "config-epoch" || what == "leader-epoch") {
      if (values.size() != 1) return unknown();
      Result<Epoch> epoch = read_epoch(values[0]);
      if (!epoch) return epoch.error();
      (what == "config-epoch" ? primary.config_epoch : primary.ballot.epoch) = *epoch;
      // An epoch in use is known, whatever current-epoch says.
      conf_.state.current_epoch = std::max(conf_.state.current_epoch, *epoch);
      return kOk;
    }
    const bool peer = what == "known-sentinel";
    if (values.size() != 2 && !(peer && values.size() == 3)) return unknown();
    Result<Address> address = read_address(values[0], values[1]);
    if (!address) return address.error();
    if (!peer) {
      const auto& all = primary.replicas;
      if (std::find(all.begin(), all.end(), *address) == all.end()) {
        primary.replicas.push_back(address.take());
      }
      return kOk;
    }
    // Of versions that did not write the identity: it will be heard of again.
    if (values.size() == 2) return kOk;
    const auto id = NodeId::from_hex(values[2]);
    if (!id) return bad("Wrong hostname or port for sentinel.");
    std::erase_if(primary.peers, [&](const DurablePeer& known) { return known.id == *id; });
    primary.peers.push_back({*id, address.take()});
    return kOk;
  }

  DurablePrimary* find(const std::string& name) {
    for (DurablePrimary& primary : conf_.state.primaries) {
      if (primary.name == name) return &primary;
    }
    return nullptr;
  }

  SentinelConf& conf_;
};

// A line that the configuration needs. `key` finds the old line that it replaces; one whose value
// is the default is only written over such a line.
struct NeededLine {
  std::string key;
  std::string text;
  bool is_default = false;
};

// Statements about a primary belong to its name; the two names for one thing are one key.
std::string key_of(const Statement& words) {
  std::string what = to_lower(words[0]);
  if (what == "known-slave") what = "known-replica";
  if (what == "myid" || what == "current-epoch" || find_setting(what) != nullptr) return what;
  return what + " " + (words.size() > 1 ? words[1] : "");
}

class Writer {
 public:
  explicit Writer(const SentinelConf& conf) : conf_(conf) {
    line({"myid", conf.state.id.hex()});
    line({kDenyScripts.name, kDenyScripts.get(conf)}, conf.options.deny_scripts_reconfig);
    const SentinelConf defaults;
    for (const GlobalSetting& setting : kSettings) {
      line({setting.name, setting.get(conf)}, setting.get(conf) == setting.get(defaults));
    }
    for (const DurablePrimary& primary : conf.state.primaries) about(primary);
    line({"current-epoch", std::to_string(conf.state.current_epoch.value)});
  }
  std::vector<NeededLine> take() { return std::move(lines_); }

 private:
  void line(const std::vector<std::string_view>& words, bool is_default = false) {
    Statement statement(words.begin(), words.end());
    std::string text = "sentinel";
    // An empty value cannot be read back from some options; it is their default anyhow.
    for (const std::string& word : statement) text += " " + quote_if_needed(word);
    lines_.push_back({key_of(statement), std::move(text), is_default});
  }
  std::string host(const Address& address) const {
    const bool by_name = conf_.options.resolve_hostnames && !address.hostname.empty();
    return by_name ? address.hostname : address.dialled();
  }
  void number(std::string_view what, const std::string& name, int64_t value, int64_t fallback) {
    line({what, name, std::to_string(value)}, value == fallback);
  }
  void text(std::string_view what, const std::string& name, const std::string& value) {
    if (!value.empty()) line({what, name, value});
  }
  void about(const DurablePrimary& primary) {
    const std::string& name = primary.name;
    const PrimaryOptions& options = primary.options;
    const PrimaryOptions defaults;
    line({"monitor", name, host(primary.address), std::to_string(primary.address.port),
          std::to_string(options.quorum)});
    number("down-after-milliseconds", name, options.down_after.count(),
           defaults.down_after.count());
    number("failover-timeout", name, options.failover_timeout.count(),
           defaults.failover_timeout.count());
    number("parallel-syncs", name, options.parallel_syncs, defaults.parallel_syncs);
    number("master-reboot-down-after-period", name, options.reboot_down_after.count(),
           defaults.reboot_down_after.count());
    text("notification-script", name, options.notification_script);
    text("client-reconfig-script", name, options.client_reconfig_script);
    text("auth-pass", name, options.auth_pass);
    text("auth-user", name, options.auth_user);
    for (const auto& [from, to] : options.renamed_commands) {
      line({"rename-command", name, from, to});
    }
    line({"config-epoch", name, std::to_string(primary.config_epoch.value)});
    line({"leader-epoch", name, std::to_string(primary.ballot.epoch.value)});
    for (const Address& replica : primary.replicas) {
      line({"known-replica", name, host(replica), std::to_string(replica.port)});
    }
    for (const DurablePeer& peer : primary.peers) {
      line({"known-sentinel", name, host(peer.address), std::to_string(peer.address.port),
            peer.id.hex()});
    }
  }

  const SentinelConf& conf_;
  std::vector<NeededLine> lines_;
};

// The words behind "sentinel" of a line; empty where it is another line.
Statement statement_of(std::string_view raw) {
  const std::string_view line = trim(raw);
  if (line.empty() || line[0] == '#') return {};
  auto words = split_words(line);
  if (!words || words->size() < 2 || !iequals((*words)[0], "sentinel")) return {};
  words->erase(words->begin());
  return std::move(*words);
}

}  // namespace

std::span<const GlobalSetting> global_settings() {
  return kSettings;
}

Result<void> apply_statements(std::span<const Statement> statements, SentinelConf& conf) {
  Reader reader(conf);
  for (const bool monitors : {true, false}) {
    for (const Statement& words : statements) {
      const bool is_monitor = !words.empty() && iequals(words[0], "monitor");
      if (is_monitor != monitors) continue;
      Result<void> read = is_monitor ? reader.monitor(words) : reader.other(words);
      if (read) continue;
      std::string line = "sentinel";
      for (const std::string& word : words) line += " " + quote_if_needed(word);
      // Never the secret itself: this goes to the log.
      if (!words.empty() &&
          (iequals(words[0], "auth-pass") || iequals(words[0], "sentinel-pass"))) {
        line = "sentinel " + words[0] + " ...";
      }
      return Error("CONFIG", "\n*** FATAL CONFIG FILE ERROR (Redan " + std::string(REDAN_VERSION) +
                                 ") ***\n>>> '" + line + "'\n" + read.error().message() + "\n");
    }
  }
  return kOk;
}

std::string rewrite_conf(std::string_view old, const SentinelConf& conf) {
  constexpr std::string_view kHeading = "# Generated by CONFIG REWRITE";
  std::vector<std::string_view> lines = split(old, '\n');
  while (!lines.empty() && trim(lines.back()).empty()) lines.pop_back();

  std::vector<NeededLine> needed = Writer(conf).take();
  std::set<std::string> old_keys;
  bool has_heading = false;
  for (const std::string_view line : lines) {
    if (const Statement words = statement_of(line); !words.empty()) old_keys.insert(key_of(words));
    has_heading = has_heading || trim(line) == kHeading;
  }
  std::erase_if(needed, [&](const NeededLine& line) {
    return line.is_default && !old_keys.contains(line.key);
  });
  std::map<std::string, std::deque<size_t>> waiting;  // by key, in order
  for (size_t i = 0; i < needed.size(); ++i) waiting[needed[i].key].push_back(i);

  std::string text;
  for (const std::string_view line : lines) {
    const Statement words = statement_of(line);
    if (words.empty()) {
      text.append(line).append("\n");
      continue;
    }
    auto& candidates = waiting[key_of(words)];
    if (candidates.empty()) continue;  // Not true any more.
    text.append(needed[candidates.front()].text).append("\n");
    candidates.pop_front();
  }
  bool first = true;
  for (size_t i = 0; i < needed.size(); ++i) {
    const auto& candidates = waiting[needed[i].key];
    if (std::find(candidates.begin(), candidates.end(), i) == candidates.end()) continue;
    if (first && !has_heading) text.append("\n").append(kHeading).append("\n");
    first = false;
    text.append(needed[i].text).append("\n");
  }
  return text;
}

}  // namespace redan
