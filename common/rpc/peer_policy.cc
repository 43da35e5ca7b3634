#include "common/rpc/peer_policy.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/base/check.h"

namespace redan {

std::string bus_token(std::string_view secret) {
  if (secret.empty()) return {};
  constexpr std::string_view kPurpose = "redan bus v1";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const auto* made =
      HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(kPurpose.data()), kPurpose.size(), digest, &size);
  REDAN_CHECK(made != nullptr);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 15];
  }
  return text;
}

bool same_token(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool NonsenseBook::note(const std::string& peer) {
  ++count_;
  if (known_.size() >= kMaxPeers) return false;
  return known_.insert(peer).second;
}

}  // namespace redan
