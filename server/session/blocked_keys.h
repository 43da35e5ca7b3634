// Clients that wait for keys (BLPOP, BZPOPMIN, XREAD BLOCK ...): who waits for which, in what order
// and until when, and which of these keys changed since anybody looked.
//
// A handler that finds nothing puts its session here, with the request (Call::block_on). Whoever
// changes a key tells key_changed(). Between commands, never inside a transaction, the dispatcher
// takes what changed and executes the requests of those who wait for it once more, first come,
// first served; a handler that finds nothing again stays in its place. So a command needs one
// handler, and what it does for a client that waited is what it does for any other.
//
// Pure: no clock (due() is told the time) and no sockets. A session is here while it is blocked,
// and its connection does not read meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "server/keyspace/entry.h"
#include "server/session/session.h"

namespace redan {

class BlockedKeys {
  struct Queue;

 public:
  struct Place {
    int db;
    std::string key;
    friend auto operator<=>(const Place&, const Place&) = default;
  };

  struct Wait {
    Session* session = nullptr;
    std::vector<std::string> request;
    int db = 0;
    ValueType wanted = ValueType::kString;
    bool also_gone = false;           // A key that holds something else, or nothing, ends it too.
    std::optional<Instant> deadline;  // none: for ever
    bool reply_withheld = false;      // CLIENT REPLY, when it was blocked
    bool asking = false;              // as the session was
    bool found_nothing = false;       // Executed again, it has to wait on.

   private:
    friend class BlockedKeys;
    uint64_t number = 0;
    std::vector<std::pair<Queue*, std::list<Wait*>::iterator>> places;
  };

  // The session must not wait already. A key that is named twice counts once.
  void add(Wait wait, std::span<const std::string_view> keys);
  void forget(const Session& session);
  Wait* find(const Session& session);
  bool contains(const Session& session) const { return waits_.contains(&session); }
  bool empty() const { return waits_.empty(); }
  size_t size() const { return waits_.size(); }

  // For INFO: keys that are waited for, those whose end is waited for too, waits with a deadline.
  size_t keys() const { return queues_.size(); }
  size_t keys_also_gone() const { return keys_also_gone_; }
  size_t timed() const { return deadlines_.size(); }

  // --- what changed ---
  void key_changed(int db, std::string_view key);
  void database_changed(int db);  // -1: all
  bool any_changed() const { return !changed_.empty(); }
  // In the order in which they changed first.
  std::vector<Place> take_changed();
  // Goes through those who wait for a key, the longest first. `each(wait, any_also_gone)` says
  // whether to go on; it may end the wait that it gets, and no other.
  template <class Each>
  void for_each_waiting(const Place& place, Each&& each) {
    const auto found = queues_.find(View{place.db, place.key});
    if (found == queues_.end()) return;
    Queue& queue = *found->second;
    size_t left = queue.waits.size();
    for (auto at = queue.waits.begin(); left > 0; --left) {
      Wait& wait = **at++;
      if (!each(wait, queue.also_gone > 0)) return;
    }
  }

  // --- time ---
  std::optional<Instant> next_deadline() const {
    if (deadlines_.empty()) return std::nullopt;
    return deadlines_.begin()->first.first;
  }
  // Whose time is over, the earliest first. They still wait: answer them.
  std::vector<Session*> due(Instant now) const;
  // Those who wait longest come first.
  std::vector<Session*> sessions() const;

  // Ends a wait: the reply goes to the client unless it wants none, and its next request is read.
  void answer(Session& session, std::string_view reply);

 private:
  struct View {
    int db;
    std::string_view key;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(const View& view) const {
      return std::hash<std::string_view>()(view.key) ^ static_cast<size_t>(view.db);
    }
    size_t operator()(const Place& place) const { return (*this)(View{place.db, place.key}); }
  };
  struct Equal {
    using is_transparent = void;
    static View view(const View& view) { return view; }
    static View view(const Place& place) { return {place.db, place.key}; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return view(a).db == view(b).db && view(a).key == view(b).key;
    }
  };
  struct Queue {
    Place place;
    std::list<Wait*> waits;
    size_t also_gone = 0;  // of them
    bool changed = false;
  };
  using Queues = std::unordered_map<Place, std::unique_ptr<Queue>, Hash, Equal>;

  void mark(Queue& queue);

  Queues queues_;
  std::unordered_map<const Session*, std::unique_ptr<Wait>> waits_;
  std::map<std::pair<Instant, uint64_t>, Wait*> deadlines_;  // by deadline and number
  std::vector<Place> changed_;
  size_t keys_also_gone_ = 0;
  uint64_t next_number_ = 0;
};

}  // namespace redan
