// What can be said of Xen without one: that errors are one line.
#include "ioreq/xen/hypervisor.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace ioreq {
namespace {

TEST(Hypervisor, OpenSaysWhatIsWrongInOneLine) {
  testing::internal::CaptureStderr();
  const auto made = Hypervisor::open(0x7ff0);  // no domain has this number
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  ASSERT_FALSE(made);
  const std::string& text = made.error().message;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  if (::access("/dev/xen/privcmd", F_OK) != 0) {
    EXPECT_NE(text.find("not running on Xen"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace ioreq
