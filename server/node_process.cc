#include "server/node_process.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/log/log.h"
#include "server/config/proc_title.h"
#include "server/drivers/cpu_list.h"
#include "server/drivers/crash_log.h"
#include "server/drivers/host_checks.h"
#include "server/drivers/memory_use.h"

namespace redan {

NodeProcess::NodeProcess(ServerConfig& config, ProcessTitle& title, Supervisor& supervisor,
                         std::string config_file)
    : config_(config),
      title_(title),
      supervisor_(supervisor),
      config_file_(std::move(config_file)),
      replica_(!config.replicaof.host.empty()),
      oom_base_(read_oom_score()) {}

Result<void> NodeProcess::apply() {
  apply_title();
  set_exit_on_panic(config_.use_exit_on_panic);
  set_allocator_thread(config_.jemalloc_bg_thread);
  bind_this_thread("server-cpulist", config_.server_cpulist);
  // A score that the kernel refuses is no reason not to serve.
  (void)apply_oom_score().ok();
  return apply_collation();
}

void NodeProcess::hook(Registry& options) {
  options.on_change({"proc-title-template"}, [this]() -> Result<void> {
    apply_title();
    return kOk;
  });
  options.on_change({"oom-score-adj", "oom-score-adj-values"},
                    [this]() -> Result<void> { return apply_oom_score(); });
  options.on_change({"locale-collate"}, [this]() -> Result<void> { return apply_collation(); });
  options.on_change({"jemalloc-bg-thread"}, [this]() -> Result<void> {
    set_allocator_thread(config_.jemalloc_bg_thread);
    return kOk;
  });
  options.on_change({"use-exit-on-panic"}, [this]() -> Result<void> {
    set_exit_on_panic(config_.use_exit_on_panic);
    return kOk;
  });
  options.on_change({"crash-log-enabled"}, [this]() -> Result<void> {
    set_crash_log(config_.crash_log_enabled, config_.logfile);
    return kOk;
  });
}

void NodeProcess::apply_title() {
  if (config_.set_proc_title) title_.set(process_title(config_, title_.original(), config_file_));
}

Result<void> NodeProcess::apply_oom_score() {
  int64_t score = oom_base_;
  if (config_.oom_score_adj == OomScoreAdj::kNo) {
    if (!std::exchange(oom_adjusted_, false)) return kOk;
  } else {
    oom_adjusted_ = true;
    const OomScoreValues& values = config_.oom_score_adj_values;
    const int64_t own = replica_ ? values.replica : values.primary;
    score = config_.oom_score_adj == OomScoreAdj::kAbsolute ? own : oom_base_ + own;
  }
  if (set_oom_score(score)) return kOk;
  log_warning("Unable to write oom_score_adj {}: lowering it takes CAP_SYS_RESOURCE",
              std::clamp<int64_t>(score, -1000, 1000));
  return Error("Failed to apply new oom_score_adj configuration, check server logs.");
}

Result<void> NodeProcess::apply_collation() {
  const std::string& name = config_.locale_collate;
  std::optional<Collation> collation = Collation::of_locale(name);
  if (!collation) {
    return Error("Invalid locale name " +
                 (name.empty() ? "in the environment (LC_ALL, LC_COLLATE or LANG)"
                               : "'" + name + "' in locale-collate") +
                 "; `locale -a` lists the ones that this host has");
  }
  collation_ = std::move(*collation);
  return kOk;
}

void NodeProcess::role_changed(bool replica) {
  replica_ = replica;
  (void)apply_oom_score().ok();
}

void NodeProcess::ready(bool replica) {
  supervisor_.notify(replica ? "STATUS=Ready to accept connections in read-only mode. Waiting for "
                               "MASTER <-> REPLICA sync\nREADY=1\n"
                             : "STATUS=Ready to accept connections\nREADY=1\n");
}

void NodeProcess::synchronized() {
  supervisor_.notify(
      "STATUS=MASTER <-> REPLICA sync: Finished with success. Ready to accept "
      "connections in read-write mode.\n");
}

void NodeProcess::stopping() {
  supervisor_.notify("STOPPING=1\n");
}

}  // namespace redan
