// Every directive of a data node as a plain value: the field of repl-timeout is repl_timeout. A new
// ServerConfig holds the defaults. What each means is said where it is declared (options_*.cc); how
// a value is changed is the registry's business (common/config/registry.h).
// Numbers have the unit of the directive (seconds, milliseconds, bytes).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/log/log.h"

namespace redan {

using Words = std::vector<std::string>;
using LineList = std::vector<Words>;

enum class Supervised : uint8_t { kUpstart, kSystemd, kAuto, kNo };
enum class SyslogFacility : int {  // the values of <syslog.h>
  kUser = 1 << 3,
  kLocal0 = 16 << 3,
  kLocal1 = 17 << 3,
  kLocal2 = 18 << 3,
  kLocal3 = 19 << 3,
  kLocal4 = 20 << 3,
  kLocal5 = 21 << 3,
  kLocal6 = 22 << 3,
  kLocal7 = 23 << 3,
};
enum class OomScoreAdj : uint8_t { kNo, kRelative, kAbsolute };
enum class AclPubsubDefault : uint8_t { kAllChannels, kResetChannels };
enum class SanitizePayload : uint8_t { kNo, kYes, kClients };
enum class LocalAllowed : uint8_t { kNo, kYes, kLocal };
enum class TlsAuthClients : uint8_t { kNo, kYes, kOptional };
enum class MaxmemoryPolicy : uint8_t {
  kVolatileLru,
  kVolatileLfu,
  kVolatileRandom,
  kVolatileTtl,
  kAllkeysLru,
  kAllkeysLfu,
  kAllkeysRandom,
  kNoeviction,
};
enum class AppendFsync : uint8_t { kEverysec, kAlways, kNo };
enum class PropagationErrorBehavior : uint8_t { kIgnore, kPanic, kPanicOnReplicas };
enum class DisklessLoad : uint8_t { kDisabled, kOnEmptyDb, kSwapDb };
// What a full sync that would leave a replica with less than it holds is refused for.
enum class WipeRule : uint8_t { kNever, kEmpty /* it holds no key */, kShorter /* always */ };
enum class PreferredEndpoint : uint8_t { kIp, kHostname, kUnknownEndpoint };

// save 3600 1: a snapshot once 3600 s have passed and at least one change was made.
struct SavePoint {
  int64_t seconds = 0;
  int64_t changes = 0;
  friend bool operator==(const SavePoint&, const SavePoint&) = default;
};
using SavePoints = std::vector<SavePoint>;

// When a client's waiting replies grow beyond `hard_bytes`, or stay beyond `soft_bytes` for
// `soft_seconds`, it is dropped. 0 has no limit.
struct OutputBufferLimit {
  int64_t hard_bytes = 0;
  int64_t soft_bytes = 0;
  int64_t soft_seconds = 0;
  friend bool operator==(const OutputBufferLimit&, const OutputBufferLimit&) = default;
};
struct OutputBufferLimits {
  OutputBufferLimit normal;
  OutputBufferLimit replica;
  OutputBufferLimit pubsub;
  friend bool operator==(const OutputBufferLimits&, const OutputBufferLimits&) = default;
};

// Nothing set: "default" (save if there are save points).
struct ShutdownFlags {
  bool save = false;
  bool nosave = false;
  bool now = false;
  bool force = false;
  friend bool operator==(const ShutdownFlags&, const ShutdownFlags&) = default;
};

// No host: a primary.
struct PrimaryAddress {
  std::string host;
  int64_t port = 0;
  friend bool operator==(const PrimaryAddress&, const PrimaryAddress&) = default;
};

// The `user` lines of the file, each a name and its rules.
struct UserLines {
  LineList lines;
  friend bool operator==(const UserLines&, const UserLines&) = default;
};

struct OomScoreValues {
  int64_t primary = 0;
  int64_t replica = 0;
  int64_t background = 0;
  friend bool operator==(const OomScoreValues&, const OomScoreValues&) = default;
};

// The classes of notify-keyspace-events, as bits.
struct KeyspaceEvents {
  enum Class : uint32_t {
    kKeyspace = 1u << 0,  // K
    kKeyevent = 1u << 1,  // E
    kGeneric = 1u << 2,   // g
    kString = 1u << 3,    // $
    kList = 1u << 4,      // l
    kSet = 1u << 5,       // s
    kHash = 1u << 6,      // h
    kZset = 1u << 7,      // z
    kExpired = 1u << 8,   // x
    kEvicted = 1u << 9,   // e
    kStream = 1u << 10,   // t
    kKeyMiss = 1u << 11,  // m
    kModule = 1u << 12,   // d
    kNew = 1u << 13,      // n
    kAll = kGeneric | kString | kList | kSet | kHash | kZset | kExpired | kEvicted | kStream |
           kModule,  // A
  };
  uint32_t classes = 0;
  bool has(Class c) const { return (classes & c) != 0; }
  friend bool operator==(const KeyspaceEvents&, const KeyspaceEvents&) = default;
};

using Percentiles = std::vector<double>;

struct ServerConfig {
  ServerConfig();  // every field at its declared default

