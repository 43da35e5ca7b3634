#include "server/bus/bus_connections.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "tests/unit/eventually.h"

namespace redan {
namespace {

int new_socket() {
  return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

TEST(BusConnections, KnowWhereEachComesFrom) {
  BusConnections connections({});
  const int fd = new_socket();
  ASSERT_TRUE(connections.add(fd, {"10.0.0.7", "10.0.0.1"}));
  const std::string name = "fd:" + std::to_string(fd);
  ASSERT_TRUE(connections.find(name));
  EXPECT_EQ(connections.find(name)->peer_ip, "10.0.0.7");
  EXPECT_EQ(connections.find(name)->local_ip, "10.0.0.1");
  EXPECT_FALSE(connections.find("fd:99999"));
  EXPECT_FALSE(connections.find("fd:"));
  EXPECT_FALSE(connections.find("ipv4:10.0.0.7:80"));
  // The next connection with that number.
  ASSERT_TRUE(connections.add(fd, {"10.0.0.8", "10.0.0.1"}));
  EXPECT_EQ(connections.find(name)->peer_ip, "10.0.0.8");
  ::close(fd);
}

TEST(BusConnections, AHostTakesNoOthersRoomAndClosedOnesMakeSome) {
  BusConnections connections({.in_all = 6, .of_one_host = 4});
  std::vector<int> flood;
  for (int i = 0; i < 4; ++i) {
    flood.push_back(new_socket());
    ASSERT_TRUE(connections.add(flood.back(), {"10.0.0.7", ""}));
  }
  const int more = new_socket(), other = new_socket();
  EXPECT_FALSE(connections.add(more, {"10.0.0.7", ""}));
  EXPECT_TRUE(connections.add(other, {"10.0.0.8", ""}));
  // Its number is another file's now.
  EXPECT_EQ(::dup2(STDIN_FILENO, flood[0]), flood[0]);
  EXPECT_TRUE(eventually([&] { return connections.add(more, {"10.0.0.7", ""}); }));
  const int last = new_socket();
  EXPECT_TRUE(connections.add(last, {"10.0.0.8", ""}));
  const int too_many = new_socket();
  EXPECT_FALSE(connections.add(too_many, {"10.0.0.9", ""}));
  for (const int fd : flood) ::close(fd);
  for (const int fd : {more, other, last, too_many}) ::close(fd);
}

}  // namespace
}  // namespace redan
