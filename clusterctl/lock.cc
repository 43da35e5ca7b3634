#include "clusterctl/lock.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "clusterctl/console.h"
#include "common/base/clock.h"
#include "common/base/parse.h"

namespace redan {

namespace {

constexpr std::string_view kWants = "clusterctl:wants:";
constexpr std::string_view kHas = "clusterctl:has:";

struct Other {
  bool has = false;
  bool earlier = false;
  std::string who;
};

// What another clusterctl says on this node, the strongest claim first.
std::optional<Other> find_other(const std::string& clients, const std::string& my_id) {
  std::optional<Other> found;
  const int64_t mine = parse_int64(my_id).value_or(0);
  for (const std::string_view row : split(clients, '\n')) {
    InfoFields fields;
    for (const std::string_view word : split(trim(row), ' ')) {
      const size_t equals = word.find('=');
      if (equals == std::string_view::npos) continue;
      fields[std::string(word.substr(0, equals))] = word.substr(equals + 1);
    }
    const std::string name = field(fields, "name");
    const bool has = name.starts_with(kHas);
    if ((!has && !name.starts_with(kWants)) || field(fields, "id") == my_id) continue;
    Other other{.has = has, .earlier = field_number(fields, "id") < mine};
    other.who = "'" + name.substr(name.rfind(':') + 1) + "' from " + field(fields, "addr") +
                " for " + field(fields, "age") + " s";
    if (!found || (other.has && !found->has) || (other.earlier && !found->earlier)) found = other;
  }
  return found;
}

}  // namespace

struct OperatorLock::Keeper {
  explicit Keeper(std::vector<NodeClient> connections)
      : held(std::move(connections)), thread([this](const std::stop_token& end) { run(end); }) {}

  void run(const std::stop_token& end) {
    std::unique_lock<std::mutex> guard(mutex);
    while (!ending.wait_for(guard, end, Seconds(2), [&] { return end.stop_requested(); })) {
      // A node that died has no lock to keep; its work fails where it is done.
      for (NodeClient& node : held) (void)node.call({"PING"}).ok();
    }
  }

  std::vector<NodeClient> held;
  std::mutex mutex;
  std::condition_variable_any ending;
  std::jthread thread;  // last: it ends before what it uses
};

void OperatorLock::EndKeeper::operator()(Keeper* keeper) const {
  delete keeper;
}

Result<OperatorLock> OperatorLock::take(std::vector<Endpoint> nodes, const Access& access,
                                        const std::string& verb) {
  std::vector<NodeClient> held;
  for (const Endpoint& at : nodes) {
    Result<NodeClient> client = NodeClient::connect(at, access);
    if (!client) return client.error();
    Result<Reply> id = client->call({"CLIENT", "ID"});
    if (!id) return id.error();
    Result<Reply> named = client->call({"CLIENT", "SETNAME", std::string(kWants) + verb});
    if (!named) return named.error();
    const Instant deadline = monotonic_now() + Millis(3000);
    for (;;) {
      Result<Reply> clients = client->call({"CLIENT", "LIST"});
      if (!clients) return clients.error();
      if (clients->is_error() || named->is_error() || id->is_error()) {
        warn(to_text(at) + " does not let us see other operators (" +
             (clients->is_error() ? clients->text : named->text) + ")");
        break;
      }
      const std::optional<Other> other = find_other(clients->text, std::to_string(id->integer));
      if (!other) break;
      if (other->has || other->earlier || monotonic_now() > deadline) {
        return Error("LOCKED", "another clusterctl is at work on " + to_text(at) + ": " +
                                   other->who + "; try again when it is done");
      }
      rest(Millis(10));
    }
    Result<Reply> has = client->call({"CLIENT", "SETNAME", std::string(kHas) + verb});
    if (!has) return has.error();
    held.push_back(client.take());
  }
  OperatorLock lock;
  lock.keeper_.reset(new Keeper(std::move(held)));
  return lock;
}

}  // namespace redan
