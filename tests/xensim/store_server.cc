#include "tests/xensim/store_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

extern "C" {
#include <xen/io/xs_wire.h>
}

namespace xensim {
namespace {

const std::string kHome = "/local/domain/0";

std::string absolute(const std::string& path) {
  return path.empty() || path[0] == '/' || path[0] == '@' ? path : kHome + "/" + path;
}

/// Strings that each end in a zero; what follows the last zero as well.
std::vector<std::string> split(const std::string& body) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  while (from < body.size()) {
    const std::size_t end = std::min(body.find('\0', from), body.size());
    parts.push_back(body.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

std::string join(const std::vector<std::string>& parts) {
  std::string body;
  for (const std::string& part : parts) body += part + '\0';
  return body;
}

const char* error_name(int error) {
  for (const struct xsd_errors& known : xsd_errors) {
    if (known.errnum == error) return known.errstring;
  }
  return "EINVAL";
}

bool at_or_below(const std::string& path, const std::string& top) {
  return path == top || top == "/" ||
         (path.size() > top.size() && path.compare(0, top.size(), top) == 0 &&
          path[top.size()] == '/');
}

const std::string kOk("OK", 3);

}  // namespace

StoreServer::StoreServer(Store& store, const std::string& socket) : store_(store), path_(socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) throw std::runtime_error("socket path is too long");
  std::strcpy(address.sun_path, path_.c_str());
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener_ < 0 ||
      ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 16) != 0) {
    throw std::runtime_error("cannot listen on " + path_);
  }
  waker_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  store_.set_listener([this](const std::string& path, bool removed) { changed(path, removed); });
  thread_ = std::thread([this] { serve(); });
}

StoreServer::~StoreServer() {
  stop();
  store_.set_listener({});
}

void StoreServer::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  const u64 one = 1;
  if (::write(waker_, &one, sizeof one) < 0) std::abort();
  thread_.join();
  const std::lock_guard lock(mutex_);
  for (const Client& client : clients_) ::close(client.socket);
  clients_.clear();
  ::close(listener_);
  ::close(waker_);
  ::unlink(path_.c_str());
}

void StoreServer::serve() {
  while (!stopping_) {
    std::vector<pollfd> polled{{listener_, POLLIN, 0}, {waker_, POLLIN, 0}};
    for (const Client& client : clients_) polled.push_back({client.socket, POLLIN, 0});
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 2; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      const auto client = std::find_if(clients_.begin(), clients_.end(), [&](const Client& one) {
        return one.socket == polled[i].fd;
      });
      if (client == clients_.end() || receive(*client)) continue;
      for (const Store::Transaction t : client->transactions) store_.end(t, false);
      ::close(client->socket);
      clients_.erase(client);
    }
    if (polled[0].revents != 0) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket >= 0)
        clients_.push_back({.socket = socket, .input = {}, .watches = {}, .transactions = {}});
    }
  }
}

bool StoreServer::receive(Client& client) {
  char buffer[4096];
  const ssize_t got = ::recv(client.socket, buffer, sizeof buffer, 0);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) return false;
  client.input.append(buffer, static_cast<std::size_t>(got));
  xsd_sockmsg head;
  while (client.input.size() >= sizeof head) {
    std::memcpy(&head, client.input.data(), sizeof head);
    if (head.len > XENSTORE_PAYLOAD_MAX) return false;
    if (client.input.size() < sizeof head + head.len) return true;
    const std::string body = client.input.substr(sizeof head, head.len);
    client.input.erase(0, sizeof head + head.len);
    answer(client, head.type, head.req_id, head.tx_id, body);
  }
  return true;
}

void StoreServer::send(Client& client, u32 type, u32 request, u32 transaction,
                       const std::string& body) {
  const xsd_sockmsg head{type, request, transaction, static_cast<u32>(body.size())};
  std::string message(reinterpret_cast<const char*>(&head), sizeof head);
  message += body;
  // A client that does not read loses its events, and finds out.
  if (::send(client.socket, message.data(), message.size(), MSG_NOSIGNAL) < 0) {
    ::shutdown(client.socket, SHUT_RDWR);
  }
}

