// SPDX-License-Identifier: Apache-2.0
// Documents of the software in images, written as they are made: a bundle's may have hundreds of megabytes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/review/inventory.hpp"

namespace airlock::review {

/// What a document of software says of itself. Equal inputs give equal texts.
struct SbomSubject {
  std::string name;     ///< the bundle's file name
  oci::Digest digest;   ///< of SHA256SUMS
  Time created{};       ///< the bundle's
  std::string tool;     ///< "airlock 0.1.0"
  std::string comment;  ///< whether the bundle was verified
};

class SbomWriter {
 public:
  using Sink = std::function<void(std::string_view)>;
  virtual ~SbomWriter() = default;
  SbomWriter() = default;
  SbomWriter(const SbomWriter&) = delete;
  SbomWriter& operator=(const SbomWriter&) = delete;

  virtual void add(const InventoriedImage& image) = 0;
  /// Writes the end.
  virtual void finish() = 0;
};

/// SPDX 2.3 (spdx.github.io/spdx-spec/v2.3), JSON. `images`: all that will be added, in their order.
std::unique_ptr<SbomWriter> spdx_writer(const SbomSubject& subject, const std::vector<PlatformImage>& images,
                                        SbomWriter::Sink sink);
/// CycloneDX 1.6 (cyclonedx.org/docs/1.6), JSON.
std::unique_ptr<SbomWriter> cyclonedx_writer(const SbomSubject& subject, SbomWriter::Sink sink);

}  // namespace airlock::review
