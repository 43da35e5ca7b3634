// A whole distributed system in one thread: processes with clocks of their own, a network between
// them, and one queue of events ordered by (time, sequence), so that a seed replays everything.
// Knows nothing of sentinels: nodes post actions, the world decides when, and whether, they run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "common/base/time.h"

namespace redan::sim {

using Action = std::function<void()>;

// What a seed draws for itself.
struct Faults {
  double loss = 0;         // A message that is lost is sent again later, as TCP does.
  double duplication = 0;  // Of questions and hellos.
  Nanos mean_delay{Millis(1)};
  double clock_drift = 0;  // Each node's clock runs at 1 +- this.
  Nanos mean_persist{Millis(2)};
  bool crashes = false, pauses = false, cuts = false, clogs = false;
  static Faults drawn_from(Rng& rng);
  std::string text() const;
};

struct Process {
  bool alive = true;
  bool silent = false;  // Its machine died with it: no connection is refused, nothing answers.
  bool paused = false;
  uint64_t incarnation = 1;
  double rate = 1;
  Nanos offset{};
  std::vector<Action> held;  // What arrived while it was paused.
};

// One TCP connection. Messages of one direction stay in order; one that meets a cut breaks the
// connection silently: neither end learns of it unless it gives up by itself.
struct Connection {
  int client = 0, server = 0;
  uint64_t client_life = 0, server_life = 0;
  bool broken = false, closed = false;
  bool of_replica = false;  // A replication link: CLIENT KILL TYPE normal and pubsub spare it.
  Nanos last_to_server{}, last_to_client{};
  Action on_reset;  // At the client, when the server's process ends.
};
using ConnectionPtr = std::shared_ptr<Connection>;

class World {
 public:
  World(uint64_t seed, Faults drawn) : rng(seed), faults(drawn) {}

  Nanos now() const { return now_; }
  Instant local(int process) const;
  // The world's time at which this process' clock shows `at`.
  Nanos global(int process, Instant at) const;

  int add_process();
  Process& process(int index) { return processes_[index]; }
  size_t processes() const { return processes_.size(); }
  void crash(int index, bool silent);
  void restart(int index);
  void pause(int index);
  void resume(int index);

  // Each direction on its own.
  void cut(int from, int to, bool is_cut) { cuts_[from][to] = is_cut; }
  bool is_cut(int from, int to) const { return cuts_[from][to]; }
  void clog(int from, int to, Nanos until) { clogs_[from][to] = until; }
  void heal();

  void at(Nanos when, Action action);
  void after(Nanos delay, Action action) { at(now_ + delay, std::move(action)); }
  // Runs in a process: waits while it is paused, is lost if it ended meanwhile.
  void post(Nanos when, int process, Action action);

  // SYN and its answer. `refused` is not called where nothing answers.
  void connect(int client, int server, std::function<void(ConnectionPtr)> open, Action refused);
  void to_server(const ConnectionPtr& c, Action arrived);
  void to_client(const ConnectionPtr& c, Action arrived);
  // The server ends every connection to it but `spared` and those of replicas: what is still on its
  // way there over them is never read.
  void kill_clients(int server, const ConnectionPtr& spared);

  // Runs events up to `until`, or until `done` says so after an event.
  bool run_until(Nanos until, const std::function<bool()>& done = {});

  // Folds into the hash that two runs of one seed must share, and into the trace if it is kept.
  void note(int process, const std::string& what);
  uint64_t hash() const { return hash_; }
  std::string trace() const;
  bool tracing = false;
  uint64_t events = 0;

  // The first breach of an invariant ends the run.
  void fail(const std::string& what) {
    if (failure.empty()) failure = what;
  }
  std::string failure;
  Rng rng;
  Faults faults;

 private:
  struct Event {
    Nanos when;
    uint64_t sequence;
    Action action;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
    }
  };
  // nullopt: it meets a cut.
  std::optional<Nanos> transit(int from, int to);
  void reset(const ConnectionPtr& c);
  Nanos exponential(Nanos mean);

  Nanos now_{};
  uint64_t sequence_ = 0;
  std::vector<Event> queue_;
  std::vector<Process> processes_;
  std::vector<std::vector<char>> cuts_;
  std::vector<std::vector<Nanos>> clogs_;
  std::vector<std::weak_ptr<Connection>> connections_;
  uint64_t hash_ = 1469598103934665603ull;
  std::vector<std::string> trace_;
};

}  // namespace redan::sim
