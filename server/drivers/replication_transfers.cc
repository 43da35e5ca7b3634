// Snapshots for replicas: who waits for one, when it begins, and its way to them, streamed as it is
// made or from a file.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/clock.h"
#include "common/base/crc64.h"
#include "common/log/log.h"
#include "server/drivers/replication_peer.h"

namespace redan {

namespace {

constexpr size_t kFileChunk = 64 * 1024;

// An RDB file without keys.
std::string empty_snapshot() {
  std::string bytes = "REDIS0010\xff";
  uint64_t crc = crc64(0, bytes);
  for (int i = 0; i < 8; ++i, crc >>= 8) bytes.push_back(static_cast<char>(crc & 0xff));
  return bytes;
}

}  // namespace

void ReplicationSources::post_start() {
  parts_.loop.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) start_due_transfer();
  });
}

std::vector<ReplicationSources::Peer*> ReplicationSources::waiting_peers(bool by_stream) {
  std::vector<Peer*> waiting;
  for (auto& [id, peer] : peers_) {
    if (peer->leaving || peer->machine.state() != SourceMachine::State::kWaiting) continue;
    const bool streams = parts_.config.repl_diskless_sync && peer->machine.facts().reads_end_mark;
    if (streams == by_stream) waiting.push_back(peer.get());
  }
  return waiting;
}

void ReplicationSources::start_due_transfer() {
  if (role_.link_broken()) return;  // Nobody vouches for our data now.
  for (auto& [id, peer] : peers_) {
    if (!peer->leaving && peer->machine.state() == SourceMachine::State::kWaiting &&
        peer->machine.facts().wants_functions_only) {
      send_empty_snapshot(*peer);
    }
  }
  if (transfer_ != nullptr || parts_.snapshots.in_progress()) return;
  for (const bool by_stream : {true, false}) {
    const std::vector<Peer*> waiting = waiting_peers(by_stream);
    if (waiting.empty()) continue;
    Instant first = waiting.front()->machine.waiting_since();
    for (const Peer* peer : waiting) first = std::min(first, peer->machine.waiting_since());
    const TransferPolicy policy{.diskless = by_stream,
                                .delay = Seconds(parts_.config.repl_diskless_sync_delay),
                                .enough = parts_.config.repl_diskless_sync_max_replicas};
    if (!transfer_is_due(monotonic_now(), static_cast<int64_t>(waiting.size()), first, policy)) {
      continue;
    }
    by_stream ? start_stream(waiting) : start_file(waiting);
    return;
  }
}

void ReplicationSources::attach(const std::vector<Peer*>& peers, bool by_stream) {
  transfer_ = std::make_unique<Transfer>();
  transfer_->by_stream = by_stream;
  // Whoever reads on behind the snapshot is in no database yet. A replica passes its primary's
  // stream on as it is; there the snapshot says which database that is in.
  if (!role_.is_replica()) standing_.stream().forget_db();
  for (Peer* peer : peers) {
    peer->in_transfer = true;
    peer->given = peer->taken = 0;
    SourceOut out;
    peer->machine.transfer_begins(monotonic_now(), standing_.history().id(),
                                  standing_.backlog().offset(), out);
    perform(*peer, out);
  }
  pin();
}

void ReplicationSources::start_stream(const std::vector<Peer*>& peers) {
  log_notice("Starting BGSAVE for SYNC with target: replicas sockets");
  Result<SnapshotJob*> job = parts_.snapshots.start_stream(
      {.eof_mark = rng_.node_id().hex(),
       .on_chunk = [this](std::shared_ptr<const std::string> bytes) { chunk(std::move(bytes)); },
       .on_done = [this](Result<void> result) { stream_done(std::move(result)); }});
  if (!job) {
    log_warning("BGSAVE for replication failed: {}", job.error().message());
    return;
  }
  attach(peers, true);
  transfer_->job = *job;
}

void ReplicationSources::chunk(std::shared_ptr<const std::string> bytes) {
  for (auto& [id, peer] : peers_) {
    if (!peer->in_transfer || peer->leaving) continue;
    peer->given += bytes->size();
    counters_.bytes_sent += bytes->size();
    peer->connection().send_shared(bytes, 0);
    when_drained(*peer);
  }
  account();
}

