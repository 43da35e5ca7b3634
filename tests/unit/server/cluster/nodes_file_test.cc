// nodes.conf: what redis-server 7.0.15 wrote loads, what we print loads again, what is broken is
// refused with its line and word.
#include "server/cluster/nodes_file.h"

#include <gtest/gtest.h>

#include "server/cluster/text.h"

namespace redan {
namespace {

const std::string kPrimary = "25281487508dcc81872dc30bcdcc566c7c05b111";
const std::string kReplica = "f02900195c00e17087477e597a710eecadc6c48b";

// As redis-server 7.0.15 wrote it on Debian 12.
const std::string kFromRedis =
    kReplica + " 127.0.0.1:17902@27902 slave " + kPrimary + " 0 1795646386123 1 connected\n" +
    kPrimary + " 127.0.0.1:17901@27901,host.a myself,master - 0 0 1 connected 0-100 200-300 500 " +
    "[5->-" + kReplica + "]\nvars currentEpoch 4 lastVoteEpoch 3\n";

void fill(ClusterView& view, const NodesFile& file) {
  for (const ClusterNode& stored : file.nodes) {
    ClusterNode& node = view.add(stored.id);
    node = stored;
    node.slots.clear();
    stored.slots.for_each([&](Slot slot) { view.assign(slot, node); });
  }
  for (const auto& [slot, to] : file.migrating) view.set_migrating(slot, to);
  for (const auto& [slot, from] : file.importing) view.set_importing(slot, from);
  view.set_epochs(file.current_epoch, file.last_vote_epoch);
}

TEST(NodesFile, AFileOfRedisLoads) {
  const Result<NodesFile> file = NodesFile::parse(kFromRedis);
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->self.hex(), kPrimary);
  EXPECT_EQ(file->current_epoch, Epoch(4));
  EXPECT_EQ(file->last_vote_epoch, Epoch(3));
  ASSERT_EQ(file->nodes.size(), 2u);
  const ClusterNode &replica = file->nodes[0], &primary = file->nodes[1];
  EXPECT_FALSE(replica.is_primary);
  EXPECT_EQ(replica.primary.hex(), kPrimary);
  EXPECT_TRUE(replica.pong_received.has_value());
  EXPECT_EQ(replica.shard_id, primary.shard_id);
  EXPECT_EQ(primary.address.hostname, "host.a");
  EXPECT_EQ(primary.address.bus_port, 27901);
  EXPECT_EQ(primary.config_epoch, Epoch(1));
  EXPECT_EQ(primary.slots.text(), "0-100 200-300 500");
  EXPECT_EQ(file->migrating.at(Slot(5)).hex(), kReplica);
}

TEST(NodesFile, ItsLinesAreThoseOfClusterNodes) {
  const NodesFile file = NodesFile::parse(kFromRedis).take();
  ClusterView view(file.self);
  fill(view, file);
  EXPECT_EQ(node_line(view, view.myself(), {}, false),
            kPrimary +
                " 127.0.0.1:17901@27901,host.a myself,master - 0 0 1 connected 0-100 "
                "200-300 500 [5->-" +
                kReplica + "]");
  ClusterNode* replica = view.find(*NodeId::from_hex(kReplica));
  replica->link_up = true;
  replica->pong_received = Instant(Millis(123));
  EXPECT_EQ(node_line(view, *replica, {.unix_ms_at_zero = 1'795'646'386'000}, false),
            kReplica + " 127.0.0.1:17902@27902 slave " + kPrimary + " 0 1795646386123 1 connected");
}

TEST(NodesFile, WhatWePrintLoadsAgain) {
  NodesFile file = NodesFile::parse(kFromRedis).take();
  file.nodes[0].address.human_name = "second";
  file.nodes[0].address.tls_port = 7;
  file.nodes[0].suspicion = Suspicion::kFailed;
  file.nodes[0].nofailover = true;
  file.importing[Slot(900)] = file.nodes[0].id;
  ClusterView view(file.self);
  fill(view, file);
  const std::string text = nodes_conf(view, {.unix_ms_at_zero = 1});
  const Result<NodesFile> again = NodesFile::parse(text);
  ASSERT_TRUE(again) << again.error().text();
  ClusterView second(again->self);
  fill(second, *again);
  EXPECT_EQ(nodes_conf(second, {.unix_ms_at_zero = 1}), text);
  EXPECT_NE(text.find(",,tls-port=7,nodename=second,shard-id=" + kPrimary), std::string::npos);
  EXPECT_NE(text.find("slave,fail,nofailover"), std::string::npos);
  EXPECT_NE(text.find("[900-<-" + kReplica + "]"), std::string::npos);
}

TEST(NodesFile, WhatIsBrokenIsNamed) {
  const std::string good = kPrimary + " 127.0.0.1:1@2 myself,master - 0 0 1 connected 0-5\n";
  const auto error = [](const std::string& text) {
    const Result<NodesFile> file = NodesFile::parse(text);
    return file ? std::string("none") : file.error().message();
  };
  EXPECT_EQ(error(good), "none");
  EXPECT_EQ(error(""), "nodes.conf has no node with the flag myself");
  EXPECT_EQ(error(good + "abc 1:1@1 master - 0 0 1 connected\n"),
            "nodes.conf line 2: \"abc\" is no node's id");
  EXPECT_EQ(error(good + good), "nodes.conf line 2: \"" + kPrimary + "\" has two lines");
  EXPECT_EQ(error(kPrimary + " 127.0.0.1 myself,master - 0 0 1 connected\n"),
            "nodes.conf line 1: \"127.0.0.1\" is no address");
  EXPECT_EQ(error(kPrimary + " 1:1@1 myself,mistress - 0 0 1 connected\n"),
            "nodes.conf line 1: \"myself,mistress\" has a flag we do not know");
  EXPECT_EQ(error(kPrimary + " 1:1@1 myself,master - 0 0\n"),
            "nodes.conf line 1: \"" + kPrimary + "\" begins a line of a node that is cut off");
  EXPECT_EQ(error(kPrimary + " 1:1@1 myself,master - 0 0 1 connected 0-16384\n"),
            "nodes.conf line 1: \"0-16384\" is no range of slots");
  EXPECT_EQ(error(kPrimary + " 1:1@1 myself,master - 0 0 1 connected 0-5 5\n"),
            "nodes.conf line 1: \"5\" has another owner already");
  EXPECT_EQ(error(kPrimary + " 1:1@1 myself,master - 0 0 1 connected [5->-x]\n"),
            "nodes.conf line 1: \"[5->-x]\" is no moving slot");
  EXPECT_EQ(error(good + "vars currentEpoch x\n"), "nodes.conf line 2: \"x\" is no epoch");
  EXPECT_EQ(error(good + "vars currentEpoch\n"),
            "nodes.conf line 2: \"currentEpoch\" has no value");
}

TEST(NodesFile, EveryCutOffFileIsRefusedOrLosesOnlyTheVars) {
  for (size_t length = 0; length < kFromRedis.size(); ++length) {
    const Result<NodesFile> file = NodesFile::parse(kFromRedis.substr(0, length));
    EXPECT_TRUE(!file || file->self.hex() == kPrimary) << length;
  }
}

TEST(ClusterText, InfoCountsSlotsByTheHealthOfTheirOwner) {
  ClusterView view(NodeId(1));
  ClusterNode& two = view.add(NodeId(2));
  for (uint16_t i = 0; i < 10; ++i) view.assign(Slot(i), view.self());
  for (uint16_t i = 10; i < 14; ++i) view.assign(Slot(i), two);
  two.suspicion = Suspicion::kPossible;
  view.set_epochs(Epoch(6), Epoch(0));
  view.self().config_epoch = Epoch(2);
  view.count_sent(BusCount::kPing, 3);
  view.count_received(BusCount::kPong, 2);
  view.set_state(true, "");
  EXPECT_EQ(cluster_info(view),
            "cluster_state:ok\r\ncluster_slots_assigned:14\r\ncluster_slots_ok:10\r\n"
            "cluster_slots_pfail:4\r\ncluster_slots_fail:0\r\ncluster_known_nodes:2\r\n"
            "cluster_size:2\r\ncluster_current_epoch:6\r\ncluster_my_epoch:2\r\n"
            "cluster_stats_messages_ping_sent:3\r\ncluster_stats_messages_sent:3\r\n"
            "cluster_stats_messages_pong_received:2\r\ncluster_stats_messages_received:2\r\n"
            "total_cluster_links_buffer_limit_exceeded:0\r\n");
}

TEST(ClusterText, SlotsAndShardsListPrimariesWithTheirReplicas) {
  ClusterView view(NodeId(1));
  view.self().shard_id = NodeId(50);
  ClusterNode &two = view.add(NodeId(2)), &bad = view.add(NodeId(3));
  for (ClusterNode* replica : {&two, &bad}) {
    replica->is_primary = false;
    replica->primary = NodeId(1);
    replica->shard_id = NodeId(50);
  }
  bad.suspicion = Suspicion::kFailed;
  for (uint16_t slot : {1, 2, 3, 9}) view.assign(Slot(slot), view.self());
  EXPECT_TRUE(slots_rows(view, 0)[0].replicas.empty()) << "it has nothing yet";
  two.replication_offset = 7;
  const auto rows = slots_rows(view, 0);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].range, (SlotRange{Slot(1), Slot(3)}));
  EXPECT_EQ(rows[1].replicas, (std::vector<const ClusterNode*>{&two}));
  const auto shards = shards_entries(view);
  ASSERT_EQ(shards.size(), 1u);
  EXPECT_EQ(shards[0].nodes.front(), &view.myself());
  EXPECT_EQ(shards[0].nodes.size(), 3u);
  EXPECT_EQ(shard_health(bad, 5), "fail");
  EXPECT_EQ(shard_health(two, 0), "loading");
  EXPECT_EQ(shard_health(view.myself(), 0), "online");
}

