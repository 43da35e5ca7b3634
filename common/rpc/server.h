// A gRPC server that listens on nothing: connections come in as descriptors from a Listener, after
// the first bytes were seen to be HTTP/2 and the peer was found to be allowed. So a busy port, the
// addresses of `bind` and garbage are handled as on the client port, in one place.
// Plaintext for now. Services use the callback API.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace grpc {
class CallbackServerContext;
class Service;
}  // namespace grpc

namespace redan {

// What every HTTP/2 client says first (RFC 9113, section 3.4).
inline constexpr std::string_view kRpcPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class RpcServer {
 public:
  struct Options {
    int max_message_bytes = 1024 * 1024;
    int max_streams_per_peer = 256;
    std::string secret;  // Every call must prove that it knows it; empty: none.
  };

  // The services outlive the server.
  RpcServer(Options options, const std::vector<grpc::Service*>& services);
  ~RpcServer();
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;

  // Takes the descriptor of a connected socket.
  void adopt(int fd);
  // Did the call prove that it knows the secret? For the first line of each method.
  bool authentic(const grpc::CallbackServerContext& call) const;
  // Ends all connections. The owner has answered every call before, or they end cancelled.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace redan
