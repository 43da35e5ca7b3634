// Hashes in RDB: pairs of strings, or one compact encoding (zipmap until 2.4, ziplist until 6.2,
// listpack since 7.0). Since 7.4 either may come with the expiries of fields.
#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "server/data/field_triples.h"
#include "server/data/large_hash.h"
#include "server/data/listpack.h"
#include "server/data/ziplist.h"
#include "server/persistence/value_builder.h"

namespace redan {

namespace {

constexpr const char* kTwice = "a hash has a field twice";

// Room is made for no more fields than this at once, whatever a count claims.
constexpr size_t kMostReserved = 1 << 20;

static_assert(FieldTriples::kStays == HashField::kStays);

// Fields one after another: compact as long as the limits allow it.
class Fields {
 public:
  explicit Fields(const EncodingLimits& limits) : limits_(limits) {}

  void expect(uint64_t fields) { expected_ = fields; }
  // False: the field is there already.
  bool add(std::string_view field, std::string_view value, int64_t expiry_ms) {
    if (expiry_ms == HashField::kStays && !triples_) return add(field, value);
    if (large_ != nullptr || !compact(field, value)) return add_large(field, value, expiry_ms);
    if (!triples_) bytes_ = FieldTriples::of_pairs(bytes_);
    triples_ = true;
    if (FieldTriples(bytes_).find(field) != FieldTriples::kNone) return false;
    StringBytes store(bytes_);
    FieldTriplesEdit::insert(store, field, value, expiry_ms);
    return true;
  }
  // Where no field before expires.
  bool add(std::string_view field, std::string_view value) {
    if (large_ != nullptr || !compact(field, value)) {
      return add_large(field, value, HashField::kStays);
    }
    const Listpack pack(bytes_);
    if (pack.find(field, pack.first(), 1) != Listpack::kNone) return false;
    StringBytes store(bytes_);
    ListpackEdit::append_pair(store, PackedElement(field), PackedElement(value));
    return true;
  }
  bool empty() const { return large_ == nullptr ? Listpack(bytes_).empty() : large_->size() == 0; }
  StoredValue take() {
    if (large_ != nullptr) return StoredValue::of_large(ValueType::kHash, std::move(large_));
    return triples_ ? StoredValue::triples(std::move(bytes_))
                    : StoredValue::packed(ValueType::kHash, std::move(bytes_));
  }

 private:
  size_t size() const {
    return triples_ ? FieldTriples(bytes_).size() : Listpack(bytes_).size() / 2;
  }
  bool compact(std::string_view field, std::string_view value) const {
    return std::max(field.size(), value.size()) <= limits_.hash_value_bytes &&
           bytes_.size() + field.size() + value.size() <= limits_.packed_bytes &&
           std::max<uint64_t>(expected_, size() + 1) <= limits_.hash_entries;
  }
  bool add_large(std::string_view field, std::string_view value, int64_t expiry_ms) {
    if (large_ == nullptr) become_large();
    if (!large_->set(field, value)) return false;
    if (expiry_ms != HashField::kStays) large_->set_expiry(field, expiry_ms);
    return true;
  }
  void become_large() {
    large_ = std::make_unique<LargeHash>(limits_.hash_key);
    large_->reserve(std::min<uint64_t>(expected_, kMostReserved));
    const Listpack pack(bytes_);
    for (size_t at = pack.first(); at != Listpack::kNone;) {
      const std::string field = pack.at(at).str();
      at = pack.next(at);
      large_->set(field, pack.at(at).str());
      if (triples_) {
        at = pack.next(at);
        large_->set_expiry(field, pack.at(at).integer);
      }
      at = pack.next(at);
    }
    bytes_.clear();
  }

  EncodingLimits limits_;
  uint64_t expected_ = 0;
  std::string bytes_ = Listpack::empty_bytes();
  bool triples_ = false;  // what the bytes are, since a field that expires came
  std::unique_ptr<LargeHash> large_;
};

// A count, then field and value in turns.
class PairsBuilder final : public ValueBuilder {
 public:
  explicit PairsBuilder(const EncodingLimits& limits) : fields_(limits) {}

  const char* piece(Kind kind, std::string_view bytes, uint64_t number) override {
    if (kind == Kind::kCount) {
      fields_.expect(number);
      return nullptr;
    }
    if (!has_field_) {
      field_ = bytes;
      has_field_ = true;
      return nullptr;
    }
    has_field_ = false;
    return fields_.add(field_, bytes) ? nullptr : kTwice;
  }
  bool empty() const override { return fields_.empty(); }
  StoredValue take() override { return fields_.take(); }

