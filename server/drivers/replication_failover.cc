#include "server/drivers/replication_failover.h"

#include <algorithm>

#include "common/base/parse.h"

namespace redan {

Result<FailoverRequest> FailoverRequest::parse(std::span<const std::string_view> args) {
  FailoverRequest request;
  for (size_t i = 1; i < args.size(); ++i) {
    if (iequals(args[i], "timeout") && i + 1 < args.size() && request.timeout_ms == 0) {
      const auto timeout = parse_int64(args[++i]);
      if (!timeout) return Error("value is not an integer or out of range");
      if (*timeout <= 0) return Error("FAILOVER timeout must be greater than 0");
      request.timeout_ms = *timeout;
    } else if (iequals(args[i], "abort") && args.size() == 2) {
      request.abort = true;
    } else if (iequals(args[i], "to") && i + 2 < args.size() && request.host.empty()) {
      const auto port = parse_int64(args[i + 2]);
      if (!port || *port < 0 || *port > 65535) {
        return Error("value is not an integer or out of range");
      }
      request.host = args[i + 1];
      request.port = static_cast<int>(*port);
      i += 2;
    } else if (iequals(args[i], "force") && !request.force) {
      request.force = true;
    } else {
      return Error("syntax error");
    }
  }
  return request;
}

namespace {
bool is_target(const FailoverRequest& request, const ReplicationSources::Seen& replica) {
  return request.host.empty() || (replica.ip == request.host && replica.port == request.port);
}
}  // namespace

Result<void> FailoverPlan::begin(Instant now, FailoverRequest request, const Replicas& replicas) {
  const auto target = std::find_if(replicas.begin(), replicas.end(), [&](const auto& replica) {
    return is_target(request, replica);
  });
  if (target == replicas.end()) return Error("FAILOVER target HOST and PORT is not a replica.");
  if (!request.host.empty() && !target->online) {
    return Error("FAILOVER target replica is not online.");
  }
  request_ = std::move(request);
  stage_ = Stage::kCatchingUp;
  deadline_ = now + Millis(request_.timeout_ms);
  return kOk;
}

FailoverPlan::Step FailoverPlan::next(Instant now, int64_t offset, const Replicas& replicas) {
  if (stage_ == Stage::kNone) return {};
  const bool late = request_.timeout_ms > 0 && now >= deadline_;
  if (stage_ == Stage::kHandingOver) {
    // A target that was forced gets all the time it needs.
    return {.kind = late && !request_.force ? Step::kGiveUp : Step::kWait};
  }
  for (const auto& replica : replicas) {
    if (!replica.online || !is_target(request_, replica) || replica.acked < offset) continue;
    stage_ = Stage::kHandingOver;
    return {.kind = Step::kHandOver, .host = replica.ip, .port = replica.port};
  }
  if (!late) return {};
  if (!request_.force) return {.kind = Step::kGiveUp};
  stage_ = Stage::kHandingOver;
  return {.kind = Step::kHandOver, .host = request_.host, .port = request_.port, .forced = true};
}

const char* FailoverPlan::name() const {
  switch (stage_) {
    case Stage::kNone:
      return "no-failover";
    case Stage::kCatchingUp:
      return "waiting-for-sync";
    default:
      return "failover-in-progress";
  }
}

}  // namespace redan
