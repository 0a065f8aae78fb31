// The libraries, as a program sees them, and xenstore through Debian's library.
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>

#include "tests/xensim/machine.h"

extern "C" {
#include <xenstore.h>
}

namespace {

using xensim::Machine;
using xensim::u32;
using xensim::u64;
using xensim::u8;

class Libraries : public ::testing::Test {
 protected:
  /// What the client prints.
  std::string run(const std::string& what) {
    machine_ = std::make_unique<Machine>(
        xensim::MachineOptions{.program = {.path = XEN_CLIENT, .name = "client"},
                               .config = {.memory_mb = 4, .video = xensim::Video::kNone},
                               .arguments = {what}});
    if (before_) before_();
    machine_->spawn();
    EXPECT_EQ(machine_->process().wait(), 0) << machine_->log();
    return machine_->log();
  }

  std::unique_ptr<Machine> machine_;
  std::function<void()> before_;
};

TEST_F(Libraries, ErrorsAreXens) {
  EXPECT_EQ(run("errors"),
            "xensim: xc_domain_pause is not simulated\n"
            "another domain: No such process\n"
            "its memory: No such process\n"
            "buffering 3: Invalid argument\n"
            "server: ok\n"
            "range: ok\n"
            "overlap: File exists\n"
            "backwards: Invalid argument\n"
            "slot 32: Invalid argument\n"
            "interrupt 16: Invalid argument\n"
            "bus 1: Invalid argument\n"
            "pages: ok\n"
            "three pages: Invalid argument\n"
            "frames after pages: Operation not permitted\n"
            "hole: Invalid argument\n"
            "parameter 26: Invalid argument\n"
            "unbound port: Transport endpoint is not connected\n"
            "what is left: ok\n"
            "a page more: Cannot allocate memory\n"
            "pause: Function not implemented\n");
}

TEST_F(Libraries, RestrictedHandlesReachOnlyTheirDomain) {
  EXPECT_EQ(run("restricted"),
            "restrict: ok\n"
            "device model: ok\n"
            "device model of another: Operation not permitted\n"
            "memory: ok\n"
            "memory of another: Operation not permitted\n"
            "event of another: Operation not permitted\n"
            "parameter: Inappropriate ioctl for device\n"
            "populate: Inappropriate ioctl for device\n"
            "grant: Inappropriate ioctl for device\n"
            "xenstore: Bad file descriptor\n");
}

TEST_F(Libraries, GrantsAreMappedAndCopied) {
  before_ = [this] {
    machine_->vcpu().set_ram(0x8000, std::vector<u8>{'o', 'n', 'e', 0});
    machine_->vcpu().set_ram(0x5000, std::vector<u8>{'t', 'w', 'o', 0});
    auto& table = machine_->xen.shared.shared().grants;
    table[8] = {.frame = 8 + 1, .read_only = 0, .mapped = 0};
    table[9] = {.frame = 5 + 1, .read_only = 1, .mapped = 0};
  };
  EXPECT_EQ(run("grants"),
            "map: ok\n"
            "one two\n"
            "write to what may be read: Invalid argument\n"
            "not granted: Invalid argument\n"
            "copy: ok\n"
            "0 -3\n");
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(machine_->vcpu().ram(0x8064, 7).data())),
            "copied");
}

