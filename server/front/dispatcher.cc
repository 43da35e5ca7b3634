#include "server/front/dispatcher.h"

#include <algorithm>
#include <cstdlib>

#include "common/base/check.h"
#include "common/base/parse.h"
#include "common/base/same_text.h"
#include "common/log/log.h"
#include "server/command/keys_ahead.h"
#include "server/front/gates.h"
#include "server/front/ticks.h"
#include "server/session/access.h"
#include "server/session/command_logs.h"
#include "server/session/pubsub.h"
#include "server/session/server_stats.h"
#include "server/session/tracking.h"
#include "server/session/waits.h"
#include "server/session/watched_keys.h"

namespace redan {

namespace {

// Declared as fast, or as O(1) for one key: such calls take well below a microsecond.
bool is_quick(const CommandEntry& entry) {
  // (What a slow series shows is its last request, with a remark; no password may stand there.)
  if (entry.has(kAdmin | kBlocking | kNoAuth)) return false;
  const bool one_key = entry.first_key != 0 && entry.first_key == entry.last_key;
  return entry.has(kFast) || (one_key && entry.spec->complexity == "O(1)");
}

}  // namespace

Dispatcher::Dispatcher(ServerParts& parts)
    : parts_(parts),
      nanoseconds_per_tick_(1e9 / ticks_per_second()),
      refresh_ticks_(static_cast<uint64_t>(ticks_per_second() / 2000)),
      way_(parts.cluster != nullptr ? Way::kBySlot : Way::kShort),
      cluster_gate_(parts),
      memory_limit_(parts, [this](int db, std::string_view key) { evicted(db, key); }),
      own_expiry_(parts) {
  quick_.reserve(parts.commands.size());
  for (const CommandEntry* entry : parts.commands.entries()) quick_.push_back(is_quick(*entry));
}

// --- connections ---

void Dispatcher::opened(Session& session) {
  session.resp = parts_.config.client_default_resp == 3 ? Resp::k3 : Resp::k2;
  enter(session, parts_.access.users.default_user());
}

RequestLimits Dispatcher::limits(const Session& session) const {
  return {.max_bulk_bytes = parts_.config.proto_max_bulk_len,
          .authenticated = session.authenticated};
}

void Dispatcher::malformed(Session& session, std::string_view why) {
  parts_.stats.count_error("ERR");
  log_verbose("Protocol error ({}) from client: id={} addr={}", why, session.id,
              session.connection->peer_address());
}

void Dispatcher::closed(Session& session) {
  parts_.pubsub.forget(session);
  parts_.tracking.forget(session);
  parts_.watched.forget(session);
  parts_.waits.forget(session);
  parts_.blocked.forget(session);
  parts_.logs.monitors.forget(session);
  paused_sessions_.erase(session.id);
  parts_.replication.session_closed(session);
  if (parts_.migration != nullptr) parts_.migration->session_closed(session);
}

void Dispatcher::batch_begins() {
  judge_state();
  refresh_time(ticks());
}

// Reading from the socket is not the first command's time.
void Dispatcher::input_begins() {
  last_ticks_ = ticks();
}

void Dispatcher::look_ahead(const Session& session, const RequestsAhead& requests) {
  if (!parts_.keyspace.outgrows_caches(session.db)) [[likely]] {
    return;
  }
  static_assert(RequestsAhead::kMost <= kLookupsAhead);
  std::array<std::string_view, kLookupsAhead> keys;
  std::array<std::string_view, kLookupsAhead> members;
  size_t count = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    const Args args = requests.args(i);
    if (args.size() < 2 || args[1].size() > kLongestAnnounced) continue;
    // Most commands name a field or a member behind the key, ZADD and ZINCRBY the score before it.
    const bool sorted_set = !args[0].empty() && (args[0][0] | 0x20) == 'z';
    const size_t at = sorted_set && args.size() > 3 ? 3 : 2;
    keys[count] = args[1];
    members[count++] =
        args.size() > at && args[at].size() <= kLongestAnnounced ? args[at] : std::string_view();
  }
  parts_.keyspace.prefetch(session.db, std::span(keys).first(count), members);
}

void Dispatcher::input_ends() {
  end_series();
}

