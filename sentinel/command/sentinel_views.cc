#include "sentinel/command/sentinel_views.h"

namespace redan::sentinel_views {

namespace {

Error no_such_primary() {
  return Error("No such master with that name");
}

void write_fields(ReplyWriter& reply, const SentinelMachine::Fields& fields) {
  reply.map(fields.size());
  for (const auto& [name, value] : fields) {
    reply.bulk(name);
    reply.bulk(value);
  }
}

void write_all(ReplyWriter& reply, const std::vector<SentinelMachine::Fields>& all) {
  reply.array(all.size());
  for (const auto& fields : all) write_fields(reply, fields);
}

}  // namespace

Result<void> check_quorum(SentinelCall& call) {
  const Result<std::string> outcome = call.sentinel.machine().check_quorum(call.word(2));
  if (!outcome) return outcome.error();
  call.reply.simple(*outcome);
  return kOk;
}

Result<void> get_address(SentinelCall& call) {
  const auto address = call.sentinel.machine().current_address(call.word(2));
  if (!address) {
    call.reply.null_array();
    return kOk;
  }
  const SentinelOptions& options = call.sentinel.machine().options();
  const bool by_name =
      options.resolve_hostnames && options.announce_hostnames && !address->hostname.empty();
  call.reply.array(2);
  call.reply.bulk(by_name ? address->hostname : address->dialled());
  call.reply.bulk(std::to_string(address->port));
  return kOk;
}

Result<void> info_cache(SentinelCall& call) {
  std::vector<std::string> names;
  for (size_t i = 2; i < call.args.size(); ++i) names.push_back(call.word(i));
  const auto cached = call.sentinel.machine().info_cache(call.sentinel.now(), names);
  call.reply.map(cached.size());
  for (const auto& each : cached) {
    call.reply.bulk(each.name);
    call.reply.array(each.entries.size());
    for (const auto& [age_ms, info] : each.entries) {
      call.reply.array(2);
      call.reply.integer(age_ms);
      info.empty() ? call.reply.null() : call.reply.bulk(info);
    }
  }
  return kOk;
}

Result<void> primary(SentinelCall& call) {
  const auto fields = call.sentinel.machine().primary_fields(call.sentinel.now(), call.word(2));
  if (!fields) return no_such_primary();
  write_fields(call.reply, *fields);
  return kOk;
}

Result<void> primaries(SentinelCall& call) {
  const SentinelMachine& machine = call.sentinel.machine();
  std::vector<SentinelMachine::Fields> all;
  for (const std::string& name : machine.primary_names()) {
    if (auto fields = machine.primary_fields(call.sentinel.now(), name)) all.push_back(*fields);
  }
  write_all(call.reply, all);
  return kOk;
}

Result<void> my_id(SentinelCall& call) {
  call.reply.bulk(call.sentinel.machine().id().hex());
  return kOk;
}

Result<void> pending_scripts(SentinelCall& call) {
  const ScriptQueue& queue = call.sentinel.scripts();
  const Instant now = call.sentinel.now();
  call.reply.array(queue.jobs().size());
  for (const ScriptJob& job : queue.jobs()) {
    call.reply.map(5);
    call.reply.bulk("argv");
    call.reply.array(job.args.size() + 1);
    call.reply.bulk(job.path);
    for (const std::string& arg : job.args) call.reply.bulk(arg);
    call.reply.bulk("flags");
    call.reply.bulk(job.pid ? "running" : "scheduled");
    call.reply.bulk("pid");
    call.reply.bulk(std::to_string(job.pid.value_or(0)));
    call.reply.bulk(job.pid ? "run-time" : "run-delay");
    const Nanos span = job.pid ? now - job.started : std::max(Nanos(0), job.start_at - now);
    call.reply.bulk(std::to_string(whole_ms(span)));
    call.reply.bulk("retry-num");
    call.reply.bulk(std::to_string(job.retries));
  }
  return kOk;
}

Result<void> replicas(SentinelCall& call) {
  const auto all = call.sentinel.machine().replica_fields(call.sentinel.now(), call.word(2));
  if (!all) return no_such_primary();
  write_all(call.reply, *all);
  return kOk;
}

Result<void> sentinels(SentinelCall& call) {
  const auto all = call.sentinel.machine().peer_fields(call.sentinel.now(), call.word(2));
  if (!all) return no_such_primary();
  write_all(call.reply, *all);
  return kOk;
}

}  // namespace redan::sentinel_views
