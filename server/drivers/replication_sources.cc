#include "server/drivers/replication_sources.h"

#include <algorithm>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/log/log.h"
#include "common/resp/writer.h"
#include "server/drivers/replication_note.h"
#include "server/drivers/replication_peer.h"
#include "server/session/session.h"

namespace redan {

namespace {

// Below this a copy into the connection's buffer is cheaper than a block of its own.
constexpr size_t kWorthSharing = 4 * 1024;
// Sessions that said REPLCONF and nothing more.
constexpr size_t kMostGreeters = 1000;

}  // namespace

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
  if (session.kind == ClientKind::kMonitor) return;  // Ignored, as in Redis.
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
    counters_.bytes_sent += piece.size;
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
