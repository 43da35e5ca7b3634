#include "server/persistence/rdb_reader.h"

#include <algorithm>
#include <utility>

#include "common/base/crc64.h"

namespace redan {

Result<size_t> RdbReader::feed(std::string_view bytes) {
  if (stage_ == Stage::kFailed) return failure_;
  if (stage_ == Stage::kDone) return size_t{0};

  // What was understood makes room before more is taken in.
  move_on_to(at_);
  base_ += at_;
  buffer_.erase(0, at_);
  at_ = summed_ = 0;
  buffer_.append(bytes);
  if (buffer_.size() < wanted_) return bytes.size();
  wanted_ = 0;

  while (stage_ != Stage::kDone) {
    const uint64_t limit = options_.total_bytes == UINT64_MAX
                               ? UINT64_MAX
                               : options_.total_bytes - std::min(options_.total_bytes, offset());
    RdbCursor cursor(rest(), limit);
    if (!step(cursor)) {
      if (handler_failed_) return fail(failure_, offset());
      if (cursor.status() == RdbCursor::Status::kCorrupt) {
        return fail(Error(cursor.reason()), offset() + cursor.at());
      }
      wanted_ = cursor.wanted();
      move_on_to(at_);
      return bytes.size();
    }
    at_ += cursor.at();
  }
  const size_t surplus = buffer_.size() - at_;
  return bytes.size() - surplus;
}

Result<void> RdbReader::finish() {
  if (stage_ == Stage::kFailed) return failure_;
  if (stage_ == Stage::kDone) return kOk;
  return fail(Error("the data ends too early"), base_ + buffer_.size());
}

// The checksum covers the bytes up to `at`.
void RdbReader::move_on_to(size_t at) {
  if (options_.verify_checksum && at > summed_) {
    crc_ = crc64(crc_, std::string_view(buffer_).substr(summed_, at - summed_));
  }
  summed_ = std::max(summed_, at);
}

Error RdbReader::fail(const Error& error, uint64_t offset) {
  failure_reason_ = error.message();
  failure_offset_ = offset;
  failure_ = Error(error.code(), error.message() + " (offset " + std::to_string(offset) + ")");
  failed_in_ = stage_;
  stage_ = Stage::kFailed;
  return failure_;
}

std::string_view RdbReader::doing() const {
  switch (stage_ == Stage::kFailed ? failed_in_ : stage_) {
    case Stage::kHeader:
      return "start";
    case Stage::kItems:
      return type_ < 0 ? "read-type" : "read-key";
    case Stage::kValue:
      return "read-object-value";
    default:
      return "check-sum";
  }
}

// Notes what the report of a failure will name. Answers false, for the caller to pass on.
bool RdbReader::in_key(std::string_view key, int type) {
  key_ = key;
  type_ = type;
  return false;
}

bool RdbReader::handled(Result<void> result) {
  if (result) [[likely]] {
    return true;
  }
  failure_ = result.error();
  handler_failed_ = true;
  return false;
}

bool RdbReader::step(RdbCursor& cursor) {
  switch (stage_) {
    case Stage::kHeader:
      return header(cursor);
    case Stage::kItems:
      return item(cursor);
    case Stage::kValue:
      return value(cursor);
    case Stage::kChecksum:
      return checksum(cursor);
    case Stage::kDone:
    case Stage::kFailed:
      break;
  }
  return false;
}

bool RdbReader::header(RdbCursor& cursor) {
  const std::string_view found = rest().substr(0, kRdbHeaderBytes);
  constexpr std::string_view kMagic = "REDIS";
  const size_t common = std::min(found.size(), kMagic.size());
  if (found.substr(0, common) != kMagic.substr(0, common)) {
    return cursor.corrupt("this is not an RDB file: it does not begin with REDIS");
  }
  if (!cursor.skip(kRdbHeaderBytes)) return false;
  int version = 0;
  for (const char digit : found.substr(kMagic.size())) {
    if (digit < '0' || digit > '9') return cursor.corrupt("the RDB version is not a number");
    version = version * 10 + (digit - '0');
  }
  if (version < 1 || version > kRdbVersionNewest) {
    return cursor.corrupt("this version of RDB is not known here: 1 to 12 can be read");
  }
  version_ = version;
  stage_ = Stage::kItems;
  return handled(handler_.begin(version));
}

bool RdbReader::item(RdbCursor& cursor) {
  uint8_t code;
  if (!cursor.byte(code)) return false;
  if (code < static_cast<uint8_t>(RdbOpcode::kSlotInfo)) return key_item(code, cursor);
  switch (static_cast<RdbOpcode>(code)) {
    case RdbOpcode::kExpiryMs:
    case RdbOpcode::kExpirySeconds:
    case RdbOpcode::kIdle:
    case RdbOpcode::kFrequency:
      return attributes(code, cursor);
    default:
      break;
  }
  if (attributes_pending_) return cursor.corrupt("an expiry or idle time without a key behind it");

  uint64_t first, second, third;
  std::string_view name, value;
  switch (static_cast<RdbOpcode>(code)) {
    case RdbOpcode::kAux:
      return cursor.string(name, key_scratch_) && cursor.string(value, value_scratch_) &&
             handled(handler_.aux(name, value));
    case RdbOpcode::kSelectDb:
      return cursor.length(first) && handled(handler_.select_db(first));
    case RdbOpcode::kResizeDb:
      return cursor.length(first) && cursor.length(second) &&
             handled(handler_.sizes(first, second));
    case RdbOpcode::kSlotInfo:
      return cursor.length(first) && cursor.length(second) && cursor.length(third);
    case RdbOpcode::kFunction:
      return cursor.string(value, value_scratch_) && handled(handler_.function_library(value));
    case RdbOpcode::kFunctionPreRelease:
      return cursor.corrupt("a function library in the form of a Redis 7.0 release candidate");
    case RdbOpcode::kModuleAux: {
      constexpr uint64_t kUnsigned = 2;
      if (!cursor.length(first) || !cursor.length(second) || !cursor.length(third)) return false;
      if (second != kUnsigned) return cursor.corrupt("a module's data without its place");
      if (!handled(handler_.module_data(first))) return false;
      shape_.begin_module_data();
      stage_ = Stage::kValue;
      return true;
    }
    case RdbOpcode::kEnd:
      has_checksum_ = version_ >= kRdbVersionWithChecksum;
      stage_ = has_checksum_ ? Stage::kChecksum : Stage::kDone;
      return true;
    default:
      return cursor.corrupt("an unknown item");
  }
}

bool RdbReader::attributes(uint8_t code, RdbCursor& cursor) {
  uint64_t number = 0;
  uint32_t seconds = 0;
  uint8_t byte = 0;
  switch (static_cast<RdbOpcode>(code)) {
    case RdbOpcode::kExpiryMs:
      if (!cursor.le64(number)) return false;
      // A time before 1970 is in the past, as good as 0.
      facts_.expires_unix_ms = std::max<int64_t>(0, static_cast<int64_t>(number));
      break;
    case RdbOpcode::kExpirySeconds:
      if (!cursor.le32(seconds)) return false;
      facts_.expires_unix_ms = std::max<int64_t>(0, int64_t{static_cast<int32_t>(seconds)} * 1000);
      break;
    case RdbOpcode::kIdle:
      if (!cursor.length(number)) return false;
      if (number > INT64_MAX / 1000) return cursor.corrupt("an impossible idle time");
      facts_.idle_s = static_cast<int64_t>(number);
      break;
    default:
      if (!cursor.byte(byte)) return false;
      facts_.frequency = byte;
      break;
  }
  attributes_pending_ = true;
  return true;
}

bool RdbReader::key_item(uint8_t code, RdbCursor& cursor) {
  const auto type = static_cast<RdbType>(code);
  if (code > kRdbTypeNewest || rdb_type_name(type).empty()) {
    return cursor.corrupt("a value of an unknown type");
  }
  std::string_view key;
  if (!cursor.string(key, key_scratch_)) return in_key("", code);
  if (type == RdbType::kString) [[likely]] {
    RdbCursor::Value value;
    if (!cursor.value(value, value_scratch_)) return in_key(key, code);
    if (!handled(value.is_integer ? handler_.integer_key(key, facts_, value.integer)
                                  : handler_.string_key(key, facts_, value.bytes))) {
      return in_key(key, code);
    }
    type_ = -1;
  } else {
    in_key(key, code);
    if (options_.limits != nullptr) builder_ = make_value_builder(type, *options_.limits);
    shape_.tell(builder_.get());
    value_facts_ = facts_;
    if (builder_ == nullptr && !handled(handler_.other_key(key, facts_, type))) return false;
    if (!shape_.begin(type)) {
      return cursor.corrupt("a module's value in the form of a Redis 4.0 release candidate");
    }
    stage_ = Stage::kValue;
  }
  facts_ = RdbKeyFacts();
  attributes_pending_ = false;
  return true;
}

bool RdbReader::value(RdbCursor& cursor) {
  if (!shape_.step(cursor)) return false;
  if (!shape_.done()) return true;
  if (builder_ != nullptr) {
    const std::unique_ptr<ValueBuilder> built = std::move(builder_);
    shape_.tell(nullptr);
    if (const char* wrong = built->finish()) return cursor.corrupt(wrong);
    if (!built->empty() && !handled(handler_.value_key(key_, value_facts_, built->take()))) {
      return false;
    }
  }
  stage_ = Stage::kItems;
  type_ = -1;
  return true;
}

bool RdbReader::checksum(RdbCursor& cursor) {
  uint64_t stored;
  if (!cursor.le64(stored)) return false;
  move_on_to(at_);
  // 0 says that the writer made none (rdbchecksum no).
  if (options_.verify_checksum && stored != 0 && stored != crc_) {
    return cursor.corrupt("the checksum does not fit: the data was changed or damaged");
  }
  has_checksum_ = stored != 0;
  stage_ = Stage::kDone;
  return true;
}

}  // namespace redan
