#include "server/bus/bus_link.h"

#include <arpa/inet.h>
#include <grpcpp/channel.h>

#include <utility>

#include "common/base/clock.h"
#include "common/rpc/channel.h"
#include "server/bus/bus_codec.h"

namespace redan {

namespace {

bool is_address(int family, const std::string& ip) {
  in6_addr parsed;  // The larger one.
  return inet_pton(family, ip.c_str(), &parsed) == 1;
}

// Addresses are named as such, so that no resolver comes in between.
std::string target_of(const std::string& ip, uint16_t port) {
  const std::string colon_port = ":" + std::to_string(port);
  if (is_address(AF_INET, ip)) return "ipv4:" + ip + colon_port;
  if (is_address(AF_INET6, ip)) return "ipv6:[" + ip + "]" + colon_port;
  return "dns:///" + ip + colon_port;
}

}  // namespace

std::shared_ptr<BusLink> BusLink::open(std::shared_ptr<BusHub> hub, Options options) {
  auto link = std::make_shared<BusLink>(std::move(hub), std::move(options));
  link->self_ = link;
  link->inlet_ = std::make_shared<BusInlet>(
      link->hub_, [raw = link.get()] { raw->StartRead(&raw->received_); });
  link->stub_->async()->Link(&link->context_, link.get());
  link->AddHold();  // Writes begin outside of its reactions.
  link->StartRead(&link->received_);
  link->StartCall();
  return link;
}

BusLink::BusLink(std::shared_ptr<BusHub> hub, Options options)
    : hub_(std::move(hub)), options_(std::move(options)), created_unix_ms_(unix_ms(wall_now())) {
  prove(context_, options_.tokens);
  stub_ = cluster::v1::ClusterBus::NewStub(
      open_channel({.target = target_of(options_.ip, options_.port),
                    .max_message_bytes = static_cast<int>(kMaxBusMessageBytes),
                    .connect_timeout = options_.connect_timeout}));
}

BusLink::Sent BusLink::send(const cluster::Envelope& envelope, size_t max_queued_bytes) {
  cluster::v1::Envelope wire;
  encode(envelope, wire);
  const size_t size = wire.ByteSizeLong();
  const std::lock_guard lock(mutex_);
  if (ended_) return Sent::kGone;
  if (queued_bytes_ + size > max_queued_bytes) return Sent::kFull;
  queued_bytes_ += size;
  queue_.push_back(std::move(wire));
  if (!std::exchange(writing_, true)) StartWrite(&queue_.front());
  return Sent::kQueued;
}

void BusLink::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  queued_bytes_ -= queue_.front().ByteSizeLong();
  queue_.pop_front();
  if (ok && !ended_ && !queue_.empty()) return StartWrite(&queue_.front());
  writing_ = false;
  if (ok && !ended_) return;
  // The stream is broken; its end is under way.
  queue_.clear();
  queued_bytes_ = 0;
  if (!ended_) context_.TryCancel();
}

void BusLink::OnReadInitialMetadataDone(bool ok) {
  if (!ok || !context_.GetServerInitialMetadata().contains(kBusTakenKey)) return;
  hub_->events.post([self = shared_from_this()] {
    if (!self->closed_) self->hub_->events.link_up(self->options_.link);
  });
}

void BusLink::OnReadDone(bool ok) {
  if (!ok) return end();
  const size_t bytes = received_.ByteSizeLong();
  Result<cluster::Envelope> envelope = decode(received_);
  if (!envelope) {
    hub_->events.nonsense(place(), envelope.error().message());
    context_.TryCancel();
    return inlet_->skip();
  }
  // An answer is not answered.
  if (!hub_->judge(*envelope).for_us) return inlet_->skip();
  inlet_->deliver({.id = envelope->from,
                   .observed_ip = options_.ip,
                   .local_ip = options_.local_ip,
                   .link = options_.link},
                  std::move(envelope->message), bytes);
}

void BusLink::end() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(ended_, true)) return;
  inlet_->close();
  RemoveHold();
}

void BusLink::close() {
  closed_ = true;
  context_.TryCancel();
  end();
}

void BusLink::OnDone(const grpc::Status& status) {
  end();  // Where reading was paused.
  // The context dies with us, on whichever thread is last; gRPC is through with it.
  hub_->events.post([self = self_, status] {
    if (self->closed_) return;
    self->report(status);
    self->options_.gone(self);
  });
  const std::shared_ptr<void> in_hand = std::move(options_.in_hand);
  self_.reset();
}

void BusLink::report(const grpc::Status& status) {
  const std::string where = "The cluster bus at " + place();
  switch (status.error_code()) {
    case grpc::StatusCode::UNAUTHENTICATED:
      return hub_->events.warn(place() + " secret",
                               where + " refused this node: " + status.error_message());
    case grpc::StatusCode::INVALID_ARGUMENT:
      return hub_->events.warn(place() + " nonsense",
                               where + " does not understand this node: " + status.error_message());
    case grpc::StatusCode::UNIMPLEMENTED:
      return hub_->events.warn(place() + " service",
                               "What listens at " + place() + " is no cluster bus");
    default:
      return hub_->events.verbose(where + " cannot be reached: " + status.error_message());
  }
}

std::string BusLink::place() const {
  const bool v6 = options_.ip.find(':') != std::string::npos;
  return (v6 ? "[" + options_.ip + "]" : options_.ip) + ":" + std::to_string(options_.port);
}

ClusterLinkFacts BusLink::facts() const {
  const std::lock_guard lock(mutex_);
  return {.to = true,
          .node = options_.link,
          .created_unix_ms = created_unix_ms_,
          .queued_bytes = queued_bytes_,
          .allocated_bytes = queued_bytes_ + queue_.size() * sizeof(cluster::v1::Envelope)};
}

}  // namespace redan
