#include "tests/sim/bus_size.h"

#include <string>

namespace redan::sim {

using namespace cluster;

namespace {

constexpr size_t kFraming = 14;  // gRPC's five bytes and HTTP/2's nine.

size_t varint(uint64_t value) {
  if (value == 0) return 0;
  size_t n = 1;
  for (; value != 0; value >>= 7) ++n;
  return n;
}
size_t bytes(size_t size) {
  return size == 0 ? 0 : 2 + size;
}
size_t slots(const SlotSet& set) {
  size_t n = 0;
  uint16_t last = 0;
  for (const SlotRange& range : set.ranges()) {
    n += varint(static_cast<uint64_t>(range.first.value - last + 1)) - 1;
    n += varint(static_cast<uint64_t>(range.last.value - range.first.value + 1)) - 1;
    last = range.last.value;
  }
  return n == 0 ? 0 : n + 2;
}
size_t address(const NodeAddress& a) {
  return 2 + bytes(a.ip.size()) + varint(a.port) + varint(a.tls_port) + varint(a.bus_port) +
         bytes(a.hostname.size()) + bytes(a.human_name.size());
}
size_t of(const NodeState& s) {
  return 22 + address(s.address) + 2 + (s.primary.empty() ? 0 : 22) + (s.nofailover ? 2 : 0) +
         varint(s.current_epoch.value) + varint(s.config_epoch.value) + slots(s.slots);
}
size_t of(const Heartbeat& h) {
  return (h.ping ? 2 : 0) + varint(h.current_epoch.value) + varint(h.config_epoch.value) +
         varint(static_cast<uint64_t>(h.replication_offset)) + 18 + 22 * h.suspects.size() +
         27 * h.forgotten.size();
}
size_t of(const StateRequest&) {
  return 0;
}
size_t of(const Meet& m) {
  return 9 + (m.by_operator ? 2 : 0) + 3 + of(m.state);
}
size_t of(const Met& m) {
  return 9 + 3 + of(m.state);
}
size_t of(const Roster& r) {
  return 3 + 8 * r.ids.size();
}
size_t of(const Members& m) {
  size_t n = 0;
  for (const Member& member : m.members) n += 2 + 22 + 22 + address(member.address);
  return n;
}
size_t of(const Fail&) {
  return 22;
}
size_t of(const Update& u) {
  return 22 + varint(u.config_epoch.value) + slots(u.slots);
}
size_t of(const VoteRequest& v) {
  return varint(v.epoch.value) + varint(v.config_epoch.value) + slots(v.slots) + (v.forced ? 2 : 0);
}
size_t of(const Vote& v) {
  return varint(v.epoch.value);
}
size_t of(const FailoverStart&) {
  return 9;
}
size_t of(const FailoverPaused& p) {
  return 9 + varint(static_cast<uint64_t>(p.replication_offset));
}
size_t of(const Publish& p) {
  return (p.sharded ? 2 : 0) + bytes(p.channel.size()) + bytes(p.message.size());
}
size_t of(const NotMe&) {
  return 0;
}

}  // namespace

size_t bus_bytes(const Envelope& envelope) {
  const size_t body = std::visit([](const auto& m) { return of(m); }, envelope.message);
  return kFraming + 22 + (envelope.to.empty() ? 0 : 22) + (body < 128 ? 2 : 3) + body;
}

}  // namespace redan::sim
