// What commands ask of a running sentinel. SentinelDriver is the real one; tests bring their own
// around a machine without a network.
#pragma once

#include <functional>
#include <string>

#include "sentinel/drivers/scripts.h"
#include "sentinel/drivers/sentinel_conf.h"
#include "sentinel/drivers/sentinel_config.h"
#include "sentinel/logic/machine.h"

namespace redan {

class SentinelService {
 public:
  virtual ~SentinelService() = default;

  virtual const SentinelMachine& machine() const = 0;
  virtual const SentinelConfig& config() const = 0;
  virtual const std::string& config_file() const = 0;
  virtual const ScriptQueue& scripts() const = 0;
  virtual Instant now() const = 0;

  // Runs `run` on the machine in its turn, then `done` once all effects of it are finished, the
  // state on disk included.
  using Run = std::function<void(SentinelMachine& machine, Instant now, SentinelEffects& out)>;
  virtual void operate(Run run, std::function<void()> done) = 0;
  // A peer's question over RESP.
  virtual void ask(AskPrimaryDown question,
                   std::function<void(const PrimaryDownReply& reply)> answer) = 0;
  virtual void hear_hello(std::string payload) = 0;

  // The address of a host name, when the resolver knows; the caller is answered on the loop.
  virtual void resolve(std::string host,
                       std::function<void(const Result<std::string>& ip)> answer) = 0;

  // SENTINEL CONFIG: `change` is applied, then saved.
  virtual SentinelConf settings() const = 0;
  virtual void change_settings(const SentinelConf& changed, std::function<void()> done) = 0;
  // SENTINEL DEBUG; not saved.
  virtual void change_timings(const SentinelTimings& timings) = 0;

  // SENTINEL SIMULATE-FAILURE: stop at one of these events.
  struct Simulation {
    bool crash_after_election = false;
    bool crash_after_promotion = false;
    int flags() const { return (crash_after_election ? 1 : 0) | (crash_after_promotion ? 2 : 0); }
  };
  virtual Simulation& simulation() = 0;

  virtual void shut_down() = 0;
};

}  // namespace redan
