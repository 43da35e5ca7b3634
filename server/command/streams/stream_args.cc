#include "server/command/streams/stream_args.h"

#include <algorithm>

#include "common/command/args.h"
#include "server/command/key_effects.h"
#include "server/session/session.h"

namespace redan {

Error invalid_stream_id() {
  return Error("Invalid stream ID specified as stream command argument");
}

Error no_such_group(std::string_view key, std::string_view group) {
  return Error("NOGROUP", "No such key '" + std::string(key) + "' or consumer group '" +
                              std::string(group) + "'");
}

Result<StreamId> stream_id_arg(std::string_view word, uint64_t missing_seq) {
  const std::optional<ParsedStreamId> parsed = parse_stream_id(word);
  if (!parsed || parsed->makes_seq) return invalid_stream_id();
  StreamId id = parsed->id;
  if (!parsed->has_seq) id.seq = missing_seq;
  return id;
}

namespace {

bool is_sign(std::string_view word, char sign) {
  return !word.empty() && word.size() <= 127 && word[0] == sign &&
         (word.size() == 1 || word[1] == '\0');
}

Result<StreamId> range_arg(std::string_view word, uint64_t missing_seq, bool& excluded) {
  excluded = word.size() > 1 && word[0] == '(';
  if (excluded) return stream_id_arg(word.substr(1), missing_seq);
  if (is_sign(word, '-')) return StreamId();
  if (is_sign(word, '+')) return StreamId::max();
  return stream_id_arg(word, missing_seq);
}

}  // namespace

Result<StreamId> range_start_arg(std::string_view word) {
  bool excluded = false;
  const Result<StreamId> id = range_arg(word, 0, excluded);
  if (!id || !excluded) return id;
  const std::optional<StreamId> next = id->next();
  if (!next) return Error("invalid start ID for the interval");
  return *next;
}

Result<StreamId> range_end_arg(std::string_view word) {
  bool excluded = false;
  const Result<StreamId> id = range_arg(word, UINT64_MAX, excluded);
  if (!id || !excluded) return id;
  const std::optional<StreamId> previous = id->previous();
  if (!previous) return Error("invalid end ID for the interval");
  return *previous;
}

namespace {

constexpr uint64_t kNodesTrimmedAtMost = 100;
constexpr uint64_t kEntriesTrimmedAtMost = 1'000'000;

// The primary knows how far it trimmed; what it says is not limited again.
bool is_primary(const Call& call) {
  const ClientKind kind = const_cast<Call&>(call).session().kind;
  return kind == ClientKind::kPrimary || kind == ClientKind::kMigration;
}

Result<void> read_threshold(ArgReader& words, size_t word_count, bool by_length, TrimArgs& trim) {
  if (trim.by != TrimArgs::By::kNothing) {
    return Error("syntax error, MAXLEN and MINID options at the same time are not compatible");
  }
  trim.approximate = words.left() >= 2 && words.peek() == "~";
  if (words.left() >= 2 && (words.peek() == "~" || words.peek() == "=")) words.next();
  trim.threshold_at = word_count - words.left();
  if (by_length) {
    const Result<int64_t> length = words.integer();
    if (!length) return length.error();
    if (*length < 0) return Error("The MAXLEN argument must be >= 0.");
    trim.by = TrimArgs::By::kLength;
    trim.length = static_cast<uint64_t>(*length);
    return kOk;
  }
  const Result<StreamId> id = stream_id_arg(words.next());
  if (!id) return id.error();
  trim.by = TrimArgs::By::kId;
  trim.id = *id;
  return kOk;
}

Result<StreamOptions> read_options(const Call& call, bool xadd) {
  StreamOptions options;
  TrimArgs& trim = options.trim;
  bool limited = false;
  const size_t word_count = const_cast<Call&>(call).args().size();
  ArgReader words(call.args(), 2);
  while (words.more() && options.id_at == 0) {
    const bool by_length = words.match_with("MAXLEN", 1);
    if (by_length || words.match_with("MINID", 1)) {
      const Result<void> read = read_threshold(words, word_count, by_length, trim);
      if (!read) return read.error();
    } else if (words.match_with("LIMIT", 1)) {
      const Result<int64_t> limit = words.integer();
      if (!limit) return limit.error();
      if (*limit < 0) return Error("The LIMIT argument must be >= 0.");
      trim.limit = static_cast<uint64_t>(*limit);
      limited = true;
    } else if (xadd && words.match("NOMKSTREAM")) {
      options.no_make = true;
    } else if (xadd) {
      options.id_at = word_count - words.left();
      const std::string_view word = words.next();
      options.makes_id = word == "*";
      if (options.makes_id) break;
      const std::optional<ParsedStreamId> id = parse_stream_id(word);
      if (!id) return invalid_stream_id();
      options.id = *id;
    } else {
      return syntax_error();
    }
  }
  if (trim.limit > 0 && trim.by == TrimArgs::By::kNothing) {
    return Error("syntax error, LIMIT cannot be used without specifying a trimming strategy");
  }
  if (!xadd && trim.by == TrimArgs::By::kNothing) {
    return Error("syntax error, XTRIM must be called with a trimming strategy");
  }
  if (is_primary(call)) {
    trim.limit = 0;
  } else if (limited && !trim.approximate) {
    return Error("syntax error, LIMIT cannot be used without the special ~ option");
  } else if (!limited && trim.approximate) {
    const uint64_t per_node = call.keyspace().limits().stream_node_entries;
    trim.limit = per_node == 0 ? 10'000
                               : std::min(per_node, kEntriesTrimmedAtMost / kNodesTrimmedAtMost) *
                                     kNodesTrimmedAtMost;
  }
  return options;
}

}  // namespace

Result<StreamOptions> xadd_options(const Call& call) {
  if (call.arg(2) == "*") {
    // The usual case.
    StreamOptions options;
    options.id_at = 2;
    options.makes_id = true;
    return options;
  }
  return read_options(call, true);
}

Result<StreamOptions> xtrim_options(const Call& call) {
  return read_options(call, false);
}

uint64_t trim(LargeStream& stream, const TrimArgs& how) {
  const StreamTrim trim{.whole_nodes = how.approximate, .limit = how.limit};
  switch (how.by) {
    case TrimArgs::By::kLength:
      return stream.trim_to_length(how.length, trim);
    case TrimArgs::By::kId:
      return stream.trim_before(how.id, trim);
    case TrimArgs::By::kNothing:
      break;
  }
  return 0;
}

void RewrittenArgs::make_exact(const TrimArgs& how, const LargeStream& stream) {
  if (!how.approximate) return;
  (*this)[how.threshold_at - 1] = "=";
  if (how.by == TrimArgs::By::kLength) {
    exact_ = Digits(static_cast<int64_t>(stream.length())).view();
  } else {
    const bool emptied = stream.length() == 0;
    exact_ = StreamIdText(emptied ? StreamId::max() : stream.state().first_id).view();
  }
  (*this)[how.threshold_at] = exact_;
}

}  // namespace redan
