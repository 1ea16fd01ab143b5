// SPDX-License-Identifier: Apache-2.0
#include "review/sbom_scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"

namespace airlock::review {

namespace {

constexpr std::size_t max_nesting = 100;
constexpr std::size_t max_packages = 20'000;
constexpr std::size_t max_url = 1024;
constexpr std::size_t max_key = 64;

bool is_plain(std::string_view text) {
  return text.size() <= max_url && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
}

/// Follows the keys that lead to each value; arrays add none.
class Scanner final : public nlohmann::json_sax<Json> {
 public:
  explicit Scanner(SbomScan& scan) : scan_(scan) {}

  const std::string& problem() const { return problem_; }

  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool start_object(std::size_t /*size*/) override { return open(true); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*size*/) override { return open(false); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    throw_if_interrupted();
    path_.resize(above_.back());
    if (!path_.empty()) path_ += '/';
    path_ += name.size() <= max_key && name.find('/') == std::string::npos
                 ? name
                 : "?";  // the path is compared with each string
    return true;
  }
  bool string(string_t& value) override {
    throw_if_interrupted();
    take(path_, value);
    if (scan_.found.size() <= max_packages) return true;
    problem_ = fmt::format("it names more than {} packages", max_packages);
    return false;
  }
  bool parse_error(std::size_t at, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    problem_ = fmt::format("not valid JSON at byte {}", at);
    return false;
  }

 private:
  bool open(bool object) {
    if (opened_.size() == max_nesting) {
      problem_ = "it is nested too deep";
      return false;
    }
    opened_.push_back(object);
    if (object) above_.push_back(path_.size());
    return true;
  }

  bool close() {
    if (opened_.back()) {
      path_.resize(above_.back());
      above_.pop_back();
    }
    opened_.pop_back();
    return true;
  }

  void take(std::string_view path, const std::string& value) {
    if (path == "_type" || path == "predicateType" || path.starts_with("subject/") || path.starts_with("predicate/"))
      scan_.statement = true;
    if (path == "subject/digest/sha256") scan_.subjects.insert(to_lower(value));
    if (path == "payload" || path == "dsseEnvelope/payload") scan_.payload = value;
    constexpr std::string_view predicate = "predicate/";
    if (path.starts_with(predicate)) path.remove_prefix(predicate.size());
    if (path == "spdxVersion") scan_.format = "SPDX";
    if (path == "bomFormat" && value == "CycloneDX") scan_.format = value;
    if (path == "@context" && value.find("spdx.org/rdf/3") != std::string::npos) scan_.format = "SPDX";
    if (value.starts_with("pkg:") && names_package(path) && is_plain(value)) add(value);
  }

  static bool names_package(std::string_view path) {
    if (path == "packages/externalRefs/referenceLocator" || path == "@graph/software_packageUrl") return true;
    constexpr std::string_view component = "components/";
    if (!path.starts_with(component)) return false;
    while (path.starts_with(component)) path.remove_prefix(component.size());
    return path == "purl";
  }

  /// An image that a list is about is no software in it.
  void add(const std::string& value) {
    auto url = PackageUrl::find(value);
    if (url && url->type != "oci" && url->type != "docker") scan_.found.emplace(value, std::move(*url));
  }

  SbomScan& scan_;
  std::vector<bool> opened_;        // whether an object
  std::string path_;                // of the value to come: "packages/externalRefs/referenceLocator"
  std::vector<std::size_t> above_;  // the length of the path of each open object
  std::string problem_;
};

}  // namespace

SbomScan scan_sbom(std::string_view text, const std::string& where) {
  SbomScan scan;
  Scanner scanner(scan);
  if (!Json::sax_parse(text.begin(), text.end(), &scanner))
    throw Error(ErrorCode::format, where + ": " + (scanner.problem().empty() ? "no JSON" : scanner.problem()));
  return scan;
}

}  // namespace airlock::review
