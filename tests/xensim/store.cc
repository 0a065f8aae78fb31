#include "tests/xensim/store.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace xensim {
namespace {

constexpr std::size_t kMaxPath = 3072;

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string below(const std::string& path) {
  return path == "/" ? path : path + "/";
}

}  // namespace

Store::Store() {
  tree_["/"] = {};
}

bool Store::valid(const std::string& path) {
  if (path.empty() || path[0] != '/' || path.size() > kMaxPath) return false;
  if (path.size() > 1 && (path.back() == '/' || path.find("//") != std::string::npos)) return false;
  return std::all_of(path.begin(), path.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("-/_@+:").find(c) != std::string_view::npos;
  });
}

/// The tree to work on. A transaction remembers what it looked at.
Store::Tree* Store::tree_of(Transaction t, const std::string& path) {
  if (t == 0) return &tree_;
  const auto found = transactions_.find(t);
  if (found == transactions_.end()) return nullptr;
  found->second.seen.insert(path);
  return &found->second.tree;
}

int Store::read(Transaction t, const std::string& path, std::string& value) {
  const std::lock_guard lock(mutex_);
  Tree* tree = tree_of(t, path);
  if (tree == nullptr) return ENOENT;
  const auto found = tree->find(path);
  if (found == tree->end()) return ENOENT;
  value = found->second.value;
  return 0;
}

/// Makes the node and those above it; without a value, an existing node stays as it is.
void Store::set(Tree& tree, const std::string& path, const std::string* value, Changes& changes) {
  const auto found = tree.find(path);
  if (found != tree.end()) {
    if (value == nullptr) return;
    found->second.value = *value;
    found->second.generation = ++generation_;
  } else {
    const std::string parent = parent_of(path);
    set(tree, parent, nullptr, changes);
    Node& above = tree[parent];
    above.generation = ++generation_;
    tree[path] = {.value = value != nullptr ? *value : "",
                  .permissions = above.permissions,
                  .generation = generation_};
  }
  changes.emplace_back(path, false);
}

int Store::write(Transaction t, const std::string& path, const std::string& value) {
  Changes changes;
  {
    const std::lock_guard lock(mutex_);
    if (!valid(path)) return EINVAL;
    Tree* tree = tree_of(t, path);
    if (tree == nullptr) return ENOENT;
    set(*tree, path, &value, changes);
    if (t != 0) {
      transactions_[t].operations.emplace_back([this, path, value] { write(0, path, value); });
      return 0;
    }
  }
  tell(changes);
  return 0;
}

int Store::make(Transaction t, const std::string& path) {
  Changes changes;
  {
    const std::lock_guard lock(mutex_);
    if (!valid(path)) return EINVAL;
    Tree* tree = tree_of(t, path);
    if (tree == nullptr) return ENOENT;
    set(*tree, path, nullptr, changes);
    if (t != 0) {
      transactions_[t].operations.emplace_back([this, path] { make(0, path); });
      return 0;
    }
  }
  tell(changes);
  return 0;
}

int Store::erase(Tree& tree, const std::string& path, Changes& changes) {
  if (path == "/") return EINVAL;
  const auto found = tree.find(path);
  // Of a node that is not there, the parent must be.
  if (found == tree.end()) return tree.contains(parent_of(path)) ? 0 : ENOENT;
  tree.erase(found);
  const std::string prefix = below(path);
  auto child = tree.lower_bound(prefix);
  while (child != tree.end() && child->first.compare(0, prefix.size(), prefix) == 0) {
    child = tree.erase(child);
  }
  tree[parent_of(path)].generation = ++generation_;
  changes.emplace_back(path, true);
  return 0;
}

int Store::remove(Transaction t, const std::string& path) {
  Changes changes;
  int error = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!valid(path)) return EINVAL;
    Tree* tree = tree_of(t, path);
    if (tree == nullptr) return ENOENT;
    error = erase(*tree, path, changes);
    if (t != 0) {
      if (error == 0) {
        transactions_[t].operations.emplace_back([this, path] { remove(0, path); });
      }
      return error;
    }
  }
  tell(changes);
  return error;
}

int Store::list(Transaction t, const std::string& path, std::vector<std::string>& names) {
  const std::lock_guard lock(mutex_);
  Tree* tree = tree_of(t, path);
  if (tree == nullptr || !tree->contains(path)) return ENOENT;
  const std::string prefix = below(path);
  for (auto node = tree->upper_bound(prefix);
       node != tree->end() && node->first.compare(0, prefix.size(), prefix) == 0; ++node) {
    const std::string rest = node->first.substr(prefix.size());
    if (rest.find('/') == std::string::npos) names.push_back(rest);
  }
  return 0;
}

int Store::permissions(Transaction t, const std::string& path, Permissions& permissions) {
  const std::lock_guard lock(mutex_);
  Tree* tree = tree_of(t, path);
  if (tree == nullptr || !tree->contains(path)) return ENOENT;
  permissions = (*tree)[path].permissions;
  return 0;
}

int Store::set_permissions(Transaction t, const std::string& path, const Permissions& permissions) {
  {
    const std::lock_guard lock(mutex_);
    Tree* tree = tree_of(t, path);
    if (tree == nullptr || !tree->contains(path)) return ENOENT;
    if (permissions.empty()) return EINVAL;
    Node& node = (*tree)[path];
    node.permissions = permissions;
    node.generation = ++generation_;
    if (t != 0) {
      transactions_[t].operations.emplace_back(
          [this, path, permissions] { set_permissions(0, path, permissions); });
      return 0;
    }
  }
  tell({{path, false}});
  return 0;
}

Store::Transaction Store::begin() {
  const std::lock_guard lock(mutex_);
  const Transaction t = next_transaction_++;
  transactions_[t] = {.before = tree_, .tree = tree_, .seen = {}, .operations = {}};
  return t;
}

int Store::end(Transaction t, bool commit) {
  std::vector<std::function<void()>> operations;
  {
    const std::lock_guard lock(mutex_);
    const auto found = transactions_.find(t);
    if (found == transactions_.end()) return ENOENT;
    const Pending pending = std::move(found->second);
    transactions_.erase(found);
    if (!commit) return 0;
    for (const std::string& path : pending.seen) {
      const auto before = pending.before.find(path);
      const auto now = tree_.find(path);
      const bool was = before != pending.before.end();
      const bool is = now != tree_.end();
      if (was != is || (was && before->second.generation != now->second.generation)) return EAGAIN;
    }
    operations = pending.operations;
  }
  for (const auto& operation : operations) operation();
  return 0;
}

void Store::tell(const Changes& changes) {
  changed_.notify_all();
  if (!listener_) return;
  for (const auto& [path, removed] : changes) listener_(path, removed);
}

std::optional<std::string> Store::get(const std::string& path) {
  std::string value;
  return read(0, path, value) == 0 ? std::optional(value) : std::nullopt;
}

std::vector<std::string> Store::names(const std::string& path) {
  std::vector<std::string> found;
  list(0, path, found);
  return found;
}

bool Store::wait(const std::string& path, const std::string& value, u64 milliseconds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(milliseconds), [&] {
    const auto found = tree_.find(path);
    return found != tree_.end() && found->second.value == value;
  });
}

}  // namespace xensim