// What happens between batches (a link breaks, a save fails) is seen at the next one.
void Dispatcher::judge_state() {
  const bool nearly_short = memory_limit_.nearly_exceeded();
  watches_memory_ = parts_.config.maxmemory > 0 && !nearly_short;
  doubtful_ = doubtful_flags(parts_.config, parts_.replication, parts_.snapshots, is_loading(),
                             nearly_short);
  listened_to_ = parts_.migration != nullptr || parts_.replication.listened_to();
  if (!listened_to_) unheard_offset_ = parts_.replication.offset();
  propagation_.set_heard(listened_to_);
  const int64_t slow_us = parts_.config.slowlog_log_slower_than;
  slow_ns_ = slow_us < 0 ? UINT64_MAX : static_cast<uint64_t>(slow_us) * 1000;
  if (const int64_t ms = parts_.config.latency_monitor_threshold; ms > 0) {
    slow_ns_ = std::min(slow_ns_, static_cast<uint64_t>(ms) * 1'000'000);
  }
  // Whoever asks for single microseconds gets each call measured by itself.
  constexpr uint64_t kCoarseNs = 1'000'000;
  parts_.logs.hot_keys.tick(parts_.keyspace.now_ms());
  hot_active_ = parts_.logs.hot_keys.active();
  writable_replica_ = !parts_.config.replica_read_only && parts_.replication.is_replica();
  monitored_ = !parts_.logs.monitors.empty();
  if (monitored_) doubtful_ |= kAnyCommand;
  series_allowed_ = slow_ns_ >= kCoarseNs;
  const KeyspaceEvents events = parts_.config.notify_keyspace_events;
  parts_.keyspace.watch_creation(events.has(KeyspaceEvents::kNew));
  parts_.keyspace.watch_misses(events.has(KeyspaceEvents::kKeyMiss));
}

// Links that broke and slots that went may have changed keys as well as commands have.
void Dispatcher::batch_ends() {
  serve_blocked();
}

void Dispatcher::batch_done() {
  if (parts_.cluster != nullptr) parts_.cluster->batch_done();
  parts_.replication.flush();
  if (parts_.migration != nullptr) parts_.migration->batch_done();
  if (!parts_.waits.empty() || parts_.blocked.timed() > 0) check_waits(parts_.control.now());
  if (!parts_.tracking.idle()) tell_trackers();
  parts_.keyspace.watch_changes(!parts_.watched.empty() || !parts_.blocked.empty() ||
                                !parts_.tracking.idle());
}

void Dispatcher::refresh_time(uint64_t now_ticks) {
  wall_ = parts_.control.wall_now();
  time_taken_at_ = now_ticks;
  parts_.keyspace.set_now(wall_);
}

// --- requests ---

Executed Dispatcher::execute(Session& session, Args args, std::string_view raw,
                             ReplyWriter& reply) {
  // A pipeline calls the same command again and again.
  const Entry* const entry = same_text(args[0], found_name_) ? found_ : find(session, args[0]);
  if (entry != nullptr && is_ordinary(session) && !is_doubtful(entry->flags, doubtful_) &&
      entry->handler != nullptr && !entry->is_container() && entry->accepts(args.size()) &&
      !session.replies_withheld()) [[likely]] {
    if (way_ == Way::kShort) [[likely]] {
      call_in_series(session, *entry, args, raw, reply);
      serve_blocked();
      return Executed::kDone;
    }
    if (const int slot = served_at_once(session, *entry, args); slot != ClusterGate::kUnknown) {
      Keyspace& keyspace = parts_.keyspace;
      keyspace.set_slot(Slot(static_cast<uint16_t>(slot)));
      call_in_series(session, *entry, args, raw, reply);
      keyspace.forget_slot();
      serve_blocked();
      return Executed::kDone;
    }
  }
  const size_t start = reply.buffer().size();
  if (session.kind == ClientKind::kPrimary) {
    // The stream is obeyed and not answered; REPLCONF GETACK answers through the connection.
    parts_.keyspace.set_applying_stream(true);
    const Executed executed = run(session, entry, args, reply);
    parts_.keyspace.set_applying_stream(false);
    if (!iequals(args[0], "replconf")) reply.buffer().truncate(start);
    if (executed == Executed::kDone) parts_.replication.applied(session, raw);
    serve_blocked();
    return executed;
  }
  if (session.kind == ClientKind::kMigration) {
    // As a primary's stream, but of a few slots.
    parts_.keyspace.set_applying_stream(true);
    const Executed executed = run(session, entry, args, reply);
    parts_.keyspace.set_applying_stream(false);
    reply.buffer().truncate(start);
    parts_.migration->applied(session, raw.size());
    serve_blocked();
    return executed;
  }
  parts_.pubsub.hold(session);
  const Executed executed = run(session, entry, args, reply);
  // ASKING is good for the one call behind it, or for one transaction.
  if (session.asking && executed == Executed::kDone && !session.in_multi() &&
      (entry == nullptr || entry->full_name != "asking")) {
    session.asking = false;
  }
  if (session.in_tracking) caching_ends(session, entry, executed);
  if (session.replies_withheld()) {
    if (session.reply_off || session.reply_skip) reply.buffer().truncate(start);
    session.reply_skip = std::exchange(session.reply_skip_next, false);
  }
  parts_.pubsub.release(reply.buffer());
  serve_blocked();
  return executed;
}

