// FAILOVER: a primary hands its role to a replica and loses nothing. Writes are held back; once a
// replica has acknowledged everything, the primary turns into its replica with PSYNC ... FAILOVER,
// which makes the other side primary. This is the plan only: what to wait for, and what to do next.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "server/drivers/replication_sources.h"

namespace redan {

// FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT ms]
struct FailoverRequest {
  std::string host;  // empty: any replica
  int port = 0;
  bool force = false;
  bool abort = false;
  int64_t timeout_ms = 0;  // 0: none
  static Result<FailoverRequest> parse(std::span<const std::string_view> args);
};

class FailoverPlan {
 public:
  enum class Stage : uint8_t { kNone, kCatchingUp, kHandingOver };
  struct Step {
    enum Kind : uint8_t { kWait, kHandOver, kGiveUp } kind = kWait;
    std::string host;
    int port = 0;
    bool forced = false;
  };
  using Replicas = std::vector<ReplicationSources::Seen>;

  Result<void> begin(Instant now, FailoverRequest request, const Replicas& replicas);
  Step next(Instant now, int64_t offset, const Replicas& replicas);
  void end() { stage_ = Stage::kNone; }
  Stage stage() const { return stage_; }
  // As INFO's master_failover_state says it.
  const char* name() const;

 private:
  Stage stage_ = Stage::kNone;
  FailoverRequest request_;
  Instant deadline_{};
};

}  // namespace redan
