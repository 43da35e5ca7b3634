#include "server/bus/grpc_transport.h"

#include <grpc/support/log.h>

#include <map>
#include <utility>
#include <variant>

#include "common/rpc/calls_in_hand.h"
#include "common/rpc/peer_policy.h"
#include "server/bus/bus_codec.h"
#include "server/bus/bus_link.h"
#include "server/bus/bus_service.h"

namespace redan {

namespace {

// Where the configuration has no limit.
constexpr size_t kMaxQueuedBytes = 256UL * 1024 * 1024;

class GrpcTransport final : public BusTransport {
 public:
  GrpcTransport(Options options, Events events)
      : hub_(std::make_shared<BusHub>(std::move(events))),
        service_(std::make_unique<BusService>(hub_, options.secrets)) {
    configure(std::move(options));
  }

  ~GrpcTransport() override {
    for (const auto& [key, link] : links_) link->close();
    links_.clear();
    calls_->wait();
    service_.reset();
  }

  void configure(Options options) override {
    options_ = std::move(options);
    if (options_.max_queued_bytes == 0) options_.max_queued_bytes = kMaxQueuedBytes;
    tokens_.clear();
    for (const std::string& secret : options_.secrets) tokens_.push_back(bus_token(secret));
    service_->set_secrets(options_.secrets);
  }

  void set_card(const cluster::Card& card) override {
    self_ = card.self;
    hub_->set_card(card);
  }

  bool adopt(int fd, const std::string& peer_ip, const std::string& local_ip) override {
    return service_->adopt(fd, peer_ip, local_ip);
  }

  void send(const cluster::BusPeer& to, const cluster::BusMessage& message) override {
    if (self_.empty() || !fits(message)) return;
    auto found = links_.find(to.link);
    if (found != links_.end() && !found->second->leads_to(to.ip, to.bus_port)) {
      close(to.link);
      found = links_.end();
    }
    if (found == links_.end()) found = links_.emplace(to.link, open(to)).first;
    const BusLink::Sent sent = found->second->send({.from = self_, .to = to.to, .message = message},
                                                   options_.max_queued_bytes);
    if (sent != BusLink::Sent::kFull) return;
    close(to.link);
    hub_->events.post([hub = hub_] { hub->events.buffer_limit_exceeded(); });
  }

  void close(NodeId link) override {
    const auto found = links_.find(link);
    if (found == links_.end()) return;
    found->second->close();
    links_.erase(found);
    hub_->events.post([hub = hub_, link] { hub->events.link_down(link); });
  }

  std::vector<ClusterLinkFacts> links() const override {
    std::vector<ClusterLinkFacts> facts;
    for (const auto& [key, link] : links_) facts.push_back(link->facts());
    service_->add_links(facts);
    return facts;
  }

 private:
  std::shared_ptr<BusLink> open(const cluster::BusPeer& to) {
    return BusLink::open(hub_,
                         {.link = to.link,
                          .ip = to.ip,
                          .port = to.bus_port,
                          .local_ip = hub_->events.local_ip_for(to.ip),
                          .tokens = tokens_,
                          .connect_timeout = options_.connect_timeout,
                          .gone = [this](const std::shared_ptr<BusLink>& link) { gone(link); },
                          .in_hand = calls_->hold()});
  }

  // A task for us comes only while we live: our owner sees to it.
  void gone(const std::shared_ptr<BusLink>& link) {
    const auto found = links_.find(link->key());
    if (found == links_.end() || found->second != link) return;
    links_.erase(found);
    hub_->events.link_down(link->key());
  }

  bool fits(const cluster::BusMessage& message) {
    const auto* publish = std::get_if<cluster::Publish>(&message);
    if (publish == nullptr) return true;
    const size_t size = publish->channel.size() + publish->message.size();
    if (size <= kMaxBusPublishBytes) return true;
    hub_->events.warn("publish", "A published message of " + std::to_string(size) +
                                     " bytes stays on this node: the cluster bus carries up to " +
                                     std::to_string(kMaxBusPublishBytes));
    return false;
  }

  const std::shared_ptr<BusHub> hub_;
  const std::shared_ptr<CallsInHand> calls_ = std::make_shared<CallsInHand>();
  std::unique_ptr<BusService> service_;
  Options options_;
  std::vector<std::string> tokens_;
  NodeId self_;
  std::map<NodeId, std::shared_ptr<BusLink>> links_;
};

}  // namespace

std::unique_ptr<BusTransport> open_grpc_transport(BusTransport::Options options,
                                                  BusTransport::Events events) {
  // gRPC writes to stderr by itself; what matters comes back to us as a status.
  gpr_set_log_function([](gpr_log_func_args*) {});
  return std::make_unique<GrpcTransport>(std::move(options), std::move(events));
}

}  // namespace redan
