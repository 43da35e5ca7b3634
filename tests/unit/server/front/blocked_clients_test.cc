// Clients that wait for keys, through the dispatcher. Their command is one of this test's, so that
// the machinery is seen without a family: BTAKE key [key ...] seconds takes the first string there
// is, BWATCH key says what became of a key, also when it went.
#include <gtest/gtest.h>

#include "common/command/args.h"
#include "server/command/key_effects.h"
#include "server/command/timeout_arg.h"
#include "tests/unit/server/front/dispatcher_fixture.h"

namespace redan {
namespace {

using testing::StartsWith;

Result<void> btake(Call& call) {
  const auto deadline = blocking_deadline_arg(call, call.arg_count() - 1);
  if (!deadline) return deadline.error();
  const auto keys = call.args().subspan(1, call.arg_count() - 2);
  for (const std::string_view key : keys) {
    const Entry* const entry = call.keyspace().peek(call.db(), key);
    if (entry == nullptr) continue;
    Entry::Scratch scratch;
    call.reply().bulk(entry->string(scratch));
    call.keyspace().erase(call.db(), key);
    call.propagate_as({"DEL", key});
    return kOk;
  }
  call.block_on({.keys = keys, .wanted = ValueType::kString, .deadline = *deadline});
  return kOk;
}

// Waits until its key is a number above what the request names, as XREAD waits for entries.
Result<void> babove(Call& call) {
  const Entry* const entry = call.keyspace().peek(call.db(), call.arg(1));
  if (entry == nullptr && call.arg(2) != "start") return Error("GONE", "the key went");
  const Digits current(entry == nullptr ? 0 : entry->integer());
  if (call.arg(2) == "start") {
    const std::string_view rewritten[] = {call.arg(0), call.arg(1), current.view()};
    call.block_on({.keys = call.args().subspan(1, 1),
                   .wanted = ValueType::kString,
                   .also_gone = true,
                   .request = rewritten});
    return kOk;
  }
  if (entry->integer() > *parse_int64(call.arg(2)) + 1) {
    call.reply().integer(entry->integer());
  } else {
    call.block_on({.keys = {}, .wanted = ValueType::kString});
  }
  return kOk;
}

constexpr Command<Call> kTestCommands[] = {
    {{.name = "BTAKE",
      .syntax = "key [key ...] timeout:double",
      .flags = kWrite | kBlocking,
      .keys = keys_at(1, -2, 1, kKeyRW | kKeyAccess | kKeyDelete),
      .summary = "Takes the first string",
      .since = "7.2.0",
      .complexity = "O(N)"},
     btake},
    {{.name = "BABOVE",
      .syntax = "key than",
      .flags = kReadOnly | kBlocking,
      .keys = one_key(kKeyRO),
      .summary = "Waits for a larger number",
      .since = "7.2.0",
      .complexity = "O(1)"},
     babove},
};

std::vector<CommandFamily<Call>> families() {
  std::vector<CommandFamily<Call>> all = server_families();
  all.push_back({.group = Group::kString, .commands = kTestCommands});
  return all;
}

class BlockedClients : public DispatcherFixture {
 protected:
  BlockedClients() : DispatcherFixture(families()) {}

  // The request is taken and not answered: the client's next request waits behind it.
  void block(TestClient& who, std::string_view line) {
    EXPECT_EQ(ask(who, line), "") << line;
    EXPECT_FALSE(who.connection.reading);
    EXPECT_TRUE(blocked.contains(who.session));
  }
  void expect_served(TestClient& who, std::string_view reply) {
    EXPECT_EQ(who.connection.take(), reply);
    EXPECT_TRUE(who.connection.reading);
    EXPECT_FALSE(blocked.contains(who.session));
  }
  void expect_waiting(TestClient& who) {
    EXPECT_EQ(who.connection.take(), "");
    EXPECT_FALSE(who.connection.reading);
  }

