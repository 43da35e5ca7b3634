// What a machine asks of the world. Order is meaning: an effect is performed only after every
// effect before it succeeded, so "persist, then send" is how a promise survives a crash.
#pragma once

#include <utility>
#include <variant>
#include <vector>

namespace redan {

// Peer: how the machine names whom it speaks to. Message: what it sends. Durable: what must be on
// disk before later effects run. Event: what it announces to its own process.
template <class Peer, class Message, class Durable, class Event>
class Effects {
 public:
  struct Send {
    Peer to;
    Message message;
  };
  struct Persist {
    Durable state;
  };
  using Effect = std::variant<Send, Persist, Event>;

  void send(Peer to, Message message) { list_.push_back(Send{std::move(to), std::move(message)}); }
  void persist(Durable state) { list_.push_back(Persist{std::move(state)}); }
  void announce(Event event) { list_.push_back(std::move(event)); }
  bool empty() const { return list_.empty(); }
  std::vector<Effect> take() { return std::exchange(list_, {}); }

 private:
  std::vector<Effect> list_;
};

}  // namespace redan
