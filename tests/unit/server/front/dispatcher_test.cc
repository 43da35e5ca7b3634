#include "server/front/dispatcher.h"

#include <gtest/gtest.h>

#include "common/base/clock.h"
#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

// The fixture's parts behind a dispatcher, which takes requests as a connection brings them.
class DispatcherTest : public CommandTest {
 protected:
  DispatcherTest() {
    stats.commands.resize(commands.size());
    session.authenticated = true;
  }

  std::string request(std::vector<std::string_view> args) {
    ByteBuffer out;
    ReplyWriter reply(out, session.resp);
    EXPECT_EQ(dispatcher.execute(session, args, "", reply), Executed::kDone);
    return std::string(out.view());
  }

  const CommandStats& counted(std::string_view name) {
    return stats.commands[static_cast<size_t>(commands.find(name)->id)];
  }

  Dispatcher dispatcher{parts_};
};

// Durations are taken from the end of one command to the end of the next. What lies between two
// clients of a batch, the system call that reads above all, belongs to neither.
TEST_F(DispatcherTest, TheFirstCommandOfAReadIsNotChargedForTheRead) {
  constexpr Millis kRead(100);
  config.slowlog_log_slower_than = std::chrono::microseconds(kRead).count();
  dispatcher.batch_begins();
  dispatcher.input_begins();
  EXPECT_EQ(request({"PING"}), "+PONG\r\n");
  // The system call that reads: the clock goes on.
  for (const Instant until = monotonic_now() + kRead; monotonic_now() < until;) {
  }
  dispatcher.input_begins();
  EXPECT_EQ(request({"PING"}), "+PONG\r\n");
  EXPECT_EQ(counted("ping").calls, 2u);
  EXPECT_LT(Nanos(counted("ping").nanoseconds), kRead);
  EXPECT_TRUE(slowlog.entries().empty());
}

TEST_F(DispatcherTest, ACommandThatTakesLongIsChargedAndLogged) {
  constexpr Millis kWork(20);
  config.enable_debug_command = LocalAllowed::kYes;
  config.slowlog_log_slower_than = std::chrono::microseconds(kWork).count() / 2;
  dispatcher.batch_begins();
  dispatcher.input_begins();
  EXPECT_EQ(request({"DEBUG", "SLEEP", "0.02"}), "+OK\r\n");
  ASSERT_EQ(slowlog.entries().size(), 1u);
  EXPECT_EQ(slowlog.entries()[0].args, (std::vector<std::string>{"DEBUG", "SLEEP", "0.02"}));
  EXPECT_GE(slowlog.entries()[0].duration_us, std::chrono::microseconds(kWork).count() / 2);
}

TEST_F(DispatcherTest, AReplicaLeavesMaxmemoryToItsPrimaryIfItMay) {
  replication.replica = true;
  config.replica_read_only = false;
  config.maxmemory = 1;
  stats.used_memory = 2;
  config.replica_ignore_maxmemory = true;
  dispatcher.batch_begins();
  EXPECT_EQ(request({"SET", "k", "v"}), "+OK\r\n");
  config.replica_ignore_maxmemory = false;
  dispatcher.batch_begins();
  EXPECT_EQ(request({"SET", "k", "v"}).substr(0, 4), "-OOM");
  replication.replica = false;
  config.replica_ignore_maxmemory = true;  // Of no meaning for a primary.
  dispatcher.batch_begins();
  EXPECT_EQ(request({"SET", "k", "v"}).substr(0, 4), "-OOM");
}

}  // namespace
}  // namespace redan
