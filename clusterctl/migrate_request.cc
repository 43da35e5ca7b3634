#include "clusterctl/migrate_request.h"

namespace redan {

Words migrate_request(const Endpoint& to, Millis timeout, const Words& how, const Access& access,
                      const Words& keys) {
  Words request = {"MIGRATE", to.host, std::to_string(to.port),
                   "",        "0",     std::to_string(timeout.count())};
  request.insert(request.end(), how.begin(), how.end());
  if (!access.password.empty() && !access.user.empty()) {
    request.insert(request.end(), {"AUTH2", access.user, access.password});
  } else if (!access.password.empty()) {
    request.insert(request.end(), {"AUTH", access.password});
  }
  request.push_back("KEYS");
  request.insert(request.end(), keys.begin(), keys.end());
  return request;
}

}  // namespace redan
