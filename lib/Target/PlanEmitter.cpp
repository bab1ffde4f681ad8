// Builds the plan constant field by field after mf/Runtime/Plan.h, with natural C layout.
#include "mf/Target/PlanEmitter.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"

using namespace mlir::mf;
using llvm::ArrayRef;
using llvm::Constant;
using llvm::StringRef;

namespace {
/// Constants of the plan's module.
class PlanBuilder {
public:
  PlanBuilder(const LibraryPlan &plan, llvm::Module &module)
      : plan(plan), module(module), context(module.getContext()), pointer(llvm::PointerType::get(context, 0)) {}

  void build();

private:
  Constant *i32(int64_t value) { return integer(32, value); }
  Constant *i64(int64_t value) { return integer(64, value); }
  Constant *null() { return llvm::ConstantPointerNull::get(pointer); }
  Constant *integer(unsigned bits, uint64_t value) {
    return llvm::ConstantInt::get(context, llvm::APInt(bits, value, /*isSigned=*/false, /*implicitTrunc=*/true));
  }
  Constant *structure(ArrayRef<Constant *> fields) { return llvm::ConstantStruct::getAnon(context, fields); }

  /// A private constant.
  Constant *global(Constant *value, unsigned alignment = 8);
  Constant *string(StringRef text);
  /// An array of constants of one type, null where it is empty.
  Constant *array(ArrayRef<Constant *> elements);

  Constant *buildOperand(const OperandPlan &operand);
  Constant *buildEntry(const EntryPlan &entry);
  Constant *buildCUDACode(const CUDAPlan &code);
  Constant *buildVariant(const VariantPlan &variant);
  Constant *buildCUDABackend();
  Constant *buildLanguageModel();
  Constant *buildPlan();
  /// A hidden function that another object defines.
  Constant *declareCode(StringRef function, StringRef variant);
  void buildExport(StringRef name);

  const LibraryPlan &plan;
  llvm::Module &module;
  llvm::LLVMContext &context;
  llvm::PointerType *pointer;
};
} // namespace

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Constant *PlanBuilder::global(Constant *value, unsigned alignment) {
  auto *variable = new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                            llvm::GlobalValue::PrivateLinkage, value, "plan");
  variable->setAlignment(llvm::Align(alignment));
  return variable;
}

Constant *PlanBuilder::string(StringRef text) {
  return global(llvm::ConstantDataArray::getString(context, text, /*AddNull=*/true), 1);
}

Constant *PlanBuilder::array(ArrayRef<Constant *> elements) {
  if (elements.empty())
    return null();
  return global(llvm::ConstantArray::get(llvm::ArrayType::get(elements[0]->getType(), elements.size()), elements));
}

//===----------------------------------------------------------------------===//
// The plan
//===----------------------------------------------------------------------===//

Constant *PlanBuilder::buildOperand(const OperandPlan &operand) {
  llvm::SmallVector<Constant *> shape;
  for (int64_t extent : operand.shape)
    shape.push_back(i64(extent));
  Constant *dtype =
      structure({integer(8, operand.dtype.code), integer(8, operand.dtype.bits), integer(16, operand.dtype.lanes)});
  return structure({string(operand.name), i32(operand.role), dtype, i32(operand.shape.size()),
                    i32(operand.positionBlock), array(shape)});
}

Constant *PlanBuilder::buildEntry(const EntryPlan &entry) {
  llvm::SmallVector<Constant *> dims, operands;
  for (const std::string &dim : entry.dims)
    dims.push_back(string(dim));
  for (const OperandPlan &operand : entry.operands)
    operands.push_back(buildOperand(operand));
  return structure(
      {string(entry.name), i32(entry.dims.size()), i32(entry.operands.size()), array(dims), array(operands)});
}

Constant *PlanBuilder::declareCode(StringRef function, StringRef variant) {
  auto *type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer}, false);
  auto *declared =
      llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, getVariantSymbol(function, variant), module);
  declared->setVisibility(llvm::GlobalValue::HiddenVisibility);
  return declared;
}

