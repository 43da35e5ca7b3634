#include "tests/sim/sentinel_world.h"

#include <algorithm>
#include <set>

namespace redan::sim {
namespace {

Story story_of(uint64_t seed) {
  if (seed % 10 == 2) return Story::kEmptied;
  switch (seed % 5) {
    case 0:
      return Story::kHandover;
    case 1:
      return Story::kLeftover;
    default:
      return Story::kStorm;
  }
}

Faults faults_of(Story story, Rng& rng) {
  Faults faults = Faults::drawn_from(rng);
  if (story == Story::kStorm) return faults;
  faults.loss = 0;
  faults.mean_delay = rng.span(Micros(100), Millis(3));
  faults.mean_persist = rng.span(Micros(500), Millis(5));
  faults.crashes = faults.pauses = faults.cuts = faults.clogs = false;
  return faults;
}

class Scene {
 public:
  Scene(uint64_t seed, bool tracing)
      : story_(story_of(seed)),
        draw_(seed * 2 + 1),
        world_(seed, faults_of(story_, draw_)),
        data_(world_, story_ == Story::kHandover ? static_cast<int>(draw_.between(2, 4))
                                                 : static_cast<int>(draw_.between(2, 6))),
        leaders_(world_),
        votes_(world_),
        epochs_(world_),
        best_(world_),
        newest_(world_) {
    world_.tracing = tracing;
    watchers_ = {&leaders_, &votes_, &epochs_, &best_, &newest_};
    const int count = static_cast<int>(1 + 2 * draw_.between(1, 3));
    PrimaryOptions options;
    options.quorum = static_cast<uint32_t>(draw_.between(1, count));
    if (story_ != Story::kStorm || draw_.chance(0.7)) {
      options.quorum = static_cast<uint32_t>(count / 2 + 1);
    }
    // Emptied: its restart must not look like a death, which has a story of its own.
    options.down_after = Millis(draw_.between(story_ == Story::kEmptied ? 1'500 : 500, 2'500));
    options.failover_timeout = Millis(draw_.between(2'000, 6'000));
    options.parallel_syncs = static_cast<uint32_t>(draw_.between(1, 3));
    leaders_.set_group(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) {
      DurablePrimary watched{.name = kName, .address = data_address(0), .options = options};
      // Known from the start: whom the first INFO names is a matter of luck.
      for (int r = 1; r < data_.count(); ++r) watched.replicas.push_back(data_address(r));
      sentinels_.push_back(std::make_unique<SentinelNode>(
          Field{world_, data_, sentinels_, watchers_}, i,
          DurableState{.id = NodeId(draw_.next()), .primaries = {watched}}, SentinelOptions{}));
    }
    writer();
  }

  Outcome run() {
    world_.run_until(Seconds(6));  // They find each other.
    if (story_ == Story::kStorm) storm();
    if (story_ == Story::kHandover) handover();
    if (story_ == Story::kLeftover) leftover();
    if (story_ == Story::kEmptied) emptied();
    outcome_.ok = world_.failure.empty();
    outcome_.failure = world_.failure;
    outcome_.faults = world_.faults.text();
    outcome_.hash = world_.hash();
    outcome_.events = world_.events;
    outcome_.acknowledged = acknowledged_.size();
    if (world_.tracing) {
      outcome_.trace = world_.trace();
      for (const auto& sentinel : sentinels_) {
        outcome_.trace += sentinel->machine().dump(sentinel->local());
      }
    }
    return outcome_;
  }

