#include "common/rpc/server.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_context.h>
#include <grpcpp/server_posix.h>

#include <chrono>

#include "common/base/check.h"
#include "common/rpc/channel.h"
#include "common/rpc/peer_policy.h"

namespace redan {

struct RpcServer::State {
  std::string token;
  std::unique_ptr<grpc::Server> server;
};

RpcServer::RpcServer(Options options, const std::vector<grpc::Service*>& services)
    : state_(std::make_unique<State>()) {
  state_->token = bus_token(options.secret);
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.SetMaxSendMessageSize(options.max_message_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams_per_peer);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 8 * 1024);
  // Control traffic is small: two threads keep gRPC off the owner's core.
  grpc::ResourceQuota quota("redan");
  quota.Resize(64UL * 1024 * 1024);
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

bool RpcServer::authentic(const grpc::CallbackServerContext& call) const {
  if (state_->token.empty()) return true;
  const auto& metadata = call.client_metadata();
  const auto found = metadata.find(kTokenKey);
  return found != metadata.end() &&
         same_token({found->second.data(), found->second.size()}, state_->token);
}

void RpcServer::stop() {
  if (!state_->server) return;
  state_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  state_->server.reset();
}

}  // namespace redan
