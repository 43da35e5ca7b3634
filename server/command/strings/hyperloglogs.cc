// The HyperLogLog commands: strings whose bytes are laid out as server/data/hyperloglog.h says.
#include <optional>
#include <string>
#include <string_view>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/strings/string_values.h"
#include "server/data/hll_runs.h"
#include "server/data/hll_self_test.h"
#include "server/data/hyperloglog.h"

namespace redan {
namespace {

Error not_a_hyperloglog() {
  return Error("WRONGTYPE", "Key is not a valid HyperLogLog string value.");
}
Error corrupt_hyperloglog() {
  return Error("INVALIDOBJ", "Corrupted HLL object detected");
}

// The text of a key and its form; an empty text where there is no key.
struct Found {
  std::string_view text;
  hll::Form form = hll::Form::kSparse;
};

Result<Found> found_in(const Entry* entry, Entry::Scratch& scratch) {
  if (entry == nullptr) return Found{};
  const std::string_view text = entry->string(scratch);
  const std::optional<hll::Form> form = hll::form_of(text);
  if (!form) return not_a_hyperloglog();
  return Found{.text = text, .form = *form};
}

Result<Found> read_hyperloglog(Call& call, std::string_view key, Entry::Scratch& scratch) {
  const Result<const Entry*> entry = read_string(call, key);
  if (!entry) return entry.error();
  return found_in(*entry, scratch);
}

// A HyperLogLog on its way from one state to the next: sparse until it has to be dense.
class Draft {
 public:
  Draft(std::string text, hll::Form form, int64_t max_sparse_bytes)
      : text_(std::move(text)),
        is_sparse_(form == hll::Form::kSparse),
        max_sparse_bytes_(static_cast<size_t>(max_sparse_bytes)) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  // Whether the register rose; nullopt: the text is corrupt.
  std::optional<bool> raise(hll::Spot spot) {
    if (is_sparse_) {
      switch (editor_.raise(spot, max_sparse_bytes_)) {
        case hll::SparseEditor::Outcome::kKept:
          return false;
        case hll::SparseEditor::Outcome::kRaised:
          return true;
        case hll::SparseEditor::Outcome::kCorrupt:
          return std::nullopt;
        case hll::SparseEditor::Outcome::kTooLarge:
          if (!make_dense()) return std::nullopt;
      }
    }
    return hll::raise_dense(text_.data(), spot);
  }
  // false: the text is corrupt.
  bool make_dense() {
    if (!is_sparse_) return true;
    std::optional<std::string> dense = hll::to_dense(text_);
    if (!dense) return false;
    text_ = std::move(*dense);
    is_sparse_ = false;
    return true;
  }
  bool is_dense() const { return !is_sparse_; }
  std::string& text() { return text_; }

