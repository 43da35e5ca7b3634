// The half of the bus that needs no decisions: is this message for us, and what is a ping answered
// with. A driver may run it on the bus thread with a copy of the last Card, so that a node whose
// data thread works on a slow command still answers.
#pragma once

#include <optional>
#include <variant>

#include "server/cluster/bus_messages.h"

namespace redan::cluster {

class Liveness {
 public:
  // From the effect Card; before the first one nothing is answered.
  void set(NodeId self, Heartbeat card) {
    self_ = self;
    card_ = std::move(card);
    card_.ping = false;
  }

  struct Verdict {
    bool for_us = false;             // Hand the message to the machine.
    std::optional<Envelope> answer;  // Send this back at once.
  };
  Verdict judge(const Envelope& envelope) const {
    if (self_.empty()) return {};
    if (envelope.from == self_) return {};  // We met ourselves.
    const auto answer = [&](BusMessage message) {
      return Envelope{.from = self_, .to = envelope.from, .message = std::move(message)};
    };
    const bool blind_meet = envelope.to.empty() && std::holds_alternative<Meet>(envelope.message);
    if (envelope.to != self_ && !blind_meet) {
      // A NotMe is not answered: two confused nodes would go on for ever.
      if (std::holds_alternative<NotMe>(envelope.message)) return {};
      return {.for_us = false, .answer = answer(NotMe{})};
    }
    const auto* heartbeat = std::get_if<Heartbeat>(&envelope.message);
    if (heartbeat != nullptr && heartbeat->ping) return {.for_us = true, .answer = answer(card_)};
    return {.for_us = true, .answer = std::nullopt};
  }

 private:
  NodeId self_;
  Heartbeat card_;
};

}  // namespace redan::cluster
