// CLUSTER's verbs on a real machine, which knows two primaries and a replica of the second. The
// texts of errors are those that redis-server 7.0.15 gave, asked by hand.
#include "server/cluster/nodes_file.h"
#include "server/cluster/verb.h"
#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string id(uint64_t number) {
  return NodeId(number).hex();
}

struct MachineCluster final : ClusterService {
  explicit MachineCluster(uint64_t self) : machine(options(self), nodes(self), 1, now) {}

  static NodesFile nodes(uint64_t self) {
    NodesFile file =
        NodesFile::parse(id(1) + " 10.0.0.1:7001@17001 master - 0 0 1 connected 0-99 200\n" +
                         id(2) +
                         " 10.0.0.2:7002@17002,two.example myself,master - 0 0 2 "
                         "connected 100-199\n" +
                         id(3) + " 10.0.0.3:7003@17003 slave " + id(2) +
                         " 0 0 2 connected\nvars currentEpoch 2 lastVoteEpoch 0\n")
            .take();
    file.self = NodeId(self);
    return file;
  }
  static ClusterOptions options(uint64_t self) {
    const auto n = static_cast<uint16_t>(self);
    return {.announce = {.ip = "10.0.0." + std::to_string(n),
                         .port = static_cast<uint16_t>(7000 + n),
                         .bus_port = static_cast<uint16_t>(17000 + n)}};
  }
  const ClusterView& view() const override { return machine.view(); }
  Result<void> perform(const std::function<Result<void>(ClusterVerb&)>& verb) override {
    cluster::BusEffects effects;
    ClusterVerb call{machine, now, effects};
    const Result<void> done = verb(call);
    for (auto& effect : effects.take()) {
      if (auto* event = std::get_if<cluster::BusEvent>(&effect)) {
        events.push_back(*event);
      }
      if (std::holds_alternative<cluster::BusEffects::Persist>(effect)) ++saved;
    }
    return done;
  }
  void publish(bool, std::string_view, std::string_view) override {}
  std::vector<ClusterLinkFacts> links() const override { return shown_links; }

  template <class E>
  int asked_for() const {
    return static_cast<int>(std::count_if(events.begin(), events.end(), [](const auto& event) {
      return std::holds_alternative<E>(event);
    }));
  }

