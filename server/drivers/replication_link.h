// Our end of the link to a primary: the socket during handshake and snapshot, the keyspace aside
// that the snapshot is parsed into, and the session that carries the stream afterwards. Part of
// ReplicationDriver; its LinkMachine decides.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/drivers/replication_driver.h"
#include "server/replication/link_machine.h"
#include "server/replication/standing.h"

namespace redan {

class ReplicationLink {
 public:
  struct Events {
    std::function<void()> history_changed;          // replicas of ours must come back
    std::function<void()> resumed;                  // after +CONTINUE
    std::function<void(std::string_view)> refused;  // FAILOVER's PSYNC was
  };
  ReplicationLink(const ReplicationDriver::Parts& parts, Standing& standing, Events events);
  ~ReplicationLink();

  // `member`: see LinkSettings.
  void follow(const std::string& host, int port, const std::string& member, bool take_over);
  void stop();
  void tick(Instant now);
  void configure();

  bool online() const { return machine_.state() == LinkMachine::State::kOnline; }
  const LinkMachine& machine() const { return machine_; }
  const Session* session() const { return session_; }
  // The database that the stream is in, at our offset.
  int stream_db() const { return stream_db_; }
  void set_stream_db(int db) { stream_db_ = db; }
  // What has arrived: beyond our offset, the part of a transaction that is not whole yet.
  int64_t read_offset() const;

  void closed(Session& session);
  void applied(Session& session, std::string_view raw);
  void acknowledge();
  // The stream's session may not execute what it has read already.
  Instant heard_at() const;
  // The last time that our data was our primary's: now heard, or when the link went down; none
  // where it was never up.
  std::optional<Instant> contact() const {
    return session_ != nullptr ? heard_at() : last_contact_;
  }
  // From the primary: handshake and snapshots, which came over a socket of ours, and the stream.
  uint64_t own_socket_bytes() const { return own_socket_bytes_; }
  uint64_t stream_bytes() const { return stream_bytes_; }
  void reset_counters() { own_socket_bytes_ = stream_bytes_ = 0; }
  int64_t attempts() const { return attempts_; }
  int64_t attempts_since_online() const { return attempts_since_online_; }
  Instant online_since() const { return online_since_; }
  bool ever_online() const { return ever_online_; }
  Nanos time_down() const { return time_down_; }

 private:
  struct Socket;
  class Incoming;

  LinkSettings settings(const std::string& host, int port, const std::string& member) const;
  void perform(LinkOut& out);
  void dial(const std::string& host, int port);
  void hang_up(std::string_view why);
  void send(std::string_view bytes);
  void read_some();
  void lost(std::string_view why);
  void hand_over(std::string leftover);
  void incoming_ended();

  const ReplicationDriver::Parts& parts_;
  Standing& standing_;
  Events events_;
  LinkMachine machine_;
  std::shared_ptr<Socket> socket_;  // until the stream begins
  std::unique_ptr<Incoming> incoming_;
  Session* session_ = nullptr;  // from then on
  int stream_db_ = 0;
  std::string uncommitted_;  // of a MULTI whose EXEC has not come
  uint64_t own_socket_bytes_ = 0;
  uint64_t stream_bytes_ = 0;
  int64_t attempts_ = 0;
  int64_t attempts_since_online_ = 0;
  Instant online_since_{};
  Instant down_since_{};
  std::optional<Instant> last_contact_;
  Nanos time_down_{};
  bool ever_online_ = false;
};

}  // namespace redan
