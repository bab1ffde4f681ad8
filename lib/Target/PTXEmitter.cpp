// From kernels to PTX, in a child process: the NVPTX back end aborts where it cannot select an instruction.
#include "mf/Target/PTXEmitter.h"
#include "mf/Pipelines/Pipelines.h"
#include "mf/Target/CompileError.h"
#include "mf/Target/Contained.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace mlir::mf;

/// The kernels of `module` alone, as bytecode.
static std::string writeKernels(ModuleOp module) {
  OwningOpRef<ModuleOp> kernels = ModuleOp::create(module.getLoc());
  (*kernels)->setAttrs(module->getAttrDictionary());
  for (auto kernelModule : module.getOps<gpu::GPUModuleOp>())
    kernels->push_back(kernelModule->clone());
  std::string bytecode;
  llvm::raw_string_ostream os(bytecode);
  (void)writeBytecodeToFile(*kernels, os);
  return bytecode;
}

/// Runs in the child, in a context of its own without threads.
static bool generate(StringRef bytecode, StringRef arch, const DialectRegistry &registry, llvm::raw_ostream &output) {
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(bytecode, ParserConfig(&context));
  if (!module)
    return false;
  PassManager passManager(&context);
  GPUOptions options;
  options.arch = arch.str();
  buildGPUToPTXPipeline(passManager, options);
  if (failed(passManager.run(*module)))
    return false;
  for (auto binary : module->getOps<gpu::BinaryOp>())
    for (auto object : binary.getObjects().getAsRange<gpu::ObjectAttr>())
      // The text ends with a null byte.
      output << object.getObject().getValue().rtrim('\0');
  return true;
}

llvm::Expected<std::string> mlir::mf::emitPTX(ModuleOp module, StringRef arch, const DialectRegistry &registry) {
  if (module.getOps<gpu::GPUModuleOp>().empty())
    return std::string();
  std::string bytecode = writeKernels(module);
  llvm::Expected<std::string> ptx =
      runContained([&](llvm::raw_ostream &output) { return generate(bytecode, arch, registry, output); });
  if (!ptx)
    return ptx.takeError();
  // The back end leaves calls of NVIDIA's library of bitcode without an error.
  if (size_t call = ptx->find("__nv_"); call != std::string::npos)
    return makeError(ErrorKind::Compile,
                     "internal error: a kernel calls " + StringRef(*ptx).substr(call).take_while([](char c) {
                       return llvm::isAlnum(c) || c == '_';
                     }) + " of libdevice");
  return ptx;
}