// A command of the primary did not work here: the two may hold different data from now on.
void Dispatcher::stream_failed(std::string_view command, const Error& error) {
  ++parts_.stats.unexpected_error_replies;
  log_warning(
      "== CRITICAL == This replica is sending an error to its master: '{}' after processing the "
      "command '{}'",
      parts_.config.hide_user_data_from_log ? error.code()
      : error.code() == "ERR"               ? error.message()
                                            : error.text(),
      command);
  if (parts_.config.propagation_error_behavior != PropagationErrorBehavior::kIgnore) {
    log_warning("Stopping, as propagation-error-behavior says.");
    panic();
  }
}

// A replica whose snapshots fail has no copy to restart from; Redis ends it unless told otherwise.
void Dispatcher::apply_without_disk() {
  if (!parts_.config.replica_ignore_disk_write_errors) {
    log_warning(
        "Replica was unable to write command to disk: stopping, as "
        "replica-ignore-disk-write-errors says.");
    panic();
  }
  constexpr Seconds kLogInterval(10);
  if (wall_ - disk_trouble_logged_ < kLogInterval) return;
  disk_trouble_logged_ = wall_;
  log_warning("Replica is applying a command even though it is unable to write to disk.");
}

void Dispatcher::refuse(Session& session, const Entry* entry, const Error& error,
                        ReplyWriter& reply) {
  if (entry != nullptr) ++parts_.stats.commands[static_cast<size_t>(entry->id)].rejected;
  if (session.kind == ClientKind::kMigration) parts_.migration->apply_failed(session, error);
  if (session.kind == ClientKind::kPrimary) {
    stream_failed(entry == nullptr ? "<unknown>" : entry->full_name, error);
  }
  const bool redirected = error.code() == "MOVED" || error.code() == "ASK" ||
                          error.code() == "TRYAGAIN" || error.code() == "CROSSSLOT" ||
                          error.code() == "CLUSTERDOWN";
  if (entry != nullptr && entry->full_name == "exec" && redirected) {
    // The client goes elsewhere with the whole transaction.
    parts_.watched.forget(session);
    session.transaction.reset();
    parts_.stats.count_error(error.code());
    return reply.error(error);
  }
  if (entry != nullptr && entry->full_name == "exec") {
    // What was queued can never run any more.
    parts_.watched.forget(session);
    session.transaction.reset();
    const std::string why = error.code() == "ERR" ? error.message() : error.text();
    parts_.stats.count_error("EXECABORT");
    return reply.error_text("EXECABORT", "Transaction discarded because of: " + why);
  }
  if (session.in_multi()) session.transaction->failed = true;
  parts_.stats.count_error(error.code());
  reply.error(error);
}

bool Dispatcher::must_wait(const Session& session, uint32_t flags) const {
  if (session.kind != ClientKind::kNormal && session.kind != ClientKind::kPubSub) return false;
  for (const Pause& pause : pauses_) {
    if (!pause.active) continue;
    if (pause.kind == PauseKind::kAll || (flags & (kWrite | kMayReplicate)) != 0) return true;
  }
  return false;
}

namespace {
// A browser was made to speak to us: it must not get further than its first lines.
bool is_http(std::string_view command) {
  return iequals(command, "post") || iequals(command, "host:");
}
}  // namespace

// The stream carries effects under their first names too (SET ... PXAT for SETEX, DEL for what
// expired); a primary that renamed those commands as we did does not mean to hide them from us.
const Dispatcher::Entry* Dispatcher::find(const Session& session, std::string_view name) {
  const Entry* entry = parts_.commands.find(name);
  if (entry != nullptr) found_name_ = name, found_ = entry;
  const bool is_stream =
      session.kind == ClientKind::kPrimary || session.kind == ClientKind::kMigration;
  if (entry != nullptr || !is_stream) [[likely]] {
    return entry;
  }
  return parts_.commands.find_original(name);
}

