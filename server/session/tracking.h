// Client-side caching (CLIENT TRACKING): who wants to hear that keys changed, and telling them.
//
// A client is told of the keys that it has read (tracking_table.h), once for each read, at the
// change; or, in broadcast mode, of all keys with certain prefixes, once for each round of the
// loop. It hears a RESP3 push `invalidate`; redirected to another client, that one hears it, in
// RESP2 as a message on __redis__:invalidate. Null in place of the keys: all are gone.
//
// What a client's own command changes comes behind the command's reply: messages go through
// PubSub::send, which keeps them while the client is held. The held client is also the one whose
// change it is (NOLOOP).
//
// Pure but for Connection::send. Sessions are kept from turn_on() to turn_off() or forget().
// Whoever calls changed() and flushed() may do without while idle() says so.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/result.h"
#include "common/base/rng.h"
#include "common/resp/buffer.h"
#include "server/session/pubsub.h"
#include "server/session/session.h"
#include "server/session/tracking_table.h"

namespace redan {

// How a client wants to be told.
struct TrackingMode {
  bool broadcast = false;
  bool opt_in = false;   // only of what CLIENT CACHING YES stood before
  bool opt_out = false;  // not of what CLIENT CACHING NO stood before
  bool no_loop = false;  // not of its own changes
};

// A client that tracks; Session::tracker.
struct Tracker {
  Session* session = nullptr;
  TrackingMode mode;
  bool caching = false;            // CLIENT CACHING, for the command behind it
  uint64_t redirect = 0;           // the client that is told instead; 0: nobody
  Session* target = nullptr;       // the same; null: it is gone
  bool broken = false;             // and that was noticed
  std::set<std::string> prefixes;  // in broadcast mode
};

class Tracking {
 public:
  Tracking(PubSub& pubsub, uint64_t seed) : pubsub_(pubsub), rng_(seed) {}
  Tracking(const Tracking&) = delete;
  Tracking& operator=(const Tracking&) = delete;

  struct Wish {
    TrackingMode mode;
    Session* redirect = nullptr;  // null: none
    std::vector<std::string_view> prefixes;
  };
  // CLIENT TRACKING ON: refuses what cannot be, together or after what was said before.
  Result<void> turn_on(Session& session, const Wish& wish);
  void turn_off(Session& session);
  // CLIENT CACHING. The word stands until the next command is done: forget_caching().
  Result<void> set_caching(Session& session, bool yes);
  static void forget_caching(Session& session);
  // The session is closed.
  void forget(Session& session);

  // Nobody tracks, and nobody who did is in the table.
  bool idle() const { return trackers_.empty() && table_.empty(); }

  // Whether this client's reads are to be told to read().
  static bool wants_reads(const Session& session);
  void read(const Session& session, std::string_view key);
  // Not more than `max_keys` keys are remembered (0: no limit): takes out up to `effort` of what is
  // beyond, at random, and says that they changed.
  void limit(size_t max_keys, size_t effort);

  // --- what happened ---
  void changed(std::string_view key);
  // No client did it, although one was the occasion: time, or want of memory. Said behind
  // changed().
  void nobody_changed(std::string_view key);
  // All keys of a database, or of all, went or were replaced.
  void flushed();
  // The end of a round: tells those in broadcast mode.
  void broadcast();
  // Ten times a second: forgets in pieces what nobody needs any more. (What a client has read that
  // does not track any more stays for a while, as it may turn tracking on again.)
  void tick();

  size_t clients() const { return trackers_.size(); }
  size_t prefixes() const { return prefixes_.size(); }
  const TrackingTable& table() const { return table_; }

 private:
  static constexpr uint64_t kNobody = 0;
  static constexpr int kTicksUntilForgotten = 100;
  static constexpr size_t kFreedEachTick = 10'000;
  // Prefixes of a client must not overlap: it would hear of a key twice.
  struct Prefix {
    std::map<uint64_t, Tracker*> trackers;  // by the client's id
    std::map<std::string, uint64_t, std::less<>>
        changed;  // this round's keys, and who did it first
  };
  using Prefixes = std::map<std::string, Prefix, std::less<>>;

  Tracker* find(uint64_t id) const {
    const auto found = trackers_.find(id);
    return found == trackers_.end() ? nullptr : found->second.get();
  }
  static Result<void> compatible(const Tracker* before, const Wish& wish);
  static Result<void> apart(const Tracker* before, const Wish& wish);
  void add_prefix(Tracker& tracker, std::string_view prefix);
  void drop_prefixes(Tracker& tracker);
  void redirect(Tracker& tracker, Session* target);
  void note_whether_in_tracking(Session& session) const;
  template <class Each>
  void for_each_prefix_of(std::string_view key, Each&& each);
  void invalidate(std::string_view key);
  void broadcast(Prefix& prefix);
  Session* receiver(Tracker& tracker);
  void tell_keys(Tracker& tracker, std::string_view keys);
  void tell_all_gone(Tracker& tracker);
  static void begin_message(const Session& to, ByteBuffer& bytes);

  PubSub& pubsub_;
  Rng rng_;
  std::unordered_map<uint64_t, std::unique_ptr<Tracker>> trackers_;    // by the client's id
  std::unordered_map<const Session*, std::set<Tracker*>> redirected_;  // by whom they tell
  TrackingTable table_;
  Prefixes prefixes_;
  std::map<size_t, size_t> lengths_;  // of prefixes, and how many have each
  int ticks_without_anybody_ = 0;
  bool any_changed_ = false;  // some Prefix::changed is not empty
};

}  // namespace redan