  Instant now{Seconds(1'000)};
  ClusterMachine machine;
  std::vector<cluster::BusEvent> events;
  int saved = 0;
  std::vector<ClusterLinkFacts> shown_links;
};

class ClusterVerbs : public CommandTest {
 protected:
  ClusterVerbs() : CommandTest({.databases = 1, .seed = 1, .slots = true}) { be(1); }

  // Node 1 and 2 are primaries, 3 is a replica of 2.
  void be(uint64_t number) {
    cluster = std::make_unique<MachineCluster>(number);
    parts_.cluster = cluster.get();
  }
  const ClusterView& view() { return cluster->view(); }
  void replicas_have_data() {
    cluster->machine.receive(cluster->now, {.id = NodeId(3), .observed_ip = "10.0.0.3"},
                             cluster::Heartbeat{.replication_offset = 700}, nobody_);
  }

  std::unique_ptr<MachineCluster> cluster;
  const std::string nobody = id(77);

 private:
  cluster::BusEffects nobody_;
};

TEST_F(ClusterVerbs, ANodeByItselfHasNone) {
  parts_.cluster = nullptr;
  const CommandEntry* container = commands.find("cluster");
  ASSERT_NE(container, nullptr);
  size_t verbs = 0;
  for (const CommandEntry* entry : commands.entries()) {
    if (entry->container != container) continue;
    ++verbs;
    std::vector<std::string_view> words = {"CLUSTER", entry->spec->name};
    while (!entry->accepts(words.size())) words.emplace_back("1");
    EXPECT_EQ(run_args(words), "-ERR This instance has cluster support disabled|")
        << entry->full_name;
  }
  EXPECT_EQ(verbs, 31u);
}

TEST_F(ClusterVerbs, TellWhoWeAre) {
  EXPECT_EQ(run("CLUSTER MYID"), "$40|" + id(1) + "|");
  EXPECT_EQ(run("CLUSTER MYSHARDID"), "$40|" + id(1) + "|");
  EXPECT_THAT(run("CLUSTER INFO"), HasSubstr("|cluster_slots_assigned:201|cluster_slots_ok:201|"));
  EXPECT_THAT(run("CLUSTER INFO"), HasSubstr("|cluster_known_nodes:3|cluster_size:2|"
                                             "cluster_current_epoch:2|cluster_my_epoch:1|"));
  session.resp = Resp::k3;
  EXPECT_THAT(run("CLUSTER INFO"), StartsWith("=314|txt:cluster_state:"));
  EXPECT_THAT(run("CLUSTER NODES"), StartsWith("=342|txt:" + id(1)));
}

TEST_F(ClusterVerbs, NodesAndReplicasAreLines) {
  const std::string three = id(3) + " 10.0.0.3:7003@17003 slave " + id(2) + " 0 0 2 disconnected";
  EXPECT_EQ(run("CLUSTER NODES"),
            "$338|" + id(1) + " 10.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-99 200\n" +
                id(2) + " 10.0.0.2:7002@17002,two.example master - 0 0 2 disconnected 100-199\n" +
                three + "\n|");
  EXPECT_EQ(run("CLUSTER REPLICAS " + id(2)),
            "*1|$" + std::to_string(three.size()) + "|" + three + "|");
  EXPECT_EQ(run("CLUSTER SLAVES " + id(1)), "*0|");
  EXPECT_EQ(run("CLUSTER REPLICAS " + id(3)), "-ERR The specified node is not a master|");
  EXPECT_EQ(run("CLUSTER REPLICAS foo"), "-ERR Unknown node foo|");
  EXPECT_EQ(run("CLUSTER SLAVES " + nobody), "-ERR Unknown node " + nobody + "|");
}

TEST_F(ClusterVerbs, SlotsNameTheEndpointsThatClientsShallUse) {
  const std::string me = "|:7001|$40|" + id(1) + "|", two = "|:7002|$40|" + id(2) + "|",
                    three = "|:7003|$40|" + id(3) + "|";
  const std::string first = "*3|*3|:0|:99|*4|", second = "*4|:100|:199|*4|";
  EXPECT_THAT(run("CLUSTER SLOTS"), HasSubstr("*3|:100|:199|*4|$8|10.0.0.2" + two))
      << "the replica has nothing yet";
  replicas_have_data();
  EXPECT_EQ(run("CLUSTER SLOTS"), first + "$8|10.0.0.1" + me + "*0|" + second + "$8|10.0.0.2" +
                                      two + "*2|$8|hostname|$11|two.example|*4|$8|10.0.0.3" +
                                      three + "*0|*3|:200|:200|*4|$8|10.0.0.1" + me + "*0|");
  session.resp = Resp::k3;
  EXPECT_THAT(run("CLUSTER SLOTS"), HasSubstr(two + "%1|$8|hostname|$11|two.example|*4|"));
  config.cluster_preferred_endpoint_type = PreferredEndpoint::kHostname;
  EXPECT_THAT(run("CLUSTER SLOTS"), StartsWith(first + "$1|?" + me + "%1|$2|ip|$8|10.0.0.1|"));
  EXPECT_THAT(run("CLUSTER SLOTS"),
              HasSubstr("*4|$11|two.example" + two + "%1|$2|ip|$8|10.0.0.2|"));
  config.cluster_preferred_endpoint_type = PreferredEndpoint::kUnknownEndpoint;
  EXPECT_THAT(run("CLUSTER SLOTS"),
              HasSubstr("*4|_" + two + "%2|$2|ip|$8|10.0.0.2|$8|hostname|$11|two.example|"));
  session.resp = Resp::k2;
  EXPECT_THAT(run("CLUSTER SLOTS"), StartsWith(first + "$-1" + me + "*2|$2|ip|$8|10.0.0.1|"));
}

TEST_F(ClusterVerbs, ShardsHaveTheirNodes) {
  replicas_have_data();
  const auto head = [](int n, const std::string& map) {
    return map + "|$2|id|$40|" + id(n) + "|$4|port|:700" + std::to_string(n) + "|$2|ip|$8|10.0.0." +
           std::to_string(n) + "|$8|endpoint|$8|10.0.0." + std::to_string(n) + "|";
  };
  const std::string one =
      head(1, "*14") + "$4|role|$6|master|$18|replication-offset|:0|$6|health|$6|online|";
  EXPECT_EQ(run("CLUSTER SHARDS"),
            "*2|*4|$5|slots|*4|:0|:99|:200|:200|$5|nodes|*1|" + one +
                "*4|$5|slots|*2|:100|:199|$5|nodes|*2|" + head(2, "*16") +
                "$8|hostname|$11|two.example|$4|role|$6|master|$18|replication-offset|:0|$6|health|"
                "$6|online|" +
                head(3, "*14") +
                "$4|role|$7|replica|$18|replication-offset|:700|$6|health|$6|online|");
  session.resp = Resp::k3;
  config.cluster_preferred_endpoint_type = PreferredEndpoint::kHostname;
  EXPECT_THAT(run("CLUSTER SHARDS"),
              StartsWith("*2|%2|$5|slots|*4|:0|:99|:200|:200|$5|nodes|*1|%7|"));
  EXPECT_THAT(run("CLUSTER SHARDS"),
              HasSubstr("$8|endpoint|$11|two.example|$8|hostname|$11|two.example|"));
  EXPECT_THAT(run("CLUSTER SHARDS"), HasSubstr("$8|endpoint|$1|?|"));
}

TEST_F(ClusterVerbs, LinksAreListedOnceTheyAreKnown) {
  cluster->shown_links = {{.to = true,
                           .node = NodeId(2),
                           .created_unix_ms = 5,
                           .queued_bytes = 3,
                           .allocated_bytes = 64},
                          {.to = false, .node = NodeId()}};
  EXPECT_EQ(run("CLUSTER LINKS"),
            "*1|*12|$9|direction|$2|to|$4|node|$40|" + id(2) +
                "|$11|create-time|:5|$6|events|$2|rw|$21|send-buffer-allocated|:64|"
                "$16|send-buffer-used|:3|");
  cluster->shown_links = {{.to = false, .node = NodeId(3)}};
  session.resp = Resp::k3;
  EXPECT_THAT(run("CLUSTER LINKS"), StartsWith("*1|%6|$9|direction|$4|from|$4|node|$40|" + id(3)));
  EXPECT_THAT(run("CLUSTER LINKS"), HasSubstr("$6|events|$1|r|"));
}

TEST_F(ClusterVerbs, KeysOfASlotAreCountedAndNamed) {
  EXPECT_EQ(run("CLUSTER KEYSLOT foo{bar}x"), ":5061|");
  run("SET {bar}1 v");
  run("SET {bar}2 v");
  EXPECT_EQ(run("CLUSTER COUNTKEYSINSLOT 5061"), ":2|");
  EXPECT_EQ(run("CLUSTER COUNTKEYSINSLOT 5060"), ":0|");
  EXPECT_THAT(run("CLUSTER GETKEYSINSLOT 5061 9223372036854775807"), StartsWith("*2|$6|{bar}"));
  EXPECT_THAT(run("CLUSTER GETKEYSINSLOT 5061 1"), StartsWith("*1|$6|{bar}"));
  EXPECT_EQ(run("CLUSTER GETKEYSINSLOT 5061 0"), "*0|");
  EXPECT_EQ(run("CLUSTER GETKEYSINSLOT 1 5"), "*0|");
  const std::string no_integer = "-ERR value is not an integer or out of range|";
  EXPECT_EQ(run("CLUSTER COUNTKEYSINSLOT x"), no_integer);
  EXPECT_EQ(run("CLUSTER COUNTKEYSINSLOT -1"), "-ERR Invalid slot|");
  EXPECT_EQ(run("CLUSTER COUNTKEYSINSLOT 16384"), "-ERR Invalid slot|");
  EXPECT_EQ(run("CLUSTER GETKEYSINSLOT x y"), no_integer);
  EXPECT_EQ(run("CLUSTER GETKEYSINSLOT 1 y"), no_integer);
  EXPECT_EQ(run("CLUSTER GETKEYSINSLOT 16384 1"), "-ERR Invalid slot or number of keys|");
  EXPECT_EQ(run("CLUSTER GETKEYSINSLOT 1 -1"), "-ERR Invalid slot or number of keys|");
}

TEST_F(ClusterVerbs, SlotsAreAddedAndDeleted) {
  EXPECT_EQ(run("CLUSTER ADDSLOTS 300 301"), "+OK|");
  EXPECT_EQ(run("CLUSTER ADDSLOTSRANGE 400 500 600 700"), "+OK|");
  EXPECT_EQ(view().myself().slots.text(), "0-99 200 300-301 400-500 600-700");
  EXPECT_GT(cluster->saved, 0);
  EXPECT_EQ(run("CLUSTER DELSLOTS 301"), "+OK|");
  EXPECT_EQ(run("CLUSTER DELSLOTSRANGE 0 99 600 700"), "+OK|");
  EXPECT_EQ(view().myself().slots.text(), "200 300 400-500");
  EXPECT_EQ(run("CLUSTER ADDSLOTS 8 100"), "-ERR Slot 100 is already busy|");
  EXPECT_EQ(run("CLUSTER DELSLOTS 8"), "-ERR Slot 8 is already unassigned|");
  EXPECT_EQ(run("CLUSTER ADDSLOTS x"), "-ERR Invalid or out of range slot|");
  EXPECT_EQ(run("CLUSTER ADDSLOTSRANGE 20 10"),
            "-ERR start slot number 20 is greater than end slot number 10|");
  EXPECT_EQ(run("CLUSTER ADDSLOTSRANGE 1 2 3"),
            "-ERR wrong number of arguments for 'cluster|addslotsrange' command|");
  EXPECT_EQ(run("CLUSTER DELSLOTSRANGE 1 2 3"),
            "-ERR wrong number of arguments for 'cluster|delslotsrange' command|");
  EXPECT_EQ(view().myself().slots.text(), "200 300 400-500");
  run("SET k v");
  EXPECT_EQ(run("CLUSTER FLUSHSLOTS"), "-ERR DB must be empty to perform CLUSTER FLUSHSLOTS.|");
  run("DEL k");
  EXPECT_EQ(run("CLUSTER FLUSHSLOTS"), "+OK|");
  EXPECT_TRUE(view().myself().slots.empty());
}

TEST_F(ClusterVerbs, SetslotMovesASlot) {
  EXPECT_EQ(run("CLUSTER SETSLOT 5 MIGRATING " + id(2)), "+OK|");
  EXPECT_EQ(run("CLUSTER SETSLOT 150 importing " + id(2)), "+OK|");
  EXPECT_THAT(run("CLUSTER NODES"),
              HasSubstr(" 0-99 200 [5->-" + id(2) + "] [150-<-" + id(2) + "]\n"));
  EXPECT_EQ(run("CLUSTER SETSLOT 5 STABLE"), "+OK|");
  EXPECT_EQ(run("CLUSTER SETSLOT 150 NODE " + id(1)), "+OK|");
  EXPECT_EQ(view().owner(Slot(150))->id, NodeId(1));
  EXPECT_EQ(view().myself().config_epoch, Epoch(3));
  EXPECT_FALSE(view().is_moving(Slot(150)));
  const Slot slot = slot_of_key("b");  // 3300
  EXPECT_EQ(run("CLUSTER ADDSLOTS 3300"), "+OK|");
  run("SET b v");
  EXPECT_EQ(run("CLUSTER SETSLOT 3300 NODE " + id(2)),
            "-ERR Can't assign hashslot 3300 to a different node while I still hold keys for this "
            "hash slot.|");
  run("DEL b");
  EXPECT_EQ(run("CLUSTER SETSLOT 3300 NODE " + id(2)), "+OK|");
  EXPECT_EQ(view().owner(slot)->id, NodeId(2));
}

TEST_F(ClusterVerbs, SetslotRefusesInRedisOrder) {
  const std::string bad_action =
      "-ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP|";
  EXPECT_EQ(run("CLUSTER SETSLOT x STABLE"), "-ERR Invalid or out of range slot|");
  for (const std::string_view words : {"x", "STABLE x", "NODE", "IMPORTING", "MIGRATING"}) {
    EXPECT_EQ(run("CLUSTER SETSLOT 1 " + std::string(words)), bad_action);
  }
  EXPECT_EQ(run("CLUSTER SETSLOT 150 MIGRATING foo"), "-ERR I'm not the owner of hash slot 150|");
  EXPECT_EQ(run("CLUSTER SETSLOT 1 MIGRATING foo"), "-ERR I don't know about node foo|");
  EXPECT_EQ(run("CLUSTER SETSLOT 1 MIGRATING " + nobody),
            "-ERR I don't know about node " + nobody + "|");
  EXPECT_EQ(run("CLUSTER SETSLOT 1 MIGRATING " + id(3)), "-ERR Target node is not a master|");
  EXPECT_EQ(run("CLUSTER SETSLOT 1 IMPORTING foo"), "-ERR I'm already the owner of hash slot 1|");
  EXPECT_EQ(run("CLUSTER SETSLOT 150 IMPORTING foo"), "-ERR I don't know about node foo|");
  EXPECT_EQ(run("CLUSTER SETSLOT 1 NODE foo"), "-ERR Unknown node foo|");
  EXPECT_EQ(run("CLUSTER SETSLOT 1 NODE " + id(3)), "-ERR Target node is not a master|");
  EXPECT_EQ(view().migrating().size() + view().importing().size(), 0u);
  be(3);
  EXPECT_EQ(run("CLUSTER SETSLOT x foo"), "-ERR Please use SETSLOT only with masters.|");
}

TEST_F(ClusterVerbs, MeetChecksTheAddress) {
  EXPECT_EQ(run("CLUSTER MEET 10.0.0.9 7009"), "+OK|");
  EXPECT_EQ(run("CLUSTER MEET ::1 7009 17123"), "+OK|");
  EXPECT_THAT(run("CLUSTER NODES"), HasSubstr(" 10.0.0.9:7009@17009 handshake - "));
  EXPECT_THAT(run("CLUSTER NODES"), HasSubstr(" ::1:7009@17123 handshake - "));
  const std::string invalid = "-ERR Invalid node address specified: ";
  EXPECT_EQ(run("CLUSTER MEET a b"), "-ERR Invalid base port specified: b|");
  EXPECT_EQ(run("CLUSTER MEET a 7000"), invalid + "a:7000|");
  for (const std::string port : {"0", "-1", "65536", "60000", "9223372036854775807"}) {
    EXPECT_EQ(run("CLUSTER MEET 127.0.0.1 " + port), invalid + "127.0.0.1:" + port + "|");
  }
  EXPECT_EQ(run("CLUSTER MEET 127.0.0.1 7000 x"), "-ERR Invalid bus port specified: x|");
  EXPECT_EQ(run("CLUSTER MEET 127.0.0.1 7000 70000"), invalid + "127.0.0.1:7000|");
  EXPECT_EQ(run("CLUSTER MEET 127.0.0.1 7000 0"), invalid + "127.0.0.1:7000|");
  EXPECT_EQ(run_args({"CLUSTER", "MEET", std::string_view("127.0.0.1\0x", 11), "7000"}),
            invalid + std::string("127.0.0.1\0x", 11) + ":7000|");
  EXPECT_EQ(run("CLUSTER MEET 127.0.0.1 7000 1 2"),
            "-ERR unknown subcommand or wrong number of arguments for 'MEET'. Try CLUSTER HELP.|");
  EXPECT_EQ(view().nodes().size(), 5u);
}

TEST_F(ClusterVerbs, ForgottenNodesMayBeForgottenAgain) {
  EXPECT_EQ(run("CLUSTER FORGET foo"), "-ERR Unknown node foo|");
  EXPECT_EQ(run("CLUSTER FORGET " + nobody), "-ERR Unknown node " + nobody + "|");
  EXPECT_EQ(run("CLUSTER FORGET " + id(1)), "-ERR I tried hard but I can't forget myself...|");
  EXPECT_EQ(run("CLUSTER FORGET " + id(3)), "+OK|");
  EXPECT_EQ(view().find(NodeId(3)), nullptr);
  EXPECT_EQ(run("CLUSTER FORGET " + id(3)), "+OK|");
  be(3);
  EXPECT_EQ(run("CLUSTER FORGET " + id(2)), "-ERR Can't forget my master!|");
}

TEST_F(ClusterVerbs, ReplicateNeedsAnEmptyNode) {
  EXPECT_EQ(run("CLUSTER REPLICATE foo"), "-ERR Unknown node foo|");
  EXPECT_EQ(run("CLUSTER REPLICATE " + id(1)), "-ERR Can't replicate myself|");
  EXPECT_EQ(run("CLUSTER REPLICATE " + id(3)),
            "-ERR I can only replicate a master, not a replica.|");
  const std::string not_empty =
      "-ERR To set a master the node must be empty and without assigned slots.|";
  EXPECT_EQ(run("CLUSTER REPLICATE " + id(2)), not_empty);
  run("CLUSTER FLUSHSLOTS");
  run("SET k v");
  EXPECT_EQ(run("CLUSTER REPLICATE " + id(2)), not_empty);
  run("DEL k");
  EXPECT_EQ(run("CLUSTER REPLICATE " + id(2)), "+OK|");
  EXPECT_EQ(cluster->asked_for<cluster::Follow>(), 1);
  EXPECT_EQ(view().myself().primary, NodeId(2));
}

TEST_F(ClusterVerbs, FailoverIsForReplicas) {
  const std::string not_here = "-ERR You should send CLUSTER FAILOVER to a replica|";
  EXPECT_EQ(run("CLUSTER FAILOVER"), not_here);
  EXPECT_EQ(run("CLUSTER FAILOVER FORCE"), not_here);
  EXPECT_EQ(run("CLUSTER FAILOVER x"), "-ERR syntax error|");
  EXPECT_EQ(run("CLUSTER FAILOVER FORCE x"),
            "-ERR unknown subcommand or wrong number of arguments for 'FAILOVER'. Try CLUSTER "
            "HELP.|");
  be(3);
  EXPECT_EQ(run("CLUSTER FAILOVER"),
            "-ERR Master is down or failed, please use CLUSTER FAILOVER FORCE|");
  EXPECT_EQ(run("CLUSTER FAILOVER FORCE"), "+OK|");
  EXPECT_FALSE(view().myself().is_primary);
  EXPECT_EQ(run("CLUSTER FAILOVER takeover"), "+OK|");
  EXPECT_TRUE(view().myself().is_primary);
  EXPECT_EQ(view().myself().slots.text(), "100-199");
  EXPECT_EQ(cluster->asked_for<cluster::BecomePrimary>(), 1);
}

TEST_F(ClusterVerbs, ResetForgetsTheCluster) {
  EXPECT_EQ(run("CLUSTER RESET x"), "-ERR syntax error|");
  EXPECT_EQ(run("CLUSTER RESET HARD x"),
            "-ERR unknown subcommand or wrong number of arguments for 'RESET'. Try CLUSTER HELP.|");
  run("SET k v");
  EXPECT_EQ(run("CLUSTER RESET"),
            "-ERR CLUSTER RESET can't be called with master nodes containing keys|");
  run("DEL k");
  EXPECT_EQ(run("CLUSTER RESET SOFT"), "+OK|");
  EXPECT_EQ(run("CLUSTER MYID"), "$40|" + id(1) + "|");
  EXPECT_EQ(view().nodes().size(), 1u);
  EXPECT_EQ(run("CLUSTER RESET hard"), "+OK|");
  EXPECT_NE(view().myself().id, NodeId(1));
  be(3);
  run("SET k v");
  EXPECT_EQ(run("CLUSTER RESET"), "+OK|");
  EXPECT_EQ(cluster->asked_for<cluster::EmptyDatabase>(), 1);
}

TEST_F(ClusterVerbs, EpochsAreSetOnceAndBumped) {
  EXPECT_EQ(run("CLUSTER BUMPEPOCH"), "+BUMPED 3|");
  EXPECT_EQ(run("CLUSTER BUMPEPOCH"), "+STILL 3|");
  EXPECT_EQ(run("CLUSTER SET-CONFIG-EPOCH x"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("CLUSTER SET-CONFIG-EPOCH -1"), "-ERR Invalid config epoch specified: -1|");
  EXPECT_EQ(run("CLUSTER SET-CONFIG-EPOCH 7"),
            "-ERR The user can assign a config epoch only when the node does not know any other "
            "node.|");
  run("CLUSTER RESET HARD");
  EXPECT_EQ(run("CLUSTER SET-CONFIG-EPOCH 7"), "+OK|");
  EXPECT_EQ(run("CLUSTER SET-CONFIG-EPOCH 8"), "-ERR Node config epoch is already non-zero|");
  const int saved = cluster->saved;
  EXPECT_EQ(run("CLUSTER SAVECONFIG"), "+OK|");
  EXPECT_EQ(cluster->saved, saved + 1);
}

TEST_F(ClusterVerbs, FailureReportsAreCounted) {
  EXPECT_EQ(run("CLUSTER COUNT-FAILURE-REPORTS " + id(3)), ":0|");
  EXPECT_EQ(run("CLUSTER COUNT-FAILURE-REPORTS foo"), "-ERR Unknown node foo|");
  cluster::BusEffects out;
  cluster->machine.receive(cluster->now, {.id = NodeId(2), .observed_ip = "10.0.0.2"},
                           cluster::Heartbeat{.suspects = {NodeId(3)}}, out);
  EXPECT_EQ(run("CLUSTER COUNT-FAILURE-REPORTS " + id(3)), ":1|");
}

// As Redis 8 has it, where cluster-slot-stats-enabled is no.
TEST_F(ClusterVerbs, SlotStatsCountKeys) {
  run("CLUSTER FLUSHSLOTS");
  run("CLUSTER ADDSLOTS 3300 5061 7000");
  run("SET b 1");
  run("SET {bar}1 1");
  run("SET {bar}2 1");
  const auto row = [](int slot, int keys) {
    return "*2|:" + std::to_string(slot) + "|*2|$9|key-count|:" + std::to_string(keys) + "|";
  };
  EXPECT_EQ(run("CLUSTER SLOT-STATS SLOTSRANGE 3000 6000"), "*2|" + row(3300, 1) + row(5061, 2));
  EXPECT_EQ(run("CLUSTER SLOT-STATS SLOTSRANGE 1 1"), "*0|");
  EXPECT_EQ(run("CLUSTER SLOT-STATS ORDERBY KEY-COUNT"),
            "*3|" + row(5061, 2) + row(3300, 1) + row(7000, 0));
  EXPECT_EQ(run("CLUSTER SLOT-STATS ORDERBY key-count LIMIT 2 ASC"),
            "*2|" + row(7000, 0) + row(3300, 1));
  EXPECT_EQ(run("CLUSTER SLOT-STATS SLOTSRANGE 6 5"),
            "-ERR Start slot number 6 is greater than end slot number 5|");
  EXPECT_EQ(run("CLUSTER SLOT-STATS SLOTSRANGE x 5"), "-ERR Invalid or out of range slot|");
  for (const std::string_view metric : {"cpu-usec", "network-bytes-in", "network-bytes-out", "x"}) {
    EXPECT_EQ(run("CLUSTER SLOT-STATS ORDERBY " + std::string(metric)),
              "-ERR Unrecognized sort metric for ORDERBY.|");
  }
  const std::string base = "CLUSTER SLOT-STATS ORDERBY key-count ";
  for (const std::string_view limit : {"0", "16385", "x"}) {
    EXPECT_EQ(run(base + "LIMIT " + std::string(limit)),
              "-ERR Limit has to lie in between 1 and 16384 (maximum number of slots).|");
  }
  EXPECT_EQ(run(base + "LIMIT"), "-ERR syntax error|");
  EXPECT_EQ(run(base + "ASC DESC"), "-ERR Multiple filters of the same type are disallowed.|");
  EXPECT_EQ(run(base + "LIMIT 1 LIMIT 1"),
            "-ERR Multiple filters of the same type are disallowed.|");
  EXPECT_THAT(run("CLUSTER SLOT-STATS SLOTSRANGE 1"), StartsWith("-ERR unknown subcommand or"));
  EXPECT_EQ(run("CLUSTER SLOT-STATS ORDERBY"),
            "-ERR wrong number of arguments for 'cluster|slot-stats' command|");
}

TEST_F(ClusterVerbs, AReplicaCountsItsPrimarysSlots) {
  be(3);
  EXPECT_THAT(run("CLUSTER SLOT-STATS ORDERBY key-count"), StartsWith("*100|*2|:100|"));
  EXPECT_EQ(run("CLUSTER ADDSLOTS 900"),
            "-ERR A replica cannot own slots: send this to its master|");
}

TEST_F(ClusterVerbs, HelloNamesTheMode) {
  session.authenticated = true;
  EXPECT_THAT(run("HELLO 3"), HasSubstr("$4|mode|$7|cluster|"));
  parts_.cluster = nullptr;
  EXPECT_THAT(run("HELLO 3"), HasSubstr("$4|mode|$10|standalone|"));
}

}  // namespace
}  // namespace redan
