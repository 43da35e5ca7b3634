// A data node of a few commands around the real drivers (client_io, snapshot_driver,
// replication_driver), on a thread of its own: what replication needs of a node, and no more.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/resp/reply_parser.h"
#include "server/config/server_config.h"
#include "tests/unit/eventually.h"

namespace redan {

// A blocking client; every failure is an error reply.
class TestClient {
 public:
  explicit TestClient(int port);
  ~TestClient();
  TestClient(const TestClient&) = delete;
  Reply call(std::vector<std::string> args);
  void send(std::string_view bytes);
  // Whatever arrives next; empty at the end of the connection.
  std::string receive();

 private:
  int fd_ = -1;
  ReplyParser parser_;
};

int free_port();

// PING, SET, GET, DEL, SELECT, MULTI, EXEC, DBSIZE, INFO, ROLE, WAIT-free; REPLICAOF, REPLCONF,
// PSYNC, SYNC, FAILOVER, ACKED offset; STILL yes|no and CONTACT are what a cluster asks for; CUT
// ends all replication connections, BULK n makes n keys.
class TestNode {
 public:
  explicit TestNode(ServerConfig config = {});
  ~TestNode();
  int port() const { return port_; }
  Reply call(std::vector<std::string> args);
  std::string info(std::string_view field);
  // "db key value" of every key, sorted.
  std::string content() { return call({"CONTENT"}).text; }

 private:
  struct Inside;
  int port_;
  std::unique_ptr<Inside> inside_;
  std::thread thread_;
  std::unique_ptr<TestClient> client_;
};

// A redis-server 7.0.15 on a free port.
class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> options = {});
  ~RedisServer();
  int port() const { return port_; }
  Reply call(std::vector<std::string> args);
  std::string info(std::string_view field);
  std::string content();

 private:
  int port_;
  int pid_ = -1;
  std::string dir_;
  std::unique_ptr<TestClient> client_;
};

}  // namespace redan