 private:
  // ---- A client that asks a sentinel where to write, and writes every 20 ms.
  void writer() {
    world_.after(Millis(20), [this] { writer(); });
    if (!clients_) return;
    if (writing_) {
      if (world_.now() - write_since_ < Seconds(1)) return;
      lookup_ = true;  // Nobody answers: ask again.
      ++write_;
    }
    if (lookup_ || target_ < 0) {
      SentinelNode& any = *sentinels_[draw_.below(sentinels_.size())];
      if (!any.alive()) return;
      const auto address = any.machine().current_address(kName);
      target_ = address ? data_.index_of(*address) : -1;
      lookup_ = false;
      if (target_ < 0) return;
    }
    const Process& process = world_.process(target_);
    if (!process.alive) {
      lookup_ = true;
      return;
    }
    writing_ = true;
    write_since_ = world_.now();
    const uint64_t id = ++write_;
    const int target = target_;
    world_.post(world_.now() + Micros(200), target, [this, id, target] {
      data_.write(target, id, [this, id](bool done) {
        world_.after(Micros(200), [this, id, done] {
          if (done) {
            acknowledged_.push_back(id);
            if (gap_from_ != Nanos(0)) {
              outcome_.longest_gap =
                  std::max(outcome_.longest_gap, world_.now() - std::max(gap_from_, last_ack_));
            }
            last_ack_ = world_.now();
          } else {
            lookup_ = true;
          }
          if (id == write_) writing_ = false;
        });
      });
    });
  }

  // ---- What must be true when everything is calm.
  bool agreed() {
    std::optional<Address> where;
    for (const auto& sentinel : sentinels_) {
      const auto told = sentinel->machine().current_address(kName);
      if (!told || (where && *told != *where)) return false;
      if (sentinel->machine().find(kName)->failing_over()) return false;
      where = told;
    }
    const int primary = data_.index_of(*where);
    if (primary < 0 || !data_.is_primary(primary)) return false;
    for (int i = 0; i < data_.count(); ++i) {
      if (i != primary && (data_.source(i) != primary || !data_.in_sync(i))) return false;
    }
    return true;
  }

