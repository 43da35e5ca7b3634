// A data node: owns every part, builds them in order, stops them in reverse.
//
// The thread that calls run() is the data thread. Parts know each other only through the interfaces
// that they ask for; here is where they meet.
#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/config/disk.h"
#include "common/config/registry.h"
#include "server/command/families.h"
#include "server/config/server_config.h"
#include "server/drivers/process.h"

namespace redan {

class Node {
 public:
  struct Start {
    ServerConfig& config;
    Registry& options;
    ServerCommands& commands;  // under the names that rename-command gave them
    DiskFiles& files;
    std::string config_file;  // absolute; empty: none
    std::string executable;
    ProcessTitle& title;
    Supervisor& supervisor;
  };
  explicit Node(Start start);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Opens the ports, loads the data, serves until SHUTDOWN or a signal. The process' exit code.
  int run();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace redan
