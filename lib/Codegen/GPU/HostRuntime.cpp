// Calls of lib/Runtime/GPUHost, and what they need: descriptions of kernels, arguments of launches, memory of threads.
#include "HostRuntime.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::mf;

HostRuntime::HostRuntime(ModuleOp module)
    : module(module), converter(module.getContext()), pointer(LLVM::LLVMPointerType::get(module.getContext())) {}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Value HostRuntime::call(ImplicitLocOpBuilder &b, StringRef symbol, Type result, ValueRange operands) {
  if (!module.lookupSymbol(symbol)) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    Type resultType = result ? result : LLVM::LLVMVoidType::get(b.getContext());
    LLVM::LLVMFuncOp::create(b, symbol, LLVM::LLVMFunctionType::get(resultType, llvm::to_vector(operands.getTypes())));
  }
  auto call = LLVM::CallOp::create(b, result ? TypeRange(result) : TypeRange(), symbol, operands);
  return result ? call.getResult() : Value();
}

Value HostRuntime::loadField(ImplicitLocOpBuilder &b, Type type, Value structure, int64_t offset) {
  Value address =
      LLVM::GEPOp::create(b, pointer, b.getI8Type(), structure, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
  return LLVM::LoadOp::create(b, type, address, /*alignment=*/8, /*isVolatile=*/false, /*isNonTemporal=*/false,
                              /*isInvariant=*/true);
}

Value HostRuntime::toLLVM(ImplicitLocOpBuilder &b, Value value) {
  return fromLLVM(b, converter.convertType(value.getType()), value);
}

Value HostRuntime::fromLLVM(ImplicitLocOpBuilder &b, Type type, Value value) {
  if (value.getType() == type)
    return value;
  return UnrealizedConversionCastOp::create(b, type, value).getResult(0);
}

Value HostRuntime::allocate(ImplicitLocOpBuilder &b, Type type) {
  // In the entry block: loops do not let the stack grow.
  auto function = b.getInsertionBlock()->getParentOp();
  while (!isa<FunctionOpInterface>(function))
    function = function->getParentOp();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&cast<FunctionOpInterface>(function).getFunctionBody().front());
  Value one = LLVM::ConstantOp::create(b, b.getI64Type(), b.getI64IntegerAttr(1));
  return LLVM::AllocaOp::create(b, pointer, converter.convertType(type), one);
}

Value HostRuntime::spill(ImplicitLocOpBuilder &b, Value value) {
  Value address = allocate(b, value.getType());
  LLVM::StoreOp::create(b, toLLVM(b, value), address);
  return address;
}

Value HostRuntime::load(ImplicitLocOpBuilder &b, Type type, Value address) {
  return fromLLVM(b, type, LLVM::LoadOp::create(b, converter.convertType(type), address));
}

Value HostRuntime::createMemRef(ImplicitLocOpBuilder &b, MemRefType type, Value address) {
  auto plain = MemRefType::get(type.getShape(), type.getElementType());
  return fromLLVM(b, plain, MemRefDescriptor::fromStaticShape(b, b.getLoc(), converter, plain, address));
}

//===----------------------------------------------------------------------===//
// Arguments of launches
//===----------------------------------------------------------------------===//

LLVM::LLVMStructType HostRuntime::getStructure(TypeRange types) {
  SmallVector<Type> fields;
  for (Type type : types)
    fields.push_back(converter.convertType(type));
  return LLVM::LLVMStructType::getLiteral(module.getContext(), fields);
}

static Value getField(ImplicitLocOpBuilder &b, Type structure, Value address, int32_t field) {
  return LLVM::GEPOp::create(b, address.getType(), structure, address, ArrayRef<LLVM::GEPArg>{0, field});
}

Value HostRuntime::createArguments(ImplicitLocOpBuilder &b, ValueRange values) {
  LLVM::LLVMStructType structure = getStructure(values.getTypes());
  Value arguments = allocate(b, structure);
  for (auto [i, value] : llvm::enumerate(values))
    LLVM::StoreOp::create(b, toLLVM(b, value), getField(b, structure, arguments, i));
  return arguments;
}

/// `void (ptr arguments, ptr thread)`, which calls the kernel's function with the fields of the arguments.
void HostRuntime::defineThunk(ImplicitLocOpBuilder &b, StringRef symbol, TypeRange types) {
  OpBuilder::InsertionGuard guard(b);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {pointer, pointer});
  auto thunk = LLVM::LLVMFuncOp::create(b, (symbol + ".thunk").str(), type, LLVM::Linkage::Internal);
  b.setInsertionPointToStart(thunk.addEntryBlock(b));
  LLVM::LLVMStructType structure = getStructure(types);
  SmallVector<Value> operands;
  for (auto [i, type] : llvm::enumerate(types))
    operands.push_back(load(b, type, getField(b, structure, thunk.getArgument(0), i)));
  operands.push_back(thunk.getArgument(1));
  func::CallOp::create(b, symbol, TypeRange(), operands);
  LLVM::ReturnOp::create(b, ValueRange());
}

