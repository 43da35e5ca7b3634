// Runs the sentinel's machine: gives it inputs one at a time, performs its effects in order, wakes
// it at its next deadline, and keeps sentinel.conf. Owns links, bus, scripts. Lives on one loop.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "common/net/event_loop.h"
#include "common/net/machine_driver.h"
#include "sentinel/drivers/bus.h"
#include "sentinel/drivers/host_resolver.h"
#include "sentinel/drivers/links.h"
#include "sentinel/drivers/sentinel_service.h"

namespace redan {

class SentinelDriver : public SentinelService {
 public:
  struct Options {
    std::string config_file;  // absolute
    SentinelConfig config;
    SentinelConf conf;  // With an identity.
    uint64_t seed = 0;
  };
  // Event on a pub/sub channel.
  using Publish = std::function<void(const std::string& channel, const std::string& text)>;

  // Writes sentinel.conf and opens the bus; the error says why a sentinel cannot run here.
  static Result<std::unique_ptr<SentinelDriver>> open(EventLoop& loop, Options options,
                                                      std::function<void()> on_shutdown);
  ~SentinelDriver() override;

  void on_event(Publish publish) { publish_ = std::move(publish); }
  void start();
  // Winds down: no further input, peers' open questions end unanswered.
  void stop();

  const SentinelMachine& machine() const override { return *machine_; }
  const SentinelConfig& config() const override { return options_.config; }
  const std::string& config_file() const override { return options_.config_file; }
  const ScriptQueue& scripts() const override { return scripts_->queue(); }
  Instant now() const override;
  void operate(Run run, std::function<void()> done) override;
  void ask(AskPrimaryDown question,
           std::function<void(const PrimaryDownReply& reply)> answer) override;
  void hear_hello(std::string payload) override;
  void resolve(std::string host, std::function<void(const Result<std::string>&)> answer) override;
  SentinelConf settings() const override;
  void change_settings(const SentinelConf& changed, std::function<void()> done) override;
  void change_timings(const SentinelTimings& timings) override;
  Simulation& simulation() override { return simulation_; }
  void shut_down() override { on_shutdown_(); }

 private:
  struct Tick {};
  struct Operation {
    Run run;
    std::function<void()> done;
  };
  using Input = std::variant<SentinelInput, Tick, Operation>;
  using Task = std::function<void()>;
  using Effect = std::variant<SentinelEffect, Task>;
  using Driver = MachineDriver<Input, Effect>;

  SentinelDriver(EventLoop& loop, Options options, std::function<void()> on_shutdown);
  std::unique_ptr<SentinelBusServer> make_bus();
  Result<void> open_bus();
  void open_bus_later(Millis delay);
  std::vector<Effect> step(Input& input);
  void perform(Effect& effect, Driver::Done done);
  // One for each kind of effect; false where `done` is called later.
  bool on(OpenLink& open, Driver::Done& done);
  bool on(CloseLink& close, Driver::Done& done);
  bool on(Send& send, Driver::Done& done);
  bool on(Persist& persist, Driver::Done& done);
  bool on(Announce& announce, Driver::Done& done);
  bool on(RunScript& script, Driver::Done& done);
  bool on(AnswerPeer& answer, Driver::Done& done);
  bool on(ResolveHost& resolve, Driver::Done& done);
  void schedule();
  Credentials node_credentials(const std::string& primary) const;
  Credentials peer_credentials() const;
  SentinelConf conf_for(DurableState state) const;
  void say(EventLevel level, const std::string& type, const std::string& text);

  EventLoop& loop_;
  Options options_;
  std::function<void()> on_shutdown_;
  Publish publish_;
  std::unique_ptr<SentinelMachine> machine_;
  std::shared_ptr<OwnerLoop> owner_;
  std::shared_ptr<CallsInHand> calls_;
  std::unique_ptr<HostResolver> resolver_;
  std::unique_ptr<ScriptRunner> scripts_;
  std::unique_ptr<Links> links_;
  std::unique_ptr<SentinelBusServer> bus_;
  EventLoop::Timer bus_retry_;  // While its port is taken.
  std::unique_ptr<Driver> driver_;
  std::map<uint64_t, std::function<void(const PrimaryDownReply&)>> questions_;
  uint64_t last_token_ = 0;
  std::set<std::string> unresolved_;  // Names that were complained about.
  std::string on_disk_;               // What sentinel.conf holds.
  Simulation simulation_;
  EventLoop::Timer timer_;
  bool stopped_ = false;
};

}  // namespace redan
