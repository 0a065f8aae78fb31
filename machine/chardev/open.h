// The factories behind chardev::open(), one for each kind with descriptors.
#pragma once

#include "machine/chardev/chardev.h"

namespace chardev {

using Opened = core::Result<std::unique_ptr<Chardev>>;

Opened open_socket(loop::Loop& loop, const Spec& spec);
Opened open_file(loop::Loop& loop, const Spec& spec);
Opened open_pipe(loop::Loop& loop, const Spec& spec);
Opened open_pty(loop::Loop& loop, const Spec& spec);
Opened open_stdio(loop::Loop& loop, const Spec& spec);
Opened open_udp(loop::Loop& loop, const Spec& spec);
Opened open_tty(loop::Loop& loop, const Spec& spec);

/// Non-blocking and not inherited; the error names the back end and the path.
core::Result<Fd> open_path(const Spec& spec, const std::string& path, int flags);
std::string error_text(int error);

}  // namespace chardev
