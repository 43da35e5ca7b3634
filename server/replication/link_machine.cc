#include "server/replication/link_machine.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/parse.h"
#include "common/resp/writer.h"
#include "server/replication/history.h"

namespace redan {

using namespace link_effect;

namespace {

constexpr size_t kMostLineBytes = 4096;  // No answer of the handshake comes near.
constexpr size_t kEndMarkBytes = 40;
constexpr Nanos kRetryAfter = Seconds(1);
// A refused primary is asked again now and then: it may have become a replica of the right one.
constexpr Nanos kAskRefusedAfter = Seconds(5);
constexpr Nanos kSpeakEvery = Seconds(1);
constexpr std::string_view kMyId = "MYID";

std::string request(std::initializer_list<std::string_view> args) {
  ByteBuffer out;
  append_request(out, std::span(args.begin(), args.size()));
  return std::string(out.view());
}

// What a stranger sent us, made fit for a log line.
std::string shown(std::string_view text) {
  return quote_word(text.substr(0, 256));
}

}  // namespace

void LinkMachine::follow(Instant now, LinkSettings settings, std::optional<StreamPosition> position,
                         bool take_over, LinkOut& out) {
  // A member that has another address now is the same primary.
  const bool same =
      state_ != State::kOff && !settings.member.empty() && settings.member == settings_.member;
  if (state_ != State::kOff) stop(out);
  settings_ = std::move(settings);
  position_ = std::move(position);
  take_over_ = take_over;
  if (!same) guard_.follow();
  ask_role_ = false;
  down_since_ = heard_ = now;
  retry_at(now);
  tick(now, 0, -1, out);
}

void LinkMachine::stop(LinkOut& out) {
  const bool open = state_ != State::kOff && state_ != State::kIdle;
  state_ = State::kOff;
  input_.clear();
  if (open) out.emplace_back(HangUp{"replication stops"});
}

void LinkMachine::retry_at(Instant when) {
  state_ = State::kIdle;
  dial_at_ = when;
  input_.clear();
  transfer_size_ = -1;
  transfer_read_ = 0;
}

void LinkMachine::fail(Instant now, std::string why, LinkOut& out) {
  out.emplace_back(Note{Level::kWarning, why});
  retry_at(now + kRetryAfter);
  out.emplace_back(HangUp{std::move(why)});
}

void LinkMachine::connected(Instant now, LinkOut& out) {
  if (state_ != State::kDialling) return;
  out.emplace_back(Note{Level::kNotice, "Non blocking connect for SYNC fired the event."});
  state_ = State::kPing;
  heard_ = now;
  out.emplace_back(Send{request({"PING"})});
}

void LinkMachine::disconnected(Instant now, std::string_view why, LinkOut& out) {
  switch (state_) {
    case State::kOff:
    case State::kIdle:
      return;
    case State::kDialling:
      out.emplace_back(
          Note{Level::kWarning, "Error condition on socket for SYNC: " + std::string(why)});
      return retry_at(now + kRetryAfter);
    case State::kOnline:
      out.emplace_back(Note{Level::kNotice, "Connection with master lost."});
      out.emplace_back(Note{Level::kNotice, "Caching the disconnected master state."});
      out.emplace_back(Note{Level::kNotice, "Reconnecting to MASTER " + settings_.host + ":" +
                                                std::to_string(settings_.port)});
      down_since_ = now;
      // At once: while we wait the backlog that we need may be overwritten.
      retry_at(now);
      return tick(now, 0, -1, out);
    default:
      return fail(now,
                  in_transfer() ? "I/O error trying to sync with MASTER: " + std::string(why) +
                                      " (the old data stays, the sync is tried again)"
                                : "Failed to read response from the server: " + std::string(why),
                  out);
  }
}

void LinkMachine::tick(Instant now, int64_t applied, int64_t durable, LinkOut& out) {
  switch (state_) {
    case State::kOff:
      return;
    case State::kIdle:
      if (now < dial_at_) return;
      out.emplace_back(Note{Level::kNotice, "Connecting to MASTER " + settings_.host + ":" +
                                                std::to_string(settings_.port)});
      out.emplace_back(Note{Level::kNotice, "MASTER <-> REPLICA sync started"});
      state_ = State::kDialling;
      heard_ = spoke_ = now;
      out.emplace_back(Dial{settings_.host, settings_.port});
      return;
    default:
      break;
  }
  if (now - heard_ > settings_.timeout) {
    if (state_ == State::kOnline) {
      out.emplace_back(Note{Level::kWarning, "MASTER timeout: no data nor PING received..."});
      down_since_ = now;
      retry_at(now);
      out.emplace_back(HangUp{"timeout"});
      return;
    }
    return fail(now,
                in_transfer()
                    ? "Timeout receiving bulk data from MASTER... If the problem persists "
                      "try to set the 'repl-timeout' parameter in redis.conf to a larger "
                      "value."
                    : "Timeout connecting to the MASTER...",
                out);
  }
  if (now - spoke_ < kSpeakEvery) return;
  spoke_ = now;
  if (state_ == State::kOnline) {
    out.emplace_back(Send{ack(applied, durable)});
  } else if (state_ == State::kSnapshot || state_ == State::kLoading) {
    out.emplace_back(Send{"\n"});  // A sign of life; the primary reads an empty request.
  }
}

std::string LinkMachine::ack(int64_t applied, int64_t durable) {
  const std::string offset = std::to_string(applied);
  if (durable < 0) return request({"REPLCONF", "ACK", offset});
  return request({"REPLCONF", "ACK", offset, "FACK", std::to_string(durable)});
}

void LinkMachine::receive(Instant now, std::string_view bytes, LinkOut& out) {
  if (state_ == State::kOff || state_ == State::kIdle || state_ == State::kDialling) return;
  heard_ = now;
  input_.append(bytes);
  for (;;) {
    if (state_ == State::kSnapshot) snapshot_bytes(out);
    const bool reads_lines = state_ == State::kPing || state_ == State::kGreeting ||
                             state_ == State::kAnswer || state_ == State::kRole ||
                             state_ == State::kHeader;
    if (!reads_lines) return;
    const size_t end = input_.find('\n');
    if (end == std::string::npos || end > kMostLineBytes) {
      if (input_.size() > kMostLineBytes) {
        fail(now, "The primary sent a line without end during the handshake", out);
      }
      return;
    }
    std::string text = input_.substr(0, end);
    input_.erase(0, end + 1);
    if (!text.empty() && text.back() == '\r') text.pop_back();
    line(now, text, out);
  }
}

void LinkMachine::line(Instant now, std::string_view text, LinkOut& out) {
  if (text.empty()) return;  // Keeps us awake while the primary prepares.
  switch (state_) {
    case State::kPing:
      if (text[0] != '+' && !text.starts_with("-NOAUTH") && !text.starts_with("-NOPERM") &&
          !text.starts_with("-ERR operation not permitted")) {
        return fail(now, "Error reply to PING from master: '" + shown(text) + "'", out);
      }
      out.emplace_back(Note{Level::kNotice, "Master replied to PING, replication can continue..."});
      return greet(out);
    case State::kGreeting:
      return greeting_answer(text, now, out);
    case State::kAnswer:
      return psync_answer(text, now, out);
    case State::kRole:
      return role_answer(now, text, out);
    default:
      return header(text, now, out);
  }
}

void LinkMachine::greet(LinkOut& out) {
  ByteBuffer bytes;
  unanswered_.clear();
  answered_ = 0;
  names_itself_ = false;
  const auto ask_for = [&](std::string_view what, std::initializer_list<std::string_view> args) {
    unanswered_.emplace_back(what);
    append_request(bytes, std::span(args.begin(), args.size()));
  };
  if (!settings_.password.empty() && !settings_.user.empty()) {
    ask_for("AUTH", {"AUTH", settings_.user, settings_.password});
  } else if (!settings_.password.empty()) {
    ask_for("AUTH", {"AUTH", settings_.password});
  }
  ask_for("listening-port",
          {"REPLCONF", "listening-port", std::to_string(settings_.listening_port)});
  if (!settings_.announce_ip.empty()) {
    ask_for("ip-address", {"REPLCONF", "ip-address", settings_.announce_ip});
  }
  ask_for("capa", {"REPLCONF", "capa", "eof", "capa", "psync2"});
  ask_for("VERSION", {"REPLCONF", "VERSION", settings_.version});
  if (!settings_.member.empty()) ask_for(kMyId, {"CLUSTER", "MYID"});
  state_ = State::kGreeting;
  out.emplace_back(Send{std::string(bytes.view())});
}

void LinkMachine::greeting_answer(std::string_view text, Instant now, LinkOut& out) {
  const std::string& what = unanswered_[answered_];
  if (what == kMyId && text == "$40" && !std::exchange(names_itself_, true)) return;
  ++answered_;
  if (what == kMyId) return member_answer(text, now, out);
  if (text[0] == '-') {
    if (what == "AUTH") {
      return fail(now,
                  "Unable to AUTH to MASTER: " + shown(text) +
                      "; set masterauth (and masteruser) to what the primary accepts",
                  out);
    }
    out.emplace_back(Note{Level::kNotice, "(Non critical) Master does not understand REPLCONF " +
                                              what + ": " + shown(text)});
  } else if (text[0] != '+') {
    return fail(now, "Unexpected answer to REPLCONF " + what + ": " + shown(text), out);
  }
  if (answered_ == unanswered_.size()) ask(out);
}

void LinkMachine::member_answer(std::string_view text, Instant now, LinkOut& out) {
  const std::string place = settings_.host + ":" + std::to_string(settings_.port);
  // What will be so the next time, too, must not end the replication; it just goes unchecked.
  const bool may_not_tell = text.starts_with("-NOPERM") || text.starts_with("-NOAUTH") ||
                            text.starts_with("-ERR unknown command");
  if (may_not_tell) {
    out.emplace_back(Note{Level::kWarning, place + " does not say whether it is our primary " +
                                               settings_.member + ": " + shown(text) +
                                               "; replication goes on without knowing"});
  } else if (text[0] == '-') {
    return fail(
        now,
        place + " does not say whether it is our primary " + settings_.member + ": " + shown(text),
        out);
  } else if (text != settings_.member) {
    return fail(now,
                "At " + place + " is " + shown(text) + " now, not our primary " + settings_.member +
                    ". Nothing is copied from there; when the cluster knows our primary's address "
                    "it is followed again",
                out);
  }
  if (answered_ == unanswered_.size()) ask(out);
}

void LinkMachine::ask(LinkOut& out) {
  if (std::exchange(ask_role_, false)) {
    state_ = State::kRole;
    role_lines_ = 0;
    out.emplace_back(Send{request({"ROLE"})});
    return;
  }
  state_ = State::kAnswer;
  if (!position_) {
    out.emplace_back(
        Note{Level::kNotice, "Partial resynchronization not possible (no cached master)"});
    out.emplace_back(Send{request({"PSYNC", "?", "-1"})});
    return;
  }
  const std::string wanted = std::to_string(position_->offset + 1);
  out.emplace_back(Note{Level::kNotice, "Trying a partial resynchronization (request " +
                                            position_->id + ":" + wanted + ")."});
  if (take_over_) {
    out.emplace_back(Send{request({"PSYNC", position_->id, wanted, "FAILOVER"})});
  } else {
    out.emplace_back(Send{request({"PSYNC", position_->id, wanted})});
  }
}

void LinkMachine::psync_answer(std::string_view text, Instant now, LinkOut& out) {
  if (text.starts_with("+CONTINUE")) {
    std::string_view id = trim(text.substr(9));
    if (!position_) {
      return fail(now, "The primary wants to continue what we never had: " + shown(text), out);
    }
    if (!id.empty() && !History::well_formed(id)) {
      return fail(now, "Unexpected reply to PSYNC from master: " + shown(text), out);
    }
    out.emplace_back(Note{Level::kNotice, "Successful partial resynchronization with master."});
    if (id.empty()) id = position_->id;
    if (id != position_->id) {
      out.emplace_back(Note{Level::kNotice, "Master replication ID changed to " + std::string(id)});
    }
    out.emplace_back(Resume{std::string(id)});
    position_->id = id;
    take_over_ = false;
    out.emplace_back(Note{Level::kNotice,
                          "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization."});
    return online(now, out);
  }
  if (take_over_) {
    // Anything else leaves the other side as it was: FAILOVER is off.
    retry_at(now + kRetryAfter);
    out.emplace_back(HangUp{"failover target rejected psync request"});
    out.emplace_back(TakeOverRefused{std::string(text.substr(0, 256))});
    return;
  }
  if (text.starts_with("+FULLRESYNC ")) {
    const std::vector<std::string_view> words = split(text, ' ');
    std::optional<int64_t> offset;
    if (words.size() == 3) offset = parse_int64(words[2]);
    if (!offset || *offset < 0 || !History::well_formed(words[1])) {
      return fail(now, "Master replied with wrong +FULLRESYNC syntax.", out);
    }
    new_id_ = words[1];
    new_offset_ = *offset;
    if (!allows(now, false, out)) return;
    out.emplace_back(Note{
        Level::kNotice, "Full resync from master: " + new_id_ + ":" + std::to_string(new_offset_)});
    state_ = State::kHeader;
    return;
  }
  if (text.starts_with("-NOMASTERLINK") || text.starts_with("-LOADING")) {
    return fail(now,
                "Master is currently unable to PSYNC but should be in the future: " + shown(text),
                out);
  }
  if (text.starts_with("-NOAUTH")) {
    return fail(
        now,
        "The primary asks for a password: " + shown(text) + "; set masterauth (and masteruser)",
        out);
  }
  fail(now, "Unexpected reply to PSYNC from master: " + shown(text), out);
}

// *n, $length, the role; what follows is not read, for the connection ends.
void LinkMachine::role_answer(Instant now, std::string_view text, LinkOut& out) {
  const bool more = ++role_lines_ < 3 && (text[0] == '*' || text[0] == '$');
  if (more) return;
  guard_.answered(text == "slave");
  retry_at(now);
  out.emplace_back(HangUp{"its role is known now"});
  tick(now, 0, -1, out);
}

// What an operator can do where a full sync was refused.
std::string LinkMachine::ways_out() const {
  if (!settings_.member.empty()) {
    return "Promote a replica (CLUSTER FAILOVER TAKEOVER, sent to it), or, if the data shall go, "
           "set replica-refuse-wipe to no.";
  }
  return "Promote a replica (REPLICAOF NO ONE, SENTINEL FAILOVER), or, if the data shall go, say "
         "REPLICAOF NO ONE and REPLICAOF " +
         settings_.host + " " + std::to_string(settings_.port) +
         ", or set replica-refuse-wipe to no.";
}

// Of the full sync that is offered.
bool LinkMachine::allows(Instant now, bool known_empty, LinkOut& out) {
  if (!position_) return true;
  const WipeGuard::Verdict verdict =
      guard_.judge(settings_.refuse_wipe, {position_->offset, held_keys_},
                   {.id = new_id_,
                    .offset = new_offset_,
                    .same_history = new_id_ == position_->id,
                    .known_empty = known_empty});
  if (verdict == WipeGuard::Verdict::kAccept) return true;
  if (verdict == WipeGuard::Verdict::kAskRole) {
    ask_role_ = true;
    retry_at(now);
    out.emplace_back(HangUp{"is it a primary that lost its data?"});
    tick(now, 0, -1, out);
    return false;
  }
  out.emplace_back(Note{Level::kWarning, "Full sync refused: the primary " + settings_.host + ":" +
                                             std::to_string(settings_.port) + " came back with " +
                                             (known_empty ? "no data" : "less data than we hold") +
                                             " (its offset " + std::to_string(new_offset_) +
                                             ", ours " + std::to_string(position_->offset) +
                                             "). Our " + std::to_string(held_keys_) +
                                             " keys stay. " + ways_out()});
  retry_at(now + kAskRefusedAfter);
  out.emplace_back(HangUp{"full sync refused"});
  return false;
}

bool LinkMachine::may_replace(Instant now, uint64_t keys, LinkOut& out) {
  REDAN_CHECK(state_ == State::kLoading);
  return allows(now, keys == 0, out);
}

void LinkMachine::header(std::string_view text, Instant now, LinkOut& out) {
  if (text[0] == '-') {
    return fail(now, "MASTER aborted replication with an error: " + shown(text.substr(1)), out);
  }
  if (text[0] != '$') {
    return fail(now,
                "Bad protocol from MASTER, the first byte is not '$' (we received '" + shown(text) +
                    "'), are you sure the host and port are right?",
                out);
  }
  transfer_read_ = 0;
  if (text.starts_with("$EOF:")) {
    end_mark_ = text.substr(5);
    transfer_size_ = -1;
    if (end_mark_.size() != kEndMarkBytes) {
      return fail(
          now,
          "Bad protocol from MASTER: an end mark of " + std::to_string(end_mark_.size()) + " bytes",
          out);
    }
    out.emplace_back(Note{Level::kNotice,
                          "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to "
                          "parser"});
  } else {
    const auto size = parse_int64(text.substr(1));
    if (!size || *size < 0) {
      return fail(now, "Bad protocol from MASTER: a snapshot of size " + shown(text.substr(1)),
                  out);
    }
    end_mark_.clear();
    transfer_size_ = *size;
    out.emplace_back(Note{Level::kNotice, "MASTER <-> REPLICA sync: receiving " +
                                              std::to_string(*size) +
                                              " bytes from master to parser"});
  }
  state_ = State::kSnapshot;
  out.emplace_back(BeginTransfer{new_id_, new_offset_, transfer_size_});
}

void LinkMachine::snapshot_bytes(LinkOut& out) {
  bool complete = false;
  size_t take = 0;
  if (end_mark_.empty()) {
    take = static_cast<size_t>(
        std::min<uint64_t>(input_.size(), static_cast<uint64_t>(transfer_size_ - transfer_read_)));
    complete = transfer_read_ + static_cast<int64_t>(take) == transfer_size_;
  } else {
    const size_t mark = input_.find(end_mark_);
    complete = mark != std::string::npos;
    // The last bytes may be the mark's first.
    take = complete ? mark : input_.size() - std::min(input_.size(), kEndMarkBytes - 1);
  }
  if (take > 0) {
    transfer_read_ += static_cast<int64_t>(take);
    std::string rest = input_.substr(take);
    input_.resize(take);
    out.emplace_back(Snapshot{std::exchange(input_, std::move(rest))});
  }
  if (!complete) return;
  input_.erase(0, end_mark_.size());
  state_ = State::kLoading;
  out.emplace_back(EndTransfer{});
}

void LinkMachine::loaded(Instant now, LinkOut& out) {
  REDAN_CHECK(state_ == State::kLoading);
  position_ = StreamPosition{new_id_, new_offset_};
  out.emplace_back(Note{Level::kNotice, "MASTER <-> REPLICA sync: Finished with success"});
  // At once: a primary that used an end mark begins the stream with our first ACK.
  out.emplace_back(Send{ack(new_offset_, -1)});
  online(now, out);
}

void LinkMachine::load_failed(Instant now, std::string_view why, LinkOut& out) {
  if (!in_transfer()) return;
  fail(now,
       "Failed trying to load the MASTER synchronization DB, the old data stays: " +
           std::string(why),
       out);
}

void LinkMachine::online(Instant now, LinkOut& out) {
  state_ = State::kOnline;
  guard_.online();
  heard_ = spoke_ = now;
  transfer_size_ = -1;
  out.emplace_back(HandOver{std::exchange(input_, {})});
}

}  // namespace redan
