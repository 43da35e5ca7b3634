// One replica of ours and the snapshot that is made for several: what replication_sources.cc (the
// stream) and replication_transfers.cc (snapshots) share.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <string>

#include "server/drivers/replication_sources.h"
#include "server/session/session.h"

namespace redan {

// What a connection may hold of the stream; the rest waits in the backlog's blocks.
inline constexpr size_t kConnectionWindow = 256 * 1024;

struct ReplicationSources::Peer {
  Peer(Session& s, Instant now)
      : session(&s), id(s.id), machine(ip_of(s.connection->peer_address()), now) {}
  ~Peer() {
    if (file >= 0) ::close(file);
  }
  static std::string ip_of(const std::string& address) {
    return address.substr(0, address.rfind(':'));
  }
  Connection& connection() { return *session->connection; }

  Session* session;  // only used once it is a replica's: before that its end is not reported
  uint64_t id;
  SourceMachine machine;
  bool leaving = false;
  bool drain_asked = false;
  bool in_transfer = false;
  uint64_t given = 0;  // bytes of the transfer handed to the connection
  uint64_t taken = 0;  // and from there to the kernel, as far as we saw
  int file = -1;       // the snapshot, where it comes from a file
  int64_t file_left = 0;
};

// The snapshot that is being made for replicas: one at a time.
struct ReplicationSources::Transfer {
  bool by_stream = true;
  SnapshotJob* job = nullptr;
  uint64_t consumed = 0;
};

}  // namespace redan
