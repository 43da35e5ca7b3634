// The replica's end of a replication link: from the dialled connection to the running stream.
//
//   kIdle ─► kDialling ─► kPing ─► kGreeting ─► kAnswer ─ +CONTINUE ───────────────────► kOnline
//     ▲                                            └ +FULLRESYNC ─► kHeader ─► kSnapshot ─►
//     kLoading └──── any failure: again after a second
//     ─────────────────────────────────────────────────┘
//
// In a cluster the primary says who it is before it is asked for anything: addresses change hands,
// and another shard's data must not take the place of ours.
//
// It never touches the data. A full sync is announced (BeginTransfer), its bytes pass through
// (Snapshot), and the position in the old history stays good until the owner says loaded(): a
// transfer that breaks off costs nothing but time. Input from the primary is not trusted: lines and
// lengths have limits, and nonsense ends the connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/time.h"
#include "server/replication/note.h"
#include "server/replication/wipe_guard.h"

namespace redan {

struct LinkSettings {
  std::string host;
  int port = 0;
  int listening_port = 0;   // what we announce (replica-announce-port or port)
  std::string announce_ip;  // replica-announce-ip; empty: the primary uses the peer address
  std::string user;         // masteruser
  std::string password;     // masterauth
  std::string member;       // In a cluster: CLUSTER MYID of whom we follow; empty: whoever answers.
  std::string version;      // our own
  Nanos timeout = Seconds(60);  // repl-timeout
  WipeRule refuse_wipe = WipeRule::kEmpty;
};

// How far our data is: everything up to byte `offset` of history `id`.
struct StreamPosition {
  std::string id;
  int64_t offset = 0;
};

namespace link_effect {
struct Dial {
  std::string host;
  int port;
};
struct Send {
  std::string bytes;
};
// Closes the connection, if there is one. A transfer that had begun is off.
struct HangUp {
  std::string why;
};
// A snapshot of history `id` up to byte `offset` follows: `size` bytes, or -1 until an end mark.
struct BeginTransfer {
  std::string id;
  int64_t offset;
  int64_t size;
};
struct Snapshot {
  std::string bytes;
};
// All of it has passed; the owner answers loaded() or load_failed().
struct EndTransfer {};
// Our position is good; the primary's history is called `id` now.
struct Resume {
  std::string id;
};
// The stream begins: what was already read of it is `leftover`.
struct HandOver {
  std::string leftover;
};
// FAILOVER: the primary did not take our PSYNC.
struct TakeOverRefused {
  std::string why;
};
}  // namespace link_effect
using LinkEffect =
    std::variant<link_effect::Dial, link_effect::Send, link_effect::HangUp,
                 link_effect::BeginTransfer, link_effect::Snapshot, link_effect::EndTransfer,
                 link_effect::Resume, link_effect::HandOver, link_effect::TakeOverRefused, Note>;
using LinkOut = std::vector<LinkEffect>;

class LinkMachine {
 public:
  enum class State : uint8_t {
    kOff,       // we are a primary
    kIdle,      // waiting to dial
    kDialling,  // until connected()
    kPing,      // PING sent
    kGreeting,  // AUTH and REPLCONF sent, answers outstanding
    kAnswer,    // PSYNC sent
    kRole,      // ROLE sent instead: we doubt what it offers
    kHeader,    // +FULLRESYNC read; the snapshot's header is next
    kSnapshot,
    kLoading,  // all of it read, not yet in service
    kOnline,   // the stream is client_io's
  };

  // Follows a primary from now on. `position`: what may be resumed, if anything. `take_over`: the
  // PSYNC asks the other side to become primary (FAILOVER).
  void follow(Instant now, LinkSettings settings, std::optional<StreamPosition> position,
              bool take_over, LinkOut& out);
  // New settings for the next connection (masterauth changed).
  void configure(LinkSettings settings) { settings_ = std::move(settings); }
  void stop(LinkOut& out);

  void connected(Instant now, LinkOut& out);
  // The connection could not be made, or ended.
  void disconnected(Instant now, std::string_view why, LinkOut& out);
  void receive(Instant now, std::string_view bytes, LinkOut& out);
  // The position that the next PSYNC may ask to go on from.
  void set_position(std::optional<StreamPosition> position) { position_ = std::move(position); }
  // The snapshot is in service, and our position is the one it carried.
  void loaded(Instant now, LinkOut& out);
  // It was read and verified and has so many keys. False: it is not to take our data's place, and
  // the connection ends.
  bool may_replace(Instant now, uint64_t keys, LinkOut& out);
  // How many keys our data has; before receive() and may_replace().
  void holds(uint64_t keys) { held_keys_ = keys; }
  // Our data is kept from a primary that lost its own.
  bool refuses() const { return !guard_.refused().empty() && state_ != State::kOff; }
  void load_failed(Instant now, std::string_view why, LinkOut& out);
  // Signs of life that receive() does not see: the stream's, or a transfer that we slow down.
  void heard(Instant now) { heard_ = now; }
  // At least once a second. `applied`: our offset, for ACK while online. `durable`: the same for
  // what is on disk, or -1 without AOF.
  void tick(Instant now, int64_t applied, int64_t durable, LinkOut& out);
  static std::string ack(int64_t applied, int64_t durable);

  State state() const { return state_; }
  bool in_transfer() const {
    return state_ == State::kHeader || state_ == State::kSnapshot || state_ == State::kLoading;
  }
  const LinkSettings& settings() const { return settings_; }
  Instant heard_at() const { return heard_; }
  // Since when the link is down, as master_link_down_since_seconds counts.
  Instant down_since() const { return down_since_; }
  int64_t transfer_total() const { return transfer_size_; }
  int64_t transfer_read() const { return transfer_read_; }

 private:
  using Level = Note::Level;
  void greet(LinkOut& out);
  void ask(LinkOut& out);
  void line(Instant now, std::string_view text, LinkOut& out);
  void greeting_answer(std::string_view text, Instant now, LinkOut& out);
  void member_answer(std::string_view text, Instant now, LinkOut& out);
  void psync_answer(std::string_view text, Instant now, LinkOut& out);
  void header(std::string_view text, Instant now, LinkOut& out);
  void snapshot_bytes(LinkOut& out);
  void online(Instant now, LinkOut& out);
  bool allows(Instant now, bool known_empty, LinkOut& out);
  std::string ways_out() const;
  void role_answer(Instant now, std::string_view text, LinkOut& out);
  // Hangs up and dials again after a second.
  void fail(Instant now, std::string why, LinkOut& out);
  void retry_at(Instant when);

  State state_ = State::kOff;
  LinkSettings settings_;
  std::optional<StreamPosition> position_;
  bool take_over_ = false;
  WipeGuard guard_;
  uint64_t held_keys_ = 0;
  bool ask_role_ = false;  // at the next connection
  int role_lines_ = 0;     // of its answer, read so far
  std::string input_;      // not yet understood; at most a line, a mark's worth, or the leftover
  std::vector<std::string> unanswered_;  // what was sent in kGreeting
  size_t answered_ = 0;
  bool names_itself_ = false;  // The next line is who answers.
  std::string new_id_;
  int64_t new_offset_ = 0;
  std::string end_mark_;  // empty: the size counts
  int64_t transfer_size_ = -1;
  int64_t transfer_read_ = 0;
  Instant heard_{};
  Instant dial_at_{};
  Instant down_since_{};
  Instant spoke_{};
};

}  // namespace redan