 private:
  Fields fields_;
  std::string field_;
  bool has_field_ = false;
};

// Whether fields of a listpack are different, each one from all others; `stride` elements from one
// to the next.
bool fields_differ(const Listpack& pack, size_t stride) {
  constexpr size_t kFewFields = 64;
  const auto next_field = [&](size_t at) {
    for (size_t i = 0; i < stride; ++i) at = pack.next(at);
    return at;
  };
  if (pack.size() / stride <= kFewFields) {
    for (size_t at = pack.first(); at != Listpack::kNone;) {
      const Listpack::Element field = pack.at(at);
      at = next_field(at);
      Listpack::Scratch scratch;
      if (pack.find(field.view(scratch), at, stride - 1) != Listpack::kNone) return false;
    }
    return true;
  }
  std::unordered_set<std::string> seen;
  for (size_t at = pack.first(); at != Listpack::kNone; at = next_field(at)) {
    if (!seen.insert(pack.at(at).str()).second) return false;
  }
  return true;
}

// zipmap  = fields (1; 254 and more: not known)  pair*  0xFF
// pair    = length text length unused (1) text unused bytes
// length  = 1 byte up to 253, or 254 and 4 bytes, little endian
// Calls each(field, value) and answers whether all was well formed; until then it may have called.
template <class Each>
bool walk_zipmap(std::string_view bytes, Each&& each) {
  constexpr uint8_t kLong = 254;
  if (bytes.size() < 2 || static_cast<uint8_t>(bytes.back()) != 0xFF) return false;
  const auto stored = static_cast<uint8_t>(bytes[0]);
  std::string_view rest = bytes.substr(1, bytes.size() - 2);
  const auto take_length = [&](size_t& length) {
    if (rest.empty()) return false;
    const auto lead = static_cast<uint8_t>(rest[0]);
    rest.remove_prefix(1);
    if (lead < kLong) {
      length = lead;
      return true;
    }
    uint32_t wide;
    if (lead > kLong || rest.size() < sizeof wide) return false;
    std::memcpy(&wide, rest.data(), sizeof wide);
    rest.remove_prefix(sizeof wide);
    length = wide;
    return true;
  };
  size_t fields = 0;
  for (; !rest.empty(); ++fields) {
    size_t length = 0;
    if (!take_length(length) || length > rest.size()) return false;
    const std::string_view field = rest.substr(0, length);
    rest.remove_prefix(length);
    if (!take_length(length) || rest.empty()) return false;
    const size_t unused = static_cast<uint8_t>(rest[0]);
    rest.remove_prefix(1);
    if (length + unused > rest.size()) return false;
    if (!each(field, rest.substr(0, length))) return false;
    rest.remove_prefix(length + unused);
  }
  return stored >= kLong || stored == fields;
}

// One compact encoding. As Redis does, a listpack or ziplist is kept compact by its number of
// fields alone; a long value in it was allowed when it was written.
class CompactBuilder final : public ValueBuilder {
 public:
  explicit CompactBuilder(const EncodingLimits& limits) : limits_(limits), fields_(limits) {}

  const char* piece(Kind kind, std::string_view bytes, uint64_t) override {
    if (kind == Kind::kZipmap) {
      const auto add = [&](std::string_view field, std::string_view value) {
        return fields_.add(field, value);
      };
      return walk_zipmap(bytes, add) ? nullptr : "a zipmap is damaged or has a field twice";
    }
    if (kind == Kind::kZiplist) {
      if (!Ziplist::validate(bytes)) return "a ziplist is damaged";
      const std::string packed = Ziplist(bytes).to_listpack();
      return take_listpack(packed);
    }
    if (!Listpack::validate(bytes)) return "a listpack is damaged";
    return take_listpack(bytes);
  }
  bool empty() const override { return packed_.empty() && fields_.empty(); }
  StoredValue take() override {
    if (packed_.empty()) return fields_.take();
    return StoredValue::packed(ValueType::kHash, std::move(packed_));
  }

 private:
  const char* take_listpack(std::string_view bytes) {
    const Listpack pack(bytes);
    const size_t elements = pack.size();
    if (elements % 2 != 0) return "a hash has a field without a value";
    if (elements / 2 <= limits_.hash_entries) {
      if (!fields_differ(pack, 2)) return kTwice;
      if (!pack.empty()) packed_ = bytes;
      return nullptr;
    }
    fields_.expect(elements / 2);
    for (size_t at = pack.first(); at != Listpack::kNone;) {
      Listpack::Scratch of_field;
      Listpack::Scratch of_value;
      const Listpack::Element field = pack.at(at);
      at = pack.next(at);
      const Listpack::Element value = pack.at(at);
      at = pack.next(at);
      if (!fields_.add(field.view(of_field), value.view(of_value))) return kTwice;
    }
    return nullptr;
  }

