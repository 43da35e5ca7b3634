// Sets: as plain members, as an intset, as a listpack (since version 11).
#include <optional>
#include <utility>

#include "server/data/intset.h"
#include "server/data/listpack.h"
#include "server/persistence/value_builder.h"
#include "server/values/set_value.h"

namespace redan {
namespace {

class SetValueBuilder final : public ValueBuilder {
 public:
  explicit SetValueBuilder(const EncodingLimits& limits) : limits_(limits), members_(limits) {}

  const char* piece(Kind kind, std::string_view bytes, uint64_t number) override {
    switch (kind) {
      case Kind::kCount:
        members_.expect(number);
        return nullptr;
      case Kind::kString:
        return members_.add(bytes) ? nullptr : "a set has a member twice";
      case Kind::kIntset:
        if (!Intset::validate(bytes)) return "an intset is empty, or not in order";
        value_ = set_of_packed(ValueForm::kIntset, bytes, limits_);
        return nullptr;
      case Kind::kListpack:
        return listpack(bytes);
      default:
        return "a set has a part that no set has";
    }
  }
  bool empty() const override { return !value_ && members_.size() == 0; }
  StoredValue take() override { return value_ ? std::move(*value_) : members_.take(); }

 private:
  const char* listpack(std::string_view bytes) {
    if (!Listpack::validate(bytes)) return "a set's listpack is damaged";
    const Listpack pack(bytes);
    if (pack.empty()) return nullptr;
    // Kept as it is where each member stands in the one form that it has here: an integer written
    // as text, or wider than it need be, would not be found.
    bool plain = true;
    for (size_t at = pack.first(); at != Listpack::kNone; at = pack.next(at)) {
      Listpack::Scratch scratch;
      const std::string_view text = pack.at(at).view(scratch);
      if (!members_.add(text)) return "a set has a member twice";
      plain = plain && PackedElement(text).size() == pack.end_of(at) - at;
    }
    if (plain) value_ = set_of_packed(ValueForm::kListpack, bytes, limits_);
    return nullptr;
  }

  const EncodingLimits& limits_;
  SetBuilder members_;
  std::optional<StoredValue> value_;
};

}  // namespace

std::unique_ptr<ValueBuilder> build_set(const EncodingLimits& limits) {
  return std::make_unique<SetValueBuilder>(limits);
}

}  // namespace redan
