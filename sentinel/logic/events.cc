// Announcements with Redis' texts.
#include "sentinel/logic/machine.h"

namespace redan {
namespace {

std::string shown(const Address& address) {
  return address.dialled() + " " + std::to_string(address.port);
}

std::string of(const Primary& primary) {
  return " @ " + primary.name + " " + shown(primary.address);
}

std::string with(std::string text, const std::string& more) {
  if (!more.empty()) text += " " + more;
  return text;
}

}  // namespace

void SentinelMachine::event(SentinelEffects& out, EventLevel level, const std::string& type,
                            const Primary& primary, const std::string& more) {
  announce(out, level, type, &primary,
           with("master " + primary.name + " " + shown(primary.address), more));
}

void SentinelMachine::event(SentinelEffects& out, EventLevel level, const std::string& type,
                            const Primary& primary, const Replica& replica,
                            const std::string& more) {
  announce(
      out, level, type, &primary,
      with("slave " + replica.address.text() + " " + shown(replica.address) + of(primary), more));
}

void SentinelMachine::event(SentinelEffects& out, EventLevel level, const std::string& type,
                            const Primary& primary, const Peer& peer, const std::string& more) {
  announce(out, level, type, &primary,
           with("sentinel " + peer.id.hex() + " " + shown(peer.address) + of(primary), more));
}

void SentinelMachine::announce(SentinelEffects& out, EventLevel level, const std::string& type,
                               const Primary* primary, const std::string& text) {
  out.add(Announce{.level = level, .type = type, .text = text});
  if (level == EventLevel::kWarning && primary != nullptr &&
      !primary->options.notification_script.empty()) {
    out.add(RunScript{.path = primary->options.notification_script, .args = {type, text}});
  }
}

void SentinelMachine::client_reconfig(SentinelEffects& out, const Primary& primary, bool leader,
                                      const Address& from, const Address& to) {
  if (primary.options.client_reconfig_script.empty()) return;
  out.add(RunScript{.path = primary.options.client_reconfig_script,
                    .args = {primary.name, leader ? "leader" : "observer", "start", from.dialled(),
                             std::to_string(from.port), to.dialled(), std::to_string(to.port)}});
}

}  // namespace redan
