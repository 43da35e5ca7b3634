#include "server/front/info.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/metrics/info_writer.h"
#include "server/command/node/client_text.h"
#include "server/command/node/memory_report.h"
#include "server/drivers/client_io.h"
#include "server/drivers/memory_use.h"
#include "server/front/memory_limit.h"
#include "server/session/access.h"
#include "server/session/blocked_keys.h"
#include "server/session/pubsub.h"
#include "server/session/server_stats.h"
#include "server/session/tracking.h"
#include "server/session/waits.h"

namespace redan {

namespace {

struct Context {
  const ServerParts& parts;
  const NodeFacts& facts;
  InfoWriter& info;
  std::vector<ClusterLinkFacts> links;  // of the cluster's bus
};

std::string human(int64_t bytes) {
  if (bytes < 1024) return fmt::format("{}B", bytes);
  double amount = static_cast<double>(bytes);
  const char* unit = "";
  for (const char* next : {"K", "M", "G", "T"}) {
    amount /= 1024;
    unit = next;
    if (amount < 1024) break;
  }
  return fmt::format("{:.2f}{}", amount, unit);
}

void server_section(const Context& c) {
  utsname name{};
  ::uname(&name);
  InfoWriter& info = c.info;
  info.section("Server");
  info.field("redis_version", REDAN_VERSION);
  info.field("redis_git_sha1", "00000000");
  info.field("redis_git_dirty", "0");
  info.field("redis_build_id", "0");
  info.field("redan_version", REDAN_VERSION);
  info.field("redis_mode", c.parts.cluster == nullptr ? "standalone" : "cluster");
  info.field("os", fmt::format("{} {} {}", name.sysname, name.release, name.machine));
  info.field("arch_bits", 64);
  info.field("monotonic_clock", "POSIX clock_gettime");
  info.field("multiplexing_api", "epoll");
  info.field("atomicvar_api", "c11-builtin");
  info.field("gcc_version", __VERSION__);
  info.field("process_id", ::getpid());
  info.field("process_supervised", c.facts.supervised);
  info.field("run_id", c.facts.run_id);
  info.field("tcp_port", c.parts.config.port);
  info.field("server_time_usec", c.facts.wall_us);
  const int64_t uptime_s = whole_ms(c.facts.now - c.facts.started) / 1000;
  info.field("uptime_in_seconds", uptime_s);
  info.field("uptime_in_days", uptime_s / 86400);
  info.field("hz", c.parts.config.hz);
  info.field("configured_hz", c.parts.config.hz);
  info.field("lru_clock", c.facts.wall_us / 1'000'000 & 0xffffff);
  info.field("executable", c.facts.executable);
  info.field("config_file", c.facts.config_file);
  info.field("io_threads_active", 0);
  if (c.facts.shutdown_in_ms >= 0) info.field("shutdown_in_milliseconds", c.facts.shutdown_in_ms);
}

void clients_section(const Context& c) {
  size_t normal = 0, pubsub = 0, largest_input = 0, largest_output = 0;
  for (const auto& [id, session] : c.parts.clients.sessions()) {
    const ClientKind kind = effective_kind(*session);
    if (kind != ClientKind::kNormal && kind != ClientKind::kPubSub) continue;
    ++normal;
    if (session->subscription_count() > 0) ++pubsub;
    const ClientBuffers buffers = c.parts.clients.buffers(*session);
    largest_input = std::max(largest_input, buffers.query);
    largest_output = std::max(largest_output, buffers.output_bytes);
  }
  InfoWriter& info = c.info;
  info.section("Clients");
  info.field("connected_clients", normal);
  info.field("cluster_connections", c.links.size());
  info.field("maxclients", c.parts.config.maxclients);
  info.field("client_recent_max_input_buffer", largest_input);
  info.field("client_recent_max_output_buffer", largest_output);
  const BlockedKeys& blocked = c.parts.blocked;
  info.field("blocked_clients", c.parts.waits.size() + blocked.size());
  info.field("tracking_clients", c.parts.tracking.clients());
  info.field("pubsub_clients", pubsub);
  info.field("clients_in_timeout_table", c.parts.waits.timed() + blocked.timed());
  info.field("total_blocking_keys", blocked.keys());
  info.field("total_blocking_keys_on_nokey", blocked.keys_also_gone());
}

void memory_section(const Context& c) {
  const MemoryReport report = memory_report(c.parts);
  const MemoryUse& use = report.use;
  const int64_t peak = report.peak;
  const int64_t overhead = report.overhead();
  const int64_t dataset = report.dataset();
  const auto ratio = [](int64_t a, int64_t b) {
    return b > 0 ? static_cast<double>(a) / static_cast<double>(b) : 0.0;
  };
  InfoWriter& info = c.info;
  info.section("Memory");
  info.field("used_memory", use.used);
  info.field("used_memory_human", human(use.used));
  info.field("used_memory_rss", use.rss);
  info.field("used_memory_rss_human", human(use.rss));
  info.field("used_memory_peak", peak);
  info.field("used_memory_peak_human", human(peak));
  info.field("used_memory_peak_perc", fmt::format("{:.2f}%", ratio(use.used, peak) * 100));
  info.field("used_memory_overhead", overhead);
  info.field("used_memory_startup", report.startup);
  info.field("used_memory_dataset", dataset);
  info.field("used_memory_dataset_perc",
             fmt::format("{:.2f}%", ratio(dataset, use.used - report.startup) * 100));
  info.field("allocator_allocated", use.used);
  info.field("allocator_active", use.active);
  info.field("allocator_resident", use.resident);
  info.field("total_system_memory", use.total_system);
  info.field("total_system_memory_human", human(use.total_system));
  info.field("used_memory_lua", 0);
  info.field("used_memory_vm_eval", 0);
  info.field("used_memory_lua_human", "0B");
  info.field("used_memory_scripts_eval", 0);
  info.field("number_of_cached_scripts", 0);
  info.field("number_of_functions", 0);
  info.field("number_of_libraries", 0);
  info.field("used_memory_vm_functions", 0);
  info.field("used_memory_vm_total", 0);
  info.field("used_memory_vm_total_human", "0B");
  info.field("used_memory_functions", 0);
  info.field("used_memory_scripts", 0);
  info.field("used_memory_scripts_human", "0B");
  info.field("maxmemory", c.parts.config.maxmemory);
  info.field("maxmemory_human", human(c.parts.config.maxmemory));
  const std::string_view policy[] = {"maxmemory-policy"};
  info.field("maxmemory_policy", c.parts.options.get(policy).front().second);
  info.field("allocator_frag_ratio", ratio(use.active, use.used));
  info.field("allocator_frag_bytes", use.active - use.used);
  info.field("allocator_rss_ratio", ratio(use.resident, use.active));
  info.field("allocator_rss_bytes", use.resident - use.active);
  info.field("rss_overhead_ratio", ratio(use.rss, use.resident));
  info.field("rss_overhead_bytes", use.rss - use.resident);
  info.field("mem_fragmentation_ratio", ratio(use.rss, use.used));
  info.field("mem_fragmentation_bytes", use.rss - use.used);
  info.field("mem_not_counted_for_evict",
             uncounted_replication(c.parts.config, report.replication));
  info.field("mem_replication_backlog", report.replication.backlog_bytes);
  info.field("mem_total_replication_buffers", report.replication.buffer_bytes);
  info.field("mem_clients_slaves", report.replicas);
  info.field("mem_clients_normal", report.clients);
  info.field("mem_cluster_links", report.links);
  info.field("mem_aof_buffer", 0);
  info.field("mem_allocator", allocator_name());
  info.field("active_defrag_running", 0);
  info.field("lazyfree_pending_objects", c.facts.lazy_pending);
  info.field("lazyfreed_objects", c.parts.keyspace.stats().lazy_freed);
}

void persistence_section(const Context& c) {
  InfoWriter& info = c.info;
  info.section("Persistence");
  info.field("loading", c.facts.loading);
  info.field("async_loading", c.parts.replication.loading());
  if (c.facts.loading) {
    const uint64_t total = c.facts.loading_total_bytes, loaded = c.facts.loading_loaded_bytes;
    const int64_t elapsed_s = c.facts.wall_us / 1'000'000 - c.facts.loading_started_unix_s;
    info.field("loading_start_time", c.facts.loading_started_unix_s);
    info.field("loading_total_bytes", total);
    info.field("loading_rdb_used_mem", 0);
    info.field("loading_loaded_bytes", loaded);
    info.field("loading_loaded_perc",
               total > 0 ? static_cast<double>(loaded) * 100 / static_cast<double>(total) : 0.0);
    const double rate =
        static_cast<double>(loaded) / static_cast<double>(std::max<int64_t>(elapsed_s, 1));
    info.field("loading_eta_seconds",
               rate > 0 ? static_cast<int64_t>(static_cast<double>(total - loaded) / rate) : 1);
  }
  c.parts.snapshots.write_info(info);
}

void stats_section(const Context& c) {
  const ServerStats& stats = c.parts.stats;
  const ClientIoStats& io = c.parts.clients.stats();
  const ReplicationTraffic traffic = c.parts.replication.traffic();
  const KeyspaceStats& keys = c.parts.keyspace.stats();
  InfoWriter& info = c.info;
  info.section("Stats");
  info.field("total_connections_received", io.connections);
  info.field("total_commands_processed", stats.processed);
  info.field("instantaneous_ops_per_sec", stats.operations.per_second());
  info.field("total_net_input_bytes", io.input_bytes + traffic.own_socket_bytes);
  info.field("total_net_output_bytes", io.output_bytes);
  info.field("total_net_repl_input_bytes", traffic.input_bytes);
  info.field("total_net_repl_output_bytes", traffic.output_bytes);
  info.field("instantaneous_input_kbps", static_cast<double>(stats.input.per_second()) / 1024);
  info.field("instantaneous_output_kbps", static_cast<double>(stats.output.per_second()) / 1024);
  info.field("instantaneous_input_repl_kbps",
             static_cast<double>(stats.replication_input.per_second()) / 1024);
  info.field("instantaneous_output_repl_kbps",
             static_cast<double>(stats.replication_output.per_second()) / 1024);
  info.field("rejected_connections", io.rejected);
  c.parts.replication.write_stats(info);
  info.field("expired_keys", keys.expired);
  info.field("expired_subkeys", keys.expired_fields);
  info.field("expired_stale_perc", keys.expired_stale_percent);
  info.field("expired_time_cap_reached_count", stats.expire_cut_short);
  info.field("expire_cycle_cpu_milliseconds", stats.expire_nanoseconds / 1'000'000);
  info.field("evicted_keys", c.parts.keyspace.stats().evicted);
  info.field("evicted_clients", io.evicted);
  info.field("evicted_scripts", 0);
  const Nanos exceeded = c.parts.stats.memory_exceeded_since
                             ? monotonic_now() - *c.parts.stats.memory_exceeded_since
                             : Nanos{};
  info.field("total_eviction_exceeded_time",
             whole_ms(c.parts.stats.memory_exceeded_before + exceeded));
  info.field("current_eviction_exceeded_time", whole_ms(exceeded));
  info.field("keyspace_hits", keys.hits);
  info.field("keyspace_misses", keys.misses);
  info.field("pubsub_channels", c.parts.pubsub.channel_count());
  info.field("pubsub_patterns", c.parts.pubsub.pattern_count());
  info.field("pubsubshard_channels", c.parts.pubsub.shard_channel_count());
  info.field("latest_fork_usec", 0);
  info.field("total_forks", stats.forks);
  info.field("migrate_cached_sockets", 0);
  info.field("slave_expires_tracked_keys", 0);
  info.field("active_defrag_hits", 0);
  info.field("active_defrag_misses", 0);
  info.field("active_defrag_key_hits", 0);
  info.field("active_defrag_key_misses", 0);
  info.field("total_active_defrag_time", 0);
  info.field("current_active_defrag_time", 0);
  info.field("tracking_total_keys", c.parts.tracking.table().keys());
  info.field("tracking_total_items", c.parts.tracking.table().items());
  info.field("tracking_total_prefixes", c.parts.tracking.prefixes());
  info.field("unexpected_error_replies", stats.unexpected_error_replies);
  info.field("total_error_replies", stats.error_replies);
  info.field("dump_payload_sanitizations", 0);
  info.field("total_reads_processed", io.reads);
  info.field("total_writes_processed", io.writes);
  info.field("io_threaded_reads_processed", 0);
  info.field("io_threaded_writes_processed", 0);
  info.field("reply_buffer_shrinks", 0);
  info.field("reply_buffer_expands", 0);
  info.field("eventloop_cycles", io.wake_ups);
  info.field("client_query_buffer_limit_disconnections", io.query_buffer_disconnections);
  info.field("client_output_buffer_limit_disconnections", io.output_limit_disconnections);
  const auto denied = [&c](acl::Reason reason) {
    return c.parts.access.denied[static_cast<size_t>(reason)];
  };
  info.field("acl_access_denied_auth", denied(acl::Reason::kAuth));
  info.field("acl_access_denied_cmd", denied(acl::Reason::kCommand));
  info.field("acl_access_denied_key", denied(acl::Reason::kKey));
  info.field("acl_access_denied_channel", denied(acl::Reason::kChannel));
}

void replication_section(const Context& c) {
  c.info.section("Replication");
  c.parts.replication.write_info(c.info);
}

void cpu_section(const Context& c) {
  rusage self{}, children{}, thread{};
  ::getrusage(RUSAGE_SELF, &self);
  ::getrusage(RUSAGE_CHILDREN, &children);
  ::getrusage(RUSAGE_THREAD, &thread);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  c.info.section("CPU");
  c.info.field("used_cpu_sys", seconds(self.ru_stime), 6);
  c.info.field("used_cpu_user", seconds(self.ru_utime), 6);
  c.info.field("used_cpu_sys_children", seconds(children.ru_stime), 6);
  c.info.field("used_cpu_user_children", seconds(children.ru_utime), 6);
  c.info.field("used_cpu_sys_main_thread", seconds(thread.ru_stime), 6);
  c.info.field("used_cpu_user_main_thread", seconds(thread.ru_utime), 6);
}

void modules_section(const Context& c) {
  c.info.section("Modules");
}

void commandstats_section(const Context& c) {
  c.info.section("Commandstats");
  for (const CommandEntry* entry : c.parts.commands.entries()) {
    const CommandStats& stats = c.parts.stats.commands[static_cast<size_t>(entry->id)];
    if (stats.calls == 0 && stats.rejected == 0 && stats.failed == 0) continue;
    const double us = static_cast<double>(stats.nanoseconds) / 1000;
    c.info.field("cmdstat_" + entry->full_name,
                 fmt::format("calls={},usec={},usec_per_call={:.2f},rejected_calls={},"
                             "failed_calls={}",
                             stats.calls, stats.nanoseconds / 1000,
                             stats.calls > 0 ? us / static_cast<double>(stats.calls) : 0.0,
                             stats.rejected, stats.failed));
  }
}

void errorstats_section(const Context& c) {
  c.info.section("Errorstats");
  for (const auto& [code, count] : c.parts.stats.errors) {
    c.info.field("errorstat_" + code, fmt::format("count={}", count));
  }
}

void latencystats_section(const Context& c) {
  c.info.section("Latencystats");
  for (const CommandEntry* entry : c.parts.commands.entries()) {
    const CommandStats& stats = c.parts.stats.commands[static_cast<size_t>(entry->id)];
    if (stats.latency == nullptr) continue;
    std::string text;
    for (const double percentile : c.parts.config.latency_tracking_info_percentiles) {
      if (!text.empty()) text += ',';
      text += fmt::format("p{}={:.3f}", percentile, stats.latency->percentile_us(percentile));
    }
    c.info.field("latency_percentiles_usec_" + entry->full_name, text);
  }
}

void cluster_section(const Context& c) {
  c.info.section("Cluster");
  c.info.field("cluster_enabled", c.parts.cluster != nullptr);
}

void keyspace_section(const Context& c) {
  c.info.section("Keyspace");
  for (int db = 0; db < c.parts.keyspace.databases(); ++db) {
    const size_t keys = c.parts.keyspace.size(db);
    if (keys == 0) continue;
    c.info.field(fmt::format("db{}", db),
                 fmt::format("keys={},expires={},avg_ttl={}", keys, c.parts.keyspace.expiring(db),
                             c.parts.keyspace.average_ttl_ms(db)));
  }
}

struct Section {
  std::string_view name;
  bool by_default;
  void (*write)(const Context&);
};
constexpr Section kSections[] = {
    {"server", true, server_section},
    {"clients", true, clients_section},
    {"memory", true, memory_section},
    {"persistence", true, persistence_section},
    {"stats", true, stats_section},
    {"replication", true, replication_section},
    {"cpu", true, cpu_section},
    {"modules", true, modules_section},
    {"commandstats", false, commandstats_section},
    {"errorstats", true, errorstats_section},
    {"latencystats", false, latencystats_section},
    {"cluster", true, cluster_section},
    {"keyspace", true, keyspace_section},
};

}  // namespace

std::string info_text(const ServerParts& parts, const NodeFacts& facts,
                      std::span<const std::string_view> sections) {
  std::set<std::string> wanted;
  bool defaults = sections.empty(), everything = false;
  for (const std::string_view section : sections) {
    const std::string name = to_lower(section);
    if (name == "default") defaults = true;
    if (name == "all" || name == "everything") everything = true;
    wanted.insert(name);
  }
  InfoWriter info;
  const Context context{
      parts, facts, info,
      parts.cluster == nullptr ? std::vector<ClusterLinkFacts>() : parts.cluster->links()};
  for (const Section& section : kSections) {
    const bool chosen = wanted.contains(std::string(section.name));
    if (everything || chosen || (defaults && section.by_default)) section.write(context);
  }
  return info.take();
}

}  // namespace redan