// The slowest reader sets the pace of the snapshot.
void ReplicationSources::account() {
  if (transfer_ == nullptr || transfer_->job == nullptr) return;
  uint64_t least = UINT64_MAX;
  for (auto& [id, peer] : peers_) {
    if (!peer->in_transfer || peer->leaving) continue;
    const uint64_t pending = peer->connection().pending_bytes();
    const uint64_t taken = peer->given - std::min(pending, peer->given);
    if (taken > peer->taken) {
      peer->taken = taken;
      peer->machine.progressed(monotonic_now());
    }
    least = std::min(least, peer->taken);
  }
  if (least == UINT64_MAX || least <= transfer_->consumed) return;
  const uint64_t more = least - transfer_->consumed;
  transfer_->consumed = least;
  transfer_->job->consumed(more);
}

void ReplicationSources::stream_done(Result<void> result) {
  transfer_.reset();
  int still_up = 0;
  for (auto& [id, peer] : peers_) {
    if (!peer->in_transfer) continue;
    peer->in_transfer = false;
    if (peer->leaving) continue;
    SourceOut out;
    if (result) {
      ++still_up;
      peer->machine.transfer_ends(monotonic_now(), true, out);
    } else {
      peer->machine.transfer_failed(monotonic_now(), out);
    }
    perform(*peer, out);
    pump(*peer);  // Its ACK may be here already.
  }
  if (result) {
    log_notice("Diskless rdb transfer, done reading from pipe, {} replicas still up.", still_up);
  }
  pin();
}

void ReplicationSources::start_file(const std::vector<Peer*>& peers) {
  log_notice("Starting BGSAVE for SYNC with target: disk");
  if (Result<void> begun = parts_.snapshots.begin_background_save(); !begun) {
    log_warning("BGSAVE for replication failed: {}", begun.error().message());
    return;
  }
  attach(peers, false);
}

void ReplicationSources::file_done() {
  transfer_.reset();
  const std::string path = parts_.config.dir + "/" + parts_.config.dbfilename;
  const bool saved = parts_.snapshots.last_save_ok();
  for (auto& [id, peer] : peers_) {
    if (!peer->in_transfer) continue;
    peer->in_transfer = false;
    if (peer->leaving) continue;
    SourceOut out;
    struct stat facts {};
    if (saved) peer->file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (peer->file < 0 || ::fstat(peer->file, &facts) != 0) {
      if (saved) log_warning("SYNC failed. Can't open DB {}: {}", path, std::strerror(errno));
      peer->machine.transfer_failed(monotonic_now(), out);
      perform(*peer, out);
      continue;
    }
    peer->file_left = facts.st_size;
    peer->connection().send("$" + std::to_string(facts.st_size) + "\r\n");
    peer->machine.progressed(monotonic_now());
    send_file(*peer);
  }
}

void ReplicationSources::send_file(Peer& peer) {
  peer.machine.progressed(monotonic_now());
  SourceOut out;
  while (peer.file_left > 0) {
    if (peer.connection().pending_bytes() > kConnectionWindow) return when_drained(peer);
    auto piece = std::make_shared<std::string>(
        static_cast<size_t>(std::min<int64_t>(peer.file_left, kFileChunk)), '\0');
    const ssize_t got = ::read(peer.file, piece->data(), piece->size());
    if (got <= 0) {
      log_warning("Read error sending DB to replica: {}",
                  got == 0 ? "premature EOF" : std::strerror(errno));
      peer.machine.transfer_failed(monotonic_now(), out);
      return perform(peer, out);
    }
    piece->resize(static_cast<size_t>(got));
    peer.file_left -= got;
    counters_.bytes_sent += static_cast<uint64_t>(got);
    peer.connection().send_shared(std::move(piece), 0);
  }
  ::close(std::exchange(peer.file, -1));
  peer.machine.transfer_ends(monotonic_now(), false, out);
  perform(peer, out);
  pump(peer);
}

// REPLCONF rdb-filter-only functions: we hold none.
void ReplicationSources::send_empty_snapshot(Peer& peer) {
  SourceOut out;
  peer.machine.transfer_begins(monotonic_now(), standing_.history().id(),
                               standing_.backlog().offset(), out);
  perform(peer, out);
  const std::string snapshot = empty_snapshot();
  peer.connection().send("$" + std::to_string(snapshot.size()) + "\r\n" + snapshot);
  peer.machine.transfer_ends(monotonic_now(), false, out);
  perform(peer, out);
}

}  // namespace redan