 private:
  std::string text_;
  bool is_sparse_;
  size_t max_sparse_bytes_;
  hll::SparseEditor editor_{text_};
};

// Stores a text whose registers are others than before.
void store(Call& call, std::string_view key, Keyspace::Ref ref, std::string& text) {
  hll::outdate_count(text.data());
  if (ref) {
    call.keyspace().rewrite_text(call.db(), ref, text);
  } else {
    call.keyspace().set_text(call.db(), key, text);
  }
  call.notify(KeyspaceEvents::kString, "pfadd", key);
}

// Dense registers are raised where they are.
bool add_to_dense(Call& call, std::string_view key, Keyspace::Ref ref) {
  char* const text = call.keyspace().edit_string(call.db(), key, ref, hll::kDenseBytes);
  uint64_t changes = 0;
  for (const std::string_view element : call.args().subspan(2)) {
    changes += hll::raise_dense(text, hll::spot_of(element)) ? 1 : 0;
  }
  if (changes == 0) return false;
  hll::outdate_count(text);
  call.keyspace().string_edited(call.db(), key, changes);
  call.notify(KeyspaceEvents::kString, "pfadd", key);
  return true;
}

Result<void> pfadd(Call& call) {
  const std::string_view key = call.arg(1);
  const Result<Keyspace::Ref> ref = change_string(call, key);
  if (!ref) return ref.error();
  Entry::Scratch scratch;
  const Result<Found> found = found_in(*ref ? &**ref : nullptr, scratch);
  if (!found) return found.error();
  bool changed = false;
  if (*ref && found->form == hll::Form::kDense) {
    changed = add_to_dense(call, key, *ref);
  } else {
    changed = !*ref;
    Draft draft(*ref ? std::string(found->text) : hll::make_empty(), hll::Form::kSparse,
                call.config().hll_sparse_max_bytes);
    for (const std::string_view element : call.args().subspan(2)) {
      const std::optional<bool> raised = draft.raise(hll::spot_of(element));
      if (!raised) return corrupt_hyperloglog();
      changed = changed || *raised;
    }
    if (changed) store(call, key, *ref, draft.text());
  }
  call.reply().integer(changed ? 1 : 0);
  return kOk;
}

Result<void> count_union(Call& call) {
  hll::Registers registers{};
  for (const std::string_view key : call.args().subspan(1)) {
    Entry::Scratch scratch;
    const Result<Found> found = read_hyperloglog(call, key, scratch);
    if (!found) return found.error();
    if (found->text.empty()) continue;
    if (!hll::raise_to(registers, found->text, found->form)) return corrupt_hyperloglog();
  }
  call.reply().integer(static_cast<int64_t>(hll::estimate(registers)));
  return kOk;
}

Result<void> pfcount(Call& call) {
  if (call.arg_count() > 2) return count_union(call);
  const std::string_view key = call.arg(1);
  Entry::Scratch scratch;
  const Result<Found> found = read_hyperloglog(call, key, scratch);
  if (!found) return found.error();
  if (found->text.empty()) {
    call.reply().integer(0);
    return kOk;
  }
  std::optional<uint64_t> count = hll::cached_count(found->text);
  if (!count) {
    count = hll::estimate(found->text, found->form);
    if (!count) return corrupt_hyperloglog();
    // The next one need not compute it. On a replica only the primary's stream changes a string.
    if (!call.server().replication.is_replica() || call.session().kind == ClientKind::kPrimary) {
      const Keyspace::Ref ref = call.keyspace().change(call.db(), key);
      hll::cache_count(call.keyspace().edit_string(call.db(), key, ref, 0), *count);
      call.keyspace().string_edited(call.db(), key);
    }
  }
  call.reply().integer(static_cast<int64_t>(*count));
  return kOk;
}

Result<void> pfmerge(Call& call) {
  const std::string_view target = call.arg(1);
  hll::Registers registers{};
  bool is_dense = false;
  for (const std::string_view key : call.args().subspan(1)) {
    Entry::Scratch scratch;
    const Result<Found> found = read_hyperloglog(call, key, scratch);
    if (!found) return found.error();
    if (found->text.empty()) continue;
    is_dense = is_dense || found->form == hll::Form::kDense;
    if (!hll::raise_to(registers, found->text, found->form)) return corrupt_hyperloglog();
  }
  const Keyspace::Ref ref = call.keyspace().change(call.db(), target);
  Entry::Scratch scratch;
  std::string text = ref ? std::string(ref->string(scratch)) : hll::make_empty();
  if (!is_dense) {
    Draft draft(text, hll::Form::kSparse, call.config().hll_sparse_max_bytes);
    for (size_t i = 0; i < hll::kRegisters && !is_dense; ++i) {
      i = hll::next_raised(registers, i);
      if (i == hll::kRegisters) break;
      draft.raise({.index = static_cast<uint16_t>(i), .rank = registers[i]});
      is_dense = draft.is_dense();
    }
    text = std::move(draft.text());
  }
  // (The target's registers are among those that were merged.)
  if (is_dense) text = hll::make_dense(text, registers);
  store(call, target, ref, text);
  call.reply().ok();
  return kOk;
}

std::string describe_runs(std::string_view text) {
  std::string described;
  for (size_t at = hll::kHeaderBytes; at < text.size();) {
    const std::optional<hll::Run> run = hll::read_run(text, at);
    if (!run) break;
    if (!described.empty()) described += ' ';
    if (run->value > 0) {
      described += "v:" + std::to_string(run->value) + ',' + std::to_string(run->registers);
    } else {
      described += (run->bytes == 1 ? "z:" : "Z:") + std::to_string(run->registers);
    }
    at += run->bytes;
  }
  return described;
}

// Makes a sparse one dense; false: it is so already.
Result<bool> become_dense(Call& call, Keyspace::Ref ref, const Found& found) {
  if (found.form == hll::Form::kDense) return false;
  const std::optional<std::string> dense = hll::to_dense(found.text);
  if (!dense) return corrupt_hyperloglog();
  call.keyspace().rewrite_text(call.db(), ref, *dense);
  return true;
}

Result<void> pfdebug(Call& call) {
  const std::string_view verb = call.arg(1);
  const Result<Keyspace::Ref> ref = change_string(call, call.arg(2));
  if (!ref) return ref.error();
  if (!*ref) return Error("The specified key does not exist");
  Entry::Scratch scratch;
  const Result<Found> found = found_in(&**ref, scratch);
  if (!found) return found.error();
  const bool is_sparse = found->form == hll::Form::kSparse;
  if (iequals(verb, "GETREG")) {
    hll::Registers registers{};
    if (!hll::raise_to(registers, found->text, found->form)) return corrupt_hyperloglog();
    const Result<bool> became = become_dense(call, *ref, *found);
    if (!became) return became.error();
    call.reply().array(hll::kRegisters);
    for (const uint8_t value : registers) call.reply().integer(value);
    return kOk;
  }
  if (iequals(verb, "DECODE")) {
    if (!is_sparse) return Error("HLL encoding is not sparse");
    call.reply().bulk(describe_runs(found->text));
    return kOk;
  }
  if (iequals(verb, "ENCODING")) {
    call.reply().simple(is_sparse ? "sparse" : "dense");
    return kOk;
  }
  if (iequals(verb, "TODENSE")) {
    const Result<bool> became = become_dense(call, *ref, *found);
    if (!became) return became.error();
    call.reply().integer(*became ? 1 : 0);
    return kOk;
  }
  return Error("Unknown PFDEBUG subcommand '" + std::string(verb) + "'");
}

Result<void> pfselftest(Call& call) {
  if (const std::optional<std::string> fault = hll::self_test()) {
    return Error("TESTFAILED", *fault);
  }
  call.reply().ok();
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "PFADD",
      .syntax = "key [element ...]",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyInsert),
      .summary = "Adds the specified elements to the specified HyperLogLog.",
      .since = "2.8.9",
      .complexity = "O(1) to add every element."},
     pfadd},
    {{.name = "PFCOUNT",
      .syntax = "key [key ...]",
      .flags = kReadOnly,
      .keys = {KeySpec{.flags = kKeyRW | kKeyAccess,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 1,
                       .last = -1,
                       .notes = "RW because it may change the internal representation of the key, "
                                "and propagate to replicas"}},
      .summary = "Return the approximated cardinality of the set(s) observed by the HyperLogLog at "
                 "key(s).",
      .since = "2.8.9",
      .complexity =
          "O(1) with a very small average constant time when called with a single key. O(N) with N "
          "being the number of keys, and much bigger constant times, when called with multiple "
          "keys."},
     pfcount},
    {{.name = "PFMERGE",
      .syntax = "destkey:key sourcekey:key [sourcekey:key ...]",
      .flags = kWrite | kDenyOom,
      .keys = {KeySpec{.flags = kKeyRW | kKeyAccess | kKeyInsert,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 1},
               KeySpec{.flags = kKeyRO | kKeyAccess,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 2,
                       .last = -1}},
      .summary = "Merge N different HyperLogLogs into a single one.",
      .since = "2.8.9",
      .complexity = "O(N) to merge N HyperLogLogs, but with high constant times.",
      .arity = -2},
     pfmerge},
    {{.name = "PFDEBUG",
      .syntax = "subcommand key",
      .flags = kWrite | kDenyOom | kAdmin | kSysCmd,
      .keys = keys_at(2, 0, 1, kKeyRW | kKeyAccess),
      .summary = "Internal commands for debugging HyperLogLog values",
      .since = "2.8.9",
      .complexity = "N/A"},
     pfdebug},
    {{.name = "PFSELFTEST",
      .syntax = "",
      .flags = kAdmin | kSysCmd,
      .summary = "An internal command for testing HyperLogLog values",
      .since = "2.8.9",
      .complexity = "N/A"},
     pfselftest},
};

}  // namespace

CommandFamily<Call> hyperloglog_commands() {
  return {.group = Group::kHyperLogLog, .commands = kCommands};
}

}  // namespace redan
