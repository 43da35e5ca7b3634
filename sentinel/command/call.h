// One request on its way through a handler: words, reply, and whom it concerns. The dispatcher has
// checked name, arity and authentication.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "common/command/table.h"
#include "common/resp/writer.h"
#include "sentinel/drivers/sentinel_service.h"

namespace redan {

// What CLIENT REPLY asked for.
struct ReplyMode {
  bool off = false;
  bool skip = false;       // The reply to the current request is not wanted,
  bool skip_next = false;  // or that to the next one.

  bool silent() const { return off || skip; }
  void end_of_request() { skip = std::exchange(skip_next, false); }
};

// What we know of a client of the sentinel's port.
struct SentinelClient {
  int64_t id = 0;
  int fd = -1;
  std::string address;
  std::string local_address;
  std::string name;
  std::string library;
  std::string library_version;
  Resp protocol = Resp::k2;
  bool authenticated = false;
  bool no_evict = false;
  ReplyMode replies;
  std::set<std::string, std::less<>> channels;
  std::set<std::string, std::less<>> patterns;
  Instant connected{};
  Instant last_request{};
  std::string last_command;
  size_t query_bytes = 0;
  size_t output_bytes = 0;

  bool subscribed() const { return !channels.empty() || !patterns.empty(); }
};

// Numbers of the whole port, for INFO.
struct SentinelTraffic {
  int64_t connections = 0;
  int64_t commands = 0;
  int64_t rejected = 0;
  int64_t errors = 0;
  Instant started{};
  std::string run_id;
};

// The port as its commands see it.
class SentinelPort {
 public:
  virtual ~SentinelPort() = default;
  virtual std::vector<SentinelClient*> clients() = 0;
  // At the end of the current request; its replies are still written.
  virtual void disconnect(SentinelClient& client) = 0;
  virtual const SentinelTraffic& traffic() const = 0;
  virtual void publish(const std::string& channel, const std::string& text) = 0;
  virtual size_t receivers(const std::string& channel) = 0;
  // Lets further requests, of all clients, wait for so long; zero ends it.
  virtual void pause(Millis span) = 0;
};

struct SentinelCall {
  std::span<const std::string_view> args;
  ReplyWriter reply;
  SentinelClient& client;
  SentinelPort& port;
  SentinelService& sentinel;
  const CommandCatalog& commands;
  // Takes over the reply: the client's further requests wait until the returned function was called
  // with what writes it.
  using Finish = std::function<void(std::function<void(ReplyWriter&)>)>;
  std::function<Finish()> later;

  std::string_view arg(size_t i) const { return args[i]; }
  std::string word(size_t i) const { return std::string(args[i]); }
};

using SentinelCommand = Command<SentinelCall>;
using SentinelFamily = CommandFamily<SentinelCall>;
using SentinelTable = CommandTable<SentinelCall>;

}  // namespace redan
