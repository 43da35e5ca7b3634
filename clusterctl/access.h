// Connections of clusterctl: authenticated, pipelined, with errors that name the node, what it
// answered and what would help.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/endpoint.h"
#include "common/net/sync_client.h"
#include "common/resp/buffer.h"

namespace redan {

struct Access {
  std::string user;      // of data nodes
  std::string password;  // of data nodes, and of sentinels unless they have their own
  std::string sentinel_password;
  Millis timeout{2000};
};

using Words = std::vector<std::string>;

// INFO as name -> value.
using InfoFields = std::map<std::string, std::string>;
InfoFields read_info(const std::string& text);
std::string field(const InfoFields& fields, const std::string& name);
int64_t field_number(const InfoFields& fields, const std::string& name);

// A connection that has authenticated.
Result<SyncClient> connect_node(const Endpoint& at, const Access& access);
Result<SyncClient> connect_sentinel(const Endpoint& at, const Access& access);

// A reply that is not an error; an error reply becomes "10.0.0.1:6379: what it answered".
Result<Reply> ask(SyncClient& client, std::initializer_list<std::string_view> args);
Error refused(const Endpoint& at, std::string_view request, const Reply& reply);

// A data node to which requests are sent in batches: queue them, then read all replies at once.
class NodeClient {
 public:
  static Result<NodeClient> connect(const Endpoint& at, const Access& access);

  const Endpoint& at() const { return client_.peer(); }
  SyncClient& raw() { return client_; }

  void queue(const Words& request);
  size_t queued() const { return queued_; }
  // The replies of all that was queued; an error means that the connection is gone.
  Result<std::vector<Reply>> flush();
  // One request; an error reply is a Reply.
  Result<Reply> call(const Words& request);
  // One request whose error reply is an Error that names node and request.
  Result<Reply> ask(const Words& request);

 private:
  explicit NodeClient(SyncClient client) : client_(std::move(client)) {}
  SyncClient client_;
  ByteBuffer requests_;
  size_t queued_ = 0;
};

// Waits a little between two looks at something that changes by itself.
void rest(Millis span);

// Calls each(i) for 0 <= i < count, up to 16 at a time: slow or dead nodes are waited for together.
void for_each_at_once(size_t count, const std::function<void(size_t)>& each);

}  // namespace redan
