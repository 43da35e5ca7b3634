// Clients in WAIT: each until enough replicas have its last write, or until its deadline. Pure:
// whoever notices an acknowledgement or the time asks due(), and answers those clients.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/time.h"

namespace redan {

struct Session;

class Waits {
 public:
  struct Wait {
    Session* session;
    int64_t offset;
    int replicas;
    std::optional<Instant> deadline;  // none: for ever
  };
  void add(Wait wait) { waits_.push_back(wait); }
  void forget(Session& session) {
    std::erase_if(waits_, [&](const Wait& wait) { return wait.session == &session; });
  }
  bool empty() const { return waits_.empty(); }
  bool contains(const Session& session) const {
    for (const Wait& wait : waits_) {
      if (wait.session == &session) return true;
    }
    return false;
  }
  size_t size() const { return waits_.size(); }
  size_t timed() const {
    size_t with_deadline = 0;
    for (const Wait& wait : waits_) with_deadline += wait.deadline ? 1 : 0;
    return with_deadline;
  }
  // Takes out the waits that end now. `count(offset)` says how many replicas are that far.
  template <class Count>
  std::vector<Wait> take_due(Instant now, Count&& count) {
    std::vector<Wait> due;
    std::erase_if(waits_, [&](const Wait& wait) {
      const bool over =
          (wait.deadline && now >= *wait.deadline) || count(wait.offset) >= wait.replicas;
      if (over) due.push_back(wait);
      return over;
    });
    return due;
  }
  // All of them, as when the node becomes a replica.
  std::vector<Wait> take_all() { return std::exchange(waits_, {}); }
  std::optional<Instant> next_deadline() const {
    std::optional<Instant> next;
    for (const Wait& wait : waits_) {
      if (wait.deadline && (!next || *wait.deadline < *next)) next = wait.deadline;
    }
    return next;
  }

 private:
  std::vector<Wait> waits_;
};

}  // namespace redan
