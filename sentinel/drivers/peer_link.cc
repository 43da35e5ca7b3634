// Which kind of sentinel is there? Both ways are tried at once; the bus wins where it answers.
#include "common/net/event_loop.h"
#include "sentinel/drivers/links.h"

namespace redan {

namespace {

// How long the bus may be silent after RESP answered: a firewall that drops its port must not keep
// us from talking RESP, and one of ours answers both within a round trip or two.
constexpr Millis kBusGrace{200};

class PeerLink : public LinkConnection {
 public:
  PeerLink(LinkContext& context, const OpenLink& open, LinkEvents events)
      : loop_(*context.loop), events_(std::move(events)) {
    bus_ = open_bus_peer(context, open, half(Half::kBus));
    resp_ = open_resp_peer(context, open, half(Half::kResp));
  }

  void send(uint64_t request, const Request& message,
            const std::map<std::string, std::string>&) override {
    LinkConnection* end = chosen_ == Half::kBus ? bus_.get() : resp_.get();
    if (chosen_ && end != nullptr) end->send(request, message, {});
  }

 private:
  enum class Half { kBus, kResp };

  LinkEvents half(Half which) {
    LinkEvents events;
    events.up = [this, which](std::string local_ip) { on_up(which, std::move(local_ip)); };
    events.down = [this, which](std::string reason) { on_down(which, std::move(reason)); };
    events.answer = [this](uint64_t request, auto reply) { events_.answer(request, reply); };
    events.hello = [](std::string) {};
    return events;
  }

  void on_up(Half which, std::string local_ip) {
    if (chosen_) return;
    if (which == Half::kBus) return choose(which, local_ip);
    resp_ip_ = std::move(local_ip);
    resp_up_ = true;
    if (bus_failed_) return choose(which, resp_ip_);
    grace_ = loop_.after(kBusGrace, [this] {
      if (!chosen_) choose(Half::kResp, resp_ip_);
    });
  }

  void on_down(Half which, std::string reason) {
    if (chosen_) {
      if (*chosen_ == which) events_.down(std::move(reason));
      return;
    }
    if (which == Half::kBus) {
      bus_failed_ = true;
      if (resp_up_) return choose(Half::kResp, resp_ip_);
    } else {
      resp_failed_ = true;
      resp_up_ = false;
    }
    if (bus_failed_ && resp_failed_) events_.down(std::move(reason));
  }

  // The other half is closed a turn later: we may be inside one of its callbacks.
  void choose(Half which, const std::string& local_ip) {
    chosen_ = which;
    grace_ = loop_.after(Nanos(0), [this] { (*chosen_ == Half::kBus ? resp_ : bus_).reset(); });
    events_.up(local_ip);
  }

  EventLoop& loop_;
  LinkEvents events_;
  std::unique_ptr<LinkConnection> bus_;
  std::unique_ptr<LinkConnection> resp_;
  std::optional<Half> chosen_;
  std::string resp_ip_;
  bool resp_up_ = false;
  bool resp_failed_ = false;
  bool bus_failed_ = false;
  std::shared_ptr<void> grace_;
};

}  // namespace

std::unique_ptr<LinkConnection> open_peer(LinkContext& context, const OpenLink& open,
                                          LinkEvents events) {
  return std::make_unique<PeerLink>(context, open, std::move(events));
}

}  // namespace redan
