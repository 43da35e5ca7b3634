// Which history of writes this node's data belongs to. A history has a name (40 hex digits) and an
// offset in its stream. A node that is promoted begins a branch: a new name for what comes, while
// the old name stays good up to where the branch began. A replica of the old primary can then go on
// with the promoted node without a full copy.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace redan {

class Backlog;

// What a PSYNC is answered with, and why.
enum class SyncVerdict : uint8_t {
  kContinue,
  kUnknownHistory,  // neither our name nor our previous one, or "?"
  kBranchedOff,     // our previous name, but the replica has bytes from after the branch
  kNoBacklog,       // nothing is kept
  kTooOld,          // the backlog begins later
  kTooNew,          // the replica claims bytes that do not exist
};

class History {
 public:
  static constexpr size_t kIdSize = 40;
  explicit History(std::string id) : id_(std::move(id)) {}

  const std::string& id() const { return id_; }
  // master_replid2 and second_repl_offset: 40 zeros and -1 where there is none.
  const std::string& previous_id() const { return previous_id_; }
  int64_t previous_until() const { return previous_until_; }

  // A promotion: from byte `offset` + 1 on the history is called `id`.
  void branch(std::string id, int64_t offset) {
    previous_id_ = std::move(id_);
    // A replica that has all bytes of the old name asks for the one behind them: that is still
    // common ground, hence + 1.
    previous_until_ = offset + 1;
    id_ = std::move(id);
  }
  // No common past with anybody: a full sync, or a backlog begun from nothing.
  void replace(std::string id) {
    id_ = std::move(id);
    previous_id_ = no_id();
    previous_until_ = -1;
  }
  // A primary that restarted with its data: `id` was its name up to `offset`.
  void remember(std::string id, int64_t offset) {
    previous_id_ = std::move(id);
    previous_until_ = offset + 1;
  }

  // PSYNC `id` `wanted`: may the replica go on?
  SyncVerdict judge(std::string_view id, int64_t wanted, const Backlog& backlog) const;

  static std::string no_id() { return std::string(kIdSize, '0'); }
  // 40 hex digits.
  static bool well_formed(std::string_view id);

 private:
  std::string id_;
  std::string previous_id_ = no_id();
  int64_t previous_until_ = -1;
};

}  // namespace redan
