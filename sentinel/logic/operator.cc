// SENTINEL MONITOR, REMOVE, RESET, SET, FAILOVER.
#include "common/base/glob.h"
#include "sentinel/logic/pass.h"

namespace redan {
namespace {

Error no_such_primary() {
  return Error("No such master with that name");
}

}  // namespace

Result<void> SentinelMachine::monitor(Instant now, const std::string& name, Address address,
                                      uint32_t quorum, SentinelEffects& out) {
  if (quorum == 0) return Error("Quorum must be 1 or greater.");
  if (address.port == 0) return Error("Invalid port number.");
  if (primaries_.count(name) != 0) return Error("Duplicate master name.");
  auto primary = std::make_unique<Primary>();
  primary->name = name;
  primary->address = std::move(address);
  primary->options.quorum = quorum;
  primary->options.down_after = options_.timings.default_down_after;
  primary->options.failover_timeout = options_.timings.default_failover_timeout;
  primary->says_primary = true;
  primary->role_since = now;
  primary->link = new_link(now, LinkKind::kDataNode, primary->address, name);
  const Primary& added = *(primaries_[name] = std::move(primary));
  event(out, EventLevel::kWarning, "+monitor", added, "quorum " + std::to_string(quorum));
  persist(out);
  settle(now, out);
  return kOk;
}

Result<void> SentinelMachine::remove(Instant now, const std::string& name, SentinelEffects& out) {
  const auto found = primaries_.find(name);
  if (found == primaries_.end()) return no_such_primary();
  event(out, EventLevel::kWarning, "-monitor", *found->second);
  const std::unique_ptr<Primary> gone = std::move(found->second);
  primaries_.erase(found);
  drop_link(gone->link, out);
  for (const auto& [address, replica] : gone->replicas) drop_link(replica.link, out);
  for (const auto& [id, peer] : gone->peers) drop_peer_link(peer.link, out);
  persist(out);
  settle(now, out);
  return kOk;
}

// Forgets replicas, peers and any failover under way; what still lives is discovered again.
size_t SentinelMachine::reset(Instant now, const std::string& pattern, SentinelEffects& out) {
  size_t count = 0;
  for (auto& [name, owned] : primaries_) {
    if (!glob_match(pattern, name)) continue;
    Primary& primary = *owned;
    ++count;
    if (primary.pause && can_send(link(primary.link))) {
      send(now, link(primary.link), name, UnpauseWrites{}, out);
      primary.pause.reset();
    }
    for (const auto& [address, replica] : primary.replicas) drop_link(replica.link, out);
    const auto peers = std::move(primary.peers);
    primary.replicas.clear();
    primary.peers.clear();
    for (const auto& [id, peer] : peers) drop_peer_link(peer.link, out);
    clear_failover(primary);
    primary.last_attempt = Instant{};
    primary.down_since.reset();
    primary.odown_since.reset();
    primary.reboot_since.reset();
    primary.run_id.clear();
    primary.says_primary = true;
    primary.role_since = now;
    primary.info_at.reset();
    primary.info = {};
    primary.next_info = now;
    Link& to = link(primary.link);
    close(now, to, LinkPart::kCommands, out);
    close(now, to, LinkPart::kSubscription, out);
    to.unanswered_since = to.last_pong = to.last_valid_pong = now;
    event(out, EventLevel::kWarning, "+reset-master", primary);
  }
  if (count > 0) persist(out);
  settle(now, out);
  return count;
}

Result<void> SentinelMachine::set(Instant now, const std::string& name,
                                  const std::vector<std::string>& words, SentinelEffects& out) {
  const auto found = primaries_.find(name);
  if (found == primaries_.end()) return no_such_primary();
  Primary& primary = *found->second;
  Result<void> outcome = kOk;
  size_t changes = 0;
  for (size_t at = 0; at < words.size();) {
    const std::string& option = words[at];
    const size_t arity = option_arity(option);
    const bool script = option == "notification-script" || option == "client-reconfig-script";
    if (arity == 0 || at + arity >= words.size()) {
      outcome = Error("Unknown option or number of arguments for SENTINEL SET '" + option + "'");
      break;
    }
    if (script && options_.deny_scripts_reconfig) {
      outcome = Error(
          "Reconfiguration of scripts path is denied for security reasons. Check the "
          "deny-scripts-reconfig configuration directive in your Sentinel configuration");
      break;
    }
    const std::vector<std::string> values(words.begin() + at + 1, words.begin() + at + 1 + arity);
    outcome = apply_option(primary.options, option, values);
    if (!outcome) break;
    std::string shown = option;
    for (const std::string& value : values) {
      shown += " " + (option == "auth-pass" ? std::string("******") : value);
    }
    event(out, EventLevel::kWarning, "+set", primary, shown);
    if (option == "auth-pass" || option == "auth-user") {
      // New credentials count at once.
      for (auto& [id, to] : links_) {
        if (to.kind != LinkKind::kDataNode || to.primary != name) continue;
        close(now, to, LinkPart::kCommands, out);
        close(now, to, LinkPart::kSubscription, out);
      }
    }
    at += 1 + arity;
    ++changes;
  }
  if (changes > 0) persist(out);
  settle(now, out);
  return outcome;
}

Result<void> SentinelMachine::failover(Instant now, const std::string& name, SentinelEffects& out) {
  const auto found = primaries_.find(name);
  if (found == primaries_.end()) return no_such_primary();
  Primary& primary = *found->second;
  if (primary.failing_over()) return Error("INPROG", "Failover already in progress");
  const Selection selection = select_replica(
      {.primary = &primary, .links = &links_, .now = now, .timings = &options_.timings});
  if (selection.chosen() == nullptr) {
    return Error("NOGOODSLAVE", "No suitable replica to promote");
  }
  primary.forced = true;
  start_failover(now, primary, out);
  settle(now, out);
  return kOk;
}

Result<void> SentinelMachine::flush_config(SentinelEffects& out) {
  persist(out);
  return kOk;
}

}  // namespace redan
