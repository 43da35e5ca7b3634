#include "sentinel/drivers/host_resolver.h"

#include <gtest/gtest.h>

#include <future>

#include "common/net/event_loop.h"
#include "common/rpc/owner_loop.h"

namespace redan {
namespace {

struct Bench {
  EventLoop loop;
  std::shared_ptr<OwnerLoop> owner =
      std::make_shared<OwnerLoop>([this](OwnerLoop::Task task) { loop.post(std::move(task)); });
};

TEST(HostResolver, AnswersOnTheLoopInTheOrderOfTheQuestions) {
  Bench bench;
  HostResolver resolver(bench.owner, [](const std::string& host) -> Result<std::string> {
    if (host == "unknown") return Error("no such host");
    return "10.0.0." + host;
  });
  std::vector<std::string> answers;
  const auto note = [&](const Result<std::string>& ip) {
    answers.push_back(ip ? *ip : ip.error().message());
    if (answers.size() == 3) bench.loop.stop();
  };
  for (const char* host : {"1", "unknown", "2"}) resolver.resolve(host, note);
  bench.loop.run();
  EXPECT_EQ(answers, (std::vector<std::string>{"10.0.0.1", "no such host", "10.0.0.2"}));
}

// A DNS server that is dead: the lookup hangs until the test lets it go. Meanwhile the loop turns,
// and its helper thread, which saves sentinel.conf, works.
TEST(HostResolver, AHangingLookupStopsNeitherTheLoopNorTheDisk) {
  Bench bench;
  auto gate = std::make_shared<std::promise<void>>();
  HostResolver resolver(bench.owner,
                        [opened = std::shared_future<void>(gate->get_future())](
                            const std::string&) -> Result<std::string> {
                          opened.wait();
                          return std::string("10.0.0.1");
                        });
  bool saved = false, resolved = false;
  int turns = 0;
  resolver.resolve("dead", [&](const Result<std::string>&) {
    resolved = true;
    bench.loop.stop();
  });
  bench.loop.in_background([] {}, [&] { saved = true; });
  const auto timer = bench.loop.every(Millis(1), [&] {
    if (++turns >= 10 && saved && !resolved) {
      EXPECT_FALSE(resolved);
      gate->set_value();
      turns = -1'000'000;
    }
  });
  bench.loop.run();
  EXPECT_TRUE(saved);
  EXPECT_TRUE(resolved);
}

TEST(HostResolver, ItsEndDoesNotWaitForALookup) {
  Bench bench;
  auto gate = std::make_shared<std::promise<void>>();
  auto left = std::make_shared<std::promise<void>>();
  {
    HostResolver resolver(bench.owner,
                          [opened = std::shared_future<void>(gate->get_future()),
                           left](const std::string&) -> Result<std::string> {
                            opened.wait();
                            left->set_value();
                            return std::string("10.0.0.1");
                          });
    resolver.resolve("dead", [](const Result<std::string>&) { FAIL() << "nobody listens"; });
  }
  bench.owner->close();
  gate->set_value();  // Only now; the resolver is gone already.
}

TEST(HostResolver, AFloodIsAnsweredWithAnError) {
  Bench bench;
  auto gate = std::make_shared<std::promise<void>>();
  HostResolver resolver(bench.owner,
                        [opened = std::shared_future<void>(gate->get_future())](
                            const std::string&) -> Result<std::string> {
                          opened.wait();
                          return std::string("10.0.0.1");
                        });
  std::string refused;
  for (size_t i = 0; i < HostResolver::kMaxWaiting + 2; ++i) {
    resolver.resolve("h", [&](const Result<std::string>& ip) {
      if (ip) return;
      refused = ip.error().message();
      bench.loop.stop();
    });
  }
  bench.loop.run();
  gate->set_value();
  EXPECT_EQ(refused, "Too many hostnames wait to be resolved");
}

}  // namespace
}  // namespace redan
