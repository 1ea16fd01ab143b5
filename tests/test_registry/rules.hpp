// SPDX-License-Identifier: Apache-2.0
// How the test registry misbehaves on demand. A rule is a JSON object:
//
//   {"match": "GET /v2/a/blobs/*",  method and path, with * and ?
//    "skip": 0, "times": 1,         from which matching request on, and for how many (0: for ever)
//    "status": 503, "headers": {"Retry-After": "1"}, "body": "…",   answer this instead
//    "every": 2,                    only to each second one, beginning with the first
//    "percent": 5,                  only to so many of a hundred of them, by chance
//    "cut": 1000,                   close the connection after so many bytes of the body
//    "cut_request": 1000,           the same of the request's body; an upload keeps what it got
//    "claim": 5,                    say so many bytes more in Content-Length than there are
//    "drip": 100,                   send so many bytes each 100 ms
//    "body_size": 1000000,          answer "status" with so many bytes
//    "http_1_0": true,              answer as HTTP/1.0
//    "no_mount": true,              open an upload instead of mounting
//    "flip": 10,                    change the byte at this position of the body
//    "short": 5,                    leave off so many bytes, and say so in Content-Length
//    "delay": 500,                  answer after so many milliseconds
//    "expire": true,                forget all tokens first
//    "ignore_range": true,          answer a range request with the whole
//    "content_type": "…"}           answer with this Content-Type
#pragma once

#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace test_registry {

using Json = nlohmann::json;

class Rules {
 public:
  void replace(const Json& rules);
  /// The rule for this request, an empty object when it is to be answered properly. Counts the request.
  Json take(const std::string& method, const std::string& path);

 private:
  struct Rule {
    Json content;
    unsigned seen = 0;
  };
  std::mutex mutex_;
  std::minstd_rand random_{20240401};  // the same failures in each run
  std::vector<Rule> rules_;
};

}  // namespace test_registry
