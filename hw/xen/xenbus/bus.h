// The PV devices of one guest that this process serves: finds them in xenstore, as the toolstack
// makes and removes them.
//
// One watch for each kind serves all its devices, and one each is on a front end's state. Nothing
// is done from within an event: events of one moment are one look at each device they are about.
//
// Thread: device thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hw/xen/xenbus/backend.h"

namespace xenbus {

class Bus {
 public:
  /// `later` and the stores outlive this.
  Bus(Store& store, u32 domain, MakeLater later, Reports reports);
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  /// Serves devices of this kind from now on.
  core::Result<void> serve(Kind& kind);
  /// Whoever reads the store's events passes them on.
  void event(const std::string& path, const std::string& token);

  /// Called once the machine stands still, before and after.
  void pause();
  void resume();
  /// Lets go of everything; front ends stay as they are. For the end of the process.
  void leave();

  void for_each(const std::function<void(Backend&)>& visit);
  std::size_t size() const;

 private:
  struct Member {
    std::unique_ptr<Backend> backend;
    std::string token;
    bool dirty = true;
  };
  struct Served {
    Kind* kind;
    std::string path;  // "backend/qdisk/7"
    bool scan = true;
    std::map<std::string, Member> members;  // by number
  };

  void settle();
  void scan(Served& served);
  void adopt(Served& served, const std::string& id);
  Member* find(const std::string& token);

  Store& store_;
  const u32 domain_;
  MakeLater later_;
  Reports reports_;
  std::unique_ptr<Later> work_;
  std::vector<std::unique_ptr<Served>> served_;
  u64 next_token_ = 1;
  bool paused_ = false;
};

}  // namespace xenbus