  void storm() {
    const Nanos end = world_.now() + Millis(draw_.between(10'000, 30'000));
    while (world_.now() < end && world_.failure.empty()) {
      mishap();
      world_.run_until(world_.now() + Millis(draw_.between(100, 2'500)));
    }
    if (!world_.failure.empty()) return;
    world_.note(-1, "the storm is over");
    world_.heal();
    world_.faults.loss = 0;
    world_.faults.duplication = 0;
    world_.faults.mean_delay = std::min<Nanos>(world_.faults.mean_delay, Millis(5));
    for (size_t i = 0; i < world_.processes(); ++i) {
      world_.resume(static_cast<int>(i));
      revive(static_cast<int>(i));
    }
    if (!world_.run_until(world_.now() + Seconds(60), [this] { return agreed(); })) {
      world_.fail("no agreement on one primary within 60 s of calm");
    }
  }

  SentinelNode* sentinel_at(int process) {
    for (const auto& sentinel : sentinels_) {
      if (sentinel->process() == process) return sentinel.get();
    }
    return nullptr;
  }

  void revive(int process) {
    if (world_.process(process).alive) return;
    if (SentinelNode* sentinel = sentinel_at(process)) return sentinel->restart();
    world_.restart(process);
    data_.started(process);
  }

  void kill(int process) {
    const bool silent = draw_.chance(0.4);
    if (SentinelNode* sentinel = sentinel_at(process)) return sentinel->crash(silent);
    world_.crash(process, silent);
    data_.crashed(process);
  }

  int current_primary() {
    int found = 0;
    for (int i = 0; i < data_.count(); ++i) {
      if (world_.process(i).alive && data_.is_primary(i)) found = i;
    }
    return found;
  }

  void mishap() {
    const Faults& f = world_.faults;
    const int total = static_cast<int>(world_.processes());
    const int victim =
        draw_.chance(0.35) ? current_primary() : static_cast<int>(draw_.below(total));
    const Nanos span = Millis(draw_.between(100, 9'000));
    switch (draw_.below(6)) {
      case 0:
        if (!f.crashes) return;
        kill(victim);
        return world_.after(span, [this, victim] { revive(victim); });
      case 1:
        if (!f.crashes) return;
        // A sentinel that dies and is back at once has nothing but its disk.
        kill(victim);
        return world_.after(Millis(draw_.between(1, 300)), [this, victim] { revive(victim); });
      case 2:
        if (!f.pauses) return;
        world_.pause(victim);
        return world_.after(2 * span, [this, victim] { world_.resume(victim); });
      case 3: {  // A partition, of both directions or one.
        if (!f.cuts) return;
        std::vector<char> side(total);
        for (char& s : side) s = draw_.chance(0.5);
        const bool one_way = draw_.chance(0.3);
        for (int a = 0; a < total; ++a) {
          for (int b = 0; b < total; ++b) {
            if (side[a] && !side[b]) world_.cut(a, b, true);
            if (!side[a] && side[b] && !one_way) world_.cut(a, b, true);
          }
        }
        return world_.after(span, [this] { world_.heal(); });
      }
      case 4: {  // One node cut off.
        if (!f.cuts) return;
        const bool in = draw_.chance(0.7), out = !in || draw_.chance(0.7);
        for (int other = 0; other < total; ++other) {
          if (out) world_.cut(victim, other, true);
          if (in) world_.cut(other, victim, true);
        }
        return world_.after(span, [this] { world_.heal(); });
      }
      default:
        if (!f.clogs) return;
        for (int other = 0; other < total; ++other) {
          if (draw_.chance(0.5)) world_.clog(victim, other, world_.now() + span / 2);
        }
    }
  }

  void handover() {
    for (int round = 0; round < 3 && world_.failure.empty(); ++round) {
      const int before = current_primary();
      gap_from_ = world_.now();
      const int orders = draw_.chance(0.25) ? 2 : 1;  // Two operators at once.
      for (int order = 0; order < orders; ++order) {
        SentinelNode& one = *sentinels_[draw_.below(sentinels_.size())];
        one.command([](SentinelMachine& machine, Instant now, SentinelEffects& out) {
          const Result<void> done = machine.failover(now, kName, out);
          static_cast<void>(done.ok());  // INPROG and NOGOODSLAVE are answers, too.
        });
      }
      world_.run_until(world_.now() + Seconds(8));
      gap_from_ = Nanos(0);
      if (!world_.failure.empty()) return;
      if (!world_.run_until(world_.now() + Seconds(30), [this] { return agreed(); })) {
        return world_.fail("no agreement after a manual failover");
      }
      if (current_primary() != before) ++outcome_.handovers;
    }
    world_.run_until(world_.now() + Seconds(1));
    const int primary = current_primary();
    const std::set<uint64_t> there(data_.log(primary).begin(), data_.log(primary).end());
    size_t lost = 0;
    for (const uint64_t id : acknowledged_) lost += there.count(id) == 0 ? 1 : 0;
    if (lost > 0) {
      world_.fail(std::to_string(lost) + " acknowledged writes lost by manual failovers");
    }
    if (outcome_.longest_gap > Millis(500)) {
      world_.fail("a manual failover held writes for " +
                  std::to_string(outcome_.longest_gap.count() / 1'000'000) + " ms");
    }
  }

  void leftover() {
    const int old = current_primary();
    const bool stopped = draw_.chance(0.5);
    const Nanos began = world_.now();
    if (stopped) {
      world_.pause(old);
    } else {
      isolate(old, true);
    }
    const auto replaced = [&] {
      for (const auto& sentinel : sentinels_) {
        const Primary& primary = *sentinel->machine().find(kName);
        if (primary.failing_over() || primary.address == data_address(old)) return false;
      }
      return true;
    };
    bool fit = false;
    for (int i = 1; i < data_.count(); ++i) fit |= data_.priority(i) != 0;
    if (!fit) return;
    if (!world_.run_until(world_.now() + Seconds(45), replaced)) {
      return world_.fail("the primary that is away was not replaced");
    }
    outcome_.failover_took = world_.now() - began;
    world_.run_until(world_.now() + Millis(draw_.between(4'000, 15'000)));
    const Nanos back = world_.now();
    if (stopped) {
      world_.resume(old);
    } else {
      isolate(old, false);
    }
    if (!world_.run_until(back + Seconds(3), [&] { return !data_.is_primary(old); })) {
      return world_.fail("the old primary is back and still a primary after 3 s");
    }
    outcome_.demoted_after = data_.role_since(old) - back;
    if (outcome_.demoted_after > Seconds(1)) {
      return world_.fail("the old primary was demoted only after " +
                         std::to_string(outcome_.demoted_after.count() / 1'000'000) + " ms");
    }
    if (!world_.run_until(world_.now() + Seconds(30), [this] { return agreed(); })) {
      world_.fail("no agreement after the old primary came back");
    }
  }

  // ---- The primary restarts at once, without its data. With the rule "empty" it is seen before it
  // has new keys; "shorter" also helps where clients are faster.
  void emptied() {
    const int old = current_primary();
    const bool shorter = draw_.chance(0.5);
    data_.refuse_wipe(shorter ? WipeRule::kShorter : WipeRule::kEmpty);
    bool fit = false;
    for (int i = 1; i < data_.count(); ++i) fit |= data_.priority(i) != 0;
    if (!fit || acknowledged_.size() < 10) return;
    std::vector<std::vector<uint64_t>> held(data_.count());
    for (int i = 0; i < data_.count(); ++i) {
      if (i != old && data_.in_sync(i)) held[i] = data_.log(i);
    }
    const auto kept = [&](int i) {
      return data_.log(i).size() >= held[i].size() &&
             std::equal(held[i].begin(), held[i].end(), data_.log(i).begin());
    };
    world_.crash(old, false);
    data_.crashed(old);
    data_.lose_data(old);
    clients_ = shorter;
    const Nanos back = world_.now() + Millis(draw_.between(1, 300));
    world_.at(back, [this, old] { revive(old); });
    const auto safe = [&] {
      for (int i = 0; i < data_.count(); ++i) {
        if (i == old || kept(i)) continue;
        world_.fail("replica " + std::to_string(i) + " gave up acknowledged data for an empty one");
      }
      return false;
    };
    world_.run_until(back + Seconds(1), safe);
    clients_ = true;
    world_.run_until(back + Millis(draw_.between(1'000, 8'000)), safe);
    if (!world_.failure.empty()) return;
    for (int i = 0; i < data_.count(); ++i) outcome_.refusals += data_.refuses(i) ? 1 : 0;
    SentinelNode& one = *sentinels_[draw_.below(sentinels_.size())];
    one.command([](SentinelMachine& machine, Instant now, SentinelEffects& out) {
      const Result<void> done = machine.failover(now, kName, out);
      static_cast<void>(done.ok());
    });
    const auto moved = [&] { return agreed() && current_primary() != old; };
    if (!world_.run_until(world_.now() + Seconds(30), moved)) {
      return world_.fail("no agreement after the failover from an empty primary");
    }
    if (!kept(current_primary())) world_.fail("the new primary lacks what it had held");
  }

  void isolate(int node, bool cut) {
    for (int other = 0; other < static_cast<int>(world_.processes()); ++other) {
      if (other == node) continue;
      world_.cut(node, other, cut);
      world_.cut(other, node, cut);
    }
  }

  Story story_;
  Rng draw_;
  World world_;
  DataNodes data_;
  OneLeaderPerEpoch leaders_;
  OneVotePerEpoch votes_;
  EpochsOnlyGrow epochs_;
  BestReplicaChosen best_;
  NewestPrimaryStays newest_;
  std::vector<Watcher*> watchers_;
  std::vector<std::unique_ptr<SentinelNode>> sentinels_;
  Outcome outcome_;

  bool clients_ = true;  // They write.
  bool writing_ = false, lookup_ = true;
  int target_ = -1;
  uint64_t write_ = 0;
  Nanos write_since_{}, last_ack_{}, gap_from_{};
  std::vector<uint64_t> acknowledged_;
};

}  // namespace

Outcome run_seed(uint64_t seed, bool tracing) {
  return Scene(seed, tracing).run();
}

}  // namespace redan::sim
