// A blocking RESP client for tools and health checks: one request, one reply, each with a deadline.
//
//   Result<SyncClient> client = SyncClient::connect({"127.0.0.1", 6379}, Millis(2000));
//   if (!client) return client.error();  // "Could not connect to 127.0.0.1:6379: ..."
//   Result<Reply> pong = client->call({"PING"});
//
// An error reply of the server is a Reply; a Result's error means that the connection is gone.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/net/endpoint.h"
#include "common/resp/reply_parser.h"

namespace redan {

class SyncClient {
 public:
  // The host may be a name. `timeout` holds for connecting and then for each reply.
  static Result<SyncClient> connect(const Endpoint& to, Millis timeout);
  SyncClient(SyncClient&& other) noexcept;
  SyncClient& operator=(SyncClient&& other) noexcept;
  ~SyncClient();

  Result<Reply> call(std::span<const std::string_view> args);
  Result<Reply> call(std::initializer_list<std::string_view> args) {
    return call(std::span(args.begin(), args.size()));
  }
  // The halves of call(), for pipelines: requests as append_request() makes them, then a read() for
  // each. A pipeline must be smaller than what the two ends buffer, or both would wait.
  Result<void> send(std::string_view requests);
  Result<Reply> read();
  // Bytes as they come, at least one: the stream that follows SYNC. Not mixed with read().
  Result<std::string> read_bytes(Millis timeout);
  // The deadline of each reply from now on.
  void set_timeout(Millis timeout) { timeout_ = timeout; }
  // What comes next on the connection: a message of a subscription. An error with the code TIMEOUT
  // says that nothing came in time and that the connection is still good.
  Result<Reply> next(Millis timeout);

  const Endpoint& peer() const { return peer_; }

 private:
  SyncClient(int fd, Endpoint peer, Millis timeout);
  Error lost(std::string_view why) const;

  int fd_ = -1;
  Endpoint peer_;
  Millis timeout_;
  std::unique_ptr<ReplyParser> parser_;
};

}  // namespace redan