Executed Dispatcher::run(Session& session, const Entry* entry, Args args, ReplyWriter& reply) {
  if (entry == nullptr) {
    if (is_http(args[0])) {
      log_warning(
          "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: "
          "commands to Redis. This is likely due to an attacker attempting to use Cross Protocol "
          "Scripting to compromise your Redis instance. Connection aborted. addr={}",
          session.connection->peer_address());
      session.connection->close_soon("http");
      return Executed::kDone;
    }
    refuse(session, nullptr, unknown_command(args), reply);
    return Executed::kDone;
  }
  if (entry->is_container() && args.size() > 1) {
    if (const Entry* sub = parts_.commands.find_sub(*entry, args[1])) {
      entry = sub;
    } else if (entry->handler == nullptr || args.size() > 1) {
      refuse(session, nullptr, unknown_subcommand(args[0], args[1]), reply);
      return Executed::kDone;
    }
  }
  if (entry->handler == nullptr || !entry->accepts(args.size())) [[unlikely]] {
    refuse(session, entry, wrong_arity(entry->full_name), reply);
    return Executed::kDone;
  }
  uint32_t flags = entry->flags;
  const bool is_exec = session.in_multi() && entry->full_name == "exec";
  if (is_exec) flags |= session.transaction->queued_flags;

  ClusterGate::Outcome elsewhere;
  const bool is_stream =
      session.kind == ClientKind::kPrimary || session.kind == ClientKind::kMigration;
  if (parts_.cluster != nullptr && !is_stream) {
    elsewhere = cluster_gate_.check(session, *entry, args);
    if (any_slot_pause_ && must_wait_for(elsewhere.asked, session, flags)) {
      paused_sessions_.insert(session.id);
      return Executed::kLater;
    }
  }
  const std::optional<acl::Denial> denial = denied(session, *entry, args);
  const GateView view{.command = *entry,
                      .flags = flags,
                      .session = session,
                      .config = parts_.config,
                      .replication = parts_.replication,
                      .snapshots = parts_.snapshots,
                      .loading = loading_ || parts_.replication.loading(),
                      .from_primary = is_stream,
                      .memory_exceeded = !denial && !memory_limit_.make_room(is_loading()),
                      .denial = denial,
                      .not_served_here = elsewhere.refusal};
  if (Refusal refusal = first_refusal(view)) [[unlikely]] {
    if (denial && refusal->code() == "NOPERM") note(session, *entry, args, *denial);
    refuse(session, entry, *refusal, reply);
    return Executed::kDone;
  }
  if (view.from_primary && (flags & kWrite) != 0 && disk_fails(view.config, view.snapshots))
      [[unlikely]] {
    apply_without_disk();
  }
  if (!elsewhere.slot || is_exec) return run_past_gates(session, *entry, flags, args, reply);
  // (What EXEC runs lies in one slot too, but the keys that it watched need not.)
  parts_.keyspace.set_slot(*elsewhere.slot);
  const Executed executed = run_past_gates(session, *entry, flags, args, reply);
  parts_.keyspace.forget_slot();
  return executed;
}

Executed Dispatcher::run_past_gates(Session& session, const Entry& entry, uint32_t flags, Args args,
                                    ReplyWriter& reply) {
  if (must_wait(session, flags)) [[unlikely]] {
    paused_sessions_.insert(session.id);
    return Executed::kLater;
  }
  if (session.in_multi() && entry.full_name != "exec") {
    const std::string& name = entry.full_name;
    const bool now = name == "discard" || name == "multi" || name == "watch" || name == "quit" ||
                     name == "reset";
    if (!now) {
      queue(session, entry, args, reply);
      return Executed::kDone;
    }
  }
  call(session, entry, args, reply);
  if (session.in_tracking) note_read(session, entry, args);
  return Executed::kDone;
}

