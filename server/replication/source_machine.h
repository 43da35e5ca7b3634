// The primary's end of one replication link, from the replica's first REPLCONF to its last ACK.
//
//   kGreeting ── PSYNC id n ──► kOnline                            the backlog goes on at byte n
//       └────── PSYNC ? -1 ──► kWaiting ──► kReceiving ──► kOnline  a snapshot comes first
//
// It decides and keeps count; the owner moves the bytes: those of the snapshot while kReceiving,
// those of the backlog, beginning with next_byte(), while streaming(). A replica that gets a
// snapshot with an end mark reads up to that mark without looking behind it, so the stream waits
// for its first ACK.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "server/replication/backlog.h"
#include "server/replication/history.h"
#include "server/replication/note.h"

namespace redan {

// What a replica told us about itself before PSYNC.
struct ReplicaFacts {
  std::string peer_ip;                // where its connection comes from
  std::string announced_ip;           // REPLCONF ip-address
  int listening_port = 0;             // REPLCONF listening-port
  std::string version;                // REPLCONF version
  bool reads_end_mark = false;        // capa eof
  bool accepts_new_id = false;        // capa psync2
  bool snapshot_only = false;         // rdb-only: leaves after the snapshot
  bool wants_functions_only = false;  // rdb-filter-only without keys

  // "10.0.0.7:6380", as log lines name a replica.
  std::string name() const;
  const std::string& ip() const { return announced_ip.empty() ? peer_ip : announced_ip; }
};

struct SourceSettings {
  Nanos timeout = Seconds(60);  // repl-timeout
  // client-output-buffer-limit replica; zero: no limit.
  int64_t hard_limit_bytes = 256LL << 20;
  int64_t soft_limit_bytes = 64LL << 20;
  Nanos soft_limit_for = Seconds(60);
};

namespace source_effect {
struct Reply {
  std::string bytes;
};                       // to the replica, as they are
struct JoinTransfer {};  // wants a place in the next snapshot
struct Drop {
  std::string why;
};  // close the connection
}  // namespace source_effect
using SourceEffect =
    std::variant<source_effect::Reply, source_effect::JoinTransfer, source_effect::Drop, Note>;
using SourceOut = std::vector<SourceEffect>;

class SourceMachine {
 public:
  enum class State : uint8_t { kGreeting, kWaiting, kReceiving, kOnline };

  SourceMachine(std::string peer_ip, Instant now) : changed_(now), acked_at_(now) {
    facts_.peer_ip = std::move(peer_ip);
  }

  // REPLCONF option value ... An error is for the client; ACK has no answer (answered is false).
  struct Answer {
    bool answered = true;
  };
  Result<Answer> replconf(Instant now, std::span<const std::string_view> args);

  // PSYNC id offset, or SYNC. What the node is: `link_broken` is a replica that has no primary to
  // vouch for its data.
  struct Node {
    const History& history;
    const Backlog& backlog;
    bool link_broken = false;
  };
  void psync(Instant now, std::string_view id, std::string_view wanted, const Node& node,
             SourceOut& out);
  void sync(Instant now, const Node& node, SourceOut& out);

  // The snapshot with the mark at byte `offset` begins. Its header comes with the snapshot; until
  // then (a file has to be written first) the replica is kept awake.
  void transfer_begins(Instant now, std::string_view id, int64_t offset, SourceOut& out);
  // Its last byte was accepted by the connection.
  void transfer_ends(Instant now, bool has_end_mark, SourceOut& out);
  // The connection took bytes of the snapshot: it lives.
  void progressed(Instant now) {
    changed_ = now;
    snapshot_flows_ = true;
  }
  // Something arrived from the replica, an empty line perhaps: it lives.
  void heard(Instant now) { heard_at_ = std::max(heard_at_, now); }
  // No snapshot for now: back to waiting for the next one.
  void transfer_failed(Instant now, SourceOut& out);

  // The owner sent `size` bytes of the backlog.
  void sent(size_t size) { next_byte_ += static_cast<int64_t>(size); }
  bool streaming() const { return state_ == State::kOnline && !stream_waits_for_ack_; }
  int64_t next_byte() const { return next_byte_; }
  // The first backlog byte this replica still needs; Backlog::kNobody if none.
  int64_t needs_from() const;

  // Once a second: silence and full buffers end the link; a waiting replica is kept awake.
  // `pending_bytes`: accepted by the connection, not yet by the kernel.
  void tick(Instant now, const SourceSettings& settings, int64_t pending_bytes,
            const Backlog& backlog, SourceOut& out);

  State state() const { return state_; }
  const ReplicaFacts& facts() const { return facts_; }
  int64_t acked_offset() const { return acked_offset_; }
  int64_t durable_offset() const { return durable_offset_; }  // FACK
  // Since when it waits for a snapshot.
  Instant waiting_since() const { return changed_; }
  // Seconds since the last ACK, as INFO and min-replicas-max-lag count them.
  int64_t lag_s(Instant now) const;
  // A replica that came for data only (rdb-only) does not count for WAIT or INFO.
  bool counts() const { return state_ != State::kGreeting && !facts_.snapshot_only; }

 private:
  void acked(Instant now, int64_t offset);
  void ask_for_snapshot(Instant now, SourceOut& out);
  bool refuses_sync(const Node& node, SourceOut& out) const;

  State state_ = State::kGreeting;
  ReplicaFacts facts_;
  bool plain_sync_ = false;  // SYNC: no +FULLRESYNC line, no ACKs to wait for
  bool snapshot_flows_ = false;
  bool stream_waits_for_ack_ = false;
  bool acked_in_transfer_ = false;  // it holds the snapshot, though we do not know its end yet
  int64_t next_byte_ = 0;
  int64_t acked_offset_ = 0;
  int64_t durable_offset_ = 0;
  Instant changed_;  // of the state, or of progress within it
  Instant acked_at_;
  Instant heard_at_{};
  Instant over_soft_limit_since_{};
  bool over_soft_limit_ = false;
};

// When a snapshot for waiting replicas begins: with the first one's delay over, or once enough
// wait.
struct TransferPolicy {
  bool diskless = true;      // repl-diskless-sync
  Nanos delay = Seconds(5);  // repl-diskless-sync-delay
  int64_t enough = 0;        // repl-diskless-sync-max-replicas; 0: no such number
};
bool transfer_is_due(Instant now, int64_t waiting, Instant first_since,
                     const TransferPolicy& policy);

}  // namespace redan
