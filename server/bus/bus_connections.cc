#include "server/bus/bus_connections.h"

#include <sys/stat.h>

#include <utility>

#include "common/base/clock.h"
#include "common/base/parse.h"

namespace redan {

namespace {

// A flood must not make us look at every descriptor again and again.
constexpr Millis kSweepGap{100};

// 0: no socket.
ino_t socket_of(int fd) {
  struct stat facts;
  return fstat(fd, &facts) == 0 && S_ISSOCK(facts.st_mode) ? facts.st_ino : 0;
}

}  // namespace

bool BusConnections::add(int fd, Ends ends) {
  const std::lock_guard lock(mutex_);
  if (const auto old = open_.find(fd); old != open_.end()) forget(old);
  if (is_full(ends.peer_ip)) sweep();
  if (is_full(ends.peer_ip)) return false;
  ++of_host_[ends.peer_ip];
  open_.emplace(fd, Connection{std::move(ends), socket_of(fd)});
  return true;
}

std::optional<BusConnections::Ends> BusConnections::find(const std::string& name) const {
  if (!name.starts_with("fd:")) return std::nullopt;
  const std::optional<uint64_t> fd = parse_uint64(std::string_view(name).substr(3));
  if (!fd) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(static_cast<int>(*fd));
  if (found == open_.end()) return std::nullopt;
  return found->second.ends;
}

bool BusConnections::is_full(const std::string& peer_ip) const {
  if (open_.size() >= limits_.in_all) return true;
  const auto host = of_host_.find(peer_ip);
  return host != of_host_.end() && host->second >= limits_.of_one_host;
}

void BusConnections::forget(std::map<int, Connection>::iterator it) {
  const auto host = of_host_.find(it->second.ends.peer_ip);
  if (--host->second == 0) of_host_.erase(host);
  open_.erase(it);
}

void BusConnections::sweep() {
  const Instant now = monotonic_now();
  if (swept_ != Instant{} && now - swept_ < kSweepGap) return;
  swept_ = now;
  for (auto it = open_.begin(); it != open_.end();) {
    const auto each = it++;
    if (socket_of(each->first) != each->second.socket) forget(each);
  }
}

}  // namespace redan
