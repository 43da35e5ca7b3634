// What commands ask of the process as a whole. The node implements it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"

namespace redan {

class Collation;

struct ShutdownRequest {
  bool save = false;
  bool nosave = false;
  bool now = false;
  bool force = false;
};

enum class PauseKind : uint8_t { kWrites, kAll };

class NodeControl {
 public:
  virtual ~NodeControl() = default;
  // SHUTDOWN. No answer where it succeeds: the connection ends.
  virtual Result<void> shut_down(const ShutdownRequest& request) = 0;
  virtual Result<void> abort_shutdown() = 0;
  // CLIENT PAUSE: commands of that kind wait until `until`. A longer or stronger pause stays.
  virtual void pause_clients(PauseKind kind, Instant until) = 0;
  virtual void unpause_clients() = 0;
  virtual Instant now() const = 0;
  virtual WallTime wall_now() const = 0;
  virtual int64_t wall_now_us() const = 0;
  // INFO's text for these sections (none: the default ones).
  virtual std::string info(std::span<const std::string_view> sections) = 0;
  virtual Result<void> rewrite_config() = 0;
  virtual void reset_stats() = 0;
  // DEBUG SET-ACTIVE-EXPIRE and CHANGE-REPL-ID.
  virtual void set_active_expiry(bool on) = 0;
  virtual void change_replication_id() = 0;
  // maxmemory: a command evicted, and there is more to do: idle time goes on with it.
  virtual void memory_is_short() = 0;
  // Asks the allocator anew (ServerStats::used_memory): some 2 us.
  virtual void sample_memory() = 0;
  // WAIT: something may have changed, or a deadline is near.
  virtual void waits_changed() = 0;
  // locale-collate: the order of SORT ALPHA.
  virtual const Collation& collation() const = 0;
};

}  // namespace redan
