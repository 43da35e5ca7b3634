// A connection without a socket: keeps what it is sent.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "server/session/session.h"

namespace redan {

class FakeConnection : public Connection {
 public:
  void send(std::string_view bytes) override { sent += bytes; }
  void send_shared(std::shared_ptr<const std::string> block, size_t from) override {
    sent += std::string_view(*block).substr(from);
  }
  size_t pending_bytes() const override { return 0; }
  void when_drained(std::function<void()> callback) override { callback(); }
  void close_after_replies() override { closing = true; }
  void close_soon(std::string_view) override { closing = true; }
  void stop_reading() override { reading = false; }
  void resume_reading() override { reading = true; }
  void gather_packets() override {}
  std::string peer_address() const override { return "127.0.0.1:1"; }
  std::string local_address() const override { return "127.0.0.1:2"; }
  int descriptor() const override { return -1; }

  // RESP with '|' for each end of a line, what came since the last question.
  std::string take() {
    std::string text = std::exchange(sent, {});
    for (size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos;)
      text.replace(at, 2, "|");
    return text;
  }

  std::string sent;
  bool reading = true;
  bool closing = false;
};

}  // namespace redan