void StoreServer::answer(Client& client, u32 type, u32 request, u32 transaction,
                         const std::string& body) {
  std::string result;
  const int error = run(client, type, transaction, body, result);
  if (error != 0) {
    send(client, XS_ERROR, request, transaction, std::string(error_name(error)) + '\0');
    return;
  }
  send(client, type, request, transaction, result);
  // A new watch fires once at once, after the answer.
  if (type == XS_WATCH) send_event(client, client.watches.back(), client.watches.back().path);
}

int StoreServer::run(Client& client, u32 type, u32 transaction, const std::string& body,
                     std::string& result) {
  const std::vector<std::string> parts = split(body);
  if (type == XS_WATCH || type == XS_UNWATCH) {
    result = kOk;
    return run_watch(client, type == XS_WATCH, body);
  }
  if (type == XS_TRANSACTION_START) {
    const Store::Transaction t = store_.begin();
    client.transactions.insert(t);
    result = std::to_string(t) + '\0';
    return 0;
  }
  if (parts.empty()) return EINVAL;
  const std::string path = absolute(parts[0]);
  std::vector<std::string> list;
  int error = 0;
  switch (type) {
    case XS_READ: return store_.read(transaction, path, result);
    case XS_DIRECTORY:
      error = store_.list(transaction, path, list);
      result = join(list);
      return error;
    case XS_GET_PERMS:
      error = store_.permissions(transaction, path, list);
      result = join(list);
      return error;
    case XS_WRITE:
      result = kOk;
      return store_.write(transaction, path,
                          body.substr(std::min(parts[0].size() + 1, body.size())));
    case XS_MKDIR: result = kOk; return store_.make(transaction, path);
    case XS_RM: result = kOk; return store_.remove(transaction, path);
    case XS_SET_PERMS:
      result = kOk;
      return store_.set_permissions(transaction, path, {parts.begin() + 1, parts.end()});
    case XS_TRANSACTION_END:
      result = kOk;
      if (client.transactions.erase(transaction) == 0) return ENOENT;
      return store_.end(transaction, parts[0] == "T");
    case XS_GET_DOMAIN_PATH:
      result = std::string("/local/domain/").append(parts[0]) + '\0';
      return 0;
    case XS_IS_DOMAIN_INTRODUCED:
      result = std::string(1, store_.get("/local/domain/" + parts[0]) ? 'T' : 'F') + '\0';
      return 0;
    default: return ENOSYS;
  }
}

int StoreServer::run_watch(Client& client, bool add, const std::string& body) {
  const std::vector<std::string> parts = split(body);
  if (parts.size() < 2) return EINVAL;
  const auto same = [&](const Watch& watch) {
    return watch.path == parts[0] && watch.token == parts[1];
  };
  const auto found = std::find_if(client.watches.begin(), client.watches.end(), same);
  if (!add) {
    if (found == client.watches.end()) return ENOENT;
    client.watches.erase(found);
    return 0;
  }
  const std::string whole = absolute(parts[0]);
  if (whole[0] != '@' && !Store::valid(whole)) return EINVAL;
  if (found != client.watches.end()) return EEXIST;
  client.watches.push_back({parts[0], whole, parts[1]});
  return 0;
}

void StoreServer::send_event(Client& client, const Watch& watch, const std::string& path) {
  send(client, XS_WATCH_EVENT, 0, 0, join({path, watch.token}));
}

void StoreServer::changed(const std::string& path, bool removed) {
  const std::lock_guard lock(mutex_);
  for (Client& client : clients_) {
    for (const Watch& watch : client.watches) {
      if (at_or_below(path, watch.whole)) {
        const bool relative = watch.whole != watch.path;
        send_event(client, watch, relative ? path.substr(kHome.size() + 1) : path);
      } else if (removed && at_or_below(watch.whole, path)) {
        // What was watched went with its parent.
        send_event(client, watch, watch.path);
      }
    }
  }
}

}  // namespace xensim
