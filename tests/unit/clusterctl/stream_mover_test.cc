#include "clusterctl/stream_mover.h"

#include <gtest/gtest.h>

namespace redan {
namespace {

Reply text(std::string_view value) {
  Reply reply;
  reply.kind = Reply::Kind::kBulk;
  reply.text = value;
  return reply;
}

Reply list(std::vector<Reply> elements) {
  Reply reply;
  reply.kind = Reply::Kind::kArray;
  reply.elements = std::move(elements);
  return reply;
}

Reply task(const char* slots, const char* operation, const char* state, const char* keys) {
  return list({text("id"), text("t1"), text("slots"), text(slots), text("operation"),
               text(operation), text("state"), text(state), text("last_error"), text("why"),
               text("keys"), text(keys)});
}

TEST(StreamMover, ReadsTasksOfOurNodesAndOfRedis) {
  const Result<std::vector<StreamTask>> tasks = read_stream_tasks(
      list({task("0-5 7", "import", "snapshot", "12"), task("0-5,7", "migrate", "completed", "")}));
  ASSERT_TRUE(tasks.ok()) << tasks.error().text();
  ASSERT_EQ(tasks->size(), 2u);
  const StreamTask& first = (*tasks)[0];
  EXPECT_EQ(first.id, "t1");
  EXPECT_EQ(first.slots.text(), "0-5 7");
  EXPECT_TRUE(first.importing);
  EXPECT_FALSE(first.over());
  EXPECT_EQ(first.keys, 12);
  EXPECT_EQ(first.last_error, "why");
  EXPECT_EQ((*tasks)[1].slots.text(), "0-5 7");
  EXPECT_FALSE((*tasks)[1].importing);
  EXPECT_TRUE((*tasks)[1].over());
}

TEST(StreamMover, RefusesWhatIsNoListOfTasks) {
  EXPECT_FALSE(read_stream_tasks(list({list({text("id"), text("t1")})})).ok());
  EXPECT_FALSE(read_stream_tasks(list({task("0-99999", "import", "snapshot", "1")})).ok());
  EXPECT_TRUE(read_stream_tasks(list({}))->empty());
}

}  // namespace
}  // namespace redan