  EncodingLimits limits_;
  std::string packed_;  // kept as it came
  Fields fields_;       // otherwise
};

// Expiries are 48 bits of milliseconds there.
constexpr uint64_t kMostExpiry = (uint64_t{1} << 48) - 1;

// With expiries of fields, in milliseconds:
//   24: earliest (8 bytes), count, then (expiry, field, value) in turns; expiry: 0 or its distance
//   to
//       the earliest, and one
//   22: the same without the earliest; expiry: 0 or the time itself
//   25: earliest (8 bytes), a listpack of (field, value, expiry); expiry: 0 or the time itself
//   23: the same without the earliest
class ExpiringBuilder final : public ValueBuilder {
 public:
  explicit ExpiringBuilder(const EncodingLimits& limits) : limits_(limits), fields_(limits) {}

  const char* piece(Kind kind, std::string_view bytes, uint64_t number) override {
    switch (kind) {
      case Kind::kBytes8:
        std::memcpy(&earliest_, bytes.data(), sizeof earliest_);
        has_earliest_ = true;
        return earliest_ <= kMostExpiry ? nullptr : kBadExpiry;
      case Kind::kCount:
        fields_.expect(number);
        return nullptr;
      case Kind::kLength:
        if (number > kMostExpiry) return kBadExpiry;
        expiry_ms_ = number == 0 ? 0 : has_earliest_ ? earliest_ + number - 1 : number;
        return nullptr;
      case Kind::kListpack:
        return Listpack::validate(bytes) ? take_triples(Listpack(bytes)) : "a listpack is damaged";
      default:
        break;
    }
    if (!has_field_) {
      field_ = bytes;
      has_field_ = true;
      return nullptr;
    }
    has_field_ = false;
    return add(field_, bytes, expiry_ms_);
  }
  bool empty() const override { return packed_.empty() && fields_.empty(); }
  StoredValue take() override {
    if (packed_.empty()) return fields_.take();
    const FieldTriples triples(packed_);
    if (triples.first_expiry_ms() != FieldTriples::kStays) {
      return StoredValue::triples(std::move(packed_));
    }
    return StoredValue::packed(ValueType::kHash, triples.to_pairs());
  }

 private:
  static constexpr const char* kBadExpiry = "a field's expiry is none";

  const char* add(std::string_view field, std::string_view value, uint64_t expiry_ms) {
    return fields_.add(field, value, static_cast<int64_t>(expiry_ms)) ? nullptr : kTwice;
  }
  const char* take_triples(const Listpack& pack) {
    const size_t elements = pack.size();
    if (elements % 3 != 0) return "a hash has a field without a value or an expiry";
    if (pack.empty()) return nullptr;
    // Kept by its number of fields alone, as one without expiries is.
    if (elements / 3 <= limits_.hash_entries && FieldTriples(pack.bytes()).in_order(kMostExpiry)) {
      if (!fields_differ(pack, 3)) return kTwice;
      packed_ = pack.bytes();
      return nullptr;
    }
    fields_.expect(elements / 3);
    for (size_t at = pack.first(); at != Listpack::kNone;) {
      Listpack::Scratch of_field;
      Listpack::Scratch of_value;
      const Listpack::Element field = pack.at(at);
      at = pack.next(at);
      const Listpack::Element value = pack.at(at);
      at = pack.next(at);
      const Listpack::Element expiry = pack.at(at);
      at = pack.next(at);
      const auto expiry_ms = static_cast<uint64_t>(expiry.integer);
      if (!expiry.is_integer || expiry_ms > kMostExpiry) return kBadExpiry;
      const char* const wrong = add(field.view(of_field), value.view(of_value), expiry_ms);
      if (wrong != nullptr) return wrong;
    }
    return nullptr;
  }

  EncodingLimits limits_;
  std::string packed_;  // triples, kept as they came
  Fields fields_;       // otherwise
  uint64_t earliest_ = 0;
  bool has_earliest_ = false;
  uint64_t expiry_ms_ = 0;
  std::string field_;
  bool has_field_ = false;
};

}  // namespace

std::unique_ptr<ValueBuilder> build_hash(RdbType type, const EncodingLimits& limits) {
  if (type == RdbType::kHash) return std::make_unique<PairsBuilder>(limits);
  switch (type) {
    case RdbType::kHashExpiringPreRelease:
    case RdbType::kHashListpackExpiringPreRelease:
    case RdbType::kHashExpiring:
    case RdbType::kHashListpackExpiring:
      return std::make_unique<ExpiringBuilder>(limits);
    default:
      return std::make_unique<CompactBuilder>(limits);
  }
}

}  // namespace redan
