#include "server/drivers/replication_sources.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/clock.h"
#include "common/base/crc64.h"
#include "common/base/parse.h"
#include "common/log/log.h"
#include "common/resp/writer.h"
#include "server/drivers/replication_note.h"
#include "server/session/session.h"

namespace redan {

namespace {

// What a connection may hold of the stream; the rest waits in the backlog's blocks.
constexpr size_t kConnectionWindow = 256 * 1024;
// Below this a copy into the connection's buffer is cheaper than a block of its own.
constexpr size_t kWorthSharing = 4 * 1024;
constexpr size_t kFileChunk = 64 * 1024;
// Sessions that said REPLCONF and nothing more.
constexpr size_t kMostGreeters = 1000;

std::string ip_of(const std::string& address) {
  return address.substr(0, address.rfind(':'));
}

// An RDB file without keys.
std::string empty_snapshot() {
  std::string bytes = "REDIS0010\xff";
  uint64_t crc = crc64(0, bytes);
  for (int i = 0; i < 8; ++i, crc >>= 8) bytes.push_back(static_cast<char>(crc & 0xff));
  return bytes;
}

}  // namespace

struct ReplicationSources::Peer {
  Peer(Session& s, Instant now)
      : session(&s), id(s.id), machine(ip_of(s.connection->peer_address()), now) {}
  ~Peer() {
    if (file >= 0) ::close(file);
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

ReplicationSources::ReplicationSources(const ReplicationDriver::Parts& parts, Standing& standing,
                                       Rng& rng, Role role)
    : parts_(parts),
      standing_(standing),
      rng_(rng),
      role_(std::move(role)),
      last_left_(monotonic_now()) {
  parts_.snapshots.on_idle([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    if (transfer_ != nullptr && !transfer_->by_stream) file_done();
    post_start();
  });
}

ReplicationSources::~ReplicationSources() = default;

ReplicationSources::Peer* ReplicationSources::find(uint64_t session_id) {
  const auto it = peers_.find(session_id);
  return it == peers_.end() ? nullptr : it->second.get();
}

ReplicationSources::Peer& ReplicationSources::peer_of(Session& session) {
  if (Peer* const known = find(session.id)) return *known;
  if (peers_.size() >= kMostGreeters) {
    // The oldest greeter that never became a replica; the map is ordered by age.
    const auto oldest = std::find_if(peers_.begin(), peers_.end(), [](const auto& entry) {
      return entry.second->machine.state() == SourceMachine::State::kGreeting;
    });
    if (oldest != peers_.end()) peers_.erase(oldest);
  }
  auto peer = std::make_unique<Peer>(session, monotonic_now());
  return *peers_.emplace(session.id, std::move(peer)).first->second;
}

void ReplicationSources::replconf(Session& session, std::span<const std::string_view> args,
                                  ReplyWriter& reply) {
  Peer& peer = peer_of(session);
  const Result<SourceMachine::Answer> answer = peer.machine.replconf(monotonic_now(), args);
  if (!answer) return reply.error(answer.error());
  if (answer->answered) return reply.ok();
  if (peer.machine.state() != SourceMachine::State::kOnline) return;
  pump(peer);  // The first ACK opens the stream.
}

void ReplicationSources::psync(Session& session, std::span<const std::string_view> args,
                               ReplyWriter& reply) {
  Peer& peer = peer_of(session);
  peer.session = &session;
  SourceOut out;
  const SourceMachine::Node node{standing_.history(), standing_.backlog(), role_.link_broken()};
  if (args.size() >= 3) {
    peer.machine.psync(monotonic_now(), args[1], args[2], node, out);
  } else {
    peer.machine.sync(monotonic_now(), node, out);
  }
  if (peer.machine.state() == SourceMachine::State::kGreeting) {
    // It did not become a replica: the text is an ordinary reply.
    for (const SourceEffect& effect : out) {
      if (const auto* text = std::get_if<source_effect::Reply>(&effect)) reply.raw(text->bytes);
    }
    return;
  }
  if (session.kind == ClientKind::kReplica) return;  // It was one already: ignored.
  session.kind = ClientKind::kReplica;
  if (peer.machine.state() == SourceMachine::State::kOnline) {
    ++counters_.partial_ok;
  } else {
    ++counters_.full;
    if (args.size() >= 3 && args[1] != "?") ++counters_.partial_refused;
  }
  perform(peer, out);
  pin();
  pump(peer);
}

void ReplicationSources::perform(Peer& peer, SourceOut& out) {
  for (SourceEffect& effect : out) {
    if (auto* text = std::get_if<source_effect::Reply>(&effect)) {
      peer.connection().send(text->bytes);
    } else if (std::get_if<source_effect::JoinTransfer>(&effect) != nullptr) {
      if (standing_.begin_backlog(rng_.node_id().hex())) {
        log_notice("Replication backlog created, my new replication IDs are '{}' and '{}'",
                   standing_.history().id(), standing_.history().previous_id());
      }
      if (parts_.config.repl_diskless_sync && peer.machine.facts().reads_end_mark &&
          parts_.config.repl_diskless_sync_delay > 0) {
        log_notice("Delay next BGSAVE for diskless SYNC");
      }
      post_start();
    } else if (auto* drop = std::get_if<source_effect::Drop>(&effect)) {
      log_notice("{}", drop->why);
      peer.leaving = true;
      if (peer.machine.facts().snapshot_only &&
          peer.machine.state() == SourceMachine::State::kOnline) {
        peer.connection().close_after_replies();
      } else {
        peer.connection().close_soon(drop->why);
      }
    } else if (auto* note = std::get_if<Note>(&effect)) {
      log_note(*note);
    }
  }
  out.clear();
}

void ReplicationSources::closed(const Session& session) {
  const auto it = peers_.find(session.id);
  if (it == peers_.end()) return;
  const bool replica = it->second->machine.state() != SourceMachine::State::kGreeting;
  if (replica) {
    log_notice("Connection with replica {} lost.", it->second->machine.facts().name());
    last_left_ = monotonic_now();
  }
  peers_.erase(it);
  if (!replica) return;
  if (transfer_ != nullptr && transfer_->by_stream) {
    const bool wanted = std::any_of(peers_.begin(), peers_.end(),
                                    [](const auto& entry) { return entry.second->in_transfer; });
    if (wanted) {
      account();
    } else {
      // The last reader is gone; the job must not end while it is calling us.
      parts_.loop.post([this, alive = std::weak_ptr(alive_)] {
        if (alive.expired() || transfer_ == nullptr || !transfer_->by_stream) return;
        for (const auto& [id, peer] : peers_) {
          if (peer->in_transfer) return;
        }
        transfer_.reset();
        parts_.snapshots.stop_stream();
      });
    }
  }
  pin();
}

void ReplicationSources::drop_all(std::string_view why) {
  for (auto& [id, peer] : peers_) {
    if (peer->machine.state() == SourceMachine::State::kGreeting || peer->leaving) continue;
    // One that only waits has nothing of the old history yet.
    if (peer->machine.state() == SourceMachine::State::kWaiting) continue;
    peer->leaving = true;
    peer->connection().close_soon(why);
  }
}

// --- the stream ---

void ReplicationSources::flush() {
  if (peers_.empty() || flushed_ == standing_.backlog().offset()) return;
  flushed_ = standing_.backlog().offset();
  for (auto& [id, peer] : peers_) pump(*peer);
  pin();
}

void ReplicationSources::pump(Peer& peer) {
  if (peer.leaving) return;
  while (peer.machine.streaming()) {
    if (peer.connection().pending_bytes() > kConnectionWindow) return when_drained(peer);
    const StreamPiece piece = standing_.backlog().read(peer.machine.next_byte());
    if (piece.size == 0) return;
    if (piece.sealed && piece.size >= kWorthSharing) {
      peer.connection().send_shared(piece.block, piece.from);
    } else {
      peer.connection().send(piece.bytes());
    }
    peer.machine.sent(piece.size);
  }
}

// Must be up to date before the next write: what a replica still needs may not be trimmed.
void ReplicationSources::pin() {
  int64_t keep = Backlog::kNobody;
  for (const auto& [id, peer] : peers_) {
    if (!peer->leaving) keep = std::min(keep, peer->machine.needs_from());
  }
  standing_.stream().keep_from(keep);
}

void ReplicationSources::when_drained(Peer& peer) {
  if (peer.drain_asked) return;
  peer.drain_asked = true;
  peer.connection().when_drained([this, id = peer.id, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    Peer* const drained = find(id);
    if (drained == nullptr || drained->leaving) return;
    drained->drain_asked = false;
    if (drained->file >= 0) send_file(*drained);
    if (drained->in_transfer) account();
    pump(*drained);
    pin();
  });
}

void ReplicationSources::tick(Instant now) {
  start_due_transfer();
  if (transfer_ != nullptr && transfer_->by_stream) account();
  if (now - last_peer_tick_ < Seconds(1)) return;
  last_peer_tick_ = now;
  tick_peers(now);
}

void ReplicationSources::tick_peers(Instant now) {
  const OutputBufferLimit& limit = parts_.config.client_output_buffer_limit.replica;
  const SourceSettings settings{.timeout = Seconds(parts_.config.repl_timeout),
                                .hard_limit_bytes = limit.hard_bytes,
                                .soft_limit_bytes = limit.soft_bytes,
                                .soft_limit_for = Seconds(limit.soft_seconds)};
  for (auto& [id, peer] : peers_) {
    if (peer->machine.state() == SourceMachine::State::kGreeting || peer->leaving) continue;
    peer->machine.heard(peer->session->last_interaction);
    SourceOut out;
    // Bytes of a snapshot are counted by the transfer's window.
    const auto pending = peer->in_transfer || peer->file >= 0
                             ? int64_t{0}
                             : static_cast<int64_t>(peer->connection().pending_bytes());
    peer->machine.tick(now, settings, pending, standing_.backlog(), out);
    perform(*peer, out);
  }
  pin();
}

// --- snapshots ---

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

// --- what is told about them ---

size_t ReplicationSources::count() const {
  return static_cast<size_t>(std::count_if(peers_.begin(), peers_.end(), [](const auto& entry) {
    return entry.second->machine.counts() && !entry.second->leaving;
  }));
}

size_t ReplicationSources::waiting() const {
  return static_cast<size_t>(std::count_if(peers_.begin(), peers_.end(), [](const auto& entry) {
    return entry.second->machine.state() == SourceMachine::State::kWaiting;
  }));
}

std::vector<ReplicationSources::Seen> ReplicationSources::seen(Instant now) const {
  std::vector<Seen> result;
  for (const auto& [id, peer] : peers_) {
    const SourceMachine& machine = peer->machine;
    if (!machine.counts() || peer->leaving) continue;
    const bool online = machine.state() == SourceMachine::State::kOnline;
    const bool from_file = peer->file >= 0;
    result.push_back({machine.facts().ip(), machine.facts().listening_port,
                      online      ? "online"
                      : from_file ? "send_bulk"
                                  : "wait_bgsave",
                      machine.acked_offset(), machine.lag_s(now), online});
  }
  return result;
}

int ReplicationSources::acknowledged(int64_t offset) const {
  int count = 0;
  for (const auto& [id, peer] : peers_) {
    const SourceMachine& machine = peer->machine;
    if (machine.state() == SourceMachine::State::kOnline && machine.counts() && !peer->leaving &&
        machine.acked_offset() >= offset) {
      ++count;
    }
  }
  return count;
}

int ReplicationSources::good(Instant now, int64_t most_lag_s) const {
  int count = 0;
  for (const auto& [id, peer] : peers_) {
    const SourceMachine& machine = peer->machine;
    if (machine.state() == SourceMachine::State::kOnline && machine.counts() && !peer->leaving &&
        machine.lag_s(now) <= most_lag_s) {
      ++count;
    }
  }
  return count;
}

}  // namespace redan