  // Listening, clients and their limits.
  Words bind;
  std::string bind_source_addr;
  int64_t port{};
  bool protected_mode{};
  int64_t tcp_backlog{};
  std::string unixsocket;
  int64_t unixsocketperm{};
  int64_t timeout{};
  int64_t tcp_keepalive{};
  int64_t maxclients{};
  int64_t max_new_connections_per_cycle{};
  int64_t max_new_tls_connections_per_cycle{};
  int64_t socket_mark_id{};
  OutputBufferLimits client_output_buffer_limit;
  int64_t client_query_buffer_limit{};
  int64_t proto_max_bulk_len{};
  int64_t maxmemory_clients{};
  int64_t client_default_resp{};
  std::string req_res_logfile;
  int64_t io_threads{};
  bool io_threads_do_reads{};
  int64_t tracking_table_max_keys{};

  // The process: daemon, log, signals, the memory of the host.
  bool daemonize{};
  Supervised supervised{};
  std::string pidfile;
  LogLevel loglevel{};
  std::string logfile;
  bool syslog_enabled{};
  std::string syslog_ident;
  SyslogFacility syslog_facility{};
  bool crash_log_enabled{};
  bool crash_memcheck_enabled{};
  bool use_exit_on_panic{};
  bool always_show_logo{};
  bool set_proc_title{};
  std::string proc_title_template;
  std::string locale_collate;
  std::string dir;
  int64_t shutdown_timeout{};
  ShutdownFlags shutdown_on_sigint;
  ShutdownFlags shutdown_on_sigterm;
  bool disable_thp{};
  OomScoreAdj oom_score_adj{};
  OomScoreValues oom_score_adj_values;
  std::string ignore_warnings;
  bool jemalloc_bg_thread{};
  std::string server_cpulist;
  std::string bio_cpulist;
  std::string aof_rewrite_cpulist;
  std::string bgsave_cpulist;
  int64_t watchdog_period{};
  LineList loadmodule;

  // Who may do what.
  std::string requirepass;
  std::string aclfile;
  UserLines user;
  AclPubsubDefault acl_pubsub_default{};
  int64_t acllog_max_len{};
  LineList rename_command;
  SanitizePayload sanitize_dump_payload{};
  LocalAllowed enable_protected_configs{};
  LocalAllowed enable_debug_command{};
  LocalAllowed enable_module_command{};
  bool hide_user_data_from_log{};

  // TLS, for clients and between nodes.
  int64_t tls_port{};
  bool tls_cluster{};
  bool tls_replication{};
  TlsAuthClients tls_auth_clients{};
  std::string tls_cert_file;
  std::string tls_key_file;
  std::string tls_key_file_pass;
  std::string tls_client_cert_file;
  std::string tls_client_key_file;
  std::string tls_client_key_file_pass;
  std::string tls_dh_params_file;
  std::string tls_ca_cert_file;
  std::string tls_ca_cert_dir;
  std::string tls_protocols;
  std::string tls_ciphers;
  std::string tls_ciphersuites;
  bool tls_prefer_server_ciphers{};
  bool tls_session_caching{};
  int64_t tls_session_cache_size{};
  int64_t tls_session_cache_timeout{};

  // Memory, eviction, expiry and deletion.
  int64_t databases{};
  int64_t maxmemory{};
  MaxmemoryPolicy maxmemory_policy{};
  int64_t maxmemory_samples{};
  int64_t maxmemory_eviction_tenacity{};
  int64_t lfu_log_factor{};
  int64_t lfu_decay_time{};
  int64_t active_expire_effort{};
  int64_t hz{};
  bool dynamic_hz{};
  bool activerehashing{};
  bool lazyfree_lazy_eviction{};
  bool lazyfree_lazy_expire{};
  bool lazyfree_lazy_server_del{};
  bool lazyfree_lazy_user_del{};
  bool lazyfree_lazy_user_flush{};
  KeyspaceEvents notify_keyspace_events;
  bool activedefrag{};
  int64_t active_defrag_ignore_bytes{};
  int64_t active_defrag_threshold_lower{};
  int64_t active_defrag_threshold_upper{};
  int64_t active_defrag_cycle_min{};
  int64_t active_defrag_cycle_max{};
  int64_t active_defrag_max_scan_fields{};