void Dispatcher::handle(Session& session, const Entry& entry, Args args, ReplyWriter& reply) {
  Keyspace& keyspace = parts_.keyspace;
  // CLIENT NO-TOUCH; TOUCH itself touches all the same.
  keyspace.set_touching(!session.no_touch || entry.full_name == "touch");
  const uint64_t dirty_before = keyspace.dirty();
  if (!in_transaction_) propagation_.clear();
  session.last_command = entry.full_name.c_str();

  Call now(parts_, session, entry, args, reply, propagation_);
  const Result<void> result = entry.handler(now);
  if (!result) [[unlikely]] {
    reply.error(result.error());
    parts_.stats.count_error(result.error().code());
    ++parts_.stats.commands[static_cast<size_t>(entry.id)].failed;
    if (session.kind == ClientKind::kPrimary) stream_failed(entry.full_name, result.error());
    if (session.kind == ClientKind::kMigration) {
      parts_.migration->apply_failed(session, result.error());
    }
  }
  if (keyspace.dirty() == dirty_before && !propagation_.forced()) return;
  if (listened_to_) {
    propagate(session, args);
  } else {
    session.last_write_offset = unheard_offset_;
  }
  if (writable_replica_ && session.kind != ClientKind::kPrimary) [[unlikely]] {
    own_expiry_.wrote(session.db, entry, args);
  }
  if (watches_memory_ && memory_limit_.nearly_exceeded()) [[unlikely]] {
    judge_state();
  }
}

void Dispatcher::call(Session& session, const Entry& entry, Args args, ReplyWriter& reply,
                      bool told) {
  end_series();
  const uint64_t begin = last_ticks_;
  // A command sees the time of its batch; a batch that takes long gets a new one.
  if (begin - time_taken_at_ > refresh_ticks_) [[unlikely]] {
    refresh_time(begin);
  }
  const size_t replied_before = reply.buffer().size();
  handle(session, entry, args, reply);
  if ((entry.flags & kAdmin) != 0) [[unlikely]] {
    judge_state();
  }
  last_ticks_ = ticks();
  const uint64_t spent = nanoseconds(last_ticks_ - begin);
  count(entry, retrying_ ? 0 : 1, spent, spent);  // It was counted when it was blocked.
  if (spent >= slow_ns_) [[unlikely]] {
    log_slow(session, args, entry, spent);
  }
  log_sizes(session, args, entry, reply.buffer().size() - replied_before);
  if (hot_active_ && (told || parts_.logs.hot_keys.takes_call())) [[unlikely]] {
    note_hot_keys(args, entry, spent, reply.buffer().size() - replied_before);
  }
  if (monitored_) [[unlikely]] {
    tell_monitors(session, args, entry);
  }
}

void Dispatcher::call_in_series(Session& session, const Entry& entry, Args args,
                                std::string_view raw, ReplyWriter& reply) {
  const bool joins =
      series_allowed_ && quick_[static_cast<size_t>(entry.id)] != 0 && raw.size() <= kSmallBytes;
  if (!joins) [[unlikely]] {
    return call(session, entry, args, reply);
  }
  if (hot_active_ && parts_.logs.hot_keys.takes_call()) [[unlikely]] {
    return call(session, entry, args, reply, true);
  }
  if (series_.entry != &entry || series_.session != &session) end_series();
  if (last_ticks_ - time_taken_at_ > refresh_ticks_) [[unlikely]] {
    refresh_time(last_ticks_);
  }
  const size_t replied = reply.buffer().size();
  handle(session, entry, args, reply);
  ++series_.calls;
  series_.entry = &entry;
  series_.session = &session;
  series_.raw = raw;
  const size_t answered = reply.buffer().size() - replied;
  if (series_.calls == kLongestSeries || answered > kSmallBytes) end_series();
  if (answered > kSmallBytes) [[unlikely]] {
    log_sizes(session, args, entry, answered);
  }
}

// A call of a series is worth a microsecond at most; what is beyond was one call's doing.
void Dispatcher::finish_series() {
  constexpr uint64_t kUsualNs = 1000;
  const Series series = std::exchange(series_, {});
  const uint64_t begin = std::exchange(last_ticks_, ticks());
  const uint64_t spent = nanoseconds(last_ticks_ - begin);
  const uint64_t usual = std::min(spent / series.calls, kUsualNs);
  const uint64_t longest = spent - usual * (series.calls - 1);
  if (series.calls > 1) count(*series.entry, series.calls - 1, usual * (series.calls - 1), usual);
  count(*series.entry, 1, longest, longest);
  if (longest >= slow_ns_) [[unlikely]] {
    log_slow_series(series, longest);
  }
}

void Dispatcher::count(const Entry& entry, uint32_t calls, uint64_t spent, uint64_t each) {
  CommandStats& stats = parts_.stats.commands[static_cast<size_t>(entry.id)];
  stats.calls += calls;
  stats.nanoseconds += spent;
  parts_.stats.processed += calls;
  if (!parts_.config.latency_tracking || calls == 0) return;
  if (stats.latency == nullptr) stats.latency = std::make_unique<LatencyHistogram>();
  stats.latency->record(each, calls);
}

}  // namespace redan
