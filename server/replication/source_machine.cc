#include "server/replication/source_machine.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/parse.h"

namespace redan {

using namespace source_effect;

namespace {

constexpr size_t kMostIpBytes = 255;
constexpr size_t kMostVersionBytes = 64;

void note(SourceOut& out, std::string text) {
  out.emplace_back(Note{Note::Level::kNotice, std::move(text)});
}

}  // namespace

std::string ReplicaFacts::name() const {
  return ip() + ":" + (listening_port > 0 ? std::to_string(listening_port) : "<unknown>");
}

Result<SourceMachine::Answer> SourceMachine::replconf(Instant now,
                                                      std::span<const std::string_view> args) {
  if (args.size() % 2 == 0) return Error("syntax error");
  for (size_t i = 1; i + 1 < args.size(); i += 2) {
    const std::string_view option = args[i];
    const std::string_view value = args[i + 1];
    if (iequals(option, "listening-port")) {
      const auto port = parse_int64(value);
      if (!port) return Error("value is not an integer or out of range");
      if (*port < 0 || *port > 65535) return Error("value is not an integer or out of range");
      facts_.listening_port = static_cast<int>(*port);
    } else if (iequals(option, "ip-address")) {
      if (value.size() > kMostIpBytes) {
        return Error("REPLCONF ip-address provided by replica instance is too long: " +
                     std::to_string(value.size()) + " bytes");
      }
      facts_.announced_ip = value;
    } else if (iequals(option, "capa")) {
      // Capabilities that we do not know are for others.
      if (iequals(value, "eof")) facts_.reads_end_mark = true;
      if (iequals(value, "psync2")) facts_.accepts_new_id = true;
    } else if (iequals(option, "version")) {
      facts_.version = value.substr(0, kMostVersionBytes);
    } else if (iequals(option, "ack")) {
      const auto offset = parse_int64(value);
      if (state_ == State::kGreeting || !offset) return Answer{.answered = false};
      acked(now, *offset);
      if (i + 3 < args.size() && iequals(args[i + 2], "fack")) {
        const auto durable = parse_int64(args[i + 3]);
        if (durable) durable_offset_ = std::max(durable_offset_, std::min(*durable, acked_offset_));
      }
      return Answer{.answered = false};
    } else if (iequals(option, "getack")) {
      return Answer{.answered = false};  // Only our own primary may ask; the driver answers that.
    } else if (iequals(option, "rdb-only")) {
      const auto flag = parse_int64(value);
      if (!flag || (*flag != 0 && *flag != 1)) {
        return Error("value is not an integer or out of range");
      }
      facts_.snapshot_only = *flag == 1;
    } else if (iequals(option, "rdb-filter-only")) {
      const auto words = split_words(value);
      if (!words) return Error("Missing rdb-filter-only values");
      facts_.wants_functions_only = !words->empty() || value.empty();
      for (const std::string& word : *words) {
        if (!iequals(word, "functions")) {
          return Error("Unsupported rdb-filter-only option: " + word);
        }
      }
    } else {
      return Error("Unrecognized REPLCONF option: " + std::string(option.substr(0, 128)));
    }
  }
  return Answer{};
}

void SourceMachine::acked(Instant now, int64_t offset) {
  acked_at_ = now;
  // Nobody holds more than was sent.
  const int64_t most = std::max<int64_t>(next_byte_ - 1, 0);
  acked_offset_ = std::max(acked_offset_, std::min(offset, most));
  if (state_ == State::kOnline) stream_waits_for_ack_ = false;
  // The replica may have read the end mark, loaded and answered before we heard of our last byte's
  // leaving. Its next ACK is a second away: this one counts.
  if (state_ == State::kReceiving && offset >= most) acked_in_transfer_ = true;
}

bool SourceMachine::refuses_sync(const Node& node, SourceOut& out) const {
  if (!node.link_broken) return false;
  out.emplace_back(Reply{"-NOMASTERLINK Can't SYNC while not connected with my master\r\n"});
  return true;
}

void SourceMachine::psync(Instant now, std::string_view id, std::string_view wanted,
                          const Node& node, SourceOut& out) {
  if (state_ != State::kGreeting) return;  // As in Redis: a second request is ignored.
  const auto byte = parse_int64(wanted);
  if (!byte) {
    out.emplace_back(Reply{"-ERR value is not an integer or out of range\r\n"});
    return;
  }
  if (refuses_sync(node, out)) return;
  note(out, "Replica " + facts_.name() + " asks for synchronization");
  const History& history = node.history;
  switch (history.judge(id, *byte, node.backlog)) {
    case SyncVerdict::kContinue: {
      state_ = State::kOnline;
      changed_ = acked_at_ = now;
      next_byte_ = *byte;
      out.emplace_back(Reply{facts_.accepts_new_id ? "+CONTINUE " + history.id() + "\r\n"
                                                   : std::string("+CONTINUE\r\n")});
      note(out, "Partial resynchronization request from " + facts_.name() + " accepted. Sending " +
                    std::to_string(node.backlog.offset() + 1 - *byte) +
                    " bytes of backlog starting from offset " + std::to_string(*byte) + ".");
      return;
    }
    case SyncVerdict::kUnknownHistory:
      if (id == "?") {
        note(out, "Full resync requested by replica " + facts_.name());
      } else {
        note(out,
             "Partial resynchronization not accepted: Replication ID mismatch (Replica asked "
             "for '" +
                 std::string(id.substr(0, History::kIdSize)) + "', my replication IDs are '" +
                 history.id() + "' and '" + history.previous_id() + "')");
      }
      break;
    case SyncVerdict::kBranchedOff:
      note(out, "Partial resynchronization not accepted: Requested offset for second ID was " +
                    std::to_string(*byte) + ", but I can reply up to " +
                    std::to_string(history.previous_until()));
      break;
    case SyncVerdict::kNoBacklog:
    case SyncVerdict::kTooOld:
      note(out, "Unable to partial resync with replica " + facts_.name() +
                    " for lack of backlog (Replica request was: " + std::to_string(*byte) + ").");
      break;
    case SyncVerdict::kTooNew:
      note(out, "Unable to partial resync with replica " + facts_.name() +
                    " for lack of backlog (Replica request was: " + std::to_string(*byte) + ").");
      out.emplace_back(Note{Note::Level::kWarning,
                            "Warning: replica " + facts_.name() +
                                " tried to PSYNC with an offset that is greater than the master "
                                "replication offset."});
      break;
  }
  ask_for_snapshot(now, out);
}

void SourceMachine::sync(Instant now, const Node& node, SourceOut& out) {
  if (state_ != State::kGreeting) return;
  if (refuses_sync(node, out)) return;
  note(out, "Replica " + facts_.name() + " asks for synchronization");
  plain_sync_ = true;
  ask_for_snapshot(now, out);
}

void SourceMachine::ask_for_snapshot(Instant now, SourceOut& out) {
  state_ = State::kWaiting;
  changed_ = acked_at_ = now;
  out.emplace_back(JoinTransfer{});
}

void SourceMachine::transfer_begins(Instant now, std::string_view id, int64_t offset,
                                    SourceOut& out) {
  REDAN_CHECK(state_ == State::kWaiting);
  state_ = State::kReceiving;
  changed_ = now;
  next_byte_ = offset + 1;
  acked_in_transfer_ = false;
  if (plain_sync_) return;
  out.emplace_back(Reply{"+FULLRESYNC " + std::string(id) + " " + std::to_string(offset) + "\r\n"});
}

void SourceMachine::transfer_ends(Instant now, bool has_end_mark, SourceOut& out) {
  REDAN_CHECK(state_ == State::kReceiving);
  state_ = State::kOnline;
  changed_ = acked_at_ = now;
  stream_waits_for_ack_ = has_end_mark && !plain_sync_ && !acked_in_transfer_;
  if (facts_.snapshot_only) {
    out.emplace_back(Drop{"Close the connection with replica " + facts_.name() +
                          " as RDB transfer is completed"});
    return;
  }
  note(out, has_end_mark ? "Streamed replica with " + facts_.name() + " synchronization succeeded"
                         : "Synchronization with replica " + facts_.name() + " succeeded");
}

void SourceMachine::transfer_failed(Instant, SourceOut& out) {
  REDAN_CHECK(state_ == State::kReceiving);
  // What arrived cannot be taken back: the replica starts over on a new connection.
  out.emplace_back(Drop{"SYNC failed: the snapshot for replica " + facts_.name() + " broke off"});
}

int64_t SourceMachine::needs_from() const {
  const bool reads = state_ == State::kReceiving || state_ == State::kOnline;
  return reads && !facts_.snapshot_only ? next_byte_ : Backlog::kNobody;
}

int64_t SourceMachine::lag_s(Instant now) const {
  if (state_ != State::kOnline) return 0;
  return std::max<int64_t>(0, whole_ms(now - acked_at_) / 1000);
}

void SourceMachine::tick(Instant now, const SourceSettings& settings, int64_t pending_bytes,
                         const Backlog& backlog, SourceOut& out) {
  // A waiting replica counts its own seconds; an empty line tells it that we are alive.
  const bool waits = state_ == State::kWaiting || (state_ == State::kReceiving && !snapshot_flows_);
  if (waits) out.emplace_back(Reply{"\n"});
  if (state_ == State::kReceiving && snapshot_flows_ && now - changed_ > settings.timeout) {
    out.emplace_back(Drop{"Disconnecting timedout replica (full sync): " + facts_.name()});
    return;
  }
  if (state_ == State::kOnline && !plain_sync_ &&
      now - std::max(acked_at_, heard_at_) > settings.timeout) {
    out.emplace_back(Drop{"Disconnecting timedout replica (streaming sync): " + facts_.name()});
    return;
  }
  if (needs_from() == Backlog::kNobody) return;
  const int64_t behind = backlog.offset() + 1 - next_byte_ + pending_bytes;
  // A limit below the backlog's own size would drop a replica that could be resumed.
  const int64_t floor = backlog.size();
  const int64_t hard = settings.hard_limit_bytes;
  if (hard > 0 && behind > std::max(hard, floor)) {
    out.emplace_back(Drop{"Client " + facts_.name() +
                          " scheduled to be closed ASAP for overcoming of output buffer limits."});
    return;
  }
  const int64_t soft = settings.soft_limit_bytes;
  if (soft <= 0 || behind <= std::max(soft, floor)) {
    over_soft_limit_ = false;
  } else if (!over_soft_limit_) {
    over_soft_limit_ = true;
    over_soft_limit_since_ = now;
  } else if (now - over_soft_limit_since_ > settings.soft_limit_for) {
    out.emplace_back(Drop{"Client " + facts_.name() +
                          " scheduled to be closed ASAP for overcoming of output buffer limits."});
  }
}

bool transfer_is_due(Instant now, int64_t waiting, Instant first_since,
                     const TransferPolicy& policy) {
  if (waiting == 0) return false;
  if (!policy.diskless) return true;
  if (policy.enough > 0 && waiting >= policy.enough) return true;
  return now - first_since >= policy.delay;
}

}  // namespace redan
