// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/error.hpp"

#include <utility>

#include "airlock/base/text.hpp"

namespace airlock {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::internal: return "internal";
    case ErrorCode::usage: return "usage";
    case ErrorCode::selection: return "selection";
    case ErrorCode::registry: return "registry";
    case ErrorCode::media: return "media";
    case ErrorCode::format: return "format";
    case ErrorCode::trust: return "trust";
    case ErrorCode::policy: return "policy";
    case ErrorCode::incomplete: return "incomplete";
    case ErrorCode::different: return "different";
    case ErrorCode::interrupted: return "interrupted";
  }
  return "internal";
}

namespace {

const char* prefix_of(Side side) {
  switch (side) {
    case Side::none: return "";
    case Side::source: return "source registry: ";
    case Side::bundle: return "bundle: ";
    case Side::target: return "target registry: ";
  }
  return "";
}

}  // namespace

Error::Error(ErrorCode code, std::string message) : Error(code, Side::none, std::move(message)) {}

Error::Error(ErrorCode code, Side side, std::string message) : code_(code), side_(side), message_(std::move(message)) {
  compose();
}

Error& Error::hint(std::string text) & {
  if (hint_.empty()) hint_ = std::move(text);
  return *this;
}

Error&& Error::hint(std::string text) && { return std::move(hint(std::move(text))); }

Error& Error::within(std::string frame) & {
  if (code_ == ErrorCode::interrupted) return *this;  // what was being done then is not what failed
  frames_.insert(frames_.begin(), std::move(frame));
  compose();
  return *this;
}

Error&& Error::within(std::string frame) && { return std::move(within(std::move(frame))); }

void Error::compose() {
  text_ = prefix_of(side_);
  for (const std::string& frame : frames_) text_ += frame + ": ";
  text_ += message_;
  // Messages quote names and texts from outside; only line feeds may move the cursor of whoever reads them.
  text_ = without_controls(text_, true);
}

}  // namespace airlock
