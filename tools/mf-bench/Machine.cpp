// Asks Linux and LLVM about the machine.
#include "Machine.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Threading.h"
#include "llvm/TargetParser/Host.h"

using namespace llvm;
using namespace mf::bench;

static std::string readFile(const Twine &path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> file = MemoryBuffer::getFileAsStream(path);
  return file ? (*file)->getBuffer().str() : "";
}

/// The value of the first line "<key> : value" or "<key>: value"; empty where there is none.
static StringRef findValue(StringRef text, StringRef key) {
  for (; !text.empty(); text = text.split('\n').second) {
    auto [name, value] = text.split('\n').first.split(':');
    if (name.trim() == key)
      return value.trim();
  }
  return "";
}

static std::string describeCPU() {
  std::string text = readFile("/proc/cpuinfo");
  StringRef name = findValue(text, "model name"), core = sys::getHostCPUName();
  return name.empty() ? core.str() : (name + " (" + core + ")").str();
}

static std::string describeFeatures() {
  StringMap<bool> found = sys::getHostCPUFeatures();
  std::string text;
  for (StringRef feature : {"avx2", "fma", "f16c", "avxvnni", "avx512f", "avx512bw", "avx512vl", "avx512vnni",
                            "avx512bf16", "amx-int8", "neon", "dotprod", "i8mm", "bf16", "sve"})
    if (found.lookup(feature))
      text += (text.empty() ? "" : " ") + feature.str();
  return text;
}

/// Bytes of the first CPU's cache of that level, 0 where there is none.
static int64_t findCacheBytes(StringRef level) {
  for (unsigned i = 0; i < 8; ++i) {
    std::string folder = ("/sys/devices/system/cpu/cpu0/cache/index" + Twine(i)).str();
    StringRef type = "";
    std::string typeText = readFile(folder + "/type"), sizeText = readFile(folder + "/size");
    type = StringRef(typeText).trim();
    StringRef size = StringRef(sizeText).trim();
    if (StringRef(readFile(folder + "/level")).trim() != level || type == "Instruction")
      continue;
    int64_t unit = size.consume_back("K") ? 1 << 10 : size.consume_back("M") ? 1 << 20 : 1, number = 0;
    return size.getAsInteger(10, number) ? 0 : number * unit;
  }
  return 0;
}

/// The kilobytes of a line "<key>: 123 kB".
static int64_t findKilobytes(StringRef text, StringRef key) {
  int64_t kilobytes = 0;
  return findValue(text, key).split(' ').first.getAsInteger(10, kilobytes) ? 0 : kilobytes;
}

static Machine describeMachine() {
  Machine machine;
  machine.cpu = describeCPU();
  machine.features = describeFeatures();
  machine.cpus = hardware_concurrency().compute_thread_count();
  machine.l2Bytes = findCacheBytes("2");
  if (machine.l2Bytes == 0)
    machine.l2Bytes = 512 << 10;
  machine.l3Bytes = std::max(findCacheBytes("3"), machine.l2Bytes);
  machine.freeBytes = findKilobytes(readFile("/proc/meminfo"), "MemAvailable") << 10;
  return machine;
}

int64_t mf::bench::getHugePageBytes() {
  std::string text = readFile("/proc/self/smaps_rollup");
  int64_t kilobytes = 0;
  for (StringRef key : {"AnonHugePages", "ShmemPmdMapped", "FilePmdMapped"})
    kilobytes += findKilobytes(text, key);
  return kilobytes << 10;
}

const Machine &mf::bench::getMachine() {
  static const Machine machine = describeMachine();
  return machine;
}
