#include "server/bus/bus_service.h"

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "common/base/clock.h"
#include "common/rpc/server.h"
#include "proto/cluster_bus.grpc.pb.h"
#include "server/bus/bus_codec.h"
#include "server/bus/bus_connections.h"
#include "server/bus/bus_link.h"

namespace redan {

namespace {

using Wire = cluster::v1::Envelope;
using Reactor = grpc::ServerBidiReactor<Wire, Wire>;

// A peer has one stream, and for a moment two.
constexpr int kMaxStreamsOfConnection = 4;
constexpr Millis kMaxIdle{30'000};
constexpr size_t kMaxMemoryBytes = 256UL * 1024 * 1024;
// A peer that asks and does not listen loses answers.
constexpr size_t kMaxAnswers = 64;

class Refusal final : public Reactor {
 public:
  explicit Refusal(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

// The streams under way, for CLUSTER LINKS.
class Incoming;
struct Streams {
  std::mutex mutex;
  std::set<Incoming*> open;
};

class Incoming final : public Reactor {
 public:
  Incoming(std::shared_ptr<BusHub> hub, std::shared_ptr<Streams> streams,
           grpc::CallbackServerContext& context, BusConnections::Ends ends)
      : hub_(std::move(hub)),
        streams_(std::move(streams)),
        context_(context),
        ends_(std::move(ends)),
        created_unix_ms_(unix_ms(wall_now())),
        inlet_(std::make_shared<BusInlet>(hub_, [this] { StartRead(&received_); })) {
    {
      const std::lock_guard lock(streams_->mutex);
      streams_->open.insert(this);
    }
    context_.AddInitialMetadata(kBusTakenKey, "1");
    StartSendInitialMetadata();
    inlet_->skip();
  }

  ClusterLinkFacts facts() const {
    const std::lock_guard lock(mutex_);
    size_t queued = 0;
    for (const Wire& answer : answers_) queued += answer.ByteSizeLong();
    return {.to = false,
            .node = node_,
            .created_unix_ms = created_unix_ms_,
            .queued_bytes = queued,
            .allocated_bytes = queued + answers_.size() * sizeof(Wire)};
  }

  void OnReadDone(bool ok) override {
    if (!ok) return finish(grpc::Status::OK);
    const size_t bytes = received_.ByteSizeLong();
    Result<cluster::Envelope> envelope = decode(received_);
    if (!envelope) {
      const std::string& what = envelope.error().message();
      hub_->events.nonsense(ends_.peer_ip, what);
      return finish({grpc::StatusCode::INVALID_ARGUMENT, what});
    }
    cluster::Liveness::Verdict verdict = hub_->judge(*envelope);
    if (verdict.answer) answer(*verdict.answer);
    if (!verdict.for_us) return inlet_->skip();
    note(envelope->from);
    inlet_->deliver({.id = envelope->from,
                     .observed_ip = ends_.peer_ip,
                     .local_ip = ends_.local_ip,
                     .link = {}},
                    std::move(envelope->message), bytes);
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    answers_.pop_front();
    writing_ = false;
    if (last_) return finish_now();
    if (!ok) answers_.clear();
    if (!answers_.empty()) write();
  }

  void OnCancel() override { finish(grpc::Status::CANCELLED); }

  void OnDone() override {
    {
      const std::lock_guard lock(streams_->mutex);
      streams_->open.erase(this);
    }
    // gRPC orders this after all else; so does the lock, which ThreadSanitizer can see.
    { const std::lock_guard lock(mutex_); }
    delete this;
  }

 private:
  void note(NodeId node) {
    const std::lock_guard lock(mutex_);
    node_ = node;
  }

  void answer(const cluster::Envelope& envelope) {
    const bool pong = std::holds_alternative<cluster::Heartbeat>(envelope.message);
    {
      const std::lock_guard lock(mutex_);
      if (last_ || answers_.size() >= kMaxAnswers) return;
      encode(envelope, answers_.emplace_back());
      if (!writing_) write();
    }
    if (pong) BusHub::count_pong(hub_);
  }

  void write() {
    writing_ = true;
    StartWrite(&answers_.front());
  }

  // Once an answer under way has left, or cannot.
  void finish(grpc::Status status) {
    const std::lock_guard lock(mutex_);
    if (last_) return;
    inlet_->close();
    last_ = std::move(status);
    if (!writing_) return finish_now();
    context_.TryCancel();
  }

  void finish_now() { Finish(*last_); }

  const std::shared_ptr<BusHub> hub_;
  const std::shared_ptr<Streams> streams_;
  grpc::CallbackServerContext& context_;
  const BusConnections::Ends ends_;
  const int64_t created_unix_ms_;
  const std::shared_ptr<BusInlet> inlet_;
  Wire received_;

  mutable std::mutex mutex_;  // Of the rest.
  NodeId node_;               // Who spoke last.
  std::deque<Wire> answers_;
  bool writing_ = false;
  std::optional<grpc::Status> last_;
};

}  // namespace

struct BusService::State final : cluster::v1::ClusterBus::CallbackService {
  explicit State(std::shared_ptr<BusHub> its_hub) : hub(std::move(its_hub)) {}

  Reactor* Link(grpc::CallbackServerContext* context) override {
    const std::optional<BusConnections::Ends> ends = connections.find(context->peer());
    if (!ends) return new Refusal({grpc::StatusCode::UNAVAILABLE, "the connection is closed"});
    if (!rpc->authentic(*context)) {
      hub->events.nonsense(ends->peer_ip, "it does not know our 'masterauth' or 'requirepass'");
      return new Refusal({grpc::StatusCode::UNAUTHENTICATED,
                          "neither 'masterauth' nor 'requirepass' is one of its own"});
    }
    return new Incoming(hub, streams, *context, *ends);
  }

  const std::shared_ptr<BusHub> hub;
  const std::shared_ptr<Streams> streams = std::make_shared<Streams>();
  BusConnections connections{{}};
  std::unique_ptr<RpcServer> rpc;
};

BusService::BusService(std::shared_ptr<BusHub> hub, const std::vector<std::string>& secrets)
    : state_(std::make_shared<State>(std::move(hub))) {
  state_->rpc = std::make_unique<RpcServer>(
      RpcServer::Options{.max_message_bytes = static_cast<int>(kMaxBusMessageBytes),
                         .max_streams_per_peer = kMaxStreamsOfConnection,
                         .max_memory_bytes = kMaxMemoryBytes,
                         .max_idle = kMaxIdle,
                         .secrets = secrets},
      std::vector<grpc::Service*>{state_.get()});
}

BusService::~BusService() {
  state_->rpc->stop();
}

bool BusService::adopt(int fd, const std::string& peer_ip, const std::string& local_ip) {
  if (!state_->connections.add(fd, {peer_ip, local_ip})) return false;
  state_->rpc->adopt(fd);
  return true;
}

void BusService::set_secrets(const std::vector<std::string>& secrets) {
  state_->rpc->set_secrets(secrets);
}

void BusService::add_links(std::vector<ClusterLinkFacts>& out) const {
  const std::lock_guard lock(state_->streams->mutex);
  for (const Incoming* stream : state_->streams->open) out.push_back(stream->facts());
}

}  // namespace redan
