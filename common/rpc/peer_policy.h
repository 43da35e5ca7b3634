// Who may speak on a bus, by the rule of the client port (reliability.md, section 7): peers of this
// host always; peers from elsewhere only where protected mode is off or a shared secret is set.
// With a secret every call must prove that it knows it. Also the book of peers that sent nonsense,
// so that each is logged once and counted always.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace redan {

struct PeerPolicy {
  bool protected_mode = true;
  bool has_secret = false;

  bool admits(bool from_loopback) const { return from_loopback || !protected_mode || has_secret; }
};

// The proof that a peer knows the secret, as sent with each call: a keyed digest, so that the
// password itself (often shared with the RESP port) does not travel. Empty without a secret.
std::string bus_token(std::string_view secret);
// Takes the same time wherever the two differ.
bool same_token(std::string_view a, std::string_view b);

class NonsenseBook {
 public:
  // Counts one offence of `peer`; true where it is its first, which is worth a line in the log.
  bool note(const std::string& peer);
  uint64_t count() const { return count_; }

 private:
  // A flood from changing addresses must not fill the memory.
  static constexpr size_t kMaxPeers = 1024;
  std::set<std::string> known_;
  uint64_t count_ = 0;
};

}  // namespace redan
