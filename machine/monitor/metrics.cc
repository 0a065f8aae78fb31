#include "machine/monitor/metrics.h"

#include <fmt/format.h>

namespace monitor {

namespace {

/// A label's value: backslashes, quotes and line ends are escaped.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

class Writer {
 public:
  explicit Writer(const MachineIdentity& identity)
      : common_(fmt::format("domain=\"{}\",name=\"{}\"", identity.domid, escaped(identity.name))) {}

  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_ += fmt::format("# HELP xenolith_{} {}\n# TYPE xenolith_{} {}\n", name, help, name, type);
  }
  void value(double number, std::string_view labels = {}) {
    out_ += fmt::format("xenolith_{}{{{}{}{}}} {}\n", name_, common_, labels.empty() ? "" : ",",
                        labels, number);
  }
  void value(u64 number, std::string_view labels = {}) {
    out_ += fmt::format("xenolith_{}{{{}{}{}}} {}\n", name_, common_, labels.empty() ? "" : ",",
                        labels, number);
  }
  std::string take() { return std::move(out_); }

 private:
  const std::string common_;
  std::string name_;
  std::string out_;
};

void accesses(Writer& writer, Inspector& inspect) {
  const auto all = inspect.accesses(/*new_period=*/false);
  const auto labels = [](const AccessStats& one) {
    return fmt::format("device=\"{}\",kind=\"{}\"", escaped(one.device), one.kind);
  };
  writer.family("guest_accesses_total", "counter", "Accesses of the guest to a device.");
  for (const AccessStats& one : all) writer.value(one.count, labels(one));
  writer.family("guest_access_seconds", "gauge", "How long a device takes to answer.");
  for (const AccessStats& one : all) {
    const auto seconds = [](u64 ns) { return static_cast<double>(ns) / 1e9; };
    writer.value(seconds(one.p50_ns), labels(one) + ",quantile=\"0.5\"");
    writer.value(seconds(one.p99_ns), labels(one) + ",quantile=\"0.99\"");
    writer.value(seconds(one.max_ns), labels(one) + ",quantile=\"1\"");
  }
}

void disks(Writer& writer, const BlockControl& block) {
  struct Figure {
    std::string_view name, help;
    u64 BlockStats::*member;
  };
  static constexpr Figure kFigures[] = {
      {"disk_read_bytes_total", "Bytes read from a disk.", &BlockStats::rd_bytes},
      {"disk_written_bytes_total", "Bytes written to a disk.", &BlockStats::wr_bytes},
      {"disk_reads_total", "Reads from a disk.", &BlockStats::rd_operations},
      {"disk_writes_total", "Writes to a disk.", &BlockStats::wr_operations},
      {"disk_flushes_total", "Flushes of a disk.", &BlockStats::flush_operations},
      {"disk_failed_reads_total", "Reads that failed.", &BlockStats::failed_rd_operations},
      {"disk_failed_writes_total", "Writes that failed.", &BlockStats::failed_wr_operations}};
  const auto drives = block.drives();
  if (drives.empty()) return;
  for (const Figure& figure : kFigures) {
    writer.family(figure.name, "counter", figure.help);
    for (const BlockDevice& one : drives) {
      writer.value(one.stats.*figure.member, fmt::format("device=\"{}\"", escaped(one.key())));
    }
  }
}

}  // namespace

std::string metrics_text(const MachinePorts& ports) {
  Writer writer(ports.identity);
  writer.family("running", "gauge", "Whether the guest runs.");
  writer.value(ports.run.run_state() == RunState::kRunning ? u64{1} : u64{0});
  writer.family("vcpus", "gauge", "Virtual processors that are online.");
  writer.value(u64{ports.cpu.cpus().size()});
  const MemoryUse use = ports.inspect.memory_use();
  writer.family("private_memory_bytes", "gauge", "Memory that only this process uses.");
  writer.value(use.private_bytes);
  accesses(writer, ports.inspect);
  disks(writer, ports.block);
  return writer.take();
}

std::string metrics_answer(const MachinePorts& ports, std::string_view request) {
  std::string body = metrics_text(ports);
  if (request.rfind("GET ", 0) != 0) return body;
  return fmt::format(
             "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
             "Content-Length: {}\r\nConnection: close\r\n\r\n",
             body.size()) +
         body;
}

}  // namespace monitor
