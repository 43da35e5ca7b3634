// A list as commands see it, whatever its form: one listpack, or a LargeList.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/data/large_list.h"
#include "server/data/list_nodes.h"
#include "server/data/listpack.h"
#include "server/keyspace/keyspace.h"

namespace redan {

// For reading; good until the next change of any key.
class ListView {
 public:
  using Element = Listpack::Element;

  explicit ListView(const Entry& entry)
      : large_(entry.is_large() ? static_cast<const LargeList*>(&entry.large()) : nullptr),
        pack_(large_ == nullptr ? entry.packed() : std::string_view()) {}

  size_t size() const { return large_ != nullptr ? large_->size() : pack_.size(); }
  // The element must be there; it is good as long as `open`.
  Element at(size_t index, OpenNode& open) const {
    return large_ != nullptr ? large_->at(index, open)
                             : pack_.at(pack_.nth(static_cast<int64_t>(index)));
  }
  Element end(ListEnd end) const {
    if (large_ != nullptr) return large_->end(end);
    return pack_.at(end == ListEnd::kHead ? pack_.first() : pack_.last());
  }
  // `count` elements from `first` on, towards the tail or the head; each(element) says whether to
  // go on.
  template <class Each>
  void for_each(size_t first, size_t count, ListEnd towards, Each&& each) const {
    if (count == 0) return;
    if (large_ != nullptr) return large_->for_each(first, count, towards, each);
    for (size_t at = pack_.nth(static_cast<int64_t>(first)); at != Listpack::kNone;
         at = towards == ListEnd::kTail ? pack_.next(at) : pack_.previous(at)) {
      if (!each(pack_.at(at)) || --count == 0) return;
    }
  }

 private:
  const LargeList* large_;
  Listpack pack_;
};

// For changing: the key is made with the first element. As in Redis, a list becomes large before
// elements come that its listpack has no room for (expect()), and compact again after a removal
// that leaves half of that (settle()). The caller tells changed(). Nothing else may change a key
// as long as this lives.
class ListEdit {
 public:
  // `ref`: what change() found, or where it found nothing.
  ListEdit(Keyspace& keyspace, int db, std::string_view key, Keyspace::Ref ref);

  // Elements with texts of so many bytes in all are about to come.
  void expect(size_t text_bytes, size_t elements) {
    if (!large_) expect_compact(text_bytes, elements);
  }
  void push(ListEnd end, std::string_view text) {
    large_ ? (*large_)->push(end, text) : push_compact(end, text);
  }
  // In front of the element at `index`; at size(): behind the last.
  void insert(size_t index, std::string_view text);
  void replace(size_t index, std::string_view text);
  void erase(size_t first, size_t count);
  void erase_end(ListEnd end, size_t count) {
    erase(end == ListEnd::kHead ? 0 : size() - count, count);
  }
  // Up to `most` elements equal to `text`, beginning at that end; how many it were.
  size_t erase_equal(std::string_view text, size_t most, ListEnd from);
  size_t size() const {
    if (large_) return (**large_).size();
    return ref_ ? ListView(*ref_).size() : 0;
  }
  ListView view() const { return ListView(*ref_); }
  // Elements were taken out: true where none is left and the key went, too. The edit is over.
  bool settle();

 private:
  void expect_compact(size_t text_bytes, size_t elements);
  void push_compact(ListEnd end, std::string_view text);

  Keyspace& keyspace_;
  int db_;
  std::string_view key_;
  Keyspace::Ref ref_;
  ListLimits limits_;
  std::optional<Keyspace::LargeEdit<LargeList>> large_;
};

}  // namespace redan
