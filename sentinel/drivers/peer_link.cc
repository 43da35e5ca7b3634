// Which kind of sentinel is there? Both ways are tried at once; the bus wins where it answers.
#include "common/net/event_loop.h"
#include "sentinel/drivers/links.h"

namespace redan {

namespace {

// How long the bus may be silent after RESP answered: a firewall that drops its port must not keep
// us from talking RESP, and one of ours answers both within a round trip or two.
constexpr Millis kBusGrace{200};
// How long RESP lives on after the bus took over late.
constexpr Millis kLastAnswers{2'000};

// How long at most between questions whether a peer that speaks RESP has a bus by now.
constexpr Millis kLongestRetry{60'000};

class PeerLink : public LinkConnection {
 public:
  PeerLink(LinkContext& context, const OpenLink& open, LinkEvents events)
      : loop_(*context.loop), context_(context), open_(open), events_(std::move(events)) {
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
    if (chosen_ == Half::kResp && which == Half::kBus) return move_to_bus();
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
      if (*chosen_ == which) return events_.down(std::move(reason));
      close_later(which, Nanos(0));
      if (which == Half::kBus) try_bus_later();
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

  // The bus may still come, while RESP serves.
  void choose(Half which, const std::string& local_ip) {
    chosen_ = which;
    if (which == Half::kBus) {
      close_later(Half::kResp, Nanos(0));
    } else if (bus_failed_) {
      close_later(Half::kBus, Nanos(0));
      try_bus_later();
    }
    events_.up(local_ip);
  }

  // Its first call took long, as on a busy host. Answers under way over RESP still come.
  void move_to_bus() {
    chosen_ = Half::kBus;
    close_later(Half::kResp, kLastAnswers);
  }

  // One of ours may have found its bus port taken, and listens there later.
  void try_bus_later() {
    retry_ = loop_.after(retry_pause_, [this] {
      retry_pause_ = std::min(2 * retry_pause_, kLongestRetry);
      bus_ = open_bus_peer(context_, open_, half(Half::kBus));
    });
  }

  // Not at once: we may be inside one of its callbacks.
  void close_later(Half which, Nanos delay) {
    grace_ = loop_.after(delay, [this, which] { (which == Half::kBus ? bus_ : resp_).reset(); });
  }

  EventLoop& loop_;
  LinkContext& context_;
  const OpenLink open_;
  LinkEvents events_;
  std::unique_ptr<LinkConnection> bus_;
  std::unique_ptr<LinkConnection> resp_;
  std::optional<Half> chosen_;
  std::string resp_ip_;
  bool resp_up_ = false;
  bool resp_failed_ = false;
  bool bus_failed_ = false;
  std::shared_ptr<void> grace_;
  Millis retry_pause_{1'000};
  std::shared_ptr<void> retry_;
};

}  // namespace

std::unique_ptr<LinkConnection> open_peer(LinkContext& context, const OpenLink& open,
                                          LinkEvents events) {
  return std::make_unique<PeerLink>(context, open, std::move(events));
}

}  // namespace redan
