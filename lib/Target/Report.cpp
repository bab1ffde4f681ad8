// Prints what a compilation cost and made.
#include "Report.h"
#include "mf/Target/PackedLayout.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::mf;

std::vector<std::pair<std::string, uint64_t>> mlir::mf::measureSections(StringRef library) {
  std::vector<std::pair<std::string, uint64_t>> sizes;
  llvm::Expected<std::unique_ptr<llvm::object::ObjectFile>> file =
      llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(library, "library"));
  if (!file) {
    llvm::consumeError(file.takeError());
    return sizes;
  }
  for (const llvm::object::SectionRef &section : (*file)->sections()) {
    llvm::Expected<StringRef> name = section.getName();
    if (!name)
      llvm::consumeError(name.takeError());
    else if (llvm::object::ELFSectionRef(section).getFlags() & llvm::ELF::SHF_ALLOC)
      sizes.emplace_back(name->str(), section.getSize());
  }
  return sizes;
}

void mlir::mf::addCosts(ModuleOp module, Report &report) {
  // An op that says nothing of its cost is no reason to compile nothing.
  ScopedDiagnosticHandler handler(module.getContext(), [&](Diagnostic &diagnostic) {
    if (report.costError.empty() && diagnostic.getSeverity() == DiagnosticSeverity::Error)
      report.costError = diagnostic.str();
  });
  FailureOr<std::vector<FunctionCost>> costs = computeCosts(module, report.costOptions);
  if (succeeded(costs))
    report.costs = std::move(*costs);
}

/// Bytes in the parameter file of a parameter of `parameter`'s kind with the logical shape `shape`.
static uint64_t getPackedBytes(ParameterOp parameter, ArrayRef<int64_t> shape) {
  llvm::Expected<PackedLayout> layout = PackedLayout::get(parameter.getLayoutAttr(), shape);
  if (!layout) {
    llvm::consumeError(layout.takeError());
    return 0;
  }
  return uint64_t(layout->getNumElements()) * parameter.getPackedType().getElementTypeBitWidth() / 8;
}

/// The parameter with the numbers of the features of a pruned weight.
static ParameterOp findFeatures(ModuleOp module, ParameterOp weight) {
  for (auto parameter : module.getOps<ParameterOp>())
    if (auto source = dyn_cast<KeptFeaturesAttr>(parameter.getSource()))
      if (source.getParameter().getAttr() == weight.getSymNameAttr())
        return parameter;
  return {};
}

static void addPrunedWeight(ModuleOp module, ParameterOp weight, Report &report) {
  auto type = cast<RankedTensorType>(weight.getType());
  int64_t columns = type.getDimSize(0), kept = type.getDimSize(1);
  int64_t features = weight.getPrunedFeatures().getPruning().getNumFeatures(kept);
  uint64_t bytes = getPackedBytes(weight, type.getShape());
  if (ParameterOp numbers = findFeatures(module, weight))
    bytes += getPackedBytes(numbers, cast<RankedTensorType>(numbers.getType()).getShape());
  report.prunedWeights.push_back(
      {weight.getSymName().str(), features, kept, getPackedBytes(weight, {columns, features}), bytes});
}

void mlir::mf::addPruning(ModuleOp module, Report &report) {
  for (auto parameter : module.getOps<ParameterOp>())
    if (parameter.getPrunedFeatures())
      addPrunedWeight(module, parameter, report);
  for (auto parameter : module.getOps<ParameterOp>()) {
    auto type = cast<RankedTensorType>(parameter.getType());
    uint64_t bytes = getPackedBytes(parameter, type.getShape());
    if (isa<RowMapAttr>(parameter.getSource()))
      report.rowMapBytes += bytes;
    KeptRowsAttr rows = parameter.getKeptRows();
    if (!rows)
      continue;
    SmallVector<int64_t> before(rows.getKept().getType().getShape());
    before.push_back(type.getShape().back());
    report.prunedTables.push_back(
        {parameter.getSymName().str(), rows.getNumRows(), rows.getNumKept(), getPackedBytes(parameter, before), bytes});
  }
}

/// All pruned tables together.
static PrunedTables sumPruning(const Report &report) {
  PrunedTables sum;
  for (const PrunedTables &tables : report.prunedTables) {
    sum.rows += tables.rows;
    sum.kept += tables.kept;
    sum.bytesBefore += tables.bytesBefore;
    sum.bytes += tables.bytes;
  }
  sum.bytes += report.rowMapBytes;
  return sum;
}

static void printPrunedWeights(const Report &report, llvm::raw_ostream &os) {
  uint64_t before = 0, bytes = 0;
  for (const PrunedWeight &weight : report.prunedWeights) {
    before += weight.bytesBefore;
    bytes += weight.bytes;
  }
  os << "pruned weights, " << bytes << " of " << before << " bytes, " << int64_t(before) - int64_t(bytes)
     << " bytes saved\n";
  for (const PrunedWeight &weight : report.prunedWeights)
    os << llvm::format("  %-48s %9lld of %lld features, %llu of %llu bytes\n", weight.name.c_str(),
                       (long long)weight.kept, (long long)weight.features, (unsigned long long)weight.bytes,
                       (unsigned long long)weight.bytesBefore);
}

