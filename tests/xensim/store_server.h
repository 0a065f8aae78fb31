// xenstored's socket: Debian's libxenstore connects to it by XENSTORED_PATH.
#pragma once

#include <atomic>
#include <list>
#include <thread>

#include "tests/xensim/store.h"

namespace xensim {

class StoreServer {
 public:
  StoreServer(Store& store, const std::string& socket);
  ~StoreServer();
  StoreServer(const StoreServer&) = delete;
  StoreServer& operator=(const StoreServer&) = delete;

  const std::string& socket_path() const { return path_; }
  /// A fault: xenstored dies. Its connections close, nobody listens.
  void stop();

 private:
  struct Watch {
    std::string path;   // as the client said it
    std::string whole;  // absolute
    std::string token;
  };
  struct Client {
    int socket = -1;
    std::string input;
    std::list<Watch> watches;
    std::set<Store::Transaction> transactions;
  };

  void serve();
  bool receive(Client& client);
  void answer(Client& client, u32 type, u32 request, u32 transaction, const std::string& body);
  int run(Client& client, u32 type, u32 transaction, const std::string& body, std::string& result);
  int run_watch(Client& client, bool add, const std::string& body);
  void changed(const std::string& path, bool removed);
  static void send(Client& client, u32 type, u32 request, u32 transaction, const std::string& body);
  static void send_event(Client& client, const Watch& watch, const std::string& path);

  Store& store_;
  std::string path_;
  int listener_ = -1;
  int waker_ = -1;
  std::atomic<bool> stopping_{false};
  std::recursive_mutex mutex_;  // of the clients: changes come from any thread
  std::list<Client> clients_;
  std::thread thread_;
};

}  // namespace xensim
