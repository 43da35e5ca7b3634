// What a node tells its host about itself, and the directives of that: process title, score for the
// out-of-memory killer, locale, the allocator's thread, crash report, readiness for a supervisor.
#pragma once

#include <string>

#include "common/base/collation.h"
#include "common/base/result.h"
#include "common/config/registry.h"
#include "server/config/server_config.h"
#include "server/drivers/process.h"

namespace redan {

class NodeProcess {
 public:
  NodeProcess(ServerConfig& config, ProcessTitle& title, Supervisor& supervisor,
              std::string config_file);

  // What the directives say, at start: an error is fatal.
  Result<void> apply();
  // And whenever CONFIG SET changes one of them.
  void hook(Registry& options);

  void role_changed(bool replica);
  void ready(bool replica);
  void synchronized();  // a replica has its primary's data
  void stopping();
  const Collation& collation() const { return collation_; }
  const char* supervised() const { return supervisor_.name(); }

 private:
  Result<void> apply_oom_score();
  Result<void> apply_collation();
  void apply_title();

  ServerConfig& config_;
  ProcessTitle& title_;
  Supervisor& supervisor_;
  Collation collation_;
  std::string config_file_;
  bool replica_ = false;
  int64_t oom_base_;  // the score before we touched it
  bool oom_adjusted_ = false;
};

}  // namespace redan
