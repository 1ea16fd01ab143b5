// SPDX-License-Identifier: Apache-2.0
// One reading of a blob for several uploads.
#include "transfer/shared_blob.hpp"

#include <algorithm>
#include <atomic>

#include "airlock/base/error.hpp"
#include "airlock/base/parallel.hpp"
#include "catch.hpp"

using namespace airlock;
using namespace airlock::transfer;
using namespace std::chrono_literals;

namespace {

/// Pieces of a text; fails where the text ends too early.
class TextSource final : public oci::BlobSource {
 public:
  TextSource(const std::string& text, std::size_t fails_at) : text_(text), fails_at_(fails_at) {}
  std::string_view next() override {
    if (at_ >= fails_at_) throw Error(ErrorCode::format, Side::bundle, "the bytes are others");
    const auto piece = std::string_view(text_).substr(at_, 300'000);
    at_ += piece.size();
    return piece;
  }

 private:
  const std::string& text_;
  std::size_t fails_at_;
  std::size_t at_ = 0;
};

struct Blob {
  explicit Blob(std::size_t size) : text(size, '\0') {
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  }
  SharedBlob shared(std::size_t readers, std::chrono::milliseconds patience) {
    return SharedBlob([this] { return std::make_unique<TextSource>(text, fails_at); }, readers, patience);
  }
  std::string text;
  std::size_t fails_at = SIZE_MAX;
};

std::string read_all(oci::BlobSource& source) {
  std::string all;
  for (auto piece = source.next(); !piece.empty(); piece = source.next()) all += piece;
  return all;
}

constexpr auto forever = 1h;

}  // namespace

TEST_CASE("all readers of a shared blob get its bytes, and it is read once") {
  Blob blob(10'000'000);  // beyond the window
  auto shared = blob.shared(5, forever);
  std::atomic<unsigned> right{0};
  run_parallel(5, 5, [&](std::size_t reader) {
    if (read_all(*shared.open(reader)) == blob.text) ++right;
  });
  CHECK(right == 5);
  CHECK(shared.readings() == 1);
}

TEST_CASE("a reader that never comes is left behind, and reads on its own when it does") {
  Blob blob(10'000'000);
  auto shared = blob.shared(2, 1ms);
  CHECK(read_all(*shared.open(0)) == blob.text);
  CHECK(shared.readings() == 1);
  CHECK(read_all(*shared.open(1)) == blob.text);
  CHECK(shared.readings() == 2);
}

TEST_CASE("a reader that stops half way is left behind, and goes on where it was") {
  Blob blob(10'000'000);
  auto shared = blob.shared(2, 1ms);
  const auto slow = shared.open(1);
  std::string got;
  while (got.size() < 1'000'000) got += slow->next();
  CHECK(read_all(*shared.open(0)) == blob.text);
  CHECK(got + read_all(*slow) == blob.text);
  CHECK(shared.readings() == 2);
}

TEST_CASE("nobody waits for a reader that left") {
  Blob blob(10'000'000);
  auto shared = blob.shared(3, forever);
  shared.leave(1);
  shared.open(2);  // and is gone at once
  CHECK(read_all(*shared.open(0)) == blob.text);
  CHECK(shared.readings() == 1);
}

TEST_CASE("asked for again, after a break, a reader reads on its own") {
  Blob blob(5'000'000);
  auto shared = blob.shared(2, forever);
  const auto first = shared.open(1);
  CHECK_FALSE(first->next().empty());
  CHECK(read_all(*shared.open(1)) == blob.text);
  CHECK(read_all(*shared.open(0)) == blob.text);
  CHECK(shared.readings() == 2);
}

TEST_CASE("each reader of a shared blob gets the source's failure, and none its end") {
  Blob blob(5'000'000);
  blob.fails_at = 4'800'000;
  auto shared = blob.shared(3, forever);
  std::atomic<unsigned> failed{0};
  run_parallel(3, 3, [&](std::size_t reader) {
    try {
      read_all(*shared.open(reader));
    } catch (Error& error) {
      error.within("reader " + std::to_string(reader));
      if (std::string(error.what()) == "bundle: reader " + std::to_string(reader) + ": the bytes are others") ++failed;
    }
  });
  CHECK(failed == 3);
  CHECK(shared.readings() == 1);
}
