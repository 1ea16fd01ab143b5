// SPDX-License-Identifier: Apache-2.0
#include "review/treemap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "airlock/base/text.hpp"
#include "review/html.hpp"

namespace airlock::review {

namespace {

constexpr double width = 1160;
constexpr double height = 320;

struct Rectangle {
  double x = 0;
  double y = 0;
  double w = 0;
  double h = 0;
};

/// The worst ratio of sides in a row of these areas along a side.
double worst(const std::vector<double>& row, double side) {
  const double sum = std::accumulate(row.begin(), row.end(), 0.0);
  const auto [least, most] = std::minmax_element(row.begin(), row.end());
  return std::max(side * side * *most / (sum * sum), sum * sum / (side * side * *least));
}

/// Lays a row along the shorter side, and leaves the rest of the space.
void lay(const std::vector<double>& row, Rectangle& space, std::vector<Rectangle>& into) {
  const double sum = std::accumulate(row.begin(), row.end(), 0.0);
  const bool upright = space.w >= space.h;
  const double depth = sum / (upright ? space.h : space.w);
  double at = upright ? space.y : space.x;
  for (const double area : row) {
    const double length = area / depth;
    into.push_back(upright ? Rectangle{space.x, at, depth, length} : Rectangle{at, space.y, length, depth});
    at += length;
  }
  if (upright) {
    space.x += depth;
    space.w -= depth;
  } else {
    space.y += depth;
    space.h -= depth;
  }
}

std::vector<Rectangle> squarified(const std::vector<double>& areas) {
  std::vector<Rectangle> rectangles;
  Rectangle space{0, 0, width, height};
  std::vector<double> row;
  for (const double area : areas) {
    const double side = std::min(space.w, space.h);
    std::vector<double> longer = row;
    longer.push_back(area);
    if (!row.empty() && worst(longer, side) > worst(row, side)) {
      lay(row, space, rectangles);
      row = {area};
    } else {
      row = std::move(longer);
    }
  }
  if (!row.empty()) lay(row, space, rectangles);
  return rectangles;
}

/// Two parts of one place: what is its own, and its share of the rest.
std::string item_svg(const TreemapItem& item, const Rectangle& place) {
  const auto total = static_cast<double>(item.own + item.shared);
  const double own = place.h * static_cast<double>(item.own) / total;
  std::string svg = fmt::format("<g><title>{}: {} of its own, {} that others have too</title>", html(item.label, 200),
                                human_size(item.own), human_size(item.shared));
  svg += fmt::format(R"(<rect class="shared" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>)", place.x, place.y,
                     place.w, place.h);
  svg += fmt::format(R"(<rect class="own" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>)", place.x,
                     place.y + place.h - own, place.w, own);
  const auto fits = static_cast<std::size_t>(std::max(0.0, (place.w - 8) / 6.2));
  if (place.h > 18 && fits >= 6) {
    const std::string name =
        item.label.substr(item.label.rfind('/') == std::string::npos ? 0 : item.label.rfind('/') + 1);
    svg += fmt::format(R"(<text x="{:.1f}" y="{:.1f}">{}</text>)", place.x + 4, place.y + 14, html(name, fits));
  }
  return svg + "</g>";
}

}  // namespace

std::string treemap_svg(std::vector<TreemapItem> items) {
  std::erase_if(items, [](const TreemapItem& item) { return item.own + item.shared == 0; });
  std::sort(items.begin(), items.end(), [](const TreemapItem& a, const TreemapItem& b) {
    return a.own + a.shared != b.own + b.shared ? a.own + a.shared > b.own + b.shared : a.label < b.label;
  });
  double total = 0;
  for (const TreemapItem& item : items) total += static_cast<double>(item.own + item.shared);
  std::vector<double> areas;
  for (const TreemapItem& item : items)
    areas.push_back(static_cast<double>(item.own + item.shared) / total * width * height);
  const auto places = squarified(areas);
  std::string svg =
      fmt::format(R"(<svg viewBox="0 0 {} {}" role="img" aria-label="Bytes of each image">)", width, height);
  for (std::size_t i = 0; i < places.size(); ++i) svg += item_svg(items[i], places[i]);
  return svg + "</svg>";
}

}  // namespace airlock::review
