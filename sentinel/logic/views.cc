// What SENTINEL MASTER, REPLICAS, SENTINELS, CKQUORUM, INFO-CACHE and INFO show.
#include <algorithm>

#include "sentinel/logic/pass.h"

namespace redan {
namespace {

using Fields = SentinelMachine::Fields;

std::string ms(Instant now, Instant since) {
  return std::to_string(std::max<int64_t>(0, whole_ms(now - since)));
}

std::string number(int64_t value) {
  return std::to_string(value);
}

void add_flag(std::string& flags, bool set, const char* name) {
  if (!set) return;
  if (!flags.empty()) flags += ',';
  flags += name;
}

void add_common(Fields& fields, Instant now, const Instance& node, const std::string& name,
                const std::string& flags, const Link& link, size_t link_users,
                const PrimaryOptions& options, const Primary* primary) {
  fields.emplace_back("name", name);
  fields.emplace_back("ip", node.address.dialled());
  fields.emplace_back("port", number(node.address.port));
  fields.emplace_back("runid", node.run_id);
  fields.emplace_back("flags", flags);
  fields.emplace_back("link-pending-commands", number(static_cast<int64_t>(link.pending.size())));
  fields.emplace_back("link-refcount", number(static_cast<int64_t>(link_users)));
  if (primary != nullptr && primary->failing_over()) {
    fields.emplace_back("failover-state", failover_state_name(primary->state));
  }
  fields.emplace_back("last-ping-sent",
                      link.unanswered_since ? ms(now, *link.unanswered_since) : "0");
  fields.emplace_back("last-ok-ping-reply", ms(now, link.last_valid_pong));
  fields.emplace_back("last-ping-reply", ms(now, link.last_pong));
  if (node.down_since) fields.emplace_back("s-down-time", ms(now, *node.down_since));
  if (primary != nullptr && primary->odown_since && &node == primary) {
    fields.emplace_back("o-down-time", ms(now, *primary->odown_since));
  }
  fields.emplace_back("down-after-milliseconds", number(options.down_after.count()));
}

void add_role(Fields& fields, Instant now, const DataNode& node) {
  fields.emplace_back("info-refresh", node.info_at ? ms(now, *node.info_at) : "0");
  fields.emplace_back("role-reported", node.says_primary ? "master" : "slave");
  fields.emplace_back("role-reported-time", ms(now, node.role_since));
}

}  // namespace

std::vector<std::string> SentinelMachine::primary_names() const {
  std::vector<std::string> names;
  for (const auto& [name, primary] : primaries_) names.push_back(name);
  return names;
}

const Primary* SentinelMachine::find(const std::string& name) const {
  const auto it = primaries_.find(name);
  return it == primaries_.end() ? nullptr : it->second.get();
}

const Link* SentinelMachine::find_link(LinkId id) const {
  const auto it = links_.find(id);
  return it == links_.end() ? nullptr : &it->second;
}

// The promoted replica, from when it said that it is a primary until it takes the primary's place.
const Replica* SentinelMachine::find_successor(const Primary& primary) {
  if (!primary.promoted || primary.state < FailoverState::kReconfigureReplicas) return nullptr;
  const auto it = primary.replicas.find(*primary.promoted);
  return it == primary.replicas.end() ? nullptr : &it->second;
}

std::optional<Address> SentinelMachine::current_address(const std::string& name) const {
  const Primary* primary = find(name);
  if (primary == nullptr) return std::nullopt;
  const Replica* next = find_successor(*primary);
  return next != nullptr ? next->address : primary->address;
}

Result<Fields> SentinelMachine::primary_fields(Instant now, const std::string& name) const {
  const Primary* primary = find(name);
  if (primary == nullptr) return Error("No such master with that name");
  // From the promotion on the chosen replica is the primary, also while others are brought in line:
  // clients that read the address here must not be sent to the old one.
  const Replica* next = find_successor(*primary);
  const DataNode& node = next != nullptr ? static_cast<const DataNode&>(*next) : *primary;
  const Link& to = link(node.link);
  std::string flags;
  add_flag(flags, node.is_down(), "s_down");
  add_flag(flags, next == nullptr && primary->odown_since, "o_down");
  add_flag(flags, true, "master");
  add_flag(flags, !to.commands.up, "disconnected");
  add_flag(flags, primary->failing_over(), "failover_in_progress");
  add_flag(flags, primary->forced, "force_failover");
  add_flag(flags, node.script_kill_sent, "script_kill_sent");
  add_flag(flags, primary->reboot_since.has_value(), "master_reboot");
  Fields fields;
  add_common(fields, now, node, name, flags, to, 1, primary->options, primary);
  add_role(fields, now, node);
  const PrimaryOptions& options = primary->options;
  fields.emplace_back("config-epoch", std::to_string(primary->config_epoch.value));
  fields.emplace_back("num-slaves", number(static_cast<int64_t>(primary->replicas.size())));
  fields.emplace_back("num-other-sentinels", number(static_cast<int64_t>(primary->peers.size())));
  fields.emplace_back("quorum", number(options.quorum));
  fields.emplace_back("failover-timeout", number(options.failover_timeout.count()));
  fields.emplace_back("parallel-syncs", number(options.parallel_syncs));
  if (!options.notification_script.empty()) {
    fields.emplace_back("notification-script", options.notification_script);
  }
  if (!options.client_reconfig_script.empty()) {
    fields.emplace_back("client-reconfig-script", options.client_reconfig_script);
  }
  return fields;
}

Result<std::vector<Fields>> SentinelMachine::replica_fields(Instant now,
                                                            const std::string& name) const {
  const Primary* primary = find(name);
  if (primary == nullptr) return Error("No such master with that name");
  std::vector<Fields> all;
  for (const auto& [address, replica] : primary->replicas) {
    const Link& to = link(replica.link);
    std::string flags;
    add_flag(flags, replica.is_down(), "s_down");
    add_flag(flags, true, "slave");
    add_flag(flags, !to.commands.up, "disconnected");
    add_flag(flags, replica.promoted, "promoted");
    add_flag(flags, replica.reconf == ReconfStep::kSent, "reconf_sent");
    add_flag(flags, replica.reconf == ReconfStep::kInProgress, "reconf_inprog");
    add_flag(flags, replica.reconf == ReconfStep::kDone, "reconf_done");
    add_flag(flags, replica.script_kill_sent, "script_kill_sent");
    Fields fields;
    add_common(fields, now, replica, address.text(), flags, to, 1, primary->options, nullptr);
    add_role(fields, now, replica);
    const InfoText& info = replica.info;
    fields.emplace_back("master-link-down-time", replica.info_at && !info.link_up
                                                     ? number(info.link_down_seconds * 1000)
                                                     : "0");
    fields.emplace_back("master-link-status", info.link_up ? "ok" : "err");
    fields.emplace_back("master-host", info.primary_host.empty() ? "?" : info.primary_host);
    fields.emplace_back("master-port", number(info.primary_port));
    fields.emplace_back("slave-priority", number(info.priority));
    fields.emplace_back("slave-repl-offset", number(info.replica_offset));
    fields.emplace_back("replica-announced", info.announced ? "1" : "0");
    all.push_back(std::move(fields));
  }
  return all;
}

Result<std::vector<Fields>> SentinelMachine::peer_fields(Instant now,
                                                         const std::string& name) const {
  const Primary* primary = find(name);
  if (primary == nullptr) return Error("No such master with that name");
  std::vector<Fields> all;
  for (const auto& [id, peer] : primary->peers) {
    const Link& to = link(peer.link);
    size_t users = 0;
    for (const auto& [other_name, other] : primaries_) users += other->peers.count(id);
    std::string flags;
    add_flag(flags, peer.is_down(), "s_down");
    add_flag(flags, true, "sentinel");
    add_flag(flags, !to.commands.up, "disconnected");
    add_flag(flags, peer.says_down, "master_down");
    Fields fields;
    add_common(fields, now, peer, id.hex(), flags, to, users, primary->options, nullptr);
    fields.emplace_back("last-hello-message", ms(now, peer.last_hello));
    fields.emplace_back("voted-leader", peer.vote.choice ? peer.vote.choice->hex() : "?");
    fields.emplace_back("voted-leader-epoch", std::to_string(peer.vote.epoch.value));
    all.push_back(std::move(fields));
  }
  return all;
}

Result<std::string> SentinelMachine::check_quorum(const std::string& name) const {
  const Primary* primary = find(name);
  if (primary == nullptr) return Error("No such master with that name");
  size_t usable = 1;
  for (const auto& [id, peer] : primary->peers) usable += peer.is_down() ? 0 : 1;
  const bool quorum = usable >= primary->options.quorum;
  const bool majority = usable >= primary->electorate() / 2 + 1;
  const std::string count = std::to_string(usable) + " usable Sentinels. ";
  if (quorum && majority) {
    return "OK " + count + "Quorum and failover authorization can be reached";
  }
  std::string why = count;
  if (!quorum) {
    why += "Not enough available Sentinels to reach the specified quorum for this master";
  }
  if (!majority) {
    if (!quorum) why += ". ";
    why += "Not enough available Sentinels to reach the majority and authorize a failover";
  }
  return Error("NOQUORUM", why);
}

std::string SentinelMachine::info_section(Instant now, size_t running_scripts,
                                          size_t queued_scripts) const {
  const int64_t tilt_s =
      tilt_since_ ? std::chrono::duration_cast<Seconds>(now - *tilt_since_).count() : -1;
  std::string text = "# Sentinel\r\n";
  text += "sentinel_masters:" + std::to_string(primaries_.size()) + "\r\n";
  text += std::string("sentinel_tilt:") + (tilt_since_ ? "1" : "0") + "\r\n";
  text += "sentinel_tilt_since_seconds:" + std::to_string(tilt_s) + "\r\n";
  text += "sentinel_running_scripts:" + std::to_string(running_scripts) + "\r\n";
  text += "sentinel_scripts_queue_length:" + std::to_string(queued_scripts) + "\r\n";
  text += "sentinel_simulate_failure_flags:0\r\n";
  size_t index = 0;
  for (const auto& [name, primary] : primaries_) {
    const Replica* next = find_successor(*primary);
    const bool down = next != nullptr ? next->is_down() : primary->is_down();
    const bool odown = next == nullptr && primary->odown_since;
    const char* status = odown ? "odown" : (down ? "sdown" : "ok");
    text += "master" + std::to_string(index++) + ":name=" + name + ",status=" + status +
            ",address=" + (next != nullptr ? next->address : primary->address).text() +
            ",slaves=" + std::to_string(primary->replicas.size()) +
            ",sentinels=" + std::to_string(primary->electorate()) + "\r\n";
  }
  return text;
}

std::vector<SentinelMachine::CachedInfo> SentinelMachine::info_cache(
    Instant now, const std::vector<std::string>& names) const {
  std::vector<CachedInfo> all;
  for (const auto& [name, primary] : primaries_) {
    if (!names.empty() && std::find(names.begin(), names.end(), name) == names.end()) continue;
    CachedInfo cached{.name = name, .entries = {}};
    const auto add = [&](const DataNode& node) {
      cached.entries.emplace_back(node.info_at ? whole_ms(now - *node.info_at) : 0, node.info_raw);
    };
    add(*primary);
    for (const auto& [address, replica] : primary->replicas) add(replica);
    all.push_back(std::move(cached));
  }
  return all;
}

std::optional<Selection> SentinelMachine::dry_run(Instant now, const std::string& name) const {
  const Primary* primary = find(name);
  if (primary == nullptr) return std::nullopt;
  return select_replica(
      {.primary = primary, .links = &links_, .now = now, .timings = &options_.timings});
}

std::string SentinelMachine::dump(Instant now) const {
  std::string text = "sentinel " + id_.hex().substr(32) + " epoch " +
                     std::to_string(current_epoch_.value) + (tilt_since_ ? " tilt" : "") + "\n";
  const auto show = [&](const Fields& fields) {
    text += "   ";
    for (const auto& [key, value] : fields) {
      if (key != "runid" && key != "ip") text += " " + key + "=" + value;
    }
    text += "\n";
  };
  for (const auto& [name, primary] : primaries_) {
    const auto own = primary_fields(now, name);
    show(*own);
    for (const auto& part : {replica_fields(now, name), peer_fields(now, name)}) {
      for (const Fields& fields : *part) show(fields);
    }
  }
  return text;
}

}  // namespace redan