static void printPruning(const Report &report, llvm::raw_ostream &os) {
  PrunedTables sum = sumPruning(report);
  os << "pruned tables, " << sum.kept << " of " << sum.rows << " rows kept, "
     << int64_t(sum.bytesBefore) - int64_t(sum.bytes) << " bytes saved\n";
  for (const PrunedTables &tables : report.prunedTables)
    os << llvm::format("  %-48s %9lld of %lld rows, %llu of %llu bytes\n", tables.name.c_str(), (long long)tables.kept,
                       (long long)tables.rows, (unsigned long long)tables.bytes,
                       (unsigned long long)tables.bytesBefore);
}

static void printSteps(ArrayRef<StepTime> steps, llvm::raw_ostream &os) {
  for (const StepTime &step : steps)
    os << llvm::format("  %-12s %9.1f ms\n", step.step.c_str(), step.seconds * 1e3);
}

void mlir::mf::printTextReport(const Report &report, llvm::raw_ostream &os) {
  os << "compilation\n";
  printSteps(report.steps, os);
  for (const Report::Variant &variant : report.variants) {
    os << "variant " << variant.name << ", object " << variant.codeBytes << " bytes\n";
    printSteps(variant.steps, os);
    for (const StrategyCount &entry : variant.strategies)
      os << "  " << entry.count << " x " << entry.op << " " << entry.strategy << "\n";
    for (const LoopCount &entry : variant.loops)
      os << "  " << entry.entry << ": " << entry.loops << " parallel loops, " << entry.sharedForOne
         << " of them with a barrier where every dimension is 1\n";
  }
  printGPUs(report, os);
  os << "library, " << report.libraryBytes << " bytes\n";
  for (auto &[name, bytes] : report.sections)
    os << llvm::format("  %-20s %12llu bytes\n", name.c_str(), (unsigned long long)bytes);
  os << "parameters, " << report.parameterCount << " tensors, " << report.parameterBytes << " bytes\n";
  printCosts(report.costs, report.costOptions, /*withOps=*/false, os);
  if (!report.costError.empty())
    os << "cost of a call: not known: " << report.costError << "\n";
  if (!report.prunedTables.empty())
    printPruning(report, os);
  if (!report.prunedWeights.empty())
    printPrunedWeights(report, os);
  if (!report.quantizationErrors.empty())
    os << "relative quantisation error, on a sample\n";
  for (auto &[name, error] : report.quantizationErrors)
    os << llvm::format("  %-48s %9.5f\n", name.c_str(), error);
}

static llvm::json::Value describeSteps(ArrayRef<StepTime> steps) {
  llvm::json::Object object;
  for (const StepTime &step : steps)
    object[step.step] = step.seconds;
  return object;
}

void mlir::mf::printJSONReport(const Report &report, llvm::raw_ostream &os) {
  llvm::json::Array variants, sections, errors, pruned, prunedWeights;
  auto describeLoops = [](ArrayRef<LoopCount> loops) {
    llvm::json::Array result;
    for (const LoopCount &entry : loops)
      result.push_back(
          llvm::json::Object{{"entry", entry.entry}, {"loops", entry.loops}, {"shared_for_one", entry.sharedForOne}});
    return result;
  };
  for (auto &[name, error] : report.quantizationErrors)
    errors.push_back(llvm::json::Object{{"name", name}, {"relative_error", error}});
  for (const PrunedTables &tables : report.prunedTables)
    pruned.push_back(llvm::json::Object{{"name", tables.name},
                                        {"rows", tables.rows},
                                        {"kept", tables.kept},
                                        {"bytes_before", int64_t(tables.bytesBefore)},
                                        {"bytes", int64_t(tables.bytes)}});
  for (const PrunedWeight &weight : report.prunedWeights)
    prunedWeights.push_back(llvm::json::Object{{"name", weight.name},
                                               {"features", weight.features},
                                               {"kept", weight.kept},
                                               {"bytes_before", int64_t(weight.bytesBefore)},
                                               {"bytes", int64_t(weight.bytes)}});
  for (const Report::Variant &variant : report.variants)
    variants.push_back(llvm::json::Object{{"name", variant.name},
                                          {"object_bytes", int64_t(variant.codeBytes)},
                                          {"seconds", describeSteps(variant.steps)},
                                          {"strategies", describeStrategies(variant.strategies)},
                                          {"parallel_loops", describeLoops(variant.loops)}});
  for (auto &[name, bytes] : report.sections)
    sections.push_back(llvm::json::Object{{"name", name}, {"bytes", int64_t(bytes)}});
  os << llvm::json::Value(llvm::json::Object{
            {"seconds", describeSteps(report.steps)},
            {"variants", std::move(variants)},
            {"gpus", describeGPUs(report)},
            {"library", llvm::json::Object{{"bytes", int64_t(report.libraryBytes)}, {"sections", std::move(sections)}}},
            {"parameters", llvm::json::Object{{"tensors", int64_t(report.parameterCount)},
                                              {"bytes", int64_t(report.parameterBytes)}}},
            {"cost", report.costError.empty() ? describeCosts(report.costs, report.costOptions)
                                              : llvm::json::Value(llvm::json::Object{{"error", report.costError}})},
            {"pruned_weights", std::move(prunedWeights)},
            {"pruned_tables", std::move(pruned)},
            {"row_map_bytes", int64_t(report.rowMapBytes)},
            {"quantization", std::move(errors)}})
     << "\n";
}
