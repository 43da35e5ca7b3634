#include "server/replication/standing.h"

namespace redan {

bool Standing::begin_backlog(std::string new_id) {
  if (backlog_.active()) return false;
  history_.replace(std::move(new_id));
  backlog_.activate();
  data_belongs_ = true;
  return true;
}

void Standing::end_backlog(std::string new_id) {
  backlog_.deactivate();
  history_.replace(std::move(new_id));
  data_belongs_ = false;
}

void Standing::promote(std::string new_id) {
  history_.branch(std::move(new_id), backlog_.offset());
  data_belongs_ = backlog_.active();
  backlog_.forget_db();
}

void Standing::follow() {
  backlog_.activate();
  backlog_.forget_db();
}

std::optional<StreamPosition> Standing::position() const {
  if (!data_belongs_) return std::nullopt;
  return StreamPosition{history_.id(), backlog_.offset()};
}

bool Standing::resumed(std::string_view id) {
  backlog_.activate();
  if (id == history_.id()) return false;
  history_.branch(std::string(id), backlog_.offset());
  return true;
}

void Standing::replaced(std::string_view id, int64_t offset) {
  history_.replace(std::string(id));
  backlog_.jump_to(offset);
  backlog_.activate();
  data_belongs_ = true;
}

void Standing::restored_as_replica(std::string_view id, int64_t offset) {
  replaced(id, offset);
}

void Standing::restored_as_primary(std::string_view id, int64_t offset) {
  history_.remember(std::string(id), offset);
  backlog_.jump_to(offset);
  backlog_.activate();
  data_belongs_ = true;
}

}  // namespace redan