// What redis-server 7.0.15 says, where slots 1 to 3 are taken.
TEST(ClusterText, SlotArgumentsAreRefusedInRedisWords) {
  ClusterView view(NodeId(1));
  for (uint16_t slot : {1, 2, 3}) view.assign(Slot(slot), view.self());
  using Words = std::vector<std::string_view>;
  const auto said = [](const Result<SlotSet>& read) {
    return read ? read->text() : std::string(read.error().message());
  };
  const auto add = [&](const Words& w) { return said(parse_slot_list(view, SlotVerb::kAdd, w)); };
  const auto del = [&](const Words& w) {
    return said(parse_slot_list(view, SlotVerb::kDelete, w));
  };
  const auto add_ranges = [&](const Words& w) {
    return said(parse_slot_ranges(view, SlotVerb::kAdd, w));
  };
  const auto del_ranges = [&](const Words& w) {
    return said(parse_slot_ranges(view, SlotVerb::kDelete, w));
  };
  EXPECT_EQ(add({"5", "9000"}), "5 9000");
  EXPECT_EQ(add({"5", "5"}), "Slot 5 specified multiple times");
  EXPECT_EQ(add({"1", "1"}), "Slot 1 is already busy");
  EXPECT_EQ(add({"3", "1"}), "Slot 3 is already busy");
  EXPECT_EQ(add({"3", "x"}), "Invalid or out of range slot");
  EXPECT_EQ(add({"16384"}), "Invalid or out of range slot");
  EXPECT_EQ(del({"3", "1"}), "1 3");
  EXPECT_EQ(del({"9", "1"}), "Slot 9 is already unassigned");
  EXPECT_EQ(del({"1", "1"}), "Slot 1 specified multiple times");
  EXPECT_EQ(add_ranges({"5", "6", "9", "9"}), "5-6 9");
  EXPECT_EQ(add_ranges({"20", "10"}), "start slot number 20 is greater than end slot number 10");
  EXPECT_EQ(add_ranges({"10", "20", "15", "30"}), "Slot 15 specified multiple times");
  EXPECT_EQ(add_ranges({"0", "2", "x", "4"}), "Slot 1 is already busy");
  EXPECT_EQ(del_ranges({"2", "4"}), "Slot 4 is already unassigned");
  EXPECT_EQ(del_ranges({"1", "3"}), "1-3");
}

}  // namespace
}  // namespace redan
