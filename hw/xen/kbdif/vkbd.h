// PV keyboard and pointer (xenstore: backend/vkbd). Linux waits half a minute for it at boot where
// the toolstack promised one and nobody answers.
//
// Document: Xen, public/io/kbdif.h. Not there: multi-touch, pages by frame number (page-ref): every
// front end since 2011 grants its page as well.
//
// A front end that reads slowly loses nothing that matters: moves become one, keys and buttons
// wait.
//
// Thread: device thread.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "hw/emul/core/display.h"
#include "hw/xen/kbdif/kbdif_regs.h"
#include "hw/xen/xenbus/device.h"
#include "hw/xen/xenbus/domain.h"

namespace kbdif {

/// Where keys and pointer events come from.
class InputSource {
 public:
  virtual ~InputSource() = default;
  /// From now on, and first among all; or, if `raw` is false, only where there is nobody else.
  virtual void attach(core::KeyboardSink& keys, core::PointerSink& pointer, bool raw) = 0;
  virtual void detach(core::KeyboardSink& keys, core::PointerSink& pointer) = 0;
  /// Of the picture, in pixels.
  virtual u32 width() const = 0;
  virtual u32 height() const = 0;
};

struct VkbdParts {
  InputSource& source;
  xenbus::Grants& grants;
  xenbus::EventChannels& events;
};

class VkbdKind final : public xenbus::Kind {
 public:
  explicit VkbdKind(const VkbdParts& parts) : parts_(parts) {}
  std::string_view name() const override { return "vkbd"; }
  core::Result<std::unique_ptr<xenbus::Device>> create(const xenbus::Address& address,
                                                       const xenbus::Directory& back,
                                                       xenbus::Host& host) override;

 private:
  VkbdParts parts_;
};

class Vkbd final : public xenbus::Device,
                   private xenbus::EventHandler,
                   private core::KeyboardSink,
                   private core::PointerSink {
 public:
  Vkbd(const VkbdParts& parts, u32 domain) : parts_(parts), domain_(domain) {}
  ~Vkbd() override { disconnect(); }

  // xenbus::Device
  core::Result<xenbus::Nodes> offer() override;
  core::Result<xenbus::Nodes> connect(const xenbus::Directory& front, bool left) override;
  void stop() override {}
  bool is_idle() const override { return true; }
  void disconnect() override;
  void pause() override {}
  void resume() override {}

 private:
  struct Event {
    u8 type = 0;
    bool pressed = false;
    i32 x = 0, y = 0, z = 0;  // or the key in x
  };

  void event() override;
  void key(core::KeyCode code, bool down) override;
  bool absolute() const override { return absolute_; }
  void move_by(i32 dx, i32 dy) override;
  void move_to(u32 x, u32 y) override;
  void button(core::PointerButton button, bool down) override;
  void sync() override;

  void add(const Event& event);
  void flush();
  void write(u32 index, const Event& event);
  u32 load(u32 at) const;
  void store(u32 at, u32 value);

  VkbdParts parts_;
  u32 domain_;
  xenbus::GrantMapping page_;
  u32 port_ = 0;
  u32 produced_ = 0;
  bool absolute_ = false;
  bool raw_ = false;
  Event move_;  // since the last sync()
  bool moved_ = false;
  std::deque<Event> waiting_;
};

}  // namespace kbdif