Constant *PlanBuilder::buildCUDACode(const CUDAPlan &code) {
  llvm::SmallVector<Constant *> kernels;
  for (const KernelPlan &kernel : code.kernels)
    kernels.push_back(structure({string(kernel.name), i32(kernel.threads), i32(kernel.workgroupBytes)}));
  Constant *cubin = null();
  if (!code.cubin.empty())
    cubin = global(llvm::ConstantDataArray::getString(context, code.cubin, /*AddNull=*/false), 16);
  return global(structure({i32(code.major), i32(code.minor), i32(code.exact), i32(kernels.size()), array(kernels),
                           string(code.ptx), cubin, i64(code.cubin.size())}));
}

/// The runtime's side of CUDA is linked where a variant needs it.
Constant *PlanBuilder::buildCUDABackend() {
  if (llvm::none_of(plan.variants, [](const VariantPlan &variant) { return variant.cuda.has_value(); }))
    return null();
  auto *backend = new llvm::GlobalVariable(module, pointer, /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage,
                                           /*Initializer=*/nullptr, "mf_rt_cuda_backend");
  backend->setVisibility(llvm::GlobalValue::HiddenVisibility);
  return backend;
}

Constant *PlanBuilder::buildVariant(const VariantPlan &variant) {
  llvm::SmallVector<Constant *> code;
  for (const EntryPlan &entry : plan.entries)
    code.push_back(structure(
        {declareCode(entry.name, variant.name), declareCode(getWorkspaceFunction(entry.name), variant.name)}));
  return structure({string(variant.name), i64(variant.requiredFeatures), array(code),
                    variant.cuda ? buildCUDACode(*variant.cuda) : null()});
}

Constant *PlanBuilder::buildLanguageModel() {
  if (!plan.languageModel)
    return null();
  auto step = llvm::find_if(plan.entries, [](const EntryPlan &entry) { return entry.name == "step"; });
  return global(structure({i32(step - plan.entries.begin()), i32(plan.languageModel->vocabulary),
                           i32(plan.languageModel->maxPositions), i32(getBestCount(*step))}));
}

Constant *PlanBuilder::buildPlan() {
  llvm::SmallVector<Constant *> entries, variants;
  for (const EntryPlan &entry : plan.entries)
    entries.push_back(buildEntry(entry));
  for (const VariantPlan &variant : plan.variants)
    variants.push_back(buildVariant(variant));
  Constant *embedded = null();
  if (!plan.embeddedParameters.empty())
    embedded = global(llvm::ConstantDataArray::getString(context, plan.embeddedParameters, /*AddNull=*/false), 64);
  uint64_t digest = plan.parameters.records.empty() ? 0 : plan.parameters.digest;
  return structure({i32(MF_RT_PLAN_VERSION), i32(entries.size()), i32(variants.size()), i32(0), string(plan.modelName),
                    string(writeInfoJSON(plan)), i64(digest), embedded, i64(plan.embeddedParameters.size()),
                    array(entries), array(variants), buildLanguageModel(), buildCUDABackend()});
}

void PlanBuilder::buildExport(StringRef name) {
  auto *type = llvm::FunctionType::get(pointer, {llvm::Type::getInt32Ty(context)}, false);
  auto *function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  llvm::FunctionCallee runtime = module.getOrInsertFunction("mf_rt_api", type);
  llvm::cast<llvm::Function>(runtime.getCallee())->setVisibility(llvm::GlobalValue::HiddenVisibility);
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", function));
  builder.CreateRet(builder.CreateCall(runtime, {function->getArg(0)}));
}

void PlanBuilder::build() {
  Constant *value = buildPlan();
  auto *variable = new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                            llvm::GlobalValue::ExternalLinkage, value, "mf_rt_library_plan");
  variable->setVisibility(llvm::GlobalValue::HiddenVisibility);
  variable->setAlignment(llvm::Align(8));
  for (const std::string &name : getExportedSymbols(plan))
    buildExport(name);
}

llvm::SmallVector<std::string> mlir::mf::getExportedSymbols(const LibraryPlan &plan) {
  llvm::SmallVector<std::string> symbols{"mf_model_api"};
  std::string named = "mf_" + plan.modelName + "_api";
  if (named != symbols.front())
    symbols.push_back(named);
  return symbols;
}

std::unique_ptr<llvm::Module> mlir::mf::buildPlanModule(const LibraryPlan &plan, llvm::LLVMContext &context) {
  auto module = std::make_unique<llvm::Module>("plan", context);
  PlanBuilder(plan, *module).build();
  return module;
}
