// What a sentinel's commands ask for, around a machine without a network or a disk.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sentinel/drivers/sentinel_service.h"

namespace redan {

inline constexpr Instant kNow{std::chrono::hours(5)};

class FakeService : public SentinelService {
 public:
  FakeService() : machine_({}, DurableState{.id = NodeId(77), .primaries = {}}, 1, kNow) {
    SentinelEffects out;
    machine_.start(kNow, out);
  }
  const SentinelMachine& machine() const override { return machine_; }
  const SentinelConfig& config() const override { return config_; }
  const std::string& config_file() const override { return file_; }
  const ScriptQueue& scripts() const override { return scripts_; }
  Instant now() const override { return time; }
  void operate(Run run, std::function<void()> done) override {
    SentinelEffects out;
    run(machine_, kNow, out);
    done();
  }
  void ask(AskPrimaryDown question, std::function<void(const PrimaryDownReply&)> answer) override {
    asked.push_back(question);
    answer({.down = true, .leader = NodeId(9), .leader_epoch = Epoch(4)});
  }
  void hear_hello(std::string payload) override { hellos.push_back(std::move(payload)); }
  void resolve(std::string host, std::function<void(const Result<std::string>&)> answer) override {
    host == "db.example" ? answer(std::string("10.0.0.9")) : answer(Error("no such host"));
  }
  SentinelConf settings() const override { return conf_; }
  void change_settings(const SentinelConf& changed, std::function<void()> done) override {
    conf_ = changed;
    done();
  }
  void change_timings(const SentinelTimings& timings) override {
    machine_.options().timings = timings;
  }
  Simulation& simulation() override { return simulation_; }
  void shut_down() override { stopped = true; }

  SentinelConfig config_{};
  Instant time = kNow;
  std::vector<AskPrimaryDown> asked;
  std::vector<std::string> hellos;
  ScriptQueue scripts_;
  bool stopped = false;

 private:
  SentinelMachine machine_;
  SentinelConf conf_;
  Simulation simulation_;
  std::string file_ = "/etc/sentinel.conf";
};

}  // namespace redan
