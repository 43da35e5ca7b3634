// Where a call is served, as a table: each line is one situation and its outcome.
#include "server/cluster/route.h"

#include <gtest/gtest.h>

namespace redan {
namespace {

const Slot kSlot(866);

struct Nodes {
  ClusterNode me, other, third;
  Nodes() {
    me.address = {.ip = "10.0.0.1", .port = 7000};
    other.address = {.ip = "10.0.0.2", .port = 7001, .tls_port = 7101, .hostname = "b.example"};
    third.address = {.ip = "10.0.0.3", .tls_port = 7102};
  }
};

struct Case {
  std::string name;
  std::string expected;  // "" is served here.
  std::string owner = "me";
  std::string migrating_to, importing_from;
  bool replica = false;  // We follow the owner.
  KeyPresence keys{.here = 1, .total = 1};
  RouteCall call;
  bool ok = true;
  RoutePolicy policy;
};

std::string outcome(const Case& c) {
  const Nodes nodes;
  const auto pick = [&](const std::string& name) -> const ClusterNode* {
    if (name == "me") return &nodes.me;
    if (name == "other") return &nodes.other;
    return name == "third" ? &nodes.third : nullptr;
  };
  const SlotView view{.owner = pick(c.owner),
                      .migrating_to = pick(c.migrating_to),
                      .importing_from = pick(c.importing_from),
                      .mine = c.owner == "me",
                      .of_my_primary = c.replica};
  const Route where = route(kSlot, view, c.ok, c.keys, c.call, c.policy);
  if (std::holds_alternative<Serve>(where)) return "";
  return route_error(where, EndpointType::kIp, false).text();
}

TEST(Route, EachSituationHasItsPlace) {
  const std::string moved = "MOVED 866 10.0.0.2:7001", ask = "ASK 866 10.0.0.2:7001";
  const std::string again = "TRYAGAIN Multiple keys request during rehashing of slot";
  const std::string down = "CLUSTERDOWN The cluster is down";
  const std::string read_only = "CLUSTERDOWN The cluster is down and only accepts read commands";
  const KeyPresence none{.here = 0, .total = 1}, half{.here = 1, .total = 2},
      none_of_two{.here = 0, .total = 2};
  const std::vector<Case> cases = {
      {.name = "ours", .expected = ""},
      {.name = "of another", .expected = moved, .owner = "other"},
      {.name = "of nobody", .expected = "CLUSTERDOWN Hash slot not served", .owner = "nobody"},
      {.name = "of nobody, and down",
       .expected = "CLUSTERDOWN Hash slot not served",
       .owner = "nobody",
       .ok = false},
      // On its way out.
      {.name = "leaving, key here", .expected = "", .migrating_to = "other"},
      {.name = "leaving, key gone", .expected = ask, .migrating_to = "other", .keys = none},
      {.name = "leaving, torn", .expected = again, .migrating_to = "other", .keys = half},
      {.name = "leaving, both gone", .expected = ask, .migrating_to = "other", .keys = none_of_two},
      {.name = "leaving, MIGRATE",
       .expected = "",
       .migrating_to = "other",
       .keys = none,
       .call = {.write = true, .moves_keys = true}},
      {.name = "leaving, channel",
       .expected = "",
       .migrating_to = "other",
       .keys = {.here = 0, .total = 1},
       .call = {.sharded_pubsub = true}},
      // On its way in.
      {.name = "coming, not asking",
       .expected = moved,
       .owner = "other",
       .importing_from = "other"},
      {.name = "coming, asking",
       .expected = "",
       .owner = "other",
       .importing_from = "other",
       .keys = none,
       .call = {.asking = true}},
      {.name = "coming, asking, torn",
       .expected = again,
       .owner = "other",
       .importing_from = "other",
       .keys = half,
       .call = {.asking = true}},
      {.name = "coming, asking, both here",
       .expected = "",
       .owner = "other",
       .importing_from = "other",
       .keys = {.here = 2, .total = 2},
       .call = {.asking = true}},
      {.name = "asking without importing",
       .expected = moved,
       .owner = "other",
       .call = {.asking = true}},
      {.name = "coming, MIGRATE",
       .expected = "",
       .owner = "other",
       .importing_from = "other",
       .call = {.write = true, .moves_keys = true}},
      // Replicas.
      {.name = "replica, plain client", .expected = moved, .owner = "other", .replica = true},
      {.name = "replica, READONLY",
       .expected = "",
       .owner = "other",
       .replica = true,
       .call = {.readonly = true}},
      {.name = "replica, READONLY, write",
       .expected = moved,
       .owner = "other",
       .replica = true,
       .call = {.write = true, .readonly = true}},
      {.name = "replica of someone else",
       .expected = moved,
       .owner = "other",
       .call = {.readonly = true}},
      {.name = "replica, channel",
       .expected = "",
       .owner = "other",
       .replica = true,
       .call = {.sharded_pubsub = true}},
      // Down.
      {.name = "down, read", .expected = down, .ok = false},
      {.name = "down, of another", .expected = down, .owner = "other", .ok = false},
      {.name = "down, reads allowed, read",
       .expected = "",
       .ok = false,
       .policy = {.reads_when_down = true}},
      {.name = "down, reads allowed, write",
       .expected = read_only,
       .call = {.write = true},
       .ok = false,
       .policy = {.reads_when_down = true}},
      {.name = "down, reads allowed, of another",
       .expected = moved,
       .owner = "other",
       .ok = false,
       .policy = {.reads_when_down = true}},
      {.name = "down, channel",
       .expected = down,
       .call = {.sharded_pubsub = true},
       .ok = false,
       .policy = {.reads_when_down = true}},
      {.name = "down, channels allowed",
       .expected = "",
       .call = {.sharded_pubsub = true},
       .ok = false,
       .policy = {.sharded_pubsub_when_down = true}},
  };
  for (const Case& c : cases) EXPECT_EQ(outcome(c), c.expected) << c.name;
}

TEST(Route, KeysOfTwoSlotsAreRefused) {
  EXPECT_EQ(route_error(CrossSlot{}, EndpointType::kIp, false).text(),
            "CROSSSLOT Keys in request don't hash to the same slot");
}

TEST(Route, TheRedirectNamesWhatTheClientCanReach) {
  const Nodes nodes;
  const auto text = [&](const ClusterNode& to, EndpointType type, bool tls) {
    return route_error(Moved{kSlot, &to}, type, tls).text();
  };
  EXPECT_EQ(text(nodes.other, EndpointType::kHostname, false), "MOVED 866 b.example:7001");
  EXPECT_EQ(text(nodes.me, EndpointType::kHostname, false), "MOVED 866 ?:7000");
  EXPECT_EQ(text(nodes.other, EndpointType::kUnknown, false), "MOVED 866 :7001");
  EXPECT_EQ(text(nodes.other, EndpointType::kIp, true), "MOVED 866 10.0.0.2:7101");
  EXPECT_EQ(text(nodes.me, EndpointType::kIp, true), "MOVED 866 10.0.0.1:7000");
  EXPECT_EQ(text(nodes.third, EndpointType::kIp, false), "MOVED 866 10.0.0.3:7102");
}

}  // namespace
}  // namespace redan
