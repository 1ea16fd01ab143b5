// SPDX-License-Identifier: Apache-2.0
#include "trust/assignment.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace airlock::trust {

namespace {

/// Augmenting paths (Kuhn) between places, of which a requirement has as many as its threshold, and keys.
class Matching {
 public:
  Matching(const std::vector<Requirement>& requirements,
           const std::function<bool(const Requirement&, const std::string&)>& eligible) {
    for (std::size_t i = 0; i < requirements.size(); ++i) {
      std::vector<std::string> candidates;
      for (const std::string& key : requirements[i].keys)
        if (eligible(requirements[i], key)) candidates.push_back(key);
      for (unsigned place = 0; place < requirements[i].threshold; ++place) slots_.push_back({i, candidates});
    }
    for (std::size_t place = 0; place < slots_.size(); ++place) {
      std::set<std::string> tried;
      find_key(place, tried);
    }
  }

  /// The requirement of each key that was matched.
  std::map<std::string, std::size_t> result() const {
    std::map<std::string, std::size_t> by_key;
    for (const auto& [key, place] : holder_) by_key.emplace(key, slots_[place].requirement);
    return by_key;
  }

 private:
  struct Slot {
    std::size_t requirement;
    std::vector<std::string> candidates;
  };

  bool find_key(std::size_t place, std::set<std::string>& tried) {
    for (const std::string& key : slots_[place].candidates) {
      if (!tried.insert(key).second) continue;
      const auto holder = holder_.find(key);
      if (holder != holder_.end() && !find_key(holder->second, tried)) continue;
      holder_[key] = place;
      return true;
    }
    return false;
  }

  std::vector<Slot> slots_;
  std::map<std::string, std::size_t> holder_;
};

}  // namespace

std::optional<std::size_t> Assignment::first_unmet(const std::vector<Requirement>& requirements) const {
  for (std::size_t i = 0; i < requirements.size(); ++i)
    if (keys[i].size() < requirements[i].threshold) return i;
  return std::nullopt;
}

std::optional<std::size_t> Assignment::filled_by(const std::string& key) const {
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (std::find(keys[i].begin(), keys[i].end(), key) != keys[i].end()) return i;
  return std::nullopt;
}

Assignment assign(const std::vector<Requirement>& requirements,
                  const std::function<bool(const Requirement&, const std::string& key)>& eligible) {
  auto matched = Matching(requirements, eligible).result();
  for (std::size_t i = 0; i < requirements.size(); ++i)
    for (const std::string& key : requirements[i].keys)
      if (eligible(requirements[i], key)) matched.try_emplace(key, i);
  Assignment result;
  result.keys.resize(requirements.size());
  for (std::size_t i = 0; i < requirements.size(); ++i)
    for (const std::string& key : requirements[i].keys) {
      const auto found = matched.find(key);
      if (found != matched.end() && found->second == i) result.keys[i].push_back(key);
    }
  return result;
}

}  // namespace airlock::trust
