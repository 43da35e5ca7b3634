// The streams that peers opened to us: what they tell goes to the data thread, and what needs no
// thought is answered at once, on gRPC's threads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/bus/bus_inlet.h"
#include "server/session/services.h"

namespace redan {

class BusService {
 public:
  BusService(std::shared_ptr<BusHub> hub, const std::vector<std::string>& secrets);
  // Ends all streams.
  ~BusService();
  BusService(const BusService&) = delete;
  BusService& operator=(const BusService&) = delete;

  bool adopt(int fd, const std::string& peer_ip, const std::string& local_ip);
  void set_secrets(const std::vector<std::string>& secrets);
  void add_links(std::vector<ClusterLinkFacts>& out) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace redan
