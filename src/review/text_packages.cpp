// SPDX-License-Identifier: Apache-2.0
// Databases that are text: dpkg, apk, Python, npm, RubyGems, Java, os-release.
#include <algorithm>
#include <map>
#include <optional>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "review/lenient_json.hpp"
#include "review/package_files.hpp"

namespace airlock::review {

namespace {

using Fields = std::map<std::string, std::string, std::less<>>;

/// The next line of a text, without its line end; removes it from the text.
std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// The next paragraph of `Key: value` lines (deb822(5), RFC 822); the first of equal keys counts. False at the end.
bool take_paragraph(std::string_view& text, Fields& fields) {
  fields.clear();
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) {
      if (!fields.empty()) return true;
      continue;
    }
    const auto colon = line.find(':');
    if (line.front() == ' ' || line.front() == '\t' || colon == std::string_view::npos) continue;
    fields.try_emplace(to_lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  return !fields.empty();
}

std::string field(const Fields& fields, std::string_view key) {
  const auto found = fields.find(key);
  return found == fields.end() ? std::string() : found->second;
}

/// `NAME=value` lines, as a shell reads them.
Fields assignments(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    const std::string_view line = trim(take_line(text));
    const auto equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    std::string_view value = trim(line.substr(equals + 1));
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
      value = value.substr(1, value.size() - 2);
    fields.try_emplace(std::string(trim(line.substr(0, equals))), value);
  }
  return fields;
}

/// What stands between quotes behind `name` and an equals sign: `s.name = "rake".freeze`.
std::optional<std::string> quoted_after(std::string_view text, std::string_view name) {
  for (auto at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    std::string_view rest = trim(text.substr(at + name.size()).substr(0, 300));
    if (!rest.starts_with('=')) continue;
    rest = trim(rest.substr(1));
    if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) continue;
    const auto end = rest.find(rest.front(), 1);
    if (end != std::string_view::npos) return std::string(rest.substr(1, end - 1));
  }
  return std::nullopt;
}

}  // namespace

namespace {

/// `NAME`, or `NAME (VERSION)` where it differs from the binary package's: NAME@VERSION, as others' purls have it.
std::string source_of(std::string_view field) {
  const auto open = field.find('(');
  const auto close = field.find(')');
  std::string source(trim(field.substr(0, std::min(open, field.size()))));
  if (open != std::string_view::npos && close != std::string_view::npos && close > open + 1)
    source += "@" + std::string(trim(field.substr(open + 1, close - open - 1)));
  return source;
}

}  // namespace

Packages read_dpkg_status(std::string_view text) {
  Packages packages;
  Fields fields;
  while (take_paragraph(text, fields)) {
    const std::string status = field(fields, "status");
    // Files of status.d have none; what was removed keeps its configuration files only (dpkg(1), "Package states").
    // Unpacked and half-configured ones are there, with all their files.
    const std::string_view state = std::string_view(status).substr(status.rfind(' ') + 1);
    if (state == "not-installed" || state == "config-files" || state == "half-installed") continue;
    Package package{"deb", "", field(fields, "package"), field(fields, "version"), field(fields, "architecture"), {},
                    {},    {}};
    package.source = source_of(field(fields, "source"));
    if (package.source == package.name) package.source.clear();
    if (!package.name.empty() && !package.version.empty()) packages.push_back(std::move(package));
  }
  return packages;
}

Packages read_apk_installed(std::string_view text) {
  Packages packages;
  Package package{"apk", {}, {}, {}, {}, {}, {}, {}};
  const auto end = [&] {
    if (package.source == package.name) package.source.clear();
    if (!package.name.empty() && !package.version.empty()) packages.push_back(package);
    package = {"apk", {}, {}, {}, {}, {}, {}, {}};
  };
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) end();
    if (line.size() < 2 || line[1] != ':') continue;
    const std::string_view value = line.substr(2);
    switch (line[0]) {
      case 'P': package.name = value; break;
      case 'V': package.version = value; break;
      case 'A': package.architecture = value; break;
      case 'L': package.license = value; break;
      case 'o': package.source = value; break;
      default: break;
    }
  }
  end();
  return packages;
}

