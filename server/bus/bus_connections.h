// The connections that gRPC took over: where each comes from, and how many there are. gRPC does not
// tell when it closes one; a closed one is found by its descriptor, which is gone or another
// socket's.
#pragma once

#include <sys/types.h>

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "common/base/time.h"

namespace redan {

// Any thread.
class BusConnections {
 public:
  struct Limits {
    size_t in_all = 4096;
    size_t of_one_host = 256;
  };
  struct Ends {
    std::string peer_ip;
    std::string local_ip;
  };
  explicit BusConnections(Limits limits) : limits_(limits) {}

  // False: too many.
  bool add(int fd, Ends ends);
  // `name`: as gRPC calls the peer of an adopted socket, "fd:7".
  std::optional<Ends> find(const std::string& name) const;

 private:
  struct Connection {
    Ends ends;
    ino_t socket;
  };
  bool is_full(const std::string& peer_ip) const;
  void forget(std::map<int, Connection>::iterator it);
  void sweep();

  const Limits limits_;
  mutable std::mutex mutex_;
  std::map<int, Connection> open_;
  std::map<std::string, size_t> of_host_;
  Instant swept_{};
};

}  // namespace redan