  TestClient& a = client();
  TestClient& b = client();
  TestClient& writer = client();
};

TEST_F(BlockedClients, AKeyThatComesIsGivenToWhoWaitedLongest) {
  block(a, "BTAKE k 0");
  block(b, "BTAKE other k 0");
  EXPECT_EQ(ask(writer, "SET k 1"), "+OK|");
  expect_served(a, "$1|1|");
  expect_waiting(b);
  EXPECT_EQ(ask(writer, "EXISTS k"), ":0|");  // Taken before the writer's next command.
  EXPECT_EQ(ask(writer, "SET k 2"), "+OK|");
  expect_served(b, "$1|2|");
  EXPECT_TRUE(blocked.empty());
}

TEST_F(BlockedClients, WhatIsServedIsReplicatedAsItsEffectBehindTheWrite) {
  block(a, "BTAKE k 0");
  ask(writer, "SET k 1");
  EXPECT_EQ(replication.stream, "SET k 1; DEL k; ");
  EXPECT_EQ(a.session.last_write_offset, 2);
  EXPECT_EQ(writer.session.last_write_offset, 1);
}

TEST_F(BlockedClients, ATransactionIsServedFromAtItsEnd) {
  block(a, "BTAKE k 0");
  block(b, "BTAKE l k 0");
  ask(writer, "MULTI");
  for (const char* line : {"SET k 1", "DEL k", "SET k 2", "SET l 3"}) ask(writer, line);
  EXPECT_EQ(ask(writer, "EXEC"), "*4|+OK|:1|+OK|+OK|");
  expect_served(a, "$1|2|");
  expect_served(b, "$1|3|");
  EXPECT_EQ(replication.stream, "MULTI; SET k 1; DEL k; SET k 2; SET l 3; EXEC; DEL k; DEL l; ");
}

TEST_F(BlockedClients, KeysComeInManyWays) {
  const auto comes_by = [&](std::string_view line) {
    block(a, "BTAKE k 0");
    ask(writer, line);
    expect_served(a, "$1|v|");
  };
  comes_by("MSET j v k v");
  comes_by("COPY j k");
  comes_by("RENAME j k");
  ask(writer, "SELECT 1");
  ask(writer, "SET k v");
  comes_by("MOVE k 0");
  ask(writer, "SET k v");
  comes_by("SWAPDB 0 1");
  ask(writer, "SET k v");
  std::string payload;
  {
    send(writer, {"DUMP", "k"});
    payload = std::exchange(writer.connection.sent, {});
    payload = payload.substr(payload.find('\n') + 1);
    payload.resize(payload.size() - 2);
  }
  ask(writer, "DEL k");
  ask(writer, "SELECT 0");
  block(a, "BTAKE k 0");
  EXPECT_EQ(ask(writer, {"RESTORE", "k", "0", payload}), "+OK|");
  expect_served(a, "$1|v|");
}

TEST_F(BlockedClients, InATransactionNobodyWaits) {
  ask(a, "MULTI");
  ask(a, "BTAKE k 0");
  EXPECT_EQ(ask(a, "EXEC"), "*1|*-1|");
  EXPECT_TRUE(a.connection.reading);
  a.session.resp = Resp::k3;
  ask(a, "MULTI");
  ask(a, "BTAKE k 0");
  EXPECT_EQ(ask(a, "EXEC"), "*1|_|");
}

TEST_F(BlockedClients, ATimeIsOverOrAnOperatorEndsIt) {
  block(a, "BTAKE k 0.5");
  block(b, "BTAKE k 0");
  EXPECT_EQ(blocked.next_deadline(), control.now() + Millis(500));
  dispatcher.check_waits(control.now() + Millis(499));
  expect_waiting(a);
  dispatcher.check_waits(control.now() + Millis(500));
  expect_served(a, "*-1|");
  expect_waiting(b);
  EXPECT_EQ(ask(a, "BTAKE k -1"), "-ERR timeout is negative|");
  EXPECT_EQ(ask(a, "BTAKE k nan"), "-ERR timeout is not a float or out of range|");
  EXPECT_EQ(ask(a, "BTAKE k 1e30"), "-ERR timeout is out of range|");
}

TEST_F(BlockedClients, WhoGoesIsForgotten) {
  block(a, "BTAKE k 0");
  block(b, "BTAKE k 0");
  dispatcher.closed(a.session);
  ask(writer, "SET k 1");
  EXPECT_EQ(a.connection.take(), "");
  expect_served(b, "$1|1|");
}

TEST_F(BlockedClients, ANodeThatBecomesAReplicaLetsThemGo) {
  block(a, "BTAKE k 0");
  dispatcher.abandon_waits();
  EXPECT_THAT(a.connection.take(), StartsWith("-UNBLOCKED force unblock"));
  EXPECT_TRUE(a.connection.closing);
  EXPECT_TRUE(blocked.empty());
}

// What a pause holds back comes when it ends; the gates are asked again.
TEST_F(BlockedClients, ServingWaitsForTheEndOfAPause) {
  block(a, "BTAKE k 0");
  dispatcher.pause(Dispatcher::PauseReason::kClient, PauseKind::kWrites, Instant::max());
  keyspace.set_string(0, "k", "1");  // As the primary's stream might.
  dispatcher.batch_ends();
  expect_waiting(a);
  dispatcher.unpause(Dispatcher::PauseReason::kClient);
  dispatcher.batch_ends();
  expect_served(a, "$1|1|");
}

TEST_F(BlockedClients, AGateMayHaveClosedMeanwhile) {
  block(a, "BTAKE k 0");
  replication.replica = true;
  keyspace.set_string(0, "k", "1");
  dispatcher.batch_begins();
  dispatcher.batch_ends();
  EXPECT_THAT(a.connection.take(), StartsWith("-READONLY"));
  EXPECT_TRUE(a.connection.reading);
}

TEST_F(BlockedClients, AHandlerMayWaitOnWithARequestOfItsOwn) {
  ask(writer, "SET n 10");
  block(a, "BABOVE n start");
  EXPECT_EQ(blocked.find(a.session)->request, (std::vector<std::string>{"BABOVE", "n", "10"}));
  ask(writer, "INCR n");
  expect_waiting(a);
  ask(writer, "INCR n");
  expect_served(a, ":12|");
  // It asked to be told when the key goes.
  block(a, "BABOVE n start");
  ask(writer, "DEL n");
  expect_served(a, "-GONE the key went|");
  EXPECT_EQ(counted("babove").calls, 2u);  // Not each time that it was tried.
  EXPECT_EQ(counted("babove").failed, 1u);
}

TEST_F(BlockedClients, WithheldRepliesStayWithheld) {
  ask(a, "CLIENT REPLY SKIP");
  block(a, "BTAKE k 0");
  ask(writer, "SET k 1");
  expect_served(a, "");
  EXPECT_EQ(ask(a, "PING"), "+PONG|");
}

}  // namespace
}  // namespace redan
