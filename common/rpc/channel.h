// Channels to other nodes' buses. Calls fail fast: there is no hidden queue of waiting calls and no
// hidden reconnecting; whoever owns the link decides when to try again, with a new channel.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace redan {

inline constexpr const char* kTokenKey = "redan-token";
// What may be on its way to a stream that does not read. gRPC would find a window by measuring,
// with a ping for every message of a quiet bus.
inline constexpr int kRpcWindowBytes = 1024 * 1024;

struct ChannelOptions {
  std::string target;  // "10.0.0.7:36379", "[::1]:36379"
  int max_message_bytes = 1024 * 1024;
  Millis connect_timeout{700};
};
// Its own connection, plaintext; connects with the first call.
std::shared_ptr<grpc::Channel> open_channel(const ChannelOptions& options);
// The proof that we know these secrets (`tokens` from bus_token; empty ones are none).
void prove(grpc::ClientContext& call, const std::vector<std::string>& tokens);
// A deadline, and the proof.
void prepare_call(grpc::ClientContext& call, Millis timeout, const std::string& token);

}  // namespace redan
