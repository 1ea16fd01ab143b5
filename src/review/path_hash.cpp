// SPDX-License-Identifier: Apache-2.0
#include "airlock/review/path_hash.hpp"

#include <bit>
#include <random>

namespace airlock::review {

namespace {

using State = std::array<std::uint64_t, 4>;

std::uint64_t word(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = (value << 8U) | static_cast<unsigned char>(bytes[i]);
  return value;
}

void round(State& v) {
  v[0] += v[1];
  v[1] = std::rotl(v[1], 13) ^ v[0];
  v[0] = std::rotl(v[0], 32);
  v[2] += v[3];
  v[3] = std::rotl(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = std::rotl(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = std::rotl(v[1], 17) ^ v[2];
  v[2] = std::rotl(v[2], 32);
}

void mix(State& v, std::uint64_t message) {
  v[3] ^= message;
  round(v);
  round(v);
  v[0] ^= message;
}

}  // namespace

PathHash::Key PathHash::random_key() {
  std::random_device random;
  Key key{};
  for (auto& half : key) half = (static_cast<std::uint64_t>(random()) << 32U) | random();
  return key;
}

std::uint64_t PathHash::operator()(std::string_view path) const {
  State v{key_[0] ^ 0x736f6d6570736575U, key_[1] ^ 0x646f72616e646f6dU, key_[0] ^ 0x6c7967656e657261U,
          key_[1] ^ 0x7465646279746573U};
  std::size_t at = 0;
  for (; at + 8 <= path.size(); at += 8) mix(v, word(path.substr(at, 8)));
  mix(v, word(path.substr(at)) | (static_cast<std::uint64_t>(path.size()) << 56U));
  v[2] ^= 0xFFU;
  for (int i = 0; i < 4; ++i) round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

}  // namespace airlock::review
