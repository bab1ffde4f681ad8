// Reads what the assembler says, and applies what NVIDIA publishes of its devices.
#include "GPUFigures.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Resources
//===----------------------------------------------------------------------===//

/// The number right before `unit` in `line`, 0 where there is none: "Used 30 registers, 400 bytes smem".
static int64_t getCount(StringRef line, StringRef unit) {
  size_t end = line.find(unit);
  if (end == StringRef::npos)
    return 0;
  StringRef before = line.take_front(end).rtrim();
  int64_t count = 0;
  size_t start = before.find_last_not_of("0123456789");
  if (before.drop_front(start == StringRef::npos ? 0 : start + 1).getAsInteger(10, count))
    return 0;
  return count;
}

llvm::StringMap<KernelResources> mlir::mf::parseResources(StringRef messages) {
  llvm::StringMap<KernelResources> all;
  KernelResources *current = nullptr;
  for (StringRef line : llvm::split(messages, '\n')) {
    if (line.contains("Compiling entry function")) {
      current = &all[line.split('\'').second.split('\'').first];
    } else if (current && line.contains("bytes stack frame")) {
      current->stackBytes = getCount(line, "bytes stack frame");
      current->spillStoreBytes = getCount(line, "bytes spill stores");
      current->spillLoadBytes = getCount(line, "bytes spill loads");
    } else if (current && line.contains("registers")) {
      current->registers = getCount(line, "registers");
      current->sharedBytes = getCount(line, "bytes smem");
    }
  }
  return all;
}

//===----------------------------------------------------------------------===//
// Occupancy
//===----------------------------------------------------------------------===//

namespace {
/// A multiprocessor. Source: CUDA C++ Programming Guide, technical specifications per compute capability.
struct Multiprocessor {
  StringRef arch;
  int64_t warps, blocks, registers, sharedBytes;
};
} // namespace

/// Registers are given to warps in pieces of this many, workgroup memory to blocks in pieces of this many bytes, and
/// the system keeps some of it for each block.
static constexpr int64_t kRegisterPiece = 256, kSharedPiece = 128, kSystemSharedBytes = 1024;

static const Multiprocessor &getMultiprocessor(StringRef arch) {
  static const Multiprocessor list[] = {{"sm_80", 64, 32, 65536, 164 << 10}, {"sm_90a", 64, 32, 65536, 228 << 10}};
  const auto *found = llvm::find_if(list, [&](const Multiprocessor &entry) { return entry.arch == arch; });
  // A new architecture without figures: those of the oldest, which hold everywhere.
  return found == std::end(list) ? list[0] : *found;
}

int64_t mlir::mf::getMaxWarps(StringRef arch) { return getMultiprocessor(arch).warps; }

Occupancy mlir::mf::getOccupancy(const KernelPlan &kernel, const KernelResources &resources, StringRef arch) {
  const Multiprocessor &sm = getMultiprocessor(arch);
  int64_t warps = llvm::divideCeil(kernel.threads, 32);
  int64_t registers = warps * llvm::alignTo(std::max<int64_t>(resources.registers, 1) * 32, kRegisterPiece);
  int64_t shared = llvm::alignTo(resources.sharedBytes + kernel.workgroupBytes, kSharedPiece) + kSystemSharedBytes;
  Occupancy result{sm.blocks, 0, "blocks"};
  for (auto [bound, blocks] :
       {std::pair(StringRef("warps"), sm.warps / warps), std::pair(StringRef("registers"), sm.registers / registers),
        std::pair(StringRef("workgroup memory"), sm.sharedBytes / shared)})
    if (blocks < result.blocks)
      result = {blocks, 0, bound};
  result.warps = result.blocks * warps;
  return result;
}

//===----------------------------------------------------------------------===//
// Least times
//===----------------------------------------------------------------------===//

SmallVector<DeviceFigures> mlir::mf::getDevices(StringRef arch) {
  // Source: NVIDIA's data sheets of A100 80GB SXM, H100 SXM and H200 SXM. A multiply-add is two of their operations. A
  // multiprocessor has 128 bytes of workgroup memory in the time of 64 of its f32 multiply-adds (8.0) or 128 (9.0).
  static const DeviceFigures list[] = {{"A100", "sm_80", 2039e9, 19.5e12 / 2, 312e12 / 2, 19.5e12},
                                       {"H100", "sm_90a", 3350e9, 67e12 / 2, 989e12 / 2, 67e12 / 2},
                                       {"H200", "sm_90a", 4800e9, 67e12 / 2, 989e12 / 2, 67e12 / 2}};
  SmallVector<DeviceFigures> devices;
  llvm::copy_if(list, std::back_inserter(devices), [&](const DeviceFigures &device) { return device.arch == arch; });
  return devices;
}

/// Ops that multiply matrices can use tensor cores, where their elements allow it.
static bool multipliesMatrices(StringRef op) { return op.contains("linear") || op.contains("attention"); }

std::optional<double> mlir::mf::predictSeconds(const OpCost &op, const llvm::StringMap<int64_t> &sizes,
                                               const DeviceFigures &device) {
  const Cost &cost = op.cost;
  std::optional<double> tables = cost.tableBytes.evaluate(sizes), products = cost.multiplyAdds.evaluate(sizes);
  std::optional<double> others = (cost.weightBytes + cost.stateReadBytes + cost.stateWrittenBytes).evaluate(sizes);
  if (!tables || !products || !others)
    return std::nullopt;
  double bytes = std::min(*tables, op.storedTableBytes) + *others;
  double rate = multipliesMatrices(op.op) ? device.tensorMultiplyAdds : device.multiplyAdds;
  // Few tokens read their rows straight from memory.
  double throughWorkgroup = *tables > op.storedTableBytes ? *tables / device.workgroupBytes : 0;
  return std::max({bytes / device.bytesPerSecond, *products / rate, throughWorkgroup});
}
