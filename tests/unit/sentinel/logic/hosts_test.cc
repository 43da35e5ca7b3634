// Names instead of addresses: asked for, waited for without stopping anything, and adopted.
#include <gmock/gmock.h>

#include "lone_sentinel.h"

namespace redan {
namespace {

const Address kNamed{.ip = "", .port = 6379, .hostname = "db.example"};

LoneSentinel::Setup by_name() {
  LoneSentinel::Setup setup{.options = {.quorum = 9, .down_after = Millis(5'000)}, .replicas = {}};
  setup.global.resolve_hostnames = true;
  setup.primary = kNamed;
  return setup;
}

TEST(Hosts, ANamedPrimaryIsAskedForAndThenWatchedAtItsAddress) {
  LoneSentinel s(by_name());
  ASSERT_EQ(s.effects<ResolveHost>().size(), 1u);
  EXPECT_EQ(s.effects<ResolveHost>()[0].hostname, "db.example");
  EXPECT_TRUE(s.effects<OpenLink>().empty()) << "nothing to connect to yet";
  s.hear(HostResolved{.hostname = "db.example", .ip = kPrimaryAt.ip});
  ASSERT_FALSE(s.effects<OpenLink>().empty());
  EXPECT_EQ(s.effects<OpenLink>()[0].address, kPrimaryAt);
  EXPECT_EQ(s.primary().address.ip, kPrimaryAt.ip);
  EXPECT_EQ(s.primary().address.hostname, "db.example") << "sentinel.conf keeps the name";
  s.run_for(Seconds(10));
  EXPECT_FALSE(s.says("+sdown"));
}

TEST(Hosts, ADeadDnsServerStopsNoProbeOfOthers) {
  LoneSentinel s(by_name());  // It never answers.
  ASSERT_TRUE(s.operate([&](SentinelMachine& m, SentinelEffects& out) {
    return m.monitor(s.now, "second", kOtherAt, 1, out);
  }));
  s.run_for(Seconds(3));
  s.forget();
  s.run_for(Seconds(30));
  EXPECT_GE(s.sent<AskPing>(kOtherAt).size(), 29u);
  EXPECT_GE(s.sent<PublishHello>(kOtherAt).size(), 14u);
  EXPECT_FALSE(s.machine.find("second")->is_down());
}

TEST(Hosts, ANameThatIsNotKnownIsAskedForAgainEachSecond) {
  LoneSentinel s(by_name());
  s.hear(HostResolved{.hostname = "db.example", .ip = ""});
  s.dns["db.example"] = "";
  s.forget();
  s.run_for(Seconds(5));
  EXPECT_GE(s.effects<ResolveHost>().size(), 4u);
  EXPECT_LE(s.effects<ResolveHost>().size(), 6u);
  s.dns["db.example"] = kPrimaryAt.ip;
  s.run_for(Seconds(2));
  EXPECT_EQ(s.primary().address.ip, kPrimaryAt.ip);
}

TEST(Hosts, ANamedReplicaIsListedByItsAddressOnceAndIsItself) {
  LoneSentinel::Setup setup = by_name();
  setup.primary = kPrimaryAt;
  const Address named{.ip = "", .port = 6379, .hostname = "replica.example"};
  setup.replicas = {named, kReplicaAt};
  LoneSentinel s(setup);
  EXPECT_EQ(s.primary().replicas.size(), 2u);
  s.hear(HostResolved{.hostname = "replica.example", .ip = kReplicaAt.ip});
  ASSERT_EQ(s.primary().replicas.size(), 1u) << "two names of one node";
  EXPECT_EQ(s.primary().replicas.begin()->first, kReplicaAt);
  s.run_for(Seconds(10));
}

TEST(Hosts, APeerThatAnnouncesANameIsMetWhenTheNameIsKnown) {
  LoneSentinel::Setup setup = by_name();
  setup.primary = kPrimaryAt;
  LoneSentinel s(setup);
  Hello hello = *parse_hello(s.hello_text(1, Epoch(3), kPrimaryAt, Epoch(3)));
  hello.sentinel = {.ip = "", .port = 26379, .hostname = "watch.example"};
  s.hello(format_hello(hello));
  EXPECT_TRUE(s.primary().peers.empty());
  s.hear(HostResolved{.hostname = "watch.example", .ip = "10.0.1.1"});
  s.hello(format_hello(hello));
  EXPECT_EQ(s.primary().peers.at(NodeId(1)).address.ip, "10.0.1.1");
}

TEST(Hosts, NamesAreAnnouncedOnlyWhereThatIsAskedFor) {
  for (const bool announce : {false, true}) {
    LoneSentinel::Setup setup = by_name();
    setup.global.announce_hostnames = announce;
    setup.replicas = {kReplicaAt};
    LoneSentinel s(setup);
    s.node(kReplicaAt).follows = kOtherAt;
    s.hear(HostResolved{.hostname = "db.example", .ip = kPrimaryAt.ip});
    s.run_for(Seconds(3));
    const auto hellos = s.sent<PublishHello>(kPrimaryAt);
    ASSERT_FALSE(hellos.empty());
    EXPECT_EQ(hellos[0].second.payload.find(",m,db.example,") != std::string::npos, announce);
    ASSERT_TRUE(s.waits_for("+fix-slave-config"));
    const auto orders = s.sent<Reconfigure>(kReplicaAt);
    EXPECT_EQ(orders[0].second.primary->dialled(), announce ? "db.example" : kPrimaryAt.ip);
  }
}

TEST(Hosts, WithoutResolveHostnamesNothingIsEverAskedFor) {
  LoneSentinel s;
  Hello hello = *parse_hello(s.hello_text(1, Epoch(3), kPrimaryAt, Epoch(3)));
  hello.primary = {.ip = "", .port = 6379, .hostname = "db.example"};
  s.hello(format_hello(hello));
  EXPECT_TRUE(s.effects<ResolveHost>().empty());
}

}  // namespace
}  // namespace redan
