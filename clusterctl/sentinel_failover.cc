#include "clusterctl/sentinel_failover.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "common/base/clock.h"

namespace redan {

namespace {

// Writes a counter of its own to whoever accepts it, and notes the longest silence between two
// accepted writes. Waits on the primary as any client would: a paused write counts as one long gap.
class WriteProbe {
 public:
  WriteProbe(const FailoverPlan& plan, const ExecuteOptions& options)
      : options_(options), nodes_(plan.candidates) {
    nodes_.insert(nodes_.begin(), plan.old_primary);
    if (!options.probe_key.empty()) thread_ = std::thread([this] { run(); });
  }
  ~WriteProbe() { stop(); }

  // Accepted writes so far.
  int64_t accepted() const { return accepted_; }
  bool running() const { return thread_.joinable(); }
  std::optional<Millis> longest_gap() {
    stop();
    if (accepted_ < 2) return std::nullopt;
    return Millis(longest_ms_);
  }

 private:
  void stop() {
    ending_ = true;
    if (thread_.joinable()) thread_.join();
  }

  void run() {
    Access access = options_.access;
    access.timeout = Millis(3000);
    std::optional<SyncClient> client;
    size_t at = 0;
    std::optional<Instant> last;
    while (!ending_) {
      if (!client) {
        Result<SyncClient> opened = connect_node(nodes_[at], access);
        if (opened) client.emplace(opened.take());
      }
      bool written = false;
      if (client) {
        const Result<Reply> reply =
            client->call({"SET", options_.probe_key, std::to_string(accepted_), "PX", "60000"});
        written = reply && !reply->is_error();
      }
      if (!written) {  // Gone, or a replica now: the next one.
        client.reset();
        at = (at + 1) % nodes_.size();
        rest(Millis(5));
        continue;
      }
      const Instant now = monotonic_now();
      if (last) longest_ms_ = std::max<int64_t>(longest_ms_, whole_ms(now - *last));
      last = now;
      ++accepted_;
      rest(Millis(2));
    }
  }

  const ExecuteOptions& options_;
  std::vector<Endpoint> nodes_;
  std::atomic<bool> ending_ = false;
  std::atomic<int64_t> accepted_ = 0;
  int64_t longest_ms_ = 0;
  std::thread thread_;
};

class Failover {
 public:
  Failover(const FailoverPlan& plan, const ExecuteOptions& options,
           const std::function<void(const std::string&)>& tell)
      : plan_(plan),
        options_(options),
        tell_(tell),
        deadline_(monotonic_now() + options.deadline) {}

  Result<FailoverReport> run() {
    Result<SyncClient> sentinel = connect_sentinel(plan_.ask, options_.access);
    if (!sentinel) return sentinel.error();
    WriteProbe probe(plan_, options_);
    for (int i = 0; probe.running() && probe.accepted() < 2 && i < 100; ++i) rest(Millis(10));
    const Instant begin = monotonic_now();
    Result<Reply> asked = sentinel->call({"SENTINEL", "FAILOVER", plan_.name});
    if (!asked) return asked.error();
    if (asked->is_error()) {
      return Error("REFUSED", to_text(plan_.ask) + " refused: " + asked->text);
    }
    tell_("sentinel " + to_text(plan_.ask) + " leads the hand-over of '" + plan_.name + "'");
    Result<Endpoint> changed = wait_for_change(*sentinel);
    if (!changed) return changed.error();
    FailoverReport report{.new_primary = *changed};
    if (Result<void> known = wait_for_all(*changed); !known) return known.error();
    if (Result<void> serves = wait_for_role(*changed); !serves) return serves.error();
    report.total = std::chrono::duration_cast<Millis>(monotonic_now() - begin);
    const int64_t before = probe.accepted();
    for (int i = 0; probe.running() && probe.accepted() < before + 2 && i < 500; ++i) {
      rest(Millis(10));
    }
    if (probe.running()) report.write_gap = probe.longest_gap();
    return report;
  }

 private:
  bool late() const { return monotonic_now() > deadline_; }
  std::string waited() const {
    return " within " + std::to_string(options_.deadline.count() / 1000) + " s";
  }

  Result<Endpoint> wait_for_change(SyncClient& sentinel) {
    for (;;) {
      Result<Endpoint> now = ask_primary(sentinel, plan_.name);
      if (!now) return now.error();
      if (*now != plan_.old_primary) {
        tell_("new primary is " + to_text(*now));
        return now;
      }
      if (late()) {
        return Error("TIMEOUT", "the primary is still " + to_text(plan_.old_primary) + waited() +
                                    "; the sentinel's log tells why (look for -failover-abort)");
      }
      rest(Millis(10));
    }
  }

  Result<void> wait_for_all(const Endpoint& primary) {
    std::set<Endpoint> missing(plan_.must_know.begin(), plan_.must_know.end());
    while (!missing.empty()) {
      for (const Endpoint& at : plan_.must_know) {
        if (!missing.contains(at)) continue;
        Result<SyncClient> sentinel = connect_sentinel(at, options_.access);
        if (!sentinel) continue;
        const Result<Endpoint> told = ask_primary(*sentinel, plan_.name);
        if (!told || *told != primary) continue;
        missing.erase(at);
        tell_("sentinel " + to_text(at) + " knows it");
      }
      if (missing.empty()) break;
      if (late()) {
        std::string names;
        for (const Endpoint& at : missing) names += " " + to_text(at);
        return Error("TIMEOUT", "the new primary is " + to_text(primary) +
                                    ", but these sentinels do not say so" + waited() + ":" + names);
      }
      rest(Millis(20));
    }
    return kOk;
  }

  Result<void> wait_for_role(const Endpoint& primary) {
    for (;;) {
      Result<SyncClient> node = connect_node(primary, options_.access);
      if (node) {
        const Result<Reply> role = node->call({"ROLE"});
        const bool serves = role && !role->elements.empty() && role->elements[0].text == "master";
        if (serves) return kOk;
      }
      if (late()) {
        return Error("TIMEOUT", to_text(primary) + " does not say that it is primary" + waited());
      }
      rest(Millis(20));
    }
  }

  const FailoverPlan& plan_;
  const ExecuteOptions& options_;
  const std::function<void(const std::string&)>& tell_;
  const Instant deadline_;
};

}  // namespace

Result<FailoverReport> execute_failover(const FailoverPlan& plan, const ExecuteOptions& options,
                                        const std::function<void(const std::string&)>& tell) {
  return Failover(plan, options, tell).run();
}

}  // namespace redan
