// Our stream to one peer: what we tell goes there in order, and its answers come back. It connects
// with the first message; what ends it ends what is queued too, and a new link begins anew.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "proto/cluster_bus.grpc.pb.h"
#include "server/bus/bus_inlet.h"
#include "server/session/services.h"

namespace redan {

// The answer to a stream begins with this metadata once it is taken.
inline constexpr const char* kBusTakenKey = "redan-bus";

class BusLink final : public grpc::ClientBidiReactor<cluster::v1::Envelope, cluster::v1::Envelope>,
                      public std::enable_shared_from_this<BusLink> {
 public:
  struct Options {
    NodeId link;
    std::string ip;
    uint16_t port = 0;
    std::string local_ip;
    std::vector<std::string> tokens;
    Millis connect_timeout{};
    // On the data thread: the stream ended by itself.
    std::function<void(const std::shared_ptr<BusLink>& link)> gone;
    // Until gRPC is through with it (common/rpc/calls_in_hand.h).
    std::shared_ptr<void> in_hand;
  };

  static std::shared_ptr<BusLink> open(std::shared_ptr<BusHub> hub, Options options);

  // ---- Data thread.
  enum class Sent { kQueued, kGone, kFull };
  Sent send(const cluster::Envelope& envelope, size_t max_queued_bytes);
  // No event comes any more.
  void close();
  bool leads_to(const std::string& ip, uint16_t port) const {
    return ip == options_.ip && port == options_.port;
  }
  NodeId key() const { return options_.link; }
  ClusterLinkFacts facts() const;

  BusLink(std::shared_ptr<BusHub> hub, Options options);

 private:
  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  void end();
  void report(const grpc::Status& status);
  std::string place() const;

  const std::shared_ptr<BusHub> hub_;
  Options options_;
  const int64_t created_unix_ms_;
  grpc::ClientContext context_;
  std::unique_ptr<cluster::v1::ClusterBus::Stub> stub_;
  std::shared_ptr<BusInlet> inlet_;
  std::shared_ptr<BusLink> self_;  // Until OnDone.
  cluster::v1::Envelope received_;
  bool closed_ = false;  // The data thread's: by its owner.

  mutable std::mutex mutex_;  // Of the rest.
  std::deque<cluster::v1::Envelope> queue_;
  size_t queued_bytes_ = 0;
  bool writing_ = false;
  bool ended_ = false;
};

}  // namespace redan
