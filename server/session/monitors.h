// Clients that watch what is executed (MONITOR), and what of it nobody should read. A line of
// theirs is a simple string in both protocols:
//   time " [" db " " from "]" { " " quoted-argument }
// Nothing is built, nor any clock read, while nobody watches.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/session/session.h"

namespace redan {

class PubSub;

class Monitors {
 public:
  bool empty() const { return sessions_.empty(); }
  void add(Session& session) { sessions_.push_back(&session); }
  void forget(Session& session) { std::erase(sessions_, &session); }

  struct Line {
    int64_t unix_us = 0;
    int db = 0;
    std::string_view from;  // the client's address
    std::span<const std::string_view> args;
  };
  // To all of them; what one of them executed itself comes behind its reply (PubSub::hold).
  void tell(const Line& line, PubSub& pubsub) const;

 private:
  std::vector<Session*> sessions_;
};

// As redis-cli quotes a string: "\x00\n", printable ASCII as it is.
void append_quoted(std::string& to, std::string_view text);

}  // namespace redan
