// WATCH: which sessions want to know that a key changed before their EXEC.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/keyspace/keyspace.h"
#include "server/session/session.h"

namespace redan {

class WatchedKeys {
 public:
  void watch(Session& session, int db, std::string_view key);
  void forget(Session& session);
  bool empty() const { return watchers_.empty(); }

  void key_changed(int db, std::string_view key);
  // What is in a database now (-1: in all) goes, or has just come.
  void flushing(int db, Keyspace& keyspace);
  // EXEC asks: did one of them change, or expire without anybody having noticed?
  bool disturbed(const Session& session, Keyspace& keyspace) const;

 private:
  using Place = std::pair<int, std::string>;
  struct Less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      if (a.first != b.first) return a.first < b.first;
      return std::string_view(a.second) < std::string_view(b.second);
    }
  };
  std::map<Place, std::vector<Session*>, Less> watchers_;
};

}  // namespace redan
