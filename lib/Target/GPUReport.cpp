// Prints the resources of kernels for CUDA devices, and the least times of calls on such devices.
#include "Report.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace mlir::mf;

/// The sizes that times are predicted at: those of the report, or a call of one token after an empty cache.
static llvm::StringMap<int64_t> getSizes(const Report &report) {
  return report.costOptions.getSizes({{"tokens", 1}, {"cache", 0}});
}

namespace {
/// The least time of one function on one device.
struct Prediction {
  StringRef function;
  DeviceFigures device;
  llvm::MapVector<StringRef, double> secondsByOp; ///< by the name of the op, where it takes any
  double seconds = 0;
};
} // namespace

static std::optional<Prediction> predict(const FunctionCost &function, const llvm::StringMap<int64_t> &sizes,
                                         const DeviceFigures &device) {
  Prediction result{function.name, device, {}, 0};
  auto add = [&](const CostGroup &group) {
    return llvm::all_of(group.ops, [&](const OpCost &op) {
      std::optional<double> seconds = predictSeconds(op, sizes, device);
      if (seconds && *seconds > 0)
        result.secondsByOp[op.op] += *seconds;
      result.seconds += seconds.value_or(0);
      return seconds.has_value();
    });
  };
  if (!llvm::all_of(function.blocks, add) || !add(function.rest))
    return std::nullopt;
  return result;
}

static std::vector<Prediction> predictAll(const Report &report, StringRef arch) {
  std::vector<Prediction> predictions;
  llvm::StringMap<int64_t> sizes = getSizes(report);
  for (const FunctionCost &function : report.costs)
    for (const DeviceFigures &device : getDevices(arch))
      if (std::optional<Prediction> prediction = predict(function, sizes, device))
        predictions.push_back(std::move(*prediction));
  return predictions;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static void printKernel(const Report::GPU &gpu, const KernelPlan &kernel, llvm::raw_ostream &os) {
  os << llvm::format("  %-24s %5lld threads, %6lld bytes of workgroup memory", kernel.name.c_str(),
                     (long long)kernel.threads, (long long)kernel.workgroupBytes);
  auto found = gpu.resources.find(kernel.name);
  if (found == gpu.resources.end()) {
    os << "\n";
    return;
  }
  const KernelResources &resources = found->second;
  Occupancy occupancy = getOccupancy(kernel, resources, gpu.arch);
  os << llvm::format(", %3lld registers, %lld + %lld bytes spilled, %lld blocks, %lld of %lld warps",
                     (long long)resources.registers, (long long)resources.spillStoreBytes,
                     (long long)resources.spillLoadBytes, (long long)occupancy.blocks, (long long)occupancy.warps,
                     (long long)getMaxWarps(gpu.arch))
     << " (" << occupancy.bound << ")\n";
}

static void printPrediction(const Prediction &prediction, llvm::raw_ostream &os) {
  os << llvm::format("  %-6s %10.1f us", prediction.device.name.str().c_str(), prediction.seconds * 1e6) << " @"
     << prediction.function << ":";
  StringRef separator = " ";
  for (auto &[op, seconds] : prediction.secondsByOp) {
    if (seconds < 0.05e-6)
      continue;
    os << separator << op << llvm::format(" %.1f", seconds * 1e6);
    separator = ", ";
  }
  os << "\n";
}

void mlir::mf::printGPUs(const Report &report, llvm::raw_ostream &os) {
  for (const Report::GPU &gpu : report.gpus) {
    os << "kernels for " << gpu.arch
       << (gpu.resources.empty() ? ", not assembled\n"
                                 : ", resources as ptxas states them, blocks and warps that a "
                                   "multiprocessor holds\n");
    for (const KernelPlan &kernel : gpu.kernels)
      printKernel(gpu, kernel, os);
    for (const LaunchCount &count : gpu.launches)
      os << "  " << count.launches << " launches of one token @" << count.function << "\n";
    std::vector<Prediction> predictions = predictAll(report, gpu.arch);
    llvm::StringMap<int64_t> sizes = getSizes(report);
    if (!predictions.empty())
      os << "predicted, not measured: the least time that memory and arithmetic allow a call of " << sizes["tokens"]
         << " tokens after " << sizes["cache"] << "\n";
    for (const Prediction &prediction : predictions)
      printPrediction(prediction, os);
  }
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static llvm::json::Object describeKernel(const Report::GPU &gpu, const KernelPlan &kernel) {
  llvm::json::Object object{
      {"name", kernel.name}, {"threads", kernel.threads}, {"workgroup_bytes", kernel.workgroupBytes}};
  auto found = gpu.resources.find(kernel.name);
  if (found == gpu.resources.end())
    return object;
  const KernelResources &resources = found->second;
  Occupancy occupancy = getOccupancy(kernel, resources, gpu.arch);
  object["registers"] = resources.registers;
  object["stack_bytes"] = resources.stackBytes;
  object["spill_store_bytes"] = resources.spillStoreBytes;
  object["spill_load_bytes"] = resources.spillLoadBytes;
  object["static_workgroup_bytes"] = resources.sharedBytes;
  object["occupancy"] = llvm::json::Object{{"blocks", occupancy.blocks},
                                           {"warps", occupancy.warps},
                                           {"max_warps", getMaxWarps(gpu.arch)},
                                           {"bound", occupancy.bound}};
  return object;
}

static llvm::json::Object describePrediction(const Prediction &prediction) {
  llvm::json::Object ops;
  for (auto &[op, seconds] : prediction.secondsByOp)
    ops[op] = seconds;
  return llvm::json::Object{{"device", prediction.device.name},
                            {"function", prediction.function},
                            {"seconds", prediction.seconds},
                            {"seconds_by_op", std::move(ops)}};
}

llvm::json::Value mlir::mf::describeGPUs(const Report &report) {
  llvm::json::Array list;
  for (const Report::GPU &gpu : report.gpus) {
    llvm::json::Array kernels, predictions;
    for (const KernelPlan &kernel : gpu.kernels)
      kernels.push_back(describeKernel(gpu, kernel));
    for (const Prediction &prediction : predictAll(report, gpu.arch))
      predictions.push_back(describePrediction(prediction));
    llvm::json::Object launches;
    for (const LaunchCount &count : gpu.launches)
      launches[count.function] = count.launches;
    list.push_back(llvm::json::Object{{"arch", gpu.arch},
                                      {"kernels", std::move(kernels)},
                                      {"launches_of_one_token", std::move(launches)},
                                      {"predicted_least_times", std::move(predictions)}});
  }
  return list;
}
