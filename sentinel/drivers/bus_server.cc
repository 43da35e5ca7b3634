#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>
#include <unistd.h>

#include <atomic>

#include "common/log/log.h"
#include "common/net/event_loop.h"
#include "common/net/first_bytes.h"
#include "common/net/listener.h"
#include "common/rpc/owner_loop.h"
#include "common/rpc/peer_policy.h"
#include "common/rpc/preface.h"
#include "common/rpc/server.h"
#include "proto/sentinel_bus.grpc.pb.h"
#include "sentinel/drivers/bus.h"
#include "sentinel/drivers/bus_codec.h"

namespace redan {

namespace {

constexpr Millis kFirstBytesTimeout{5'000};
// Peers have one connection each.
constexpr int kMaxUndecided = 64;

// A call that waits for its answer; whoever drops it unanswered ends it.
class OpenCall {
 public:
  explicit OpenCall(grpc::ServerUnaryReactor* reactor) : reactor_(reactor) {}
  ~OpenCall() { finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "shutting down")); }
  void finish(const grpc::Status& status) {
    if (reactor_ != nullptr) std::exchange(reactor_, nullptr)->Finish(status);
  }

 private:
  grpc::ServerUnaryReactor* reactor_;
};

}  // namespace

struct SentinelBusServer::State final : wire::SentinelBus::CallbackService {
  using Context = grpc::CallbackServerContext;

  grpc::ServerUnaryReactor* Ping(Context* context, const wire::PingRequest* request,
                                 wire::PingReply* reply) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    if (!rpc->authentic(*context)) {
      reactor->Finish(unauthentic());
    } else if (!decode_id(request->from())) {
      reactor->Finish(nonsense(*context, "bad from"));
    } else {
      reply->set_id(encode_id(self));
      reactor->Finish(grpc::Status::OK);
    }
    return reactor;
  }

  grpc::ServerUnaryReactor* AskPrimaryDown(Context* context,
                                           const wire::PrimaryDownQuestion* request,
                                           wire::PrimaryDownAnswer* reply) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    if (!rpc->authentic(*context)) {
      reactor->Finish(unauthentic());
      return reactor;
    }
    auto question = decode(*request);
    if (!question) {
      reactor->Finish(nonsense(*context, question.error().message()));
      return reactor;
    }
    auto call = std::make_shared<OpenCall>(reactor);
    owner->post([this, question = question.take(), call, reply]() mutable {
      // `reply` lives until the call is finished.
      events.question(std::move(question), [call, reply](const PrimaryDownReply& answer) {
        encode(answer, *reply);
        call->finish(grpc::Status::OK);
      });
    });
    return reactor;
  }

  grpc::ServerUnaryReactor* Tell(Context* context, const wire::Hello* request,
                                 wire::HelloHeard*) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    if (!rpc->authentic(*context)) {
      reactor->Finish(unauthentic());
      return reactor;
    }
    const Result<Hello> hello = decode(*request);
    if (!hello) {
      reactor->Finish(nonsense(*context, hello.error().message()));
      return reactor;
    }
    owner->post([this, payload = format_hello(*hello)] { events.hello(payload); });
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  static grpc::Status unauthentic() {
    return {grpc::StatusCode::UNAUTHENTICATED, "'sentinel sentinel-pass' differs"};
  }

  grpc::Status nonsense(Context& context, const std::string& what) {
    owner->post([this, peer = context.peer(), what] { note_nonsense(peer, what); });
    return {grpc::StatusCode::INVALID_ARGUMENT, what};
  }

  void note_nonsense(const std::string& peer, const std::string& what) {
    nonsense_total = nonsense_total + 1;
    if (book.note(peer)) {
      log_warning(
          "Nonsense on the sentinel bus from {}: {}; dropped, further ones are counted only", peer,
          what);
    }
  }

  void accept(EventLoop& loop, const AcceptedSocket& socket) {
    if (!policy.admits(is_loopback(socket.peer.host))) {
      ::close(socket.fd);
      return note_nonsense(socket.peer.host,
                           "not of this host, and protected mode is on without a password");
    }
    if (undecided >= kMaxUndecided) {
      ::close(socket.fd);
      return;
    }
    ++undecided;
    look_at_first_bytes(loop.io(), socket.fd, kRpcPreface, kFirstBytesTimeout,
                        [weak = self_weak, socket](FirstBytes seen) {
                          const auto state = weak.lock();
                          if (!state || seen != FirstBytes::kAsExpected) ::close(socket.fd);
                          if (!state) return;
                          --state->undecided;
                          if (seen == FirstBytes::kAsExpected) state->rpc->adopt(socket.fd);
                          if (seen == FirstBytes::kDifferent) {
                            state->note_nonsense(socket.peer.host, "not the bus protocol");
                          }
                        });
  }

  std::shared_ptr<OwnerLoop> owner;
  Events events;
  NodeId self;
  PeerPolicy policy;
  std::unique_ptr<RpcServer> rpc;
  std::unique_ptr<Listener> listener;
  // The loop's.
  std::weak_ptr<State> self_weak;
  NonsenseBook book;
  uint64_t nonsense_total = 0;
  int undecided = 0;
};

SentinelBusServer::SentinelBusServer(EventLoop& loop, std::shared_ptr<OwnerLoop> owner,
                                     Options options, Events events)
    : loop_(loop), options_(std::move(options)), state_(std::make_shared<State>()) {
  state_->self_weak = state_;
  state_->owner = std::move(owner);
  state_->events = std::move(events);
  state_->self = options_.self;
  state_->policy = {.protected_mode = options_.protected_mode,
                    .has_secret = !options_.secret.empty()};
  RpcServer::Options rpc;
  if (!options_.secret.empty()) rpc.secrets = {options_.secret};
  state_->rpc =
      std::make_unique<RpcServer>(std::move(rpc), std::vector<grpc::Service*>{state_.get()});
}

Result<void> SentinelBusServer::listen() {
  Result<std::unique_ptr<Listener>> listener = Listener::open(
      loop_.io(), {.bind = options_.bind, .port = options_.port},
      [this, raw = state_.get()](AcceptedSocket socket) { raw->accept(loop_, socket); });
  if (!listener) return listener.error();
  state_->listener = listener.take();
  return kOk;
}

SentinelBusServer::~SentinelBusServer() {
  state_->listener.reset();
  state_->rpc->stop();
}

uint64_t SentinelBusServer::nonsense_count() const {
  return state_->nonsense_total;
}

}  // namespace redan
