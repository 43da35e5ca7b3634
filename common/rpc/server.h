// A gRPC server that listens on nothing: connections come in as descriptors from a Listener, after
// the first bytes were seen to be HTTP/2 and the peer was found to be allowed. So a busy port, the
// addresses of `bind` and garbage are handled as on the client port, in one place.
// Plaintext for now. Services use the callback API.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace grpc {
class CallbackServerContext;
class Service;
}  // namespace grpc

namespace redan {

class RpcServer {
 public:
  struct Options {
    int max_message_bytes = 1024 * 1024;
    int max_streams_per_peer = 256;
    size_t max_memory_bytes = 64UL * 1024 * 1024;  // Of all connections, in gRPC.
    Millis max_idle{0};  // A connection without a stream is closed after it; 0: never.
    // Every call must prove that it knows one of them; none: every call is taken.
    std::vector<std::string> secrets;
  };

  // The services outlive the server.
  RpcServer(Options options, const std::vector<grpc::Service*>& services);
  ~RpcServer();
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;

  // Takes the descriptor of a connected socket.
  void adopt(int fd);
  // For calls that begin later. Any thread.
  void set_secrets(const std::vector<std::string>& secrets);
  // Did the call prove that it knows a secret? For the first line of each method. Any thread.
  bool authentic(const grpc::CallbackServerContext& call) const;
  // Ends all connections. The owner has answered every call before, or they end cancelled.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace redan
