#include "server/node_shutdown.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "common/log/log.h"
#include "server/drivers/client_io.h"
#include "server/drivers/cluster_driver.h"
#include "server/drivers/replication_driver.h"
#include "server/drivers/snapshot_driver.h"
#include "server/front/dispatcher.h"
#include "server/node_process.h"

namespace redan {

void NodeShutdown::on_signal(int signal) {
  log_warning("Received {} scheduling shutdown...", signal == SIGINT ? "SIGINT" : "SIGTERM");
  const ServerConfig& config = parts_.config;
  const ShutdownFlags& flags =
      signal == SIGINT ? config.shutdown_on_sigint : config.shutdown_on_sigterm;
  // A second signal does not wait for replicas any more.
  const bool again = wanted_;
  const Result<void> result = request({.save = flags.save,
                                       .nosave = flags.nosave,
                                       .now = flags.now || again,
                                       .force = flags.force});
  if (!result) {
    log_warning(
        "SIGTERM received but errors trying to shut down the server, check the logs for "
        "more information");
  }
}

Result<void> NodeShutdown::request(const ShutdownRequest& request) {
  log_warning("User requested shutdown...");
  parts_.process.stopping();
  wanted_ = true;
  request_ = request;
  deadline_ = parts_.loop.now() + Seconds(request.now ? 0 : parts_.config.shutdown_timeout);
  if (parts_.dispatcher.loading()) request_.nosave = true;
  if (parts_.replication.replicas_behind() > 0 && !request.now) {
    // Nothing new is written while the replicas catch up.
    parts_.dispatcher.pause(Dispatcher::PauseReason::kShutdown, PauseKind::kWrites,
                            deadline_ + Seconds(1));
    parts_.replication.request_acks();
  }
  try_to_finish();
  return wanted_ ? Result<void>(kOk) : Error("Errors trying to SHUTDOWN. Check logs.");
}

// The loop stops, or the shutdown failed and is no longer wanted, or it is not time yet.
void NodeShutdown::try_to_finish() {
  const int behind = parts_.replication.replicas_behind();
  const int all = parts_.replication.replica_count();
  if (behind > 0 && parts_.loop.now() < deadline_) {
    if (behind != last_reported_behind_) {
      log_notice("Waiting for replicas before shutting down: {} of {} replicas are in sync",
                 all - behind, all);
    }
    last_reported_behind_ = behind;
    return;
  }
  if (all > 0) log_notice("{} of {} replicas are in sync when shutting down.", all - behind, all);
  if (behind > 0) log_warning("Lagging replicas: {} lose what they have not received yet", behind);

  const ServerConfig& config = parts_.config;
  const bool save = !request_.nosave && (request_.save || !config.save.empty());
  if (save) log_notice("Saving the final RDB snapshot before exiting.");
  if (Result<void> saved = parts_.snapshots.shut_down(save); !saved) {
    log_warning("Error trying to save the DB, {}: {}",
                request_.force ? "but exiting as FORCE asks" : "can't exit",
                saved.error().message());
    if (!request_.force) {
      wanted_ = false;
      parts_.dispatcher.unpause(Dispatcher::PauseReason::kShutdown);
      return;
    }
  }
  if (parts_.cluster != nullptr) parts_.cluster->stop();
  parts_.replication.stop();
  parts_.clients.shut_down();
  if (!config.pidfile.empty()) {
    log_notice("Removing the pid file.");
    ::unlink(config.pidfile.c_str());
  }
  if (!config.unixsocket.empty()) ::unlink(config.unixsocket.c_str());
  log_warning("Redan is now ready to exit, bye bye...");
  parts_.loop.stop();
}

Result<void> NodeShutdown::abort() {
  if (!wanted_) return Error("No shutdown in progress.");
  wanted_ = false;
  parts_.dispatcher.unpause(Dispatcher::PauseReason::kShutdown);
  log_notice("Shutdown manually aborted.");
  return kOk;
}

int64_t NodeShutdown::left_ms(Instant now) const {
  return wanted_ ? std::max<int64_t>(0, whole_ms(deadline_ - now)) : -1;
}

}  // namespace redan
