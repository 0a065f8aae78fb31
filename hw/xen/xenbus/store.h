// Xenstore, as back ends of PV devices use it. Relative paths lie under this domain's own
// directory.
//
// Thread: device thread.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "hw/xen/xenbus/state.h"

namespace xenbus {

/// Names and values of one directory.
using Nodes = std::vector<std::pair<std::string, std::string>>;

class Store {
 public:
  /// 0 is none.
  using Transaction = u32;

  /// ENOENT is an answer: there is no such node. Other errors say nothing about the node.
  struct Reading {
    int error = 0;
    std::string value{};
    bool present() const { return error == 0; }
    bool absent() const;
  };

  virtual ~Store() = default;

  // Errors are errno values.
  virtual Reading read(Transaction in, const std::string& path) = 0;
  virtual int write(Transaction in, const std::string& path, const std::string& value) = 0;
  virtual int remove(Transaction in, const std::string& path) = 0;
  virtual int list(Transaction in, const std::string& path, std::vector<std::string>& names) = 0;
  /// 0 if none could be begun.
  virtual Transaction begin() = 0;
  /// EAGAIN: somebody changed what the transaction saw; it has to be done again.
  virtual int end(Transaction in, bool commit) = 0;

  /// An event comes for every change at or below `path`, for some that are none, and one at once;
  /// several changes may be one event.
  virtual int watch(const std::string& path, const std::string& token) = 0;
  virtual void unwatch(const std::string& path, const std::string& token) = 0;
};

/// Does `work` in a transaction until it succeeds, but not for ever. `work` returns an errno value;
/// with another than 0 nothing is written.
int transact(Store& store, const std::function<int(Store::Transaction)>& work);

/// The nodes of one directory, read. Missing ones and ones that are no numbers read as nothing.
class Directory {
 public:
  Directory(Store& store, std::string path) : store_(store), path_(std::move(path)) {}

  Store& store() const { return store_; }
  const std::string& path() const { return path_; }
  std::string at(const std::string& key) const { return path_ + "/" + key; }
  std::optional<std::string> text(const std::string& key) const;
  std::optional<u64> number(const std::string& key, u64 most) const;

 private:
  Store& store_;
  std::string path_;
};

}  // namespace xenbus
