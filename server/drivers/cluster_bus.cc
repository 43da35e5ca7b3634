// The program's end of the bus: who may connect, and the way to and from the transport.
#include "server/drivers/cluster_bus.h"

#include <unistd.h>

#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "common/log/log.h"
#include "common/net/endpoint.h"
#include "common/net/first_bytes.h"
#include "common/net/listener.h"
#include "common/rpc/owner_loop.h"
#include "common/rpc/peer_policy.h"
#include "common/rpc/preface.h"
#include "server/drivers/bus_module.h"
#include "server/drivers/cpu_list.h"
#include "server/drivers/data_loop.h"

namespace redan {

namespace {

constexpr Millis kFirstBytesTimeout{5'000};
// Connections that did not say yet what they are: of one host, so that it takes no other's place.
constexpr int kMaxUndecided = 512;
constexpr int kMaxUndecidedOfHost = 64;
// Of things that are told once each.
constexpr size_t kMaxTold = 1024;

}  // namespace

struct ClusterBus::State : std::enable_shared_from_this<ClusterBus::State> {
  State(DataLoop& its_loop, Options its_options, Events its_events)
      : loop(its_loop), options(std::move(its_options)), events(std::move(its_events)) {}

  BusTransport::Options transport_options() const {
    return {.secrets = options.secrets,
            .connect_timeout = options.connect_timeout,
            .max_queued_bytes = options.max_queued_bytes};
  }

  BusTransport::Events transport_events() {
    // Ours outlives the transport, which ends with us; what is still in the loop then is too late.
    const auto on_data_thread = [this](auto event) {
      return [this, event](auto&&... arguments) {
        if (const auto& handler = this->events.*event) handler(arguments...);
      };
    };
    BusTransport::Events out;
    out.post = [owner = owner, open = open](std::function<void()> task) {
      return owner->post([open, task = std::move(task)] {
        if (*open) task();
      });
    };
    out.nonsense = [this](const std::string& peer, const std::string& what) {
      note_nonsense(peer, what);
    };
    out.warn = [this](const std::string& about, const std::string& text) {
      if (is_news(about)) log_warning("{}", text);
    };
    out.verbose = [](const std::string& text) { log_verbose("{}", text); };
    out.message = on_data_thread(&Events::message);
    out.link_up = on_data_thread(&Events::link_up);
    out.link_down = on_data_thread(&Events::link_down);
    out.answered = on_data_thread(&Events::answered);
    out.buffer_limit_exceeded = on_data_thread(&Events::buffer_limit_exceeded);
    out.local_ip_for = [](const std::string& ip) { return source_address_for(ip); };
    return out;
  }

  // Any thread.
  void note_nonsense(const std::string& peer, const std::string& what) {
    const std::lock_guard lock(mutex);
    if (book.note(peer)) {
      log_warning("Nonsense on the cluster bus from {}: {}; dropped, further ones are counted only",
                  peer, what);
    }
  }
  bool is_news(const std::string& about) {
    const std::lock_guard lock(mutex);
    return told.size() < kMaxTold && told.insert(about).second;
  }

  void accept(const AcceptedSocket& socket) {
    const std::string& host = socket.peer.host;
    const PeerPolicy policy{.protected_mode = options.protected_mode,
                            .has_secret = !options.secrets.empty()};
    if (!policy.admits(is_loopback(host))) {
      ::close(socket.fd);
      return note_nonsense(host, "not of this host, and protected mode is on without a password");
    }
    if (undecided >= kMaxUndecided || undecided_of[host] >= kMaxUndecidedOfHost) {
      ::close(socket.fd);
      return note_nonsense(host, "too many connections that say nothing");
    }
    ++undecided;
    ++undecided_of[host];
    look_at_first_bytes(loop.io(), socket.fd, kRpcPreface, kFirstBytesTimeout,
                        [weak = weak_from_this(), socket](FirstBytes seen) {
                          if (const auto state = weak.lock()) return state->decide(socket, seen);
                          ::close(socket.fd);
                        });
  }

  void decide(const AcceptedSocket& socket, FirstBytes seen) {
    const std::string& host = socket.peer.host;
    --undecided;
    if (const auto of = undecided_of.find(host); --of->second == 0) undecided_of.erase(of);
    if (seen == FirstBytes::kAsExpected && transport != nullptr) {
      if (transport->adopt(socket.fd, host, socket.local.host)) return;
      note_nonsense(host, "too many connections");
    }
    ::close(socket.fd);
    if (seen == FirstBytes::kDifferent) note_nonsense(host, "not the bus protocol");
  }

  DataLoop& loop;
  Options options;
  const Events events;
  // False once the bus is closed; read on the data thread.
  const std::shared_ptr<bool> open = std::make_shared<bool>(true);
  std::shared_ptr<OwnerLoop> owner;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<BusTransport> transport;
  int undecided = 0;
  std::map<std::string, int> undecided_of;

  mutable std::mutex mutex;  // Of the rest, which gRPC's threads use too.
  NonsenseBook book;
  std::set<std::string> told;
};

Result<std::unique_ptr<ClusterBus>> ClusterBus::open(DataLoop& loop, Options options,
                                                     Events events) {
  auto state = std::make_shared<State>(loop, std::move(options), std::move(events));
  state->owner =
      std::make_shared<OwnerLoop>([&loop](OwnerLoop::Task task) { loop.post(std::move(task)); });
  const int port = state->options.port;
  Result<std::unique_ptr<Listener>> listener =
      Listener::open(loop.io(), {.bind = state->options.bind, .port = port},
                     [raw = state.get()](AcceptedSocket socket) { raw->accept(socket); });
  if (!listener) {
    return listener.error().with_context("The cluster bus cannot listen on port " +
                                         std::to_string(port) +
                                         " (set another one with cluster-port)");
  }
  state->listener = listener.take();
  Result<void> loaded = kOk;
  // gRPC starts its threads here, and they may run where their starter may.
  std::thread([&] {
    bind_this_thread("bio-cpulist", state->options.cpus);
    auto transport = load_bus_transport(state->transport_options(), state->transport_events());
    if (transport) {
      state->transport = transport.take();
    } else {
      loaded = transport.error();
    }
  }).join();
  if (!loaded) return loaded.error();
  return std::unique_ptr<ClusterBus>(new ClusterBus(std::move(state)));
}

ClusterBus::~ClusterBus() {
  *state_->open = false;
  state_->owner->close();
  state_->listener.reset();
  state_->transport.reset();
}

void ClusterBus::configure(Options options) {
  state_->options = std::move(options);
  state_->transport->configure(state_->transport_options());
}

void ClusterBus::set_card(const cluster::Card& card) {
  state_->transport->set_card(card);
}

void ClusterBus::send(const cluster::BusPeer& to, const cluster::BusMessage& message) {
  state_->transport->send(to, message);
}

void ClusterBus::close(NodeId link) {
  state_->transport->close(link);
}

std::vector<ClusterLinkFacts> ClusterBus::links() const {
  return state_->transport->links();
}

uint64_t ClusterBus::nonsense_count() const {
  const std::lock_guard lock(state_->mutex);
  return state_->book.count();
}

}  // namespace redan
