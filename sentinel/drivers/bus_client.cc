// A link to one of ours over the bus.
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include "common/log/log.h"
#include "common/net/endpoint.h"
#include "common/net/event_loop.h"
#include "common/rpc/calls_in_hand.h"
#include "common/rpc/channel.h"
#include "common/rpc/owner_loop.h"
#include "common/rpc/peer_policy.h"
#include "proto/sentinel_bus.grpc.pb.h"
#include "sentinel/drivers/bus.h"
#include "sentinel/drivers/bus_codec.h"
#include "sentinel/drivers/links.h"

namespace redan {

namespace {

// Longer than any answer that still matters: a peer's silence is the machine's business.
constexpr Millis kCallTimeout{5'000};

class BusPeer : public LinkConnection {
 public:
  BusPeer(LinkContext& context, const OpenLink& open, LinkEvents events)
      : state_(std::make_shared<State>()) {
    state_->owner = context.owner;
    state_->calls_in_hand = context.calls;
    state_->self = context.self;
    state_->expected = open.peer;
    state_->token = bus_token(context.bus_secret());
    state_->ip = open.address.dialled();
    state_->place = to_text(Endpoint{open.address.dialled(), bus_port(open.address.port)});
    state_->events = std::move(events);
    state_->stub = wire::SentinelBus::NewStub(
        open_channel({.target = state_->place, .connect_timeout = context.connect_timeout}));
    greet(state_);
  }
  ~BusPeer() override {
    state_->alive = false;
    for (const auto& call : state_->calls) call->TryCancel();
  }

  void send(uint64_t request, const Request& message,
            const std::map<std::string, std::string>&) override {
    if (std::holds_alternative<AskPing>(message)) {
      ping(state_, [state = state_, request](const wire::PingReply&) {
        state->events.answer(request, NodeReply{false, "PONG"});
      });
    } else if (const auto* hello = std::get_if<PublishHello>(&message)) {
      tell(request, *hello);
    } else if (const auto* question = std::get_if<AskPrimaryDown>(&message)) {
      ask(request, *question);
    }
  }

 private:
  struct State {
    std::shared_ptr<OwnerLoop> owner;
    std::shared_ptr<CallsInHand> calls_in_hand;
    NodeId self;
    NodeId expected;
    std::string token;
    std::string ip;
    std::string place;
    LinkEvents events;
    std::unique_ptr<wire::SentinelBus::Stub> stub;
    // The rest belongs to the loop.
    std::set<std::shared_ptr<grpc::ClientContext>> calls;
    bool alive = true;
    bool greeted = false;
  };
  using StatePtr = std::shared_ptr<State>;

  // What a call's callback holds: its own mark first, so that it goes last.
  template <class Body>
  struct Held {
    std::shared_ptr<void> in_hand;
    StatePtr state;
    std::shared_ptr<grpc::ClientContext> context;
    std::shared_ptr<Body> body;
  };

  // One call: what it needs lives until it returned to the loop.
  template <class Out, class In, class Start, class OnReply>
  static void call(const StatePtr& state, Out message, Start start, OnReply on_reply) {
    struct Call {
      Out request;
      In reply;
    };
    auto context = std::make_shared<grpc::ClientContext>();
    prepare_call(*context, kCallTimeout, state->token);
    state->calls.insert(context);
    auto body = std::make_shared<Call>(Call{std::move(message), {}});
    Held<Call> held{state->calls_in_hand->hold(), state, context, body};
    start(state->stub->async(), context.get(), &body->request, &body->reply,
          [held = std::move(held), on_reply](const grpc::Status& status) {
            held.state->owner->post(
                [state = held.state, context = held.context, body = held.body, on_reply, status] {
                  state->calls.erase(context);
                  if (!state->alive) return;
                  if (status.ok()) return on_reply(body->reply);
                  // No answer in time: the link may be good, and who is silent is found out above.
                  // Who never answered at all may be no bus, but something else on its port.
                  const bool late = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
                  if (late && state->greeted) return;
                  fail(state, status);
                });
          });
  }

  static void fail(const StatePtr& state, const grpc::Status& status) {
    if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
      static std::set<std::string> told;  // The loop's thread only.
      if (told.insert(state->place).second) {
        log_warning("The bus at {} refused us: {}", state->place, status.error_message());
      }
    }
    const LinkEvents events = state->events;  // `down` destroys the link.
    events.down(state->place + ": " + status.error_message());
  }

  template <class OnReply>
  static void ping(const StatePtr& state, OnReply on_reply) {
    wire::PingRequest request;
    request.set_from(encode_id(state->self));
    call<wire::PingRequest, wire::PingReply>(
        state, std::move(request),
        [](auto* async, auto* context, auto* out, auto* in, auto done) {
          async->Ping(context, out, in, std::move(done));
        },
        on_reply);
  }

  static void greet(const StatePtr& state) {
    ping(state, [state](const wire::PingReply& reply) {
      const auto id = decode_id(reply.id());
      if (!id || (!state->expected.empty() && *id != state->expected)) {
        return fail(state, {grpc::StatusCode::FAILED_PRECONDITION,
                            "another sentinel than expected answers there"});
      }
      state->greeted = true;
      state->events.up(source_address_for(state->ip));
    });
  }

  void tell(uint64_t request, const PublishHello& publish) {
    const std::optional<Hello> hello = parse_hello(publish.payload);
    if (!hello) return;
    wire::Hello message;
    encode(*hello, message);
    call<wire::Hello, wire::HelloHeard>(
        state_, std::move(message),
        [](auto* async, auto* context, auto* out, auto* in, auto done) {
          async->Tell(context, out, in, std::move(done));
        },
        [state = state_, request](const wire::HelloHeard&) {
          state->events.answer(request, NodeReply{false, "1"});
        });
  }

  void ask(uint64_t request, const AskPrimaryDown& question) {
    wire::PrimaryDownQuestion message;
    encode(state_->self, question, message);
    call<wire::PrimaryDownQuestion, wire::PrimaryDownAnswer>(
        state_, std::move(message),
        [](auto* async, auto* context, auto* out, auto* in, auto done) {
          async->AskPrimaryDown(context, out, in, std::move(done));
        },
        [state = state_, request](const wire::PrimaryDownAnswer& answer) {
          const Result<PrimaryDownReply> reply = decode(answer);
          if (reply) return state->events.answer(request, *reply);
          log_warning("Nonsense from the bus at {}: {}", state->place, reply.error().message());
          fail(state, {grpc::StatusCode::INVALID_ARGUMENT, reply.error().message()});
        });
  }

  StatePtr state_;
};

}  // namespace

std::unique_ptr<LinkConnection> open_bus_peer(LinkContext& context, const OpenLink& open,
                                              LinkEvents events) {
  return std::make_unique<BusPeer>(context, open, std::move(events));
}

}  // namespace redan
