// A small xenstore: nodes with permissions, watches and transactions. The toolstack's side calls it
// directly; the device model speaks to it through Debian's libxenstore (store_server.h).
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hw/emul/core/types.h"

namespace xensim {

using core::u32;
using core::u64;

/// As on the wire: a letter (n, r, w, b) and a domain. The first is the owner.
using Permissions = std::vector<std::string>;

class Store {
 public:
  struct Node {
    std::string value;
    Permissions permissions{"n0"};
    u64 generation = 0;
  };
  using Tree = std::map<std::string, Node>;
  /// A transaction's number; 0 is none.
  using Transaction = u32;

  Store();

  // Errors are errno values; paths are absolute.
  int read(Transaction t, const std::string& path, std::string& value);
  int write(Transaction t, const std::string& path, const std::string& value);
  int make(Transaction t, const std::string& path);
  int remove(Transaction t, const std::string& path);
  int list(Transaction t, const std::string& path, std::vector<std::string>& names);
  int permissions(Transaction t, const std::string& path, Permissions& permissions);
  int set_permissions(Transaction t, const std::string& path, const Permissions& permissions);
  Transaction begin();
  /// EAGAIN: somebody changed what the transaction saw.
  int end(Transaction t, bool commit);

  // What a test or a toolstack does.
  void put(const std::string& path, const std::string& value) { write(0, path, value); }
  std::optional<std::string> get(const std::string& path);
  std::vector<std::string> names(const std::string& path);
  /// Whether the node gets that value in time.
  bool wait(const std::string& path, const std::string& value, u64 milliseconds = 60'000);

  /// Called with every path that changed, outside of the store's lock.
  using Listener = std::function<void(const std::string& path, bool removed)>;
  void set_listener(Listener listener) { listener_ = std::move(listener); }

  static bool valid(const std::string& path);

 private:
  struct Pending {
    Tree before;
    Tree tree;
    std::set<std::string> seen;
    std::vector<std::function<void()>> operations;
  };
  using Changes = std::vector<std::pair<std::string, bool>>;

  Tree* tree_of(Transaction t, const std::string& path);
  void set(Tree& tree, const std::string& path, const std::string* value, Changes& changes);
  int erase(Tree& tree, const std::string& path, Changes& changes);
  void tell(const Changes& changes);

  std::mutex mutex_;
  std::condition_variable changed_;
  Tree tree_;
  u64 generation_ = 1;
  std::map<Transaction, Pending> transactions_;
  Transaction next_transaction_ = 1;
  Listener listener_;
};

}  // namespace xensim
