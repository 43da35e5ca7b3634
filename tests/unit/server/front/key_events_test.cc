// Keyspace notifications, and what a client hears that publishes to itself. Which events commands
// cause is compared with Redis by tests/conformance/events.py.
#include <gtest/gtest.h>

#include "tests/unit/server/front/dispatcher_fixture.h"

namespace redan {
namespace {

class KeyEvents : public DispatcherFixture {
 protected:
  KeyEvents() { ask(listener, "PSUBSCRIBE __key*"); }

  // What the listener heard, as "channel message" lines.
  std::string heard() {
    std::string lines;
    ByteBuffer input;
    const std::string text = listener.connection.take();
    // >4|$8|pmessage|$n|__key*|$n|channel|$n|message|
    size_t at = 0;
    const auto field = [&] {
      const size_t end = text.find('|', at);
      std::string word = text.substr(at, end - at);
      at = end + 1;
      return word;
    };
    while (at < text.size()) {
      for (int i = 0; i < 6; ++i) field();
      lines += field() + " ";
      field();
      lines += field() + "\n";
    }
    return lines;
  }

  TestClient& listener = client();
  TestClient& writer = client();
};

TEST_F(KeyEvents, AreOffUntilTheyAreAskedFor) {
  ask(writer, "SET k v");
  EXPECT_EQ(heard(), "");
  config.notify_keyspace_events.classes = KeyspaceEvents::kString;  // Neither K nor E.
  ask(writer, "SET k v");
  EXPECT_EQ(heard(), "");
}

TEST_F(KeyEvents, TellTheKeyAndTheEventOfTheClassesAskedFor) {
  config.notify_keyspace_events.classes =
      KeyspaceEvents::kKeyspace | KeyspaceEvents::kKeyevent | KeyspaceEvents::kString;
  ask(writer, "SELECT 3");
  ask(writer, "SET k v EX 100");  // Its expire is of class g.
  EXPECT_EQ(heard(), "__keyspace@3__:k set\n__keyevent@3__:set k\n");
  config.notify_keyspace_events.classes = KeyspaceEvents::kKeyevent | KeyspaceEvents::kGeneric;
  ask(writer, "DEL k");
  EXPECT_EQ(heard(), "__keyevent@3__:del k\n");
}

TEST_F(KeyEvents, ExpiryIsToldWhenTheKeyGoes) {
  config.notify_keyspace_events.classes = KeyspaceEvents::kKeyevent | KeyspaceEvents::kAll |
                                          KeyspaceEvents::kNew | KeyspaceEvents::kKeyMiss;
  ask(writer, "PSETEX k 50 v");
  EXPECT_EQ(heard(), "__keyevent@0__:new k\n__keyevent@0__:set k\n__keyevent@0__:expire k\n");
  const int64_t later_ms = keyspace.now_ms() + 100;
  keyspace.set_now(from_unix_ms(later_ms));
  while (keyspace.size(0) > 0) keyspace.expire_some(16);
  EXPECT_EQ(heard(), "__keyevent@0__:expired k\n");
  ask(writer, "GET k");
  EXPECT_EQ(heard(), "__keyevent@0__:keymiss k\n");
}

// Redis 7.2 keeps them back too; before, they stood in the middle of the reply.
TEST_F(KeyEvents, WhatAClientTellsItselfComesBehindTheReply) {
  config.notify_keyspace_events.classes = KeyspaceEvents::kKeyevent | KeyspaceEvents::kString;
  writer.session.resp = Resp::k3;
  ask(writer, "SUBSCRIBE __keyevent@0__:set self");
  const std::string event = ">3|$7|message|$18|__keyevent@0__:set|$1|k|";
  EXPECT_EQ(ask(writer, "SET k v"), "+OK|" + event);
  EXPECT_EQ(ask(writer, "PUBLISH self hi"), ":1|>3|$7|message|$4|self|$2|hi|");
  ask(writer, "MULTI");
  ask(writer, "SET k v");
  ask(writer, "GET k");
  EXPECT_EQ(ask(writer, "EXEC"), "*2|+OK|$1|v|" + event);
  // Replies that are withheld take no message with them.
  EXPECT_EQ(ask(writer, "CLIENT REPLY OFF"), "");
  EXPECT_EQ(ask(writer, "SET k v"), event);
}

}  // namespace
}  // namespace redan
