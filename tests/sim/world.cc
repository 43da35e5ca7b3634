#include "tests/sim/world.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace redan::sim {
namespace {

constexpr Nanos kEpochStart = Seconds(1'000);
constexpr Nanos kRetransmit = Millis(200);
constexpr size_t kLongestTrace = 20'000;

}  // namespace

Faults Faults::drawn_from(Rng& rng) {
  Faults f;
  f.loss = rng.chance(0.5) ? 0 : 0.3 * rng.unit();
  f.duplication = rng.chance(0.5) ? 0 : 0.2 * rng.unit();
  f.mean_delay = rng.chance(0.5) ? Nanos(Micros(500)) : rng.span(Micros(100), Millis(100));
  f.clock_drift = 0.05 * rng.unit();
  f.mean_persist = rng.span(Micros(500), Millis(20));
  f.crashes = rng.chance(0.8);
  f.pauses = rng.chance(0.6);
  f.cuts = rng.chance(0.8);
  f.clogs = rng.chance(0.4);
  return f;
}

std::string Faults::text() const {
  return "loss " + std::to_string(loss) + " duplication " + std::to_string(duplication) +
         " delay_us " + std::to_string(mean_delay.count() / 1000) + " drift " +
         std::to_string(clock_drift) + " persist_us " +
         std::to_string(mean_persist.count() / 1000) + (crashes ? " crashes" : "") +
         (pauses ? " pauses" : "") + (cuts ? " cuts" : "") + (clogs ? " clogs" : "");
}

Instant World::local(int process) const {
  const Process& p = processes_[process];
  const double ticks = static_cast<double>(now_.count()) * p.rate;
  return Instant(kEpochStart + p.offset + Nanos(static_cast<int64_t>(ticks)));
}

Nanos World::global(int process, Instant at) const {
  const Process& p = processes_[process];
  const Nanos ticks = at.time_since_epoch() - kEpochStart - p.offset;
  // Rounded up, so that the clock there really shows `at`.
  return Nanos(static_cast<int64_t>(static_cast<double>(ticks.count()) / p.rate) + 2);
}

int World::add_process() {
  Process p;
  p.rate = 1 + faults.clock_drift * (2 * rng.unit() - 1);
  p.offset = rng.span(Nanos(0), Seconds(100));
  processes_.push_back(std::move(p));
  const size_t n = processes_.size();
  cuts_.resize(n);
  clogs_.resize(n);
  for (size_t i = 0; i < n; ++i) {
    cuts_[i].resize(n, 0);
    clogs_[i].resize(n, Nanos(0));
  }
  return static_cast<int>(n - 1);
}

void World::crash(int index, bool silent) {
  Process& p = processes_[index];
  if (!p.alive) return;
  note(index, silent ? "dies with its machine" : "is killed");
  p.alive = false;
  p.silent = silent;
  p.paused = false;
  p.held.clear();
  std::vector<std::weak_ptr<Connection>> left;
  for (const auto& weak : connections_) {
    const ConnectionPtr c = weak.lock();
    if (!c) continue;
    left.push_back(weak);
    if (c->closed) continue;
    const bool is_server = c->server == index && c->server_life == p.incarnation;
    if (c->client == index) {
      c->closed = true;
    } else if (is_server && silent) {
      c->broken = true;
    } else if (is_server && !c->broken) {
      reset(c);
    }
  }
  connections_.swap(left);
}

// The client hears of it, unless a cut swallows that, too.
void World::reset(const ConnectionPtr& c) {
  to_client(c, [c] {
    if (c->on_reset) c->on_reset();
  });
  c->broken = true;
}

void World::kill_clients(int server, const ConnectionPtr& spared) {
  std::vector<std::weak_ptr<Connection>> left;
  for (const auto& weak : connections_) {
    const ConnectionPtr c = weak.lock();
    // One that its client closed counts, too: what was sent before is still under way.
    if (!c || c->broken) continue;
    left.push_back(weak);
    if (c->server == server && c != spared && !c->of_replica) reset(c);
  }
  connections_.swap(left);
}

void World::restart(int index) {
  Process& p = processes_[index];
  if (p.alive) return;
  note(index, "starts again");
  p.alive = true;
  p.silent = false;
  ++p.incarnation;
}

void World::pause(int index) {
  if (!processes_[index].alive) return;
  note(index, "is stopped");
  processes_[index].paused = true;
}

void World::resume(int index) {
  Process& p = processes_[index];
  if (!p.paused) return;
  note(index, "goes on");
  p.paused = false;
  std::vector<Action> held = std::exchange(p.held, {});
  for (Action& action : held) post(now_, index, std::move(action));
}

void World::heal() {
  for (auto& row : cuts_) std::fill(row.begin(), row.end(), 0);
  for (auto& row : clogs_) std::fill(row.begin(), row.end(), Nanos(0));
}

void World::at(Nanos when, Action action) {
  queue_.push_back({std::max(when, now_), ++sequence_, std::move(action)});
  std::push_heap(queue_.begin(), queue_.end(), Later());
}

void World::post(Nanos when, int index, Action action) {
  const uint64_t life = processes_[index].incarnation;
  at(when, [this, index, life, action = std::move(action)]() mutable {
    Process& p = processes_[index];
    if (!p.alive || p.incarnation != life) return;
    if (p.paused) {
      p.held.push_back(std::move(action));
    } else {
      action();
    }
  });
}

Nanos World::exponential(Nanos mean) {
  const double u = std::max(1e-9, 1 - rng.unit());
  return Nanos(static_cast<int64_t>(-std::log(u) * static_cast<double>(mean.count())));
}

std::optional<Nanos> World::transit(int from, int to) {
  if (cuts_[from][to]) return std::nullopt;
  Nanos delay = Micros(50) + std::min(exponential(faults.mean_delay), 10 * faults.mean_delay);
  for (int again = 0; again < 4 && rng.chance(faults.loss); ++again) {
    delay += kRetransmit * (1 << again);
  }
  return std::max(now_ + delay, clogs_[from][to]);
}

void World::connect(int client, int server, std::function<void(ConnectionPtr)> open,
                    Action refused) {
  const std::optional<Nanos> there = transit(client, server);
  if (!there) return;
  const uint64_t life = processes_[client].incarnation;
  at(*there, [this, client, server, life, open = std::move(open), refused = std::move(refused)] {
    // The kernel accepts, also for a process that is stopped.
    const Process& p = processes_[server];
    if (processes_[client].incarnation != life || (!p.alive && p.silent)) return;
    const std::optional<Nanos> back = transit(server, client);
    if (!back) return;
    if (!p.alive) return post(*back, client, refused);
    auto c = std::make_shared<Connection>();
    c->client = client;
    c->server = server;
    c->client_life = life;
    c->server_life = p.incarnation;
    connections_.push_back(c);
    c->last_to_client = *back;
    post(*back, client, [c, open] { open(c); });
  });
}

void World::to_server(const ConnectionPtr& c, Action arrived) {
  if (c->broken || c->closed) return;
  const std::optional<Nanos> when = transit(c->client, c->server);
  if (!when || processes_[c->server].incarnation != c->server_life) {
    c->broken = true;
    return;
  }
  c->last_to_server = std::max(c->last_to_server + Nanos(1), *when);
  post(c->last_to_server, c->server, [c, arrived = std::move(arrived)] {
    if (!c->broken) arrived();
  });
}

void World::to_client(const ConnectionPtr& c, Action arrived) {
  if (c->broken || c->closed) return;
  const std::optional<Nanos> when = transit(c->server, c->client);
  if (!when || processes_[c->client].incarnation != c->client_life) {
    c->broken = true;
    return;
  }
  c->last_to_client = std::max(c->last_to_client + Nanos(1), *when);
  post(c->last_to_client, c->client, [c, arrived = std::move(arrived)] {
    if (!c->closed && arrived) arrived();
  });
}

bool World::run_until(Nanos until, const std::function<bool()>& done) {
  while (failure.empty() && !queue_.empty() && queue_.front().when <= until) {
    std::pop_heap(queue_.begin(), queue_.end(), Later());
    Event event = std::move(queue_.back());
    queue_.pop_back();
    now_ = event.when;
    ++events;
    event.action();
    if (done && (events & 31) == 0 && done()) return true;
  }
  if (failure.empty()) now_ = std::max(now_, until);
  return failure.empty() && done && done();
}

void World::note(int process, const std::string& what) {
  const auto fold = [this](uint64_t value) { hash_ = (hash_ ^ value) * 1099511628211ull; };
  fold(static_cast<uint64_t>(now_.count()));
  fold(static_cast<uint64_t>(process));
  for (const char c : what) fold(static_cast<uint8_t>(c));
  if (!tracing) return;
  if (trace_.size() == kLongestTrace) return;
  char head[64];
  snprintf(head, sizeof head, "%11.6f  %2d  ", static_cast<double>(now_.count()) / 1e9, process);
  trace_.push_back(head + what);
}

std::string World::trace() const {
  std::string text;
  for (const std::string& line : trace_) text += line + "\n";
  return text;
}

}  // namespace redan::sim
