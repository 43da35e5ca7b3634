// Lists in RDB: strings one by one (until 2.6), a ziplist, a quicklist of ziplists (3.2 to 6.2),
// and a quicklist of listpacks and plain elements (since 7.0).
#include <memory>
#include <string>

#include "server/data/large_list.h"
#include "server/data/listpack.h"
#include "server/data/ziplist.h"
#include "server/persistence/value_builder.h"

namespace redan {

namespace {

// Nodes stay as they came, whatever list-max-listpack-size says: they may have been written with
// another.
class ListBuilder final : public ValueBuilder {
 public:
  explicit ListBuilder(const EncodingLimits& limits)
      : list_(std::make_unique<LargeList>(list_limits(limits))) {}

  const char* piece(Kind kind, std::string_view bytes, uint64_t) override {
    switch (kind) {
      case Kind::kString:
        list_->push(ListEnd::kTail, bytes);
        return nullptr;
      case Kind::kZiplist:
        if (!Ziplist::validate(bytes)) return "a ziplist is damaged";
        return add(Ziplist(bytes).to_listpack());
      case Kind::kPackedNode:
        if (!Listpack::validate(bytes)) return "a listpack is damaged";
        return add(bytes);
      case Kind::kPlainNode:
        list_->append_plain(bytes);
        return nullptr;
      default:
        return nullptr;  // The count.
    }
  }
  bool empty() const override { return list_->size() == 0; }
  StoredValue take() override { return stored(std::move(list_)); }

 private:
  // Old versions of Redis could leave nodes without elements.
  const char* add(std::string_view listpack) {
    const Listpack pack(listpack);
    if (pack.empty()) return nullptr;
    if (pack.size() > ListNode::kMostElements) return "a listpack of a list is too long";
    list_->append_packed(listpack);
    return nullptr;
  }

  std::unique_ptr<LargeList> list_;
};

}  // namespace

std::unique_ptr<ValueBuilder> build_list(const EncodingLimits& limits) {
  return std::make_unique<ListBuilder>(limits);
}

}  // namespace redan
