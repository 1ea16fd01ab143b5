// SPDX-License-Identifier: Apache-2.0
#include "airlock/review/inventory_cache.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "review/embedded.hpp"

namespace airlock::review {

namespace {

constexpr std::size_t max_file = 256U << 20;
constexpr std::size_t digest_size = 32;
constexpr auto kept_unused = std::chrono::days(90);
/// Its hash tells whether a file's hashes were made with this key.
constexpr std::string_view probe = "airlock";

using Bytes = std::vector<std::uint8_t>;

/// Nothing for what is no key: a new one costs time only.
std::optional<PathHash::Key> read_key(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return std::nullopt;
  PathHash::Key key{};
  if (std::filesystem::file_size(file, ignored) != sizeof key) return std::nullopt;
  const std::string bytes = read_file(file, sizeof key);
  if (bytes.size() != sizeof key) return std::nullopt;
  std::memcpy(key.data(), bytes.data(), sizeof key);
  return key;
}

/// Two processes that start together may both make one: the files of one of them are not used then.
PathHash::Key key_of(const std::filesystem::path& directory) {
  create_private_directories(directory);
  const auto file = directory / "key";
  if (const auto known = read_key(file)) return *known;
  const PathHash::Key key = PathHash::random_key();
  std::string bytes(sizeof key, '\0');
  std::memcpy(bytes.data(), key.data(), sizeof key);
  replace_file(file, bytes, Access::owner);
  return read_key(file).value_or(key);
}

Json packed(const std::vector<std::uint64_t>& numbers) {
  Bytes bytes(numbers.size() * sizeof(std::uint64_t));
  if (!bytes.empty()) std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return Json::binary(std::move(bytes));
}

std::vector<std::uint64_t> unpacked(const Json& value) {
  const Bytes& bytes = value.get_binary();
  std::vector<std::uint64_t> numbers(bytes.size() / sizeof(std::uint64_t));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(std::uint64_t));
  return numbers;
}

Json to_json(const Package& package) {
  return {package.type,         package.ns,      package.name,   package.version,
          package.architecture, package.license, package.source, package.checksum};
}

Package package_of(const Json& value) {
  const auto at = [&](std::size_t i) { return value.at(i).get<std::string>(); };
  return {at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)};
}

Json to_json(const LayerInventory& inventory) {
  Json found = Json::array();
  for (const FoundPackages& file : inventory.found) {
    Json packages = Json::array();
    for (const Package& package : *file.packages) packages.push_back(to_json(package));
    found.push_back({file.path, std::move(packages)});
  }
  Json releases = Json::array();
  for (const auto& [path, release] : inventory.releases)
    releases.push_back({path, release.id, release.version, release.name});
  return {{"found", std::move(found)},
          {"releases", std::move(releases)},
          {"setuid", inventory.setuid},
          {"notes", inventory.notes},
          {"entries", packed(inventory.entries)},
          {"directories", packed(inventory.directories)},
          {"whiteouts", packed(inventory.whiteouts)},
          {"opaque", packed(inventory.opaque)}};
}

LayerInventory inventory_of(const Json& value) {
  LayerInventory inventory;
  for (const Json& file : value.at("found")) {
    std::vector<Package> packages;
    for (const Json& package : file.at(1)) packages.push_back(package_of(package));
    inventory.found.push_back(
        {file.at(0).get<std::string>(), std::make_shared<const std::vector<Package>>(std::move(packages))});
  }
  for (const Json& release : value.at("releases"))
    inventory.releases.emplace(release.at(0).get<std::string>(),
                               Distribution{release.at(1).get<std::string>(), release.at(2).get<std::string>(),
                                            release.at(3).get<std::string>()});
  inventory.setuid = value.at("setuid").get<std::vector<std::string>>();
  inventory.notes = value.at("notes").get<std::vector<std::string>>();
  inventory.entries = unpacked(value.at("entries"));
  inventory.directories = unpacked(value.at("directories"));
  inventory.whiteouts = unpacked(value.at("whiteouts"));
  inventory.opaque = unpacked(value.at("opaque"));
  return inventory;
}

bool is_revision(const std::string& name) {
  return name.size() == inventory_revision().size() && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// Other builds' files, and what nobody has asked for for a season: the folder would grow without end.
void remove_old(const std::filesystem::path& directory) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    const std::string name = entry.path().filename().string();
    if (is_revision(name) && name != inventory_revision()) std::filesystem::remove_all(entry.path(), ignored);
  }
  const auto limit = std::filesystem::file_time_type::clock::now() - kept_unused;
  for (const auto& entry : std::filesystem::directory_iterator(directory / inventory_revision(), ignored)) {
    const auto used = entry.last_write_time(ignored);
    if (!ignored && used < limit) std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace

InventoryCache::InventoryCache(const std::filesystem::path& directory)
    : directory_(directory / inventory_revision()), hash_(key_of(directory)) {
  remove_old(directory);
  create_private_directories(directory_);
}

std::filesystem::path InventoryCache::file_of(const oci::Digest& layer, std::string_view media_type) const {
  return directory_ / (layer.hex() + "-" + oci::sha256(media_type).short_hex());
}

std::optional<LayerInventory> InventoryCache::find(const oci::Digest& layer, std::string_view media_type) const {
  const auto file = file_of(layer, media_type);
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return std::nullopt;
  try {
    const std::string bytes = read_file(file, max_file);
    if (bytes.size() < digest_size) return std::nullopt;
    const std::string_view content = std::string_view(bytes).substr(0, bytes.size() - digest_size);
    if (oci::sha256(content).bytes() != std::string_view(bytes).substr(content.size())) return std::nullopt;
    const Json value = Json::from_cbor(content);
    if (value.at("key").get<std::uint64_t>() != hash_(probe)) return std::nullopt;
    std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now(), ignored);
    return inventory_of(value);
  } catch (const Json::exception&) {
    return std::nullopt;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) throw;
    return std::nullopt;
  }
}

void InventoryCache::keep(const oci::Digest& layer, std::string_view media_type,
                          const LayerInventory& inventory) const {
  const auto file = file_of(layer, media_type);
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored) && !std::filesystem::is_regular_file(file, ignored))
    throw Error(ErrorCode::media, file.string() + ": is not a file").hint("delete the folder that it is in");
  Json value = to_json(inventory);
  value["key"] = hash_(probe);
  std::string bytes;
  Json::to_cbor(value, bytes);
  bytes += oci::sha256(bytes).bytes();
  replace_file(file, bytes, Access::owner);
}

}  // namespace airlock::review