class XenstoreSocket : public ::testing::Test {
 protected:
  XenstoreSocket() {
    std::string name = std::filesystem::temp_directory_path().string() + "/xensim-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    server_ = std::make_unique<xensim::StoreServer>(store_, folder_ + "/xenstored");
    ::setenv("XENSTORED_PATH", server_->socket_path().c_str(), 1);
    client_ = xs_open(0);
  }
  ~XenstoreSocket() override {
    if (client_ != nullptr) xs_close(client_);
    server_.reset();
    ::unsetenv("XENSTORED_PATH");
    std::filesystem::remove_all(folder_);
  }
  std::string read(const char* path, xs_transaction_t t = XBT_NULL) {
    unsigned length = 0;
    void* value = xs_read(client_, t, path, &length);
    if (value == nullptr) return std::string("error ") + std::strerror(errno);
    std::string found(static_cast<char*>(value), length);
    ::free(value);
    return found;
  }
  /// "path token" of the next event, or nothing.
  std::string event() {
    pollfd polled{xs_fileno(client_), POLLIN, 0};
    if (::poll(&polled, 1, 30'000) != 1) return "none";
    unsigned count = 0;
    char** parts = xs_read_watch(client_, &count);
    if (parts == nullptr) return "error";
    std::string found = std::string(parts[XS_WATCH_PATH]) + " " + parts[XS_WATCH_TOKEN];
    ::free(parts);
    return found;
  }

  xensim::Store store_;
  std::string folder_;
  std::unique_ptr<xensim::StoreServer> server_;
  xs_handle* client_ = nullptr;
};

TEST_F(XenstoreSocket, RelativePathsAreOfDomainZero) {
  ASSERT_NE(client_, nullptr);
  EXPECT_TRUE(xs_write(client_, XBT_NULL, "device-model/7/state", "running", 7));
  EXPECT_EQ(store_.get("/local/domain/0/device-model/7/state"), "running");
  EXPECT_EQ(read("device-model/7/state"), "running");
  EXPECT_EQ(read("device-model/8"), "error No such file or directory");
  unsigned count = 0;
  char** names = xs_directory(client_, XBT_NULL, "device-model", &count);
  ASSERT_NE(names, nullptr);
  EXPECT_EQ(count, 1U);
  EXPECT_STREQ(names[0], "7");
  ::free(names);
  EXPECT_TRUE(xs_rm(client_, XBT_NULL, "device-model"));
  EXPECT_FALSE(store_.get("/local/domain/0/device-model/7/state").has_value());
}

TEST_F(XenstoreSocket, WatchesFireAtOnceAndForWhatIsBelow) {
  ASSERT_TRUE(xs_watch(client_, "backend/qdisk", "token"));
  EXPECT_EQ(event(), "backend/qdisk token");
  EXPECT_FALSE(xs_watch(client_, "backend/qdisk", "token"));
  store_.put("/local/domain/0/backend/qdisk/7/768/state", "1");
  // The folders above the node are new as well.
  EXPECT_EQ(event(), "backend/qdisk token");
  EXPECT_EQ(event(), "backend/qdisk/7 token");
  EXPECT_EQ(event(), "backend/qdisk/7/768 token");
  EXPECT_EQ(event(), "backend/qdisk/7/768/state token");
  store_.remove(0, "/local/domain/0/backend");
  EXPECT_EQ(event(), "backend/qdisk token");
  EXPECT_TRUE(xs_unwatch(client_, "backend/qdisk", "token"));
}

TEST_F(XenstoreSocket, TransactionsMayHaveToBeTriedAgain) {
  store_.put("/n", "1");
  const xs_transaction_t t = xs_transaction_start(client_);
  EXPECT_EQ(read("/n", t), "1");
  store_.put("/n", "2");
  EXPECT_TRUE(xs_write(client_, t, "/n", "3", 1));
  EXPECT_FALSE(xs_transaction_end(client_, t, false));
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(read("/n"), "2");
}

TEST_F(XenstoreSocket, PermissionsAreKept) {
  ASSERT_TRUE(xs_mkdir(client_, XBT_NULL, "/p"));
  xs_permissions wanted[] = {{7, XS_PERM_NONE}, {0, XS_PERM_READ}};
  ASSERT_TRUE(xs_set_permissions(client_, XBT_NULL, "/p", wanted, 2));
  unsigned count = 0;
  xs_permissions* found = xs_get_permissions(client_, XBT_NULL, "/p", &count);
  ASSERT_NE(found, nullptr);
  ASSERT_EQ(count, 2U);
  EXPECT_EQ(found[0].id, 7U);
  EXPECT_EQ(found[1].perms, XS_PERM_READ);
  ::free(found);
}

}  // namespace