//===----------------------------------------------------------------------===//
// Descriptions of kernels
//===----------------------------------------------------------------------===//

Value HostRuntime::integer(ImplicitLocOpBuilder &b, int32_t value) {
  return LLVM::ConstantOp::create(b, b.getI32Type(), b.getI32IntegerAttr(value));
}

Value HostRuntime::addressOf(ImplicitLocOpBuilder &b, StringRef symbol) {
  if (symbol.empty())
    return LLVM::ZeroOp::create(b, pointer);
  return LLVM::AddressOfOp::create(b, pointer, symbol);
}

std::string HostRuntime::defineConstant(ImplicitLocOpBuilder &b, StringRef name, Type type,
                                        function_ref<Value()> build) {
  OpBuilder::InsertionGuard guard(b);
  auto global =
      LLVM::GlobalOp::create(b, type, /*isConstant=*/true, LLVM::Linkage::Internal, name, /*value=*/Attribute());
  b.createBlock(&global.getInitializerRegion());
  LLVM::ReturnOp::create(b, build());
  return name.str();
}

std::string HostRuntime::defineText(ImplicitLocOpBuilder &b, StringRef text) {
  std::string name = "mf_rt_gpu_text." + std::to_string(numTexts++), terminated = text.str() + '\0';
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), terminated.size());
  LLVM::GlobalOp::create(b, type, /*isConstant=*/true, LLVM::Linkage::Internal, name, b.getStringAttr(terminated));
  return name;
}

Value HostRuntime::buildStructure(ImplicitLocOpBuilder &b, LLVM::LLVMStructType type, ValueRange fields) {
  Value result = LLVM::UndefOp::create(b, type);
  for (auto [i, field] : llvm::enumerate(fields))
    result = LLVM::InsertValueOp::create(b, result, field, static_cast<int64_t>(i));
  return result;
}

std::string HostRuntime::defineSites(ImplicitLocOpBuilder &b, const HostKernel &kernel, StringRef symbol) {
  if (kernel.sites.empty())
    return "";
  SmallVector<std::string> texts;
  for (const HostSite &site : kernel.sites)
    texts.push_back(defineText(b, site.text));
  Type i32 = b.getI32Type();
  auto structure = LLVM::LLVMStructType::getLiteral(b.getContext(), {pointer, i32, i32, i32, i32});
  auto array = LLVM::LLVMArrayType::get(structure, kernel.sites.size());
  return defineConstant(b, (symbol + ".sites").str(), array, [&] {
    Value result = LLVM::UndefOp::create(b, array);
    for (auto [i, site] : llvm::enumerate(kernel.sites)) {
      Value element = buildStructure(b, structure,
                                     {addressOf(b, texts[i]), integer(b, site.bytes), integer(b, site.alignment),
                                      integer(b, site.flags), integer(b, 0)});
      result = LLVM::InsertValueOp::create(b, result, element, static_cast<int64_t>(i));
    }
    return result;
  });
}

std::string HostRuntime::defineRegions(ImplicitLocOpBuilder &b, const HostKernel &kernel, StringRef symbol) {
  if (kernel.regions.empty())
    return "";
  SmallVector<int32_t> counts;
  for (const HostRegion &region : kernel.regions)
    llvm::append_range(counts, region);
  auto type = LLVM::LLVMArrayType::get(b.getI32Type(), counts.size());
  std::string name = (symbol + ".regions").str();
  LLVM::GlobalOp::create(b, type, /*isConstant=*/true, LLVM::Linkage::Internal, name, b.getI32TensorAttr(counts));
  return name;
}

// The fields follow mf_rt_gpu_kernel.
void HostRuntime::defineKernel(const HostKernel &kernel, StringRef symbol, TypeRange types, Location loc) {
  ImplicitLocOpBuilder b = ImplicitLocOpBuilder::atBlockEnd(loc, module.getBody());
  defineThunk(b, symbol, types);
  std::string name = defineText(b, kernel.name), sites = defineSites(b, kernel, symbol),
              regions = defineRegions(b, kernel, symbol);
  Type i32 = b.getI32Type();
  auto structure = LLVM::LLVMStructType::getLiteral(b.getContext(),
                                                    {pointer, pointer, i32, i32, i32, i32, i32, i32, pointer, pointer});
  defineConstant(b, (symbol + ".kernel").str(), structure, [&] {
    return buildStructure(b, structure,
                          {addressOf(b, name), addressOf(b, (symbol + ".thunk").str()), integer(b, kernel.threads),
                           integer(b, kernel.waits), integer(b, kernel.checked), integer(b, kernel.sites.size()),
                           integer(b, kernel.regions.size()), integer(b, kernel.cluster), addressOf(b, sites),
                           addressOf(b, regions)});
  });
}

Value HostRuntime::getKernel(ImplicitLocOpBuilder &b, StringRef symbol) {
  return LLVM::AddressOfOp::create(b, pointer, (symbol + ".kernel").str());
}
