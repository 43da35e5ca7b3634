// The replicas of this node: their sessions, the snapshots they wait for, and the bytes of the
// stream on their way. Part of ReplicationDriver; its SourceMachines decide.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/rng.h"
#include "server/drivers/replication_driver.h"
#include "server/replication/source_machine.h"
#include "server/replication/standing.h"

namespace redan {

class ReplicationSources {
 public:
  struct Counters {
    int64_t full = 0;
    int64_t partial_ok = 0;
    int64_t partial_refused = 0;
    uint64_t bytes_sent = 0;  // stream and snapshots, as handed to the connections
  };
  struct Seen {  // a replica, as INFO and ROLE show it
    std::string ip;
    int port;
    const char* state;
    int64_t acked;
    int64_t lag_s;
    bool online;
  };

  struct Role {
    std::function<bool()> is_replica;
    std::function<bool()> link_broken;  // a replica without a primary to vouch for its data
  };
  ReplicationSources(const ReplicationDriver::Parts& parts, Standing& standing, Rng& rng,
                     Role role);
  ~ReplicationSources();

  void psync(Session& session, std::span<const std::string_view> args, ReplyWriter& reply);
  void replconf(Session& session, std::span<const std::string_view> args, ReplyWriter& reply);
  void closed(const Session& session);

  // Hands what the backlog got to the connections.
  void flush();
  // Ten times a second.
  void tick(Instant now);
  // The history changed under them: they come back and ask again.
  void drop_all(std::string_view why);

  std::vector<Seen> seen(Instant now) const;
  size_t count() const;
  size_t waiting() const;
  // Online, with everything up to `offset` acknowledged.
  int acknowledged(int64_t offset) const;
  // Online and heard of within `most_lag_s` seconds.
  int good(Instant now, int64_t most_lag_s) const;
  const Counters& counters() const { return counters_; }
  void reset_counters() { counters_ = {}; }
  // Since when a primary without replicas has had none.
  Instant last_left() const { return last_left_; }
  void restart_idle_clock(Instant now) { last_left_ = now; }

 private:
  struct Peer;
  struct Transfer;
  using Peers = std::map<uint64_t, std::unique_ptr<Peer>>;

  Peer& peer_of(Session& session);
  Peer* find(uint64_t session_id);
  void perform(Peer& peer, SourceOut& out);
  void pump(Peer& peer);
  void pin();
  void tick_peers(Instant now);

  void start_due_transfer();
  std::vector<Peer*> waiting_peers(bool by_stream);
  void start_stream(const std::vector<Peer*>& peers);
  void start_file(const std::vector<Peer*>& peers);
  void attach(const std::vector<Peer*>& peers, bool by_stream);
  void chunk(std::shared_ptr<const std::string> bytes);
  void account();
  void stream_done(Result<void> result);
  void file_done();
  void send_file(Peer& peer);
  void send_empty_snapshot(Peer& peer);
  void when_drained(Peer& peer);
  void post_start();

  const ReplicationDriver::Parts& parts_;
  Standing& standing_;
  Rng& rng_;
  Role role_;
  Peers peers_;
  std::unique_ptr<Transfer> transfer_;
  Counters counters_;
  Instant last_left_;
  Instant last_peer_tick_{};
  int64_t flushed_ = -1;  // offset at the last flush
  // Callbacks of the loop and of connections may come after we are gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace redan
