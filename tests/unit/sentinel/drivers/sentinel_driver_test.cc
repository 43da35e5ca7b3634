// How a sentinel ends. gRPC 1.51 crashes where its last channel or server dies on one of gRPC's own
// threads, which a call that is cut off at the wrong moment brings about.
#include "sentinel/drivers/sentinel_driver.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "common/base/rng.h"
#include "common/config/registry.h"
#include "common/net/listener.h"

namespace redan {
namespace {

constexpr int kRounds = 150;

class SentinelEnds : public testing::Test {
 protected:
  SentinelEnds() {
    char name[] = "/tmp/redan-sentinel-XXXXXX";
    folder_ = ::mkdtemp(name);
    // A port of the system's choice, for the bus.
    auto listener = Listener::open(loop_.io(), {.bind = {"127.0.0.1"}, .port = 0}, [](auto) {});
    taken_ = listener.take();
    port_ = taken_->endpoints().front().port;
  }
  ~SentinelEnds() override { std::filesystem::remove_all(folder_); }

  // One peer, of which nothing listens anywhere, so that calls are under way when it ends.
  SentinelDriver::Options options() {
    SentinelDriver::Options options;
    options.config_file = folder_ + "/sentinel.conf";
    std::ofstream(options.config_file) << "";
    Registry(options.config, sentinel_options()).reset();
    options.config.bind = {"127.0.0.1"};
    options.config.port = port_ - 10'000;
    options.conf.state.id = rng_.node_id();
    DurablePrimary primary{.name = "m"};
    primary.address = {.ip = "127.0.0.1", .port = 1};
    primary.options.quorum = 1;
    primary.peers.push_back({rng_.node_id(), {.ip = "127.0.0.1", .port = 2}});
    options.conf.state.primaries.push_back(primary);
    options.seed = rng_.next();
    return options;
  }

  void start_and_stop() {
    EventLoop loop;
    auto driver = SentinelDriver::open(loop, options(), [] {});
    ASSERT_TRUE(driver) << driver.error().message();
    (*driver)->start();
    // Each round ends in another moment of the call's life.
    const auto end = loop.after(Nanos(rng_.below(4'000'000)), [&] {
      (*driver)->stop();
      loop.stop();
    });
    loop.run();
  }

  EventLoop loop_;
  std::unique_ptr<Listener> taken_;
  int port_ = 0;
  std::string folder_;
  Rng rng_{1};
};

TEST_F(SentinelEnds, WithItsBusPortTaken) {
  for (int i = 0; i < kRounds; ++i) start_and_stop();
}

TEST_F(SentinelEnds, WithABus) {
  taken_.reset();
  for (int i = 0; i < kRounds; ++i) start_and_stop();
}

}  // namespace
}  // namespace redan