Packages read_python_metadata(std::string_view text) {
  Fields fields;
  if (!take_paragraph(text, fields)) return {};
  Package package{"pypi", "", field(fields, "name"), field(fields, "version"), "", field(fields, "license-expression"),
                  {},     {}};
  if (package.license.empty()) package.license = field(fields, "license");
  if (package.license == "UNKNOWN") package.license.clear();
  if (package.name.empty() || package.version.empty()) return {};
  return {package};
}

Packages read_npm_package(std::string_view text) {
  auto texts = top_texts(text);
  if (!texts) throw Error(ErrorCode::format, "it is no JSON").hint("look at it with airlock inspect --cat");
  const std::string name = (*texts)["name"];
  Package package{"npm", "", name, (*texts)["version"], "", (*texts)["license"], {}, {}};
  if (const auto slash = name.find('/'); name.starts_with('@') && slash != std::string::npos) {
    package.ns = name.substr(0, slash);
    package.name = name.substr(slash + 1);
  }
  if (package.name.empty() || package.version.empty()) return {};
  return {package};
}

Packages read_gemspec(std::string_view text) {
  const auto name = quoted_after(text, ".name");
  const auto version = quoted_after(text, ".version");
  if (!name || name->empty() || !version) return {};
  Package package{"gem", "", *name, *version, "", {}, {}, {}};
  if (const auto at = text.find(".licenses"); at != std::string_view::npos) {
    const std::string_view list =
        text.substr(at, std::min<std::size_t>(text.find_first_of("]\n", at), text.size()) - at);
    const auto open = list.find_first_of("\"'");
    const auto close = open == std::string_view::npos ? open : list.find(list[open], open + 1);
    if (close != std::string_view::npos) package.license = list.substr(open + 1, close - open - 1);
  }
  return {package};
}

Packages read_pom_properties(std::string_view text) {
  const Fields fields = assignments(text);
  Package package{"maven", field(fields, "groupId"), field(fields, "artifactId"), field(fields, "version"), {}, {}, {},
                  {}};
  if (package.name.empty() || package.version.empty()) return {};
  return {package};
}

namespace {

/// Lines of more than 72 bytes go on in the next one, behind a space (JAR File Specification).
std::string unfolded(std::string_view manifest) {
  std::string text;
  while (!manifest.empty()) {
    const std::string_view line = take_line(manifest);
    if (line.starts_with(' ') && !text.empty()) {
      text.pop_back();
      text += line.substr(1);
    } else {
      text += line;
    }
    text += '\n';
  }
  return text;
}

}  // namespace

Packages read_jar_manifest(std::string_view text, std::string_view file_name) {
  Fields fields;
  const std::string manifest = unfolded(text);
  std::string_view lines = manifest;
  take_paragraph(lines, fields);
  Package package{"maven", field(fields, "implementation-vendor-id"), "", "",
                  {},      field(fields, "bundle-license"),           {}, {}};
  for (const char* key : {"implementation-version", "bundle-version", "specification-version"})
    if (package.version.empty()) package.version = field(fields, key);
  // NAME-1.2.3.jar says more than titles do, which are sentences.
  std::string stem(file_name.substr(0, file_name.rfind('.')));
  for (auto dash = stem.find('-'); dash != std::string::npos; dash = stem.find('-', dash + 1)) {
    if (dash + 1 == stem.size() || stem[dash + 1] < '0' || stem[dash + 1] > '9') continue;
    package.version = stem.substr(dash + 1);
    stem.resize(dash);
    break;
  }
  package.name = stem;
  if (package.name.empty()) return {};
  return {package};  // some say no version
}

Distribution read_os_release(std::string_view text) {
  const Fields fields = assignments(text);
  return {field(fields, "ID"), field(fields, "VERSION_ID"), field(fields, "PRETTY_NAME")};
}

}  // namespace airlock::review
