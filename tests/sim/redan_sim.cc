// redan_sim --world=sentinel|cluster|migration --seed=N [--seeds=COUNT] [--trace]: runs seeds and
// says what it found. --world=big measures a large cluster.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/base/parse.h"
#include "common/protocol/mutants.h"
#include "tests/sim/big_cluster.h"
#include "tests/sim/cluster_world.h"
#include "tests/sim/migration_world.h"
#include "tests/sim/sentinel_world.h"

namespace {

int usage() {
  std::fprintf(
      stderr,
      "usage: redan_sim --world=sentinel|cluster|migration --seed=N [--seeds=COUNT] [--trace]\n"
      "       redan_sim --world=big [--primaries=N] [--replicas=N] [--timeout-ms=N]\n"
      "       a build with REDAN_MUTANTS also knows --mutant=NAME\n");
  return 2;
}

template <class Run>
int run_world(Run run, uint64_t seed, uint64_t seeds, bool trace) {
  uint64_t failed = 0, acknowledged = 0, lost = 0;
  for (uint64_t s = seed; s < seed + seeds; ++s) {
    const auto out = run(s, trace);
    acknowledged += out.acknowledged;
    if constexpr (requires { out.lost; }) lost += out.lost;
    if (trace) std::fputs(out.trace.c_str(), stdout);
    if (!out.ok) {
      ++failed;
      std::printf("seed %llu: %s (%s)\n", static_cast<unsigned long long>(s), out.failure.c_str(),
                  out.faults.c_str());
    }
    if (seeds == 1) std::printf("hash %016llx\n", static_cast<unsigned long long>(out.hash));
  }
  std::printf("%llu seeds, %llu failed; %llu writes acknowledged, %llu of them lost unreplicated\n",
              static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(failed),
              static_cast<unsigned long long>(acknowledged), static_cast<unsigned long long>(lost));
  return failed == 0 ? 0 : 1;
}

// The arguments behind --world=big.
int run_big(int argc, char** argv) {
  redan::sim::BigCluster options;
  for (int i = 2; i < argc; ++i) {
    const std::string arg = argv[i];
    const size_t value_at = std::min(arg.size(), arg.find('=') + 1);
    const std::string name = arg.substr(0, value_at);
    const auto value = redan::parse_uint64(arg.substr(value_at));
    if (!value || *value > 1'000'000) return usage();
    if (name == "--primaries=") {
      options.primaries = static_cast<int>(*value);
    } else if (name == "--replicas=") {
      options.replicas = static_cast<int>(*value);
    } else if (name == "--timeout-ms=" && *value > 0) {
      options.node_timeout = redan::Millis(*value);
      options.rest = std::max<redan::Nanos>(options.rest, 4 * options.node_timeout);
    } else {
      return usage();
    }
  }
  if (options.primaries < 20 || options.replicas > options.primaries) return usage();
  const redan::sim::BigReport report = redan::sim::measure(options);
  std::fputs(report.text().c_str(), stdout);
  return report.failure.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--world=big") == 0) return run_big(argc, argv);
  uint64_t seed = 1, seeds = 1;
  bool trace = false, cluster = false, migration = false;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const std::string value = arg.substr(std::min(arg.size(), arg.find('=') + 1));
    if (arg == "--world=sentinel" || arg == "--world=cluster" || arg == "--world=migration") {
      cluster = arg == "--world=cluster";
      migration = arg == "--world=migration";
      continue;
    }
    if (arg == "--trace") {
      trace = true;
    } else if (arg.rfind("--seed=", 0) == 0 && redan::parse_uint64(value)) {
      seed = *redan::parse_uint64(value);
    } else if (arg.rfind("--seeds=", 0) == 0 && redan::parse_uint64(value)) {
      seeds = *redan::parse_uint64(value);
#ifdef REDAN_MUTANTS
    } else if (arg.rfind("--mutant=", 0) == 0) {
      for (size_t m = 0; m < redan::mutants::kNames.size(); ++m) {
        if (redan::mutants::kNames[m] == value) redan::mutants::chosen = m + 1;
      }
      if (redan::mutants::chosen == 0) return usage();
#endif
    } else {
      return usage();
    }
  }
  if (cluster) return run_world(redan::sim::run_cluster_seed, seed, seeds, trace);
  if (migration) return run_world(redan::sim::run_migration_seed, seed, seeds, trace);
  const auto began = std::chrono::steady_clock::now();
  uint64_t failed = 0, events = 0, acknowledged = 0, handovers = 0, demotions = 0, refusals = 0;
  int64_t worst_gap = 0, worst_demotion = 0;
  for (uint64_t s = seed; s < seed + seeds; ++s) {
    const redan::sim::Outcome out = redan::sim::run_seed(s, trace);
    events += out.events;
    acknowledged += out.acknowledged;
    handovers += static_cast<uint64_t>(out.handovers);
    demotions += out.demoted_after.count() > 0;
    refusals += static_cast<uint64_t>(out.refusals);
    worst_gap = std::max<int64_t>(worst_gap, out.longest_gap.count());
    worst_demotion = std::max<int64_t>(worst_demotion, out.demoted_after.count());
    if (trace) std::fputs(out.trace.c_str(), stdout);
    if (!out.ok) {
      ++failed;
      std::printf("seed %llu: %s (%s)\n", static_cast<unsigned long long>(s), out.failure.c_str(),
                  out.faults.c_str());
    }
    if (seeds == 1) std::printf("hash %016llx\n", static_cast<unsigned long long>(out.hash));
  }
  const double took =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf(
      "%llu seeds, %llu failed, %.1f s, %.0f seeds/min on one core, %llu events, %llu writes "
      "acknowledged, %llu handovers (longest gap %.1f ms), %llu demotions (slowest %.1f ms), %llu "
      "wipes refused\n",
      static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(failed), took,
      60.0 * static_cast<double>(seeds) / took, static_cast<unsigned long long>(events),
      static_cast<unsigned long long>(acknowledged), static_cast<unsigned long long>(handovers),
      static_cast<double>(worst_gap) / 1e6, static_cast<unsigned long long>(demotions),
      static_cast<double>(worst_demotion) / 1e6, static_cast<unsigned long long>(refusals));
  return failed == 0 ? 0 : 1;
}