  // When a small collection becomes a large one.
  int64_t hash_max_listpack_entries{};
  int64_t hash_max_listpack_value{};
  int64_t list_max_listpack_size{};
  int64_t list_compress_depth{};
  int64_t set_max_intset_entries{};
  int64_t set_max_listpack_entries{};
  int64_t set_max_listpack_value{};
  int64_t zset_max_listpack_entries{};
  int64_t zset_max_listpack_value{};
  int64_t hll_sparse_max_bytes{};
  int64_t stream_node_max_bytes{};
  int64_t stream_node_max_entries{};

  // Snapshots and the append-only file.
  SavePoints save;
  std::string dbfilename;
  bool rdbcompression{};
  bool rdbchecksum{};
  bool rdb_del_sync_files{};
  bool rdb_save_incremental_fsync{};
  bool stop_writes_on_bgsave_error{};
  int64_t rdb_key_save_delay{};
  int64_t key_load_delay{};
  int64_t loading_process_events_interval_bytes{};
  bool appendonly{};
  std::string appendfilename;
  std::string appenddirname;
  AppendFsync appendfsync{};
  bool no_appendfsync_on_rewrite{};
  int64_t auto_aof_rewrite_percentage{};
  int64_t auto_aof_rewrite_min_size{};
  bool aof_load_truncated{};
  bool aof_use_rdb_preamble{};
  bool aof_timestamp_enabled{};
  bool aof_rewrite_incremental_fsync{};
  bool aof_disable_auto_gc{};

  // Both ends of replication.
  PrimaryAddress replicaof;
  std::string masteruser;
  std::string masterauth;
  bool replica_serve_stale_data{};
  bool replica_read_only{};
  bool replica_ignore_maxmemory{};
  WipeRule replica_refuse_wipe{};
  bool replica_lazy_flush{};
  bool replica_announced{};
  std::string replica_announce_ip;
  int64_t replica_announce_port{};
  int64_t replica_priority{};
  bool replica_ignore_disk_write_errors{};
  PropagationErrorBehavior propagation_error_behavior{};
  bool repl_diskless_sync{};
  int64_t repl_diskless_sync_delay{};
  int64_t repl_diskless_sync_max_replicas{};
  DisklessLoad repl_diskless_load{};
  int64_t repl_ping_replica_period{};
  int64_t repl_timeout{};
  bool repl_disable_tcp_nodelay{};
  int64_t repl_backlog_size{};
  int64_t repl_backlog_ttl{};
  int64_t min_replicas_to_write{};
  int64_t min_replicas_max_lag{};

  // The cluster.
  bool cluster_enabled{};
  std::string cluster_config_file;
  int64_t cluster_node_timeout{};
  int64_t cluster_port{};
  int64_t cluster_replica_validity_factor{};
  int64_t cluster_migration_barrier{};
  bool cluster_allow_replica_migration{};
  bool cluster_require_full_coverage{};
  bool cluster_replica_no_failover{};
  bool cluster_allow_reads_when_down{};
  bool cluster_allow_pubsubshard_when_down{};
  int64_t cluster_link_sendbuf_limit{};
  std::string cluster_announce_ip;
  int64_t cluster_announce_port{};
  int64_t cluster_announce_tls_port{};
  int64_t cluster_announce_bus_port{};
  std::string cluster_announce_hostname;
  std::string cluster_announce_human_nodename;
  PreferredEndpoint cluster_preferred_endpoint_type{};
  int64_t cluster_ping_interval{};

  // Scripts, slow commands, latency.
  int64_t busy_reply_threshold{};
  int64_t slowlog_log_slower_than{};
  int64_t slowlog_max_len{};
  int64_t commandlog_request_larger_than{};
  int64_t commandlog_large_request_max_len{};
  int64_t commandlog_reply_larger_than{};
  int64_t commandlog_large_reply_max_len{};
  int64_t latency_monitor_threshold{};
  bool latency_tracking{};
  Percentiles latency_tracking_info_percentiles;
};

}  // namespace redan
