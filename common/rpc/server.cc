#include "common/rpc/server.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_context.h>
#include <grpcpp/server_posix.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include "common/base/check.h"
#include "common/rpc/channel.h"
#include "common/rpc/peer_policy.h"

namespace redan {

struct RpcServer::State {
  std::mutex mutex;  // Of the tokens.
  std::vector<std::string> tokens;
  std::unique_ptr<grpc::Server> server;
};

RpcServer::RpcServer(Options options, const std::vector<grpc::Service*>& services)
    : state_(std::make_unique<State>()) {
  set_secrets(options.secrets);
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.SetMaxSendMessageSize(options.max_message_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams_per_peer);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 8 * 1024);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kRpcWindowBytes);
  if (options.max_idle.count() > 0) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                               static_cast<int>(options.max_idle.count()));
  }
  // Control traffic is small: two threads keep gRPC off the owner's core.
  grpc::ResourceQuota quota("redan");
  quota.Resize(options.max_memory_bytes);
  quota.SetMaxThreads(8);
  builder.SetResourceQuota(quota);
  for (grpc::Service* service : services) builder.RegisterService(service);
  state_->server = builder.BuildAndStart();
  REDAN_CHECK(state_->server != nullptr);
}

RpcServer::~RpcServer() {
  stop();
}

void RpcServer::adopt(int fd) {
  if (state_->server) grpc::AddInsecureChannelFromFd(state_->server.get(), fd);
}

void RpcServer::set_secrets(const std::vector<std::string>& secrets) {
  std::vector<std::string> tokens;
  for (const std::string& secret : secrets) tokens.push_back(bus_token(secret));
  const std::lock_guard lock(state_->mutex);
  state_->tokens = std::move(tokens);
}

bool RpcServer::authentic(const grpc::CallbackServerContext& call) const {
  const std::lock_guard lock(state_->mutex);
  if (state_->tokens.empty()) return true;
  const auto [first, last] = call.client_metadata().equal_range(kTokenKey);
  return std::any_of(first, last, [&](const auto& entry) {
    const std::string_view shown(entry.second.data(), entry.second.size());
    return std::any_of(state_->tokens.begin(), state_->tokens.end(),
                       [&](const std::string& token) { return same_token(shown, token); });
  });
}

void RpcServer::stop() {
  if (!state_->server) return;
  state_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  state_->server.reset();
}

}  // namespace redan
