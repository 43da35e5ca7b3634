// Names of hosts: asked for once, and taken into use when the resolver knows them.
#include "sentinel/logic/machine.h"

namespace redan {
namespace {

constexpr size_t kMostHosts = 1024;

}  // namespace

void SentinelMachine::on(Instant now, const HostResolved& resolved, SentinelEffects& out) {
  if (resolved.ip.empty()) {
    hosts_.erase(resolved.hostname);
    return;
  }
  hosts_[resolved.hostname] = resolved.ip;
  const auto awaits = [&](const Address& address) {
    return !address.resolved() && address.hostname == resolved.hostname;
  };
  const auto settle_in = [&](Instance& node) {
    if (!awaits(node.address)) return;
    node.address.ip = resolved.ip;
    Link& to = link(node.link);
    to.address = node.address;
    to.commands.retry_at = now;
  };
  for (auto& [name, primary] : primaries_) {
    settle_in(*primary);
    for (auto& [id, peer] : primary->peers) settle_in(peer);
    // Replicas are listed by address: those of this name move.
    std::vector<Address> named;
    for (const auto& [address, replica] : primary->replicas) {
      if (awaits(address)) named.push_back(address);
    }
    for (const Address& address : named) {
      auto entry = primary->replicas.extract(address);
      settle_in(entry.mapped());
      entry.key() = entry.mapped().address;
      const LinkId to = entry.mapped().link;
      const bool known = entry.key() == primary->address;
      if (known || !primary->replicas.insert(std::move(entry)).inserted) drop_link(to, out);
    }
  }
}

// The address behind `host`: itself if it is one, else what was resolved; asks for it if needed.
std::string SentinelMachine::resolved_ip(const std::string& host, SentinelEffects& out) {
  if (host.empty() || is_ip_literal(host)) return host;
  const auto it = hosts_.find(host);
  if (it != hosts_.end()) return it->second;
  if (!options_.resolve_hostnames || hosts_.size() >= kMostHosts) return "";
  hosts_[host] = "";
  out.add(ResolveHost{.hostname = host});
  return "";
}

}  // namespace redan
