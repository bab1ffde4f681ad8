// Collects from the IR what a library tells about itself, and writes it as JSON.
#include "mf/Target/LibraryPlan.h"
#include "DLPackType.h"
#include "mf-c/model.h"
#include "mf/Runtime/ParameterFile.h"
#include "mf/Target/CompileError.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include <map>

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

std::string mlir::mf::getVariantSymbol(StringRef function, StringRef variant) {
  return (function + "." + variant).str();
}

std::string mlir::mf::getWorkspaceFunction(StringRef entry) { return (entry + ".workspace").str(); }

std::string mlir::mf::formatDigest(uint64_t digest) { return llvm::formatv("{0:x-16}", digest).str(); }

std::string mlir::mf::getCompilerVersion() { return MF_VERSION " (LLVM " LLVM_VERSION_STRING ")"; }

//===----------------------------------------------------------------------===//
// Collecting
//===----------------------------------------------------------------------===//

static std::string printed(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

static mf_rt_role convertRole(OperandRole role) {
  switch (role) {
  case OperandRole::Input:
    return MF_RT_INPUT;
  case OperandRole::Output:
    return MF_RT_OUTPUT;
  case OperandRole::State:
    return MF_RT_STATE;
  }
}

static llvm::Expected<OperandPlan> convertOperand(OperandAttr operand, const EntryPlan &entry) {
  OperandPlan plan;
  plan.name = operand.getName().str();
  plan.role = convertRole(operand.getRole());
  Type element = operand.getType().getElementType();
  plan.elementType = printed(element);
  std::optional<mf_rt_dtype> dtype = getDLPackType(element);
  if (!dtype)
    return makeError(ErrorKind::InputModel, "operand '" + plan.name + "' of '" + entry.name +
                                                "' has elements of type " + plan.elementType +
                                                ", which no DLPack tensor has");
  plan.dtype = *dtype;
  if (CacheLayoutAttr layout = operand.getLayout())
    plan.positionBlock = static_cast<int32_t>(layout.getKeys());
  for (auto [extent, dim] : llvm::zip_equal(operand.getType().getShape(), operand.getDims())) {
    if (!ShapedType::isDynamic(extent)) {
      plan.shape.push_back(extent);
      continue;
    }
    auto found = llvm::find(entry.dims, cast<StringAttr>(dim).getValue());
    if (found == entry.dims.end())
      return makeError(ErrorKind::Compile, "operand '" + plan.name + "' of '" + entry.name + "' has a dimension " +
                                               cast<StringAttr>(dim).getValue() + " that the entry does not list");
    plan.shape.push_back(-1 - (found - entry.dims.begin()));
  }
  return plan;
}

llvm::Expected<std::vector<EntryPlan>> mlir::mf::collectEntries(ModuleOp module) {
  std::vector<EntryPlan> entries;
  for (auto function : module.getOps<FunctionOpInterface>()) {
    auto interface = function->getAttrOfType<EntryAttr>("mf.entry");
    if (!interface)
      continue;
    EntryPlan entry;
    entry.name = function.getName().str();
    for (Attribute dim : interface.getDims())
      entry.dims.push_back(cast<StringAttr>(dim).str());
    for (OperandAttr operand : interface.getOperands()) {
      llvm::Expected<OperandPlan> plan = convertOperand(operand, entry);
      if (!plan)
        return plan.takeError();
      entry.operands.push_back(std::move(*plan));
    }
    entries.push_back(std::move(entry));
  }
  if (entries.empty())
    return makeError(ErrorKind::InputModel, "the module has no public function: there is nothing to call");
  return entries;
}

std::vector<StrategyCount> mlir::mf::collectStrategies(ModuleOp module) {
  std::map<std::pair<std::string, std::string>, int64_t> counts;
  module.walk([&](Operation *op) {
    auto strategy = op->getAttrOfType<StrategyAttrInterface>("strategy");
    if (!strategy)
      return;
    std::string text;
    llvm::raw_string_ostream(text) << strategy;
    ++counts[{op->getName().getStringRef().str(), text}];
  });
  std::vector<StrategyCount> result;
  for (auto &[key, count] : counts)
    result.push_back({key.first, key.second, count});
  return result;
}

/// Whether the loop has more than one iteration where what is not known is 1.
static bool isSharedForOne(scf::ForallOp loop) {
  for (auto [lower, upper, step] :
       llvm::zip_equal(loop.getMixedLowerBound(), loop.getMixedUpperBound(), loop.getMixedStep())) {
    std::optional<int64_t> first = getConstantIntValue(lower), last = getConstantIntValue(upper),
                           stride = getConstantIntValue(step);
    if (last && *last - first.value_or(0) > stride.value_or(1))
      return true;
  }
  return false;
}

std::vector<LoopCount> mlir::mf::countLoops(ModuleOp module) {
  std::vector<LoopCount> counts;
  for (auto func : module.getOps<func::FuncOp>()) {
    if (!func->hasAttr("mf.entry"))
      continue;
    LoopCount &count = counts.emplace_back();
    count.entry = func.getSymName().str();
    func.walk([&](scf::ForallOp loop) {
      if (loop->getParentOfType<scf::ForallOp>())
        return;
      ++count.loops;
      count.sharedForOne += isSharedForOne(loop);
    });
  }
  return counts;
}

static bool hasPicks(const EntryPlan &step) { return step.operands.size() > 4 && step.operands[4].name == "picks"; }

int64_t mlir::mf::getBestCount(const EntryPlan &step) {
  return hasPicks(step) && step.operands.back().shape.size() == 2 ? step.operands.back().shape[1] : 0;
}

/// Whether `operand` is an output [dynamic, columns].
static bool isOutput(const OperandPlan &operand, StringRef elementType, int64_t columns) {
  return operand.role == MF_RT_OUTPUT && operand.elementType == elementType && operand.shape.size() == 2 &&
         operand.shape[0] < 0 && operand.shape[1] == columns;
}

/// A finding against mf_rt_language_model's contract, or nothing.
static std::string findStepProblem(const EntryPlan &step, int64_t vocabulary) {
  static constexpr llvm::StringLiteral inputs[] = {"tokens", "slots", "positions", "rows", "picks"};
  size_t numInputs = hasPicks(step) ? 5 : 4, numOutputs = hasPicks(step) ? 3 : 1;
  if (step.operands.size() < numInputs + numOutputs)
    return "tokens, slots, positions, rows, states and logits";
  for (auto [operand, name] : llvm::zip(ArrayRef(step.operands).take_front(numInputs), inputs))
    if (operand.name != name || operand.role != MF_RT_INPUT || operand.elementType != "i32" ||
        operand.shape.size() != 1 || operand.shape[0] >= 0)
      return (name + " as a vector of i32 of a dynamic extent").str();
  for (const OperandPlan &operand : ArrayRef(step.operands).drop_front(numInputs).drop_back(numOutputs))
    if (operand.role != MF_RT_STATE || operand.shape.empty() || operand.shape[0] >= 0)
      return "states [sequences, ...] between " + inputs[numInputs - 1].str() + " and logits, not '" + operand.name +
             "'";
  ArrayRef<OperandPlan> outputs = ArrayRef(step.operands).take_back(numOutputs);
  if (!isOutput(outputs.front(), "f32", vocabulary))
    return "logits f32 [rows, " + std::to_string(vocabulary) + "] as its " +
           (hasPicks(step) ? "first output" : "last operand");
  int64_t best = getBestCount(step);
  if (hasPicks(step) && (best < 1 || !isOutput(outputs[1], "f32", best) || !isOutput(outputs[2], "i32", best)))
    return "best_logits f32 and best_ids i32, both [picks, best], as its last operands";
  return "";
}

llvm::Error mlir::mf::verifyLanguageModel(const LibraryPlan &plan) {
  if (!plan.languageModel)
    return llvm::Error::success();
  auto step = llvm::find_if(plan.entries, [](const EntryPlan &entry) { return entry.name == "step"; });
  if (step == plan.entries.end())
    return makeError(ErrorKind::InputModel, "a module with mf.language_model needs a public function 'step'");
  if (plan.languageModel->vocabulary > INT32_MAX || plan.languageModel->maxPositions > INT32_MAX)
    return makeError(ErrorKind::InputModel, "vocabulary and max_positions of a language model are below 2^31");
  std::string problem = findStepProblem(*step, plan.languageModel->vocabulary);
  if (problem.empty())
    return llvm::Error::success();
  return makeError(ErrorKind::InputModel, "the function 'step' of a language model needs " + problem);
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static llvm::json::Value describeShape(const EntryPlan &entry, ArrayRef<int64_t> shape) {
  llvm::json::Array result;
  for (int64_t extent : shape) {
    if (extent >= 0)
      result.push_back(extent);
    else
      result.push_back(entry.dims[-1 - extent]);
  }
  return result;
}

static llvm::json::Value describeEntry(const EntryPlan &entry) {
  static constexpr llvm::StringLiteral roles[] = {"input", "output", "state"};
  llvm::json::Array operands;
  for (const OperandPlan &operand : entry.operands)
    operands.push_back(llvm::json::Object{{"name", operand.name},
                                          {"role", roles[operand.role]},
                                          {"dtype", operand.elementType},
                                          {"shape", describeShape(entry, operand.shape)}});
  return llvm::json::Object{{"name", entry.name}, {"operands", std::move(operands)}};
}

llvm::json::Array mlir::mf::describeStrategies(ArrayRef<StrategyCount> strategies) {
  llvm::json::Array result;
  for (const StrategyCount &entry : strategies)
    result.push_back(llvm::json::Object{{"op", entry.op}, {"strategy", entry.strategy}, {"count", entry.count}});
  return result;
}

static llvm::json::Value describeVariant(const VariantPlan &variant) {
  llvm::json::Object object{{"name", variant.name},
                            {"cpu", variant.cpu},
                            {"features", variant.features},
                            {"vector_bits", variant.vectorBits},
                            {"strategies", describeStrategies(variant.strategies)}};
  if (const std::optional<CUDAPlan> &cuda = variant.cuda)
    object["cuda"] = llvm::json::Object{{"arch", cuda->arch},
                                        {"kernels", int64_t(cuda->kernels.size())},
                                        {"ptx_bytes", int64_t(cuda->ptx.size())},
                                        {"cubin_bytes", int64_t(cuda->cubin.size())}};
  return object;
}

static llvm::json::Value describeParameter(const ParameterRecord &record) {
  return llvm::json::Object{
      {"name", record.name},     {"dtype", printed(record.elementType)}, {"shape", llvm::json::Array(record.shape)},
      {"layout", record.layout}, {"bytes", int64_t(record.bytes)},       {"digest", formatDigest(record.digest)}};
}

/// The configuration as an object; a text that is no JSON as a string.
static llvm::json::Value describeConfig(StringRef config) {
  if (config.empty())
    return nullptr;
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(config);
  if (value)
    return std::move(*value);
  llvm::consumeError(value.takeError());
  return llvm::json::fixUTF8(config);
}

static llvm::json::Value describeLimits(const LibraryPlan &plan) {
  auto step = llvm::find_if(plan.entries, [](const EntryPlan &entry) { return entry.name == "step"; });
  return llvm::json::Object{{"vocabulary", plan.languageModel->vocabulary},
                            {"max_positions", plan.languageModel->maxPositions},
                            {"best", step == plan.entries.end() ? 0 : getBestCount(*step)}};
}

std::string mlir::mf::writeInfoJSON(const LibraryPlan &plan) {
  llvm::json::Array variants, entries, parameters;
  for (const VariantPlan &variant : plan.variants)
    variants.push_back(describeVariant(variant));
  for (const EntryPlan &entry : plan.entries)
    entries.push_back(describeEntry(entry));
  for (const ParameterRecord &record : plan.parameters.records)
    parameters.push_back(describeParameter(record));
  llvm::json::Object info{
      {"name", plan.modelName},
      {"compiler", "mf-compile " + getCompilerVersion()},
      {"formats",
       llvm::json::Object{{"abi", MF_ABI_VERSION}, {"plan", MF_RT_PLAN_VERSION}, {"parameters", MF_MFP_VERSION}}},
      {"triple", plan.triple},
      {"config", describeConfig(plan.config)},
      {"variants", std::move(variants)},
      {"entries", std::move(entries)},
      {"parameters", std::move(parameters)},
      {"parameters_digest", plan.parameters.records.empty() ? "" : formatDigest(plan.parameters.digest)},
      {"parameters_bytes", int64_t(plan.parameters.fileBytes)},
      {"parameters_embedded", !plan.embeddedParameters.empty()}};
  if (!plan.sanitizer.empty())
    info["sanitizer"] = plan.sanitizer;
  if (plan.languageModel)
    info["limits"] = describeLimits(plan);
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(info));
  return text;
}
